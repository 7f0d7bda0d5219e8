import { Button, CopyButton, EmptyState, NativeSelect, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { serverNow } from '../parts/clock.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { CountedCalls } from './counted-calls.tsx'
import {
  belowSince,
  FIGURES,
  type Figure,
  INTERVALS,
  KINDS,
  type Opened,
  readWanted,
  type Report,
  toAddress,
  toPath,
  type Wanted
} from './report.ts'
import { ReportTable } from './report-table.tsx'
import classes from './reports.module.css'
import { useFigureText } from './use-figure-text.ts'

const Chart = lazy(async () => ({ default: (await import('./chart.tsx')).Chart }))

type QueueGoal = Readonly<{ id: string; name: string; goalPercent: number | null; calendar: unknown }>

/** Whether promises are kept, and since when not. The address holds everything, so that a link shows the same. */
export function ReportsPage() {
  const { t } = useTranslation('reports')
  const [search, setSearch] = useSearchParams()
  const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const wanted = readWanted(search, new Date(serverNow()), ownZone)
  const set = (change: Partial<Wanted>) => setSearch(toAddress({ ...wanted, ...change }))
  const queues = useQuery({
    queryKey: ['reports', 'queues'],
    queryFn: ({ signal }) => everyPage<QueueGoal>('/queues', signal)
  })
  const address = toAddress(wanted)
  const link = `${location.origin}/reports?${address}`
  return (
    <div className={classes['page']} data-testid="reports">
      <div className={classes['head']}>
        <h1>{t('title')}</h1>
        <CopyButton value={link}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? t('shared') : t('share')}
            </Button>
          )}
        </CopyButton>
        <Button
          component="a"
          variant="default"
          href={`/api/v1${toPath(wanted, { interval: wanted.interval, format: 'csv' })}`}
          download
          data-testid="csv"
        >
          {t('csv')}
        </Button>
      </div>
      <form className={classes['filters']} onSubmit={event => event.preventDefault()}>
        <NativeSelect
          label={t('by')}
          value={wanted.kind}
          data={KINDS.map(value => ({ value, label: t(`kind.${value}`) }))}
          onChange={event =>
            set({ kind: KINDS.find(one => one === event.currentTarget.value) ?? 'queues', figure: '' })
          }
        />
        <TextInput
          type="date"
          label={t('from')}
          value={wanted.from}
          max={wanted.to}
          onChange={event => event.currentTarget.value !== '' && set({ from: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={t('to')}
          value={wanted.to}
          min={wanted.from}
          onChange={event => event.currentTarget.value !== '' && set({ to: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('interval')}
          value={wanted.interval}
          data={INTERVALS.map(value => ({ value, label: t(`intervals.${value}`) }))}
          onChange={event => set({ interval: INTERVALS.find(one => one === event.currentTarget.value) ?? 'day' })}
        />
        <NativeSelect
          label={t('zone')}
          value={wanted.timeZone}
          data={[...new Set([wanted.timeZone, ownZone, 'UTC', ...Intl.supportedValuesOf('timeZone')])]}
          onChange={event => set({ timeZone: event.currentTarget.value })}
        />
        {wanted.kind !== 'numbers' && (
          <NativeSelect
            label={t('queue')}
            value={wanted.queueId[0] ?? ''}
            data={[
              { value: '', label: t('allQueues') },
              ...(queues.data ?? []).map(queue => ({ value: queue.id, label: queue.name }))
            ]}
            onChange={event => set({ queueId: event.currentTarget.value === '' ? [] : [event.currentTarget.value] })}
          />
        )}
      </form>
      <Body wanted={wanted} queues={queues.data ?? []} onFigure={figure => set({ figure })} />
    </div>
  )
}

function Body({
  wanted,
  queues,
  onFigure
}: Readonly<{ wanted: Wanted; queues: readonly QueueGoal[]; onFigure(figure: string): void }>) {
  const { t } = useTranslation('reports')
  const { dateTime, percent } = useFormat()
  const [isTable, setTable] = useState(false)
  const [opened, setOpened] = useState<Opened | null>(null)
  const textOf = useFigureText()
  const read = (more: Readonly<Record<string, string>>) => ({
    queryKey: ['reports', toPath(wanted, more)],
    queryFn: ({ signal }: { signal: AbortSignal }) => api<Report>(toPath(wanted, more), { signal })
  })
  const all = useQuery(read({}))
  const byTime = useQuery(read({ interval: wanted.interval }))
  if (all.isPending || byTime.isPending) return <Waiting what={t('waiting')} lines={8} />
  const failed = all.isError ? all : byTime
  if (all.isError || byTime.isError)
    return <Problem error={failed.error} onRetry={() => void Promise.all([all.refetch(), byTime.refetch()])} />
  const present = FIGURES.filter(figure => figure in all.data.total)
  const figure: Figure | undefined = present.find(one => one === wanted.figure) ?? firstOf(present)
  const chosen = queues.filter(queue => wanted.queueId.length === 0 || wanted.queueId.includes(queue.id))
  const goals = chosen.flatMap(queue => (queue.goalPercent === null ? [] : [queue.goalPercent]))
  // Of several queues no single goal is true; a line is drawn only where all share one.
  const goal = figure === 'serviceLevel' && goals.length > 0 && new Set(goals).size === 1 ? (goals[0] ?? 0) / 100 : null
  const isEmpty = Object.values(all.data.total).every(value => value === null || value === 0)
  if (figure === undefined || isEmpty)
    return (
      <EmptyState
        icon={<Icon name="search" size={32} />}
        title={t('empty.title', { from: wanted.from, to: wanted.to })}
        description={wanted.from > all.data.asOf.slice(0, 10) ? t('empty.future') : t('empty.says')}
      />
    )
  const since = goal === null ? null : belowSince(byTime.data, figure, goal)
  return (
    <>
      <section className="card" aria-labelledby="figure-title">
        <div className={classes['head']}>
          <h2 id="figure-title">
            {t('heading', { figure: t(`figure.${figure}`), from: wanted.from, to: wanted.to, zone: wanted.timeZone })}
          </h2>
          <NativeSelect
            aria-label={t('chooseFigure')}
            value={figure}
            data={present.map(value => ({ value, label: t(`figure.${value}`) }))}
            onChange={event => onFigure(event.currentTarget.value)}
          />
          <Button variant="default" aria-pressed={isTable} onClick={() => setTable(now => !now)}>
            {isTable ? t('showChart') : t('showTable')}
          </Button>
        </div>
        <p className={classes['finding']} data-testid="finding">
          <strong>{textOf(figure, all.data.total[figure] ?? null)}</strong>{' '}
          {figure === 'serviceLevel' && (goal === null ? t('noGoal') : t('goal', { percent: percent(goal) }))}{' '}
          {since !== null && (
            <span className={classes['below']}>{t('belowSince', { since: since.slice(0, 16).replace('T', ' ') })}</span>
          )}
        </p>
        <p className={classes['definition']}>{t(`definition.${figure}`)}</p>
        {isTable ? (
          <ReportTable
            caption={t(`figure.${figure}`)}
            rows={byTime.data.totals.map(toTimeRow)}
            figures={[figure]}
            onOpen={setOpened}
          />
        ) : (
          <Suspense fallback={<Waiting what={t('waitingChart')} lines={6} />}>
            <Chart report={byTime.data} figure={figure} goal={goal} />
          </Suspense>
        )}
        {byTime.data.totals.some(one => one.isPartial) && <p className={classes['definition']}>{t('partial')}</p>}
      </section>
      <section className="card" aria-labelledby="table-title">
        <h2 id="table-title">{t(`kind.${wanted.kind}`)}</h2>
        <ReportTable
          caption={t('tableCaption', { zone: wanted.timeZone, asOf: dateTime(all.data.asOf) })}
          rows={all.data.rows.map(({ key, name, figures }) => ({
            key,
            name,
            isPartial: false,
            figures,
            opens: { key, name }
          }))}
          total={all.data.total}
          figures={present}
          onOpen={setOpened}
        />
      </section>
      <details className="card">
        <summary>{t('definitions')}</summary>
        <dl className={classes['definitions']}>
          {present.map(one => (
            <div key={one}>
              <dt>{t(`figure.${one}`)}</dt>
              <dd>{t(`definition.${one}`)}</dd>
            </div>
          ))}
        </dl>
      </details>
      {opened !== null && <CountedCalls wanted={wanted} opened={opened} onClose={() => setOpened(null)} />}
    </>
  )
}

function toTimeRow({ from, until, isPartial, figures }: Report['totals'][number]) {
  // As the report's zone writes it, with the offset that tells a repeated hour from the first.
  const name = `${from.slice(0, 16).replace('T', ' ')} ${from.slice(19).replace(/^\.\d+/, '')}`
  return { key: from, name, isPartial, figures, opens: { name, from, until } }
}

/** The service level where there is one, else the first figure. */
function firstOf(present: readonly Figure[]): Figure | undefined {
  return present.find(one => one === 'serviceLevel' || one === 'occupancy') ?? present[0]
}
