import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { serverNow } from '../parts/clock.ts'
import { PhoneNumber } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import { SHOWN_STATES, type ShownState } from '../parts/shown-states.ts'
import { Waiting } from '../parts/waiting.tsx'
import classes from './wallboard.module.css'

type Span = Readonly<{ status: string; state: string; startedAt: string; endedAt: string | null }>

/** `GET /agents/:id/day`. */
type Day = Readonly<{
  from: string
  until: string
  timeZone: string
  breakMs: number
  talkingMs: number
  wrapUpMs: number
  signedInMs: number
  occupancy: number | null
  spans: readonly Span[]
  calls: readonly Readonly<{ callId: string; number: string | null; startedAt: string; talkMs: number }>[]
}>

const CALLS_SHOWN = 20

/** What an agent did today, in the reader's time zone. */
export function AgentDay({ agentId }: Readonly<{ agentId: string }>) {
  const { t } = useTranslation('supervision')
  const { duration, percent, time } = useFormat()
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const day = useQuery({
    queryKey: ['agents', agentId, 'day', timeZone],
    queryFn: ({ signal }) => api<Day>(`/agents/${agentId}/day`, { query: { timeZone }, signal }),
    refetchInterval: 15_000
  })
  if (day.isPending) return <Waiting what={t('day.waiting')} />
  if (day.isError) return <Problem error={day.error} onRetry={() => void day.refetch()} />
  const { signedInMs, talkingMs, wrapUpMs, breakMs, occupancy, spans, calls } = day.data
  const figures = [
    ['signedIn', duration(signedInMs)],
    ['talking', duration(talkingMs)],
    ['wrapUp', duration(wrapUpMs)],
    ['break', duration(breakMs)],
    ['occupancy', occupancy === null ? '–' : percent(occupancy)]
  ] as const
  const end = Math.min(serverNow(), Date.parse(day.data.until))
  const first = spans[0]
  const start = first === undefined ? end : Math.max(Date.parse(first.startedAt), Date.parse(day.data.from))
  return (
    <section className={classes['stack']} aria-labelledby="day-title">
      <h3 id="day-title" className={classes['subtitle']}>
        {t('day.title', { timeZone })}
      </h3>
      <dl className={classes['figures']}>
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{t(`day.${name}`)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {end > start && (
        <div className={classes['spans']} role="img" aria-label={t('day.line', { from: time(new Date(start)) })}>
          {spans.map(span => {
            const from = Math.max(Date.parse(span.startedAt), start)
            const until = span.endedAt === null ? end : Math.min(Date.parse(span.endedAt), end)
            const width = (Math.max(0, until - from) / (end - start)) * 100
            return (
              <span
                key={span.startedAt}
                className={classes['span']}
                style={{
                  inlineSize: `${width}%`,
                  ['--colour' as string]: `var(--state-${SHOWN_STATES[shownSpan(span)].kind})`
                }}
              />
            )
          })}
        </div>
      )}
      {calls.length === 0 ? (
        <p>{t('day.noCalls')}</p>
      ) : (
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('day.at')}</th>
              <th scope="col">{t('day.number')}</th>
              <th scope="col">{t('day.talked')}</th>
            </tr>
          </thead>
          <tbody>
            {calls.slice(-CALLS_SHOWN).map(call => (
              <tr key={`${call.callId} ${call.startedAt}`}>
                <td>{time(call.startedAt)}</td>
                <td>
                  <PhoneNumber number={call.number} />
                </td>
                <td>{duration(call.talkMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function shownSpan({ status, state }: Span): ShownState {
  if (state === 'talking' || state === 'wrapUp' || state === 'ringing' || state === 'reserved') return state
  return status === 'available' ? 'free' : status === 'onBreak' ? 'onBreak' : 'offline'
}
