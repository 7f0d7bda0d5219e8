import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type KeptScenario, type Simulation, TEMPLATE } from './api.ts'
import classes from './simulator.module.css'
import { CallResult, TurnList } from './turn-list.tsx'

const LOOK_EVERY_MS = 500

/** Scripts of callers beside a flow: choose or write one, let it call the draft, see each turn and how it is judged. */
export function ScriptedCalls({
  flowId,
  draft,
  first,
  refusal
}: Readonly<{
  flowId: string
  /** The text of the flow as it stands in the editor. */
  draft: string
  /** The name of the script to begin with. */
  first: string | null
  /** Why this person may not run or keep scripts; null when they may. */
  refusal: string | null
}>) {
  const { t } = useTranslation('simulator')
  const kept = useQuery({
    queryKey: ['flows', flowId, 'scenarios'],
    queryFn: async ({ signal }) =>
      (await api<Readonly<{ items: readonly KeptScenario[] }>>(`/flows/${flowId}/scenarios`, { signal })).items
  })
  if (kept.isPending) return <Waiting what={t('waiting')} lines={3} />
  if (kept.isError) return <Problem error={kept.error} onRetry={() => void kept.refetch()} />
  return <Panel flowId={flowId} draft={draft} kept={kept.data} first={first} refusal={refusal} />
}

function Panel({
  flowId,
  draft,
  kept,
  first,
  refusal
}: Readonly<{
  flowId: string
  draft: string
  kept: readonly KeptScenario[]
  first: string | null
  refusal: string | null
}>) {
  const { t } = useTranslation('simulator')
  const client = useQueryClient()
  const begun = kept.find(one => one.name === first) ?? kept[0]
  const [name, setName] = useState(begun?.name ?? '')
  const [source, setSource] = useState(begun?.source ?? TEMPLATE)
  const [running, setRunning] = useState<string | null>(null)
  const isKept = kept.some(one => one.name === name)
  const changed = () => client.invalidateQueries({ queryKey: ['flows', flowId, 'scenarios'] })
  const place = `/flows/${flowId}/scenarios/${encodeURIComponent(name.trim())}`
  const run = useMutation({
    mutationFn: () =>
      api<Readonly<{ id: string }>>(`/flows/${flowId}/simulations`, {
        method: 'POST',
        body: { scenario: source, draft }
      }),
    onSuccess: ({ id }) => setRunning(id)
  })
  const keep = useMutation({
    mutationFn: () => api(place, { method: 'PUT', body: { source } }),
    onSuccess() {
      notify(t('keptDone', { name }))
      void changed()
    }
  })
  const remove = useMutation({
    mutationFn: () => api(place, { method: 'DELETE' }),
    onSuccess() {
      choose('')
      void changed()
    }
  })
  const choose = (chosen: string) => {
    setName(chosen)
    setSource(kept.find(one => one.name === chosen)?.source ?? TEMPLATE)
  }
  const error = run.error ?? keep.error ?? remove.error
  return (
    <section className={`card ${classes['panel']}`} aria-labelledby="scripted-title" data-testid="scripted">
      <h2 id="scripted-title">{t('title')}</h2>
      <p>{t('says')}</p>
      <div className={classes['row']}>
        <NativeSelect
          label={t('kept')}
          value={isKept ? name : ''}
          data={[{ value: '', label: t('new') }, ...kept.map(one => ({ value: one.name, label: one.name }))]}
          onChange={event => choose(event.currentTarget.value)}
        />
        <TextInput
          label={t('name')}
          value={name}
          maxLength={100}
          dir="auto"
          onChange={event => setName(event.currentTarget.value)}
        />
      </div>
      <Textarea
        className={classes['script'] ?? ''}
        label={t('script')}
        value={source}
        dir="ltr"
        lang="en"
        spellCheck={false}
        autosize
        minRows={8}
        maxRows={24}
        onChange={event => setSource(event.currentTarget.value)}
      />
      <div className={classes['row']}>
        <Button disabled={refusal !== null} loading={run.isPending} onClick={() => run.mutate()}>
          {t('run')}
        </Button>
        <Button
          variant="default"
          disabled={refusal !== null || name.trim() === ''}
          loading={keep.isPending}
          onClick={() => keep.mutate()}
        >
          {t('keep')}
        </Button>
        <Button
          variant="default"
          disabled={refusal !== null || !isKept}
          loading={remove.isPending}
          onClick={() => remove.mutate()}
        >
          {t('remove')}
        </Button>
        {refusal !== null && <span>{refusal}</span>}
      </div>
      {error !== null && <Problem error={error} kept={t('stays')} />}
      {running !== null && <Progress key={running} id={running} />}
    </section>
  )
}

/** The calls of one simulation, while they run and afterwards. */
function Progress({ id }: Readonly<{ id: string }>) {
  const { t } = useTranslation('simulator')
  const simulation = useQuery({
    queryKey: ['simulations', id],
    queryFn: ({ signal }) => api<Simulation>(`/simulations/${id}`, { signal }),
    refetchInterval: query =>
      query.state.data === undefined || query.state.data.state === 'running' ? LOOK_EVERY_MS : false
  })
  const stop = useMutation({ mutationFn: () => api(`/simulations/${id}`, { method: 'DELETE' }) })
  if (simulation.isError) return <Problem error={simulation.error} onRetry={() => void simulation.refetch()} />
  if (simulation.data === undefined) return <Waiting what={t('waiting')} lines={3} />
  const { state, report, running } = simulation.data
  return (
    <div className={classes['panel']} data-testid="simulation" data-state={state}>
      {report.calls.map((call, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: calls are only added at the end, and two may have the same name
        <CallResult key={index} call={call} />
      ))}
      {state === 'running' && (
        <div className={classes['result']}>
          <h3 role="status">{running === null ? t('inLine') : t('running', { name: running.name })}</h3>
          <div>
            <Button variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>
              {t('stop')}
            </Button>
          </div>
          {running !== null && <TurnList name={running.name} turns={running.turns} />}
        </div>
      )}
      {state === 'lost' && <p>{t('lost')}</p>}
    </div>
  )
}
