import { NativeSelect, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { MachineAgreement } from './machine-agreement.tsx'
import classes from './quality.module.css'

type Figures = Readonly<{
  reviews: number
  percent: number | null
  passed: number
  failed: number
  critical: number
  disputed: number
}>
type Report = Readonly<{
  timeZone: string
  buckets: readonly Readonly<{ from: string; until: string }>[]
  rows: readonly Readonly<{ key: string; name: string; bucket: number; figures: Figures }>[]
}>

const KINDS = ['agent', 'reviewer', 'scorecard'] as const

/** What reviews add up to, and how that changes from day to day. The address holds the question. */
export function ResultsPage() {
  const { t } = useTranslation('quality')
  const { number, date } = useFormat()
  const [search, setSearch] = useSearchParams()
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const by = KINDS.find(one => one === search.get('by')) ?? 'agent'
  const to = search.get('to') ?? day(0)
  const from = search.get('from') ?? day(-27)
  const set = (name: string, value: string) => {
    search.set(name, value)
    setSearch(search, { replace: true })
  }
  const ask = (interval: string | undefined) => ({
    queryKey: ['quality', 'results', by, from, to, zone, interval ?? ''],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      api<Report>('/reports/quality', {
        query: { from, until: dayAfter(to), timeZone: zone, by, interval },
        signal
      })
  })
  const all = useQuery(ask(undefined))
  const days = useQuery(ask('day'))
  return (
    <section className={classes['page']} data-testid="quality-results">
      <h1>{t('tab.results')}</h1>
      <form className={classes['filters']} onSubmit={event => event.preventDefault()}>
        <NativeSelect
          label={t('results.by')}
          value={by}
          data={KINDS.map(value => ({ value, label: t(`results.${value}`) }))}
          onChange={event => set('by', event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('search.from')}
          value={from}
          onChange={event => set('from', event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('search.to')}
          value={to}
          onChange={event => set('to', event.currentTarget.value)}
        />
      </form>
      {all.isPending && <Waiting what={t('results.waiting')} lines={5} />}
      {all.isError && <Problem error={all.error} onRetry={() => void all.refetch()} />}
      {all.isSuccess && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.results')}>
          <table className={classes['table']}>
            <caption>{t('results.caption', { from: date(from), to: date(to), zone: all.data.timeZone })}</caption>
            <thead>
              <tr>
                <th scope="col">{t(`results.${by}`)}</th>
                <th scope="col">{t('results.reviews')}</th>
                <th scope="col">{t('results.percent')}</th>
                <th scope="col">{t('results.failed')}</th>
                <th scope="col">{t('results.critical')}</th>
                <th scope="col">{t('results.disputed')}</th>
                <th scope="col">{t('results.trend')}</th>
              </tr>
            </thead>
            <tbody>
              {all.data.rows.map(row => (
                <tr key={row.key}>
                  <th scope="row">
                    <bdi>{row.name === '' ? t('results.nobody') : row.name}</bdi>
                  </th>
                  <td>{number(row.figures.reviews)}</td>
                  <td>{row.figures.percent === null ? '–' : `${number(row.figures.percent)} %`}</td>
                  <td>{number(row.figures.failed)}</td>
                  <td>{number(row.figures.critical)}</td>
                  <td>{number(row.figures.disputed)}</td>
                  <td>
                    <Trend report={days.data} keyOf={row.key} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {all.data.rows.length === 0 && <p className={classes['dim']}>{t('results.empty')}</p>}
        </section>
      )}
      <MachineAgreement />
    </section>
  )
}

/** The mean of each day as a line; the same figures are in words for whoever does not see it. */
function Trend({ report, keyOf }: Readonly<{ report: Report | undefined; keyOf: string }>) {
  const { t } = useTranslation('quality')
  const { number, date } = useFormat()
  if (report === undefined) return null
  const own = report.rows.filter(row => row.key === keyOf && row.figures.percent !== null)
  const last = Math.max(1, report.buckets.length - 1)
  const points = own.map(row => `${(row.bucket / last) * 96 + 2},${26 - (row.figures.percent ?? 0) * 0.24}`)
  const said = own
    .map(row => `${date(report.buckets[row.bucket]?.from ?? '')}: ${number(row.figures.percent ?? 0)} %`)
    .join('; ')
  return (
    <svg
      className="ltr"
      width="100"
      height="28"
      viewBox="0 0 100 28"
      role="img"
      aria-label={t('results.trendSays', { days: said })}
    >
      <polyline points={points.join(' ')} fill="none" stroke="currentColor" strokeWidth="1.5" />
      {points.map(point => {
        const [x, y] = point.split(',')
        return <circle key={point} cx={x} cy={y} r="2" fill="currentColor" />
      })}
    </svg>
  )
}

function day(offset: number): string {
  const at = new Date()
  at.setDate(at.getDate() + offset)
  return localDay(at)
}

function dayAfter(text: string): string {
  const at = new Date(`${text}T00:00`)
  at.setDate(at.getDate() + 1)
  return localDay(at)
}

function localDay(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}
