import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/FloatingIndicator.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import '@mantine/core/styles/SegmentedControl.layer.css'
import '@mantine/core/styles/Progress.layer.css'
import { Alert, Button, Checkbox, FileButton, NumberInput, Progress, SegmentedControl, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMay } from '../admin/use-may.ts'
import { ApiError } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { say } from '../parts/say.ts'
import type { DncList, ImportReport } from './answers.ts'
import classes from './compliance.module.css'
import { importFile, listsQuery, sampleOf } from './lists.ts'

type Chosen = Readonly<{ file: File; sample: readonly string[] }>

/** Choosing a file, seeing that it is the right one, sending it, and what came of it. The old version rules until the end. */
export function ImportList({ list }: Readonly<{ list: DncList }>) {
  const { t } = useTranslation('compliance')
  const { number } = useFormat()
  const refusal = useMay('dnc-lists:write')
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [method, setMethod] = useState<'full' | 'change'>('full')
  const [obtained, setObtained] = useState(() => new Date().toISOString().slice(0, 10))
  const [sequence, setSequence] = useState<number | string>('')
  const [acceptsShrinking, setShrinking] = useState(false)
  const [sent, setSent] = useState(0)
  const cancel = useRef<AbortController | null>(null)
  const run = useMutation({
    mutationFn: async (file: File) => {
      const abort = new AbortController()
      cancel.current = abort
      setSent(0)
      const done = importFile(
        {
          listId: list.id,
          file,
          method,
          obtainedAt: obtainedAt(obtained),
          sequence: method === 'change' && typeof sequence === 'number' ? sequence : null,
          acceptsShrinking
        },
        setSent,
        abort.signal
      )
      // What the server has read is asked while the file is on its way.
      void queryClient.invalidateQueries({ queryKey: listsQuery.queryKey })
      return await done
    },
    onSettled: () => void queryClient.invalidateQueries({ queryKey: ['compliance'] })
  })
  const share = chosen === null || chosen.file.size === 0 ? 0 : Math.min(1, sent / chosen.file.size)
  useSpokenQuarters(run.isPending ? share : 0)
  const isCancelled = run.error instanceof DOMException && run.error.name === 'AbortError'
  return (
    <section className={classes['card']} aria-labelledby="import-title" data-testid="import">
      <h2 id="import-title">{t('import.title')}</h2>
      <p className={classes['hint']}>{t('import.says')}</p>
      <div className={classes['row']}>
        <FileButton
          onChange={async file => {
            if (file === null) return
            run.reset()
            setChosen({ file, sample: await sampleOf(file) })
          }}
        >
          {props => (
            <Button
              {...props}
              variant="default"
              disabled={refusal !== null || run.isPending}
              title={refusal ?? undefined}
            >
              {t('import.choose')}
            </Button>
          )}
        </FileButton>
        {chosen !== null && (
          <span>
            <bdi dir="auto">{chosen.file.name}</bdi> (
            {t('import.bytes', { count: chosen.file.size, shown: number(chosen.file.size) })})
          </span>
        )}
      </div>
      {chosen !== null && (
        <>
          <p>{t('import.sample', { format: list.format })}</p>
          <pre className={`ltr ${classes['values']}`}>{chosen.sample.join('\n')}</pre>
          <div className={classes['row']}>
            <SegmentedControl
              aria-label={t('import.method')}
              value={method}
              onChange={value => setMethod(value === 'change' ? 'change' : 'full')}
              data={[
                { value: 'full', label: t('import.full') },
                { value: 'change', label: t('import.change') }
              ]}
            />
            <TextInput
              type="date"
              label={t('import.obtained')}
              value={obtained}
              max={new Date().toISOString().slice(0, 10)}
              onChange={event => setObtained(event.currentTarget.value)}
            />
            {method === 'change' && (
              <NumberInput label={t('import.sequence')} min={0} value={sequence} onChange={setSequence} />
            )}
            <Checkbox
              label={t('import.shrinking')}
              checked={acceptsShrinking}
              onChange={event => setShrinking(event.currentTarget.checked)}
            />
            <Button loading={run.isPending} disabled={obtained === ''} onClick={() => run.mutate(chosen.file)}>
              {t('import.start')}
            </Button>
          </div>
        </>
      )}
      {run.isPending && chosen !== null && (
        <div data-testid="progress">
          <Progress.Root>
            <Progress.Section value={share * 100} aria-label={t('import.progress')} />
          </Progress.Root>
          <p>
            {t('import.sent', { sent: number(sent), of: number(chosen.file.size) })}{' '}
            {list.importing !== null && t('lists.importing', { lines: number(list.importing.lines) })}
          </p>
          <Button variant="default" onClick={() => cancel.current?.abort()}>
            {t('import.cancel')}
          </Button>
        </div>
      )}
      {isCancelled && <p role="status">{t('import.cancelled')}</p>}
      {run.isError && !isCancelled && <Refused error={run.error} />}
      {run.isSuccess && <Report version={run.data.version} report={run.data.report} />}
    </section>
  )
}

/** The start of the chosen day in UTC, or now for today, since nothing is obtained in the future. */
function obtainedAt(day: string): Date {
  const start = new Date(`${day}T00:00:00Z`)
  const now = new Date()
  return start.toISOString().slice(0, 10) === now.toISOString().slice(0, 10) ? now : start
}

function useSpokenQuarters(share: number): void {
  const { t } = useTranslation('compliance')
  const { percent } = useFormat()
  const quarter = Math.floor(share * 4)
  const said = useRef(0)
  useEffect(() => {
    if (quarter > said.current) say(t('import.spoken', { percent: percent(quarter / 4) }), 'soon')
    said.current = quarter
  }, [quarter, t, percent])
}

function Refused({ error }: Readonly<{ error: unknown }>) {
  const { t } = useTranslation('compliance')
  const problems = error instanceof ApiError ? error.problems : []
  return (
    <>
      <Problem error={error} kept={t('import.kept')} />
      <ul className={classes['problems']}>
        {problems.map(one => (
          <li key={one.at}>
            <bdi className="ltr">{one.at}</bdi>: <span lang="en">{one.message}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

function Report({ version, report }: Readonly<{ version: number; report: ImportReport }>) {
  const { t } = useTranslation('compliance')
  const { number } = useFormat()
  return (
    <Alert color="green" data-testid="import-report" role="status">
      <p>{t('import.done', { version })}</p>
      <ul>
        <li>{t('import.lines', { count: report.lines, shown: number(report.lines) })}</li>
        <li>{t('import.numbers', { count: report.numbers, shown: number(report.numbers) })}</li>
        {report.removedLines > 0 && (
          <li>{t('import.removed', { count: report.removedLines, shown: number(report.removedLines) })}</li>
        )}
        {report.duplicates > 0 && (
          <li>{t('import.duplicates', { count: report.duplicates, shown: number(report.duplicates) })}</li>
        )}
        {report.wrongLines > 0 && (
          <li>{t('import.wrong', { count: report.wrongLines, shown: number(report.wrongLines) })}</li>
        )}
      </ul>
      <ul className={classes['problems']}>
        {report.problems.map(one => (
          <li key={one.line}>
            {t('import.line', { line: number(one.line) })}: <span lang="en">{one.message}</span>
          </li>
        ))}
      </ul>
    </Alert>
  )
}
