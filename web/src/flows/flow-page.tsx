import { Button, NativeSelect } from '@mantine/core'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams, useSearchParams } from 'react-router'
import { useDraft } from '../admin/use-draft.ts'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { say } from '../parts/say.ts'
import { Waiting } from '../parts/waiting.tsx'
import { ScriptedCalls } from '../simulator/scripted-calls.tsx'
import { CodeEditor, type EditorHandle } from './code-editor.tsx'
import { readFacts } from './document.ts'
import { errorsFirst, type FlowCheck, type FlowProblem, type FlowSummary, proposedWord } from './flow-api.ts'
import classes from './flows.module.css'
import { GraphView } from './graph-view.tsx'
import { Publish, Versions } from './publish.tsx'
import { StepForm } from './step-form.tsx'
import { TreeView } from './tree-view.tsx'
import { Walk } from './walk.tsx'

const CHECK_AFTER_MS = 300
const SAY_AFTER_MS = 1_000

/** One flow: its text, its picture, a form for each step, and what publishing would do. */
export function FlowPage() {
  const { t } = useTranslation('flows')
  const { id = '' } = useParams()
  const flow = useQuery({
    queryKey: ['flows', id],
    queryFn: ({ signal }) => api<FlowSummary>(`/flows/${id}`, { signal })
  })
  const latest = flow.data?.latestVersion
  const version = useQuery({
    queryKey: ['flows', id, 'version', latest],
    queryFn: ({ signal }) => api<Readonly<{ source: string }>>(`/flows/${id}/versions/${latest}`, { signal }),
    enabled: latest !== undefined,
    // The editor stays, with its history, while the version that it has just saved is read.
    placeholderData: keepPreviousData
  })
  const failed = flow.isError ? flow : version
  if (failed.isError) return <Problem error={failed.error} onRetry={() => void failed.refetch()} />
  if (flow.data === undefined || version.data === undefined) return <Waiting what={t('waiting')} lines={8} />
  return <Editor key={id} flow={flow.data} stored={version.data.source} />
}

function Editor({ flow, stored }: Readonly<{ flow: FlowSummary; stored: string }>) {
  const { t, i18n } = useTranslation('flows')
  const { languageName } = useFormat()
  const client = useQueryClient()
  const refusal = useMay('flows:write')
  const editor = useRef<EditorHandle>(null)
  const draft = useDraft(`flow/${flow.id}`, { source: stored })
  const { source } = draft.value
  const [checked, setChecked] = useState<FlowCheck | null>(null)
  const [checkError, setCheckError] = useState<unknown>(null)
  const [chosen, setChosen] = useState<string | null>(null)
  const [path, setPath] = useState<readonly string[]>([])
  const [isWalking, setWalking] = useState(false)
  const [search] = useSearchParams()
  const script = search.get('script')
  const [isCalling, setCalling] = useState(script !== null)
  const [language, setLanguage] = useState(i18n.language)
  const [publishing, setPublishing] = useState<number | null>(null)
  const facts = useMemo(() => readFacts(source), [source])
  const isChanged = source !== stored

  useEffect(() => {
    const gone = new AbortController()
    const timer = setTimeout(() => {
      api<FlowCheck>('/flows/check', { method: 'POST', body: { source }, signal: gone.signal }).then(
        result => {
          setCheckError(null)
          setChecked(before => ({ ...result, graph: result.graph ?? before?.graph ?? null }))
        },
        err => {
          if (!gone.signal.aborted) setCheckError(err)
        }
      )
    }, CHECK_AFTER_MS)
    return () => {
      clearTimeout(timer)
      gone.abort()
    }
  }, [source])

  const problems = useMemo(() => errorsFirst(checked?.problems ?? []), [checked])
  const count = problems.length
  useEffect(() => {
    if (checked === null) return
    const timer = setTimeout(() => say(t('problems.count', { count }), 'soon'), SAY_AFTER_MS)
    return () => clearTimeout(timer)
  }, [checked, count, t])

  const save = useMutation({
    mutationFn: () =>
      api<Readonly<{ version: number }>>(`/flows/${flow.id}/versions`, { method: 'POST', body: { source } }),
    async onSuccess({ version }) {
      draft.forget()
      notify(t('saved', { version }))
      await client.invalidateQueries({ queryKey: ['flows', flow.id] })
      setPublishing(version)
    }
  })
  const graph = checked?.graph ?? null
  const step = facts?.steps.find(one => one.name === chosen)
  const choose = (name: string) => {
    setChosen(name)
    const at = facts?.steps.find(one => one.name === name)?.at
    if (at !== undefined) editor.current?.goToOffset(at)
  }
  const why =
    refusal ??
    (checked === null ? t('checking') : !checked.isValid ? t('hasErrors') : !isChanged ? t('noChange') : null)
  const walkLanguage = facts?.languages.includes(language) === true ? language : (facts?.languages[0] ?? language)

  return (
    <div className={classes['page']} data-testid="flow">
      <div className={classes['row']}>
        <h1>
          <bdi>{flow.name}</bdi>
        </h1>
        <Link to="/flows">{t('all')}</Link>
        <span>
          {flow.publishedVersion === null ? t('neverLive') : t('liveVersion', { version: flow.publishedVersion })}{' '}
          {isChanged && <strong>{t('draft')}</strong>}
        </span>
        <Button
          variant="default"
          aria-pressed={isWalking}
          disabled={graph === null}
          onClick={() => setWalking(now => !now)}
        >
          {t('walk.title')}
        </Button>
        <Button variant="default" aria-pressed={isCalling} onClick={() => setCalling(now => !now)}>
          {t('scripted')}
        </Button>
        <Button disabled={why !== null} loading={save.isPending} onClick={() => save.mutate()}>
          {t('save')}
        </Button>
        <Button
          variant="default"
          disabled={isChanged || flow.latestVersion === flow.publishedVersion || refusal !== null}
          onClick={() => setPublishing(flow.latestVersion)}
        >
          {t('publish.open')}
        </Button>
        <Button
          variant="default"
          disabled={!isChanged}
          onClick={() => {
            editor.current?.replace(stored)
            draft.forget()
          }}
        >
          {t('discard')}
        </Button>
        {why !== null && <span className={classes['dimmed']}>{why}</span>}
      </div>
      {save.isError && <Problem error={save.error} kept={t('kept')} />}
      {checkError !== null && <Problem error={checkError} />}
      {publishing !== null && (
        <Publish flow={flow} version={publishing} problems={problems} onDone={() => setPublishing(null)} />
      )}
      {isCalling && <ScriptedCalls flowId={flow.id} draft={source} first={script} refusal={refusal} />}
      <div className={classes['columns']}>
        <section className={classes['text']} aria-label={t('text')}>
          <CodeEditor
            first={source}
            problems={problems}
            label={t('text')}
            isReadOnly={refusal !== null}
            onChange={text => draft.set({ source: text })}
            handle={editor}
          />
          <ProblemList
            problems={problems}
            source={source}
            onGo={problem => editor.current?.goTo(problem.line, problem.column)}
            onFix={edit => editor.current?.apply(edit)}
          />
        </section>
        <div className={classes['side']}>
          {graph !== null && <GraphView graph={graph} chosen={chosen} path={path} onChoose={choose} />}
          {isWalking && graph !== null ? (
            <div className="card">
              <NativeSelect
                label={t('walk.language')}
                value={walkLanguage}
                data={(facts?.languages ?? []).map(value => ({ value, label: languageName(value) }))}
                onChange={event => setLanguage(event.currentTarget.value)}
              />
              <Walk graph={graph} facts={facts} language={walkLanguage} path={path} onPath={setPath} />
            </div>
          ) : (
            <div className="card">
              {step !== undefined && facts !== null ? (
                <StepForm
                  key={step.name}
                  source={source}
                  facts={facts}
                  step={step}
                  isReadOnly={refusal !== null}
                  onEdit={edit => editor.current?.apply(edit)}
                />
              ) : (
                <p className={classes['dimmed']}>{t('form.choose')}</p>
              )}
            </div>
          )}
          {graph !== null && (
            <details className="card" open>
              <summary>{t('graph.tree')}</summary>
              <TreeView graph={graph} chosen={chosen} onChoose={choose} />
            </details>
          )}
        </div>
      </div>
      <Versions flow={flow} onPublish={setPublishing} />
    </div>
  )
}

function ProblemList({
  problems,
  source,
  onGo,
  onFix
}: Readonly<{
  problems: readonly FlowProblem[]
  source: string
  onGo(problem: FlowProblem): void
  onFix(edit: Readonly<{ from: number; to: number; insert: string }>): void
}>) {
  const { t } = useTranslation('flows')
  return (
    <div data-testid="problems">
      <h2 className={classes['small']}>{t('problems.count', { count: problems.length })}</h2>
      <ul className={classes['ways']}>
        {problems.map(problem => {
          const word = proposedWord(problem)
          return (
            <li key={`${problem.code} ${problem.line}:${problem.column}`} className={classes['row']}>
              <Icon name={problem.severity === 'error' ? 'triangle' : 'triangleOutline'} size={16} />
              <button type="button" className={classes['step']} onClick={() => onGo(problem)}>
                {t('problems.line', { line: problem.line })}
              </button>
              <bdi lang="en" dir="ltr">
                {problem.message} {problem.suggestion}
              </bdi>
              <code>{problem.code}</code>
              {word !== null && (
                <Button size="compact-sm" variant="default" onClick={() => onFix(fixOf(source, problem, word))}>
                  {t('problems.fix', { word })}
                </Button>
              )}
            </li>
          )
        })}
      </ul>
    </div>
  )
}

/** Puts the proposed word where the wrong one stands, within its quotes if it has some. */
function fixOf(source: string, { line, column }: FlowProblem, word: string) {
  const start =
    source
      .split('\n')
      .slice(0, line - 1)
      .reduce((sum, one) => sum + one.length + 1, 0) +
    column -
    1
  const quote = /^["']/.test(source.slice(start)) ? 1 : 0
  const length = /^[^\s"',:}\]]+/.exec(source.slice(start + quote))?.[0].length ?? 0
  return { from: start + quote, to: start + quote + length, insert: word }
}
