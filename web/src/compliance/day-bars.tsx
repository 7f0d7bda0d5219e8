import { useQueries } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import type { Judged, OpenSpan } from './answers.ts'
import classes from './compliance.module.css'
import { type DayRow, dayRows } from './day-bars.ts'
import type { Question } from './question.ts'
import { useWords } from './use-words.ts'

/** Each local day as a bar: filled where a call may begin. A closed day says why. The bars run with the writing. */
export function DayBars({
  spans,
  zone,
  otherZones,
  asOf,
  days,
  question
}: Readonly<{
  spans: readonly OpenSpan[]
  zone: string
  otherZones: readonly string[]
  asOf: Date
  days: number
  question: Question
}>) {
  const { t } = useTranslation('compliance')
  const format = useFormat()
  const rows = dayRows(spans, zone, asOf, days)
  const reasons = useClosedDays(rows, question, asOf)
  const dayName = new Intl.DateTimeFormat(format.locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone: zone
  })
  const clock = new Intl.DateTimeFormat(format.locale, { timeStyle: 'short', timeZone: zone })
  const at = (row: DayRow, minutes: number) => new Date(row.startMs + minutes * 60_000)
  return (
    <section className={classes['section']} aria-labelledby="bars-title">
      <h2 id="bars-title">{t('bars.title', { zone })}</h2>
      {otherZones.length > 0 && <p className={classes['hint']}>{t('bars.zones', { zones: otherZones.join(', ') })}</p>}
      <div className={classes['scroll']}>
        <table className={classes['bars']}>
          <thead>
            <tr>
              <th scope="col">{t('bars.day')}</th>
              <th scope="col" className={classes['hours']}>
                <Hours />
              </th>
              <th scope="col">{t('bars.open')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.date} data-date={row.date}>
                <th scope="row">{dayName.format(row.startMs)}</th>
                <td aria-hidden="true">
                  <Bar row={row} nowMs={asOf.getTime()} />
                </td>
                <td>
                  {row.open.length > 0 ? (
                    row.open.map(span => (
                      <bdi key={span.from} className={classes['span']}>
                        {clock.formatRange(at(row, span.from), at(row, span.to))}
                      </bdi>
                    ))
                  ) : (
                    <Closed reasons={reasons.get(row.date)} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Closed({ reasons }: Readonly<{ reasons: readonly string[] | undefined }>) {
  const { t } = useTranslation('compliance')
  const words = useWords()
  return <>{reasons === undefined || reasons.length === 0 ? t('bars.closed') : words.reason(reasons[0] ?? '')}</>
}

function Hours() {
  return (
    <span className={classes['ticks']}>
      {[0, 6, 12, 18, 24].map(hour => (
        <span key={hour}>{hour}</span>
      ))}
    </span>
  )
}

function Bar({ row, nowMs }: Readonly<{ row: DayRow; nowMs: number }>) {
  const percent = (minutes: number) => `${(minutes / row.minutes) * 100}%`
  const now = (nowMs - row.startMs) / 60_000
  return (
    <div className={classes['bar']}>
      {row.open.map(span => (
        <span
          key={span.from}
          style={{ insetInlineStart: percent(span.from), inlineSize: percent(span.to - span.from) }}
        />
      ))}
      {now >= 0 && now < row.minutes && <i style={{ insetInlineStart: percent(now) }} />}
    </div>
  )
}

/** Why each closed day is closed: the decision at its noon. */
function useClosedDays(
  rows: readonly DayRow[],
  question: Question,
  asOf: Date
): ReadonlyMap<string, readonly string[]> {
  const closed = rows.filter(row => row.open.length === 0 && row.startMs + row.minutes * 60_000 > asOf.getTime())
  const answers = useQueries({
    queries: closed.map(row => {
      const at = new Date(Math.max(row.startMs + (row.minutes / 2) * 60_000, asOf.getTime())).toISOString()
      return {
        queryKey: ['compliance', 'decide', question, at],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          api<Judged>('/compliance/decide', { method: 'POST', body: { call: { ...question, at } }, signal })
      }
    })
  })
  return new Map(closed.map((row, index) => [row.date, answers[index]?.data?.decision.reasons ?? []]))
}
