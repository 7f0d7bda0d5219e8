import { Alert, Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useWords } from '../compliance/use-words.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Campaign, Live } from './campaign-api.ts'
import own from './campaigns.module.css'

const FAULTS: ReadonlySet<string> = new Set([
  'clockDiffers',
  'clockWasSet',
  'enginesDown',
  'noTrunk',
  'trunksDown',
  'noCallerId',
  'noQueue',
  'noAgents',
  'cap'
])

/** So many places are shown; those with the most people. */
const SHOWN_PLACES = 20

/** Why it is (not) dialling now, in one sentence; then the figures behind it. */
export function LiveView({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { number } = useFormat()
  const client = useQueryClient()
  const refusal = useMay('campaigns:control')
  const live = useQuery({
    queryKey: ['campaigns', campaign.id, 'live'],
    queryFn: ({ signal }) => api<Live>(`/campaigns/${campaign.id}/live`, { signal }),
    refetchInterval: 1_000
  })
  const act = useMutation({
    mutationFn: (verb: string) => api(`/campaigns/${campaign.id}/${verb}`, { method: 'POST', body: {} }),
    onSettled: () => void client.invalidateQueries({ queryKey: ['campaigns'] })
  })
  const sentence = useSentence()
  if (live.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (live.isError) return <Problem error={live.error} onRetry={() => void live.refetch()} />
  const view = live.data
  const figures = [
    ['dialling', view.calls.dialling],
    ['ringing', view.calls.ringing],
    ['answered', view.calls.answered],
    ['talking', view.calls.talking],
    ['done', view.leads.byState['done'] ?? 0],
    ['waiting', view.leads.byState['waiting'] ?? 0],
    ['blocked', (view.leads.byState['blocked'] ?? 0) + (view.leads.byState['suppressed'] ?? 0)],
    ['review', (view.leads.byState['review'] ?? 0) + (view.leads.byState['unknown'] ?? 0)],
    ['exhausted', view.leads.byState['exhausted'] ?? 0]
  ] as const
  return (
    <div className={classes['section']} data-testid="live">
      <Alert
        color={FAULTS.has(view.why.code) ? 'red' : 'blue'}
        icon={<Icon name={FAULTS.has(view.why.code) ? 'triangle' : 'handset'} />}
        data-testid="why"
      >
        <strong>{sentence(view.why)}</strong>
      </Alert>
      <div className={classes['row']}>
        {view.state === 'running' && (
          <Button disabled={refusal !== null} onClick={() => act.mutate('pause')}>
            {t('live.pause')}
          </Button>
        )}
        {(view.state === 'paused' || view.state === 'stopped') && campaign.isApproved && (
          <Button disabled={refusal !== null} onClick={() => act.mutate('start')}>
            {t('live.goOn')}
          </Button>
        )}
        {(view.state === 'running' || view.state === 'paused') && (
          <Button variant="default" disabled={refusal !== null} onClick={() => act.mutate('stop')}>
            {t('live.stop')}
          </Button>
        )}
        {refusal !== null && <span className={classes['count']}>{refusal}</span>}
      </div>
      {act.isError && <Problem error={act.error} />}
      <dl className={own['figures']}>
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{t(`live.${name}`)}</dt>
            <dd data-figure={name}>{number(value)}</dd>
          </div>
        ))}
      </dl>
      {view.agents !== null && (
        <p data-testid="agents">
          {t('live.agents', {
            free: number(view.agents.free),
            busy: number(view.agents.busy),
            onBreak: number(view.agents.onBreak),
            offline: number(view.agents.offline)
          })}
        </p>
      )}
      <PaceAndEnd view={view} isPredictive={campaign.pacing === 'predictive'} />
      <Abandonment view={view} />
      <Reasons view={view} />
      <Places view={view} />
    </div>
  )
}

function PaceAndEnd({ view, isPredictive }: Readonly<{ view: Live; isPredictive: boolean }>) {
  const { t } = useTranslation('campaigns')
  const { number, dateTime } = useFormat()
  const { pace, forecast } = view
  return (
    <>
      <h3>{t('live.paceAndEnd')}</h3>
      <dl className={own['figures']}>
        <div>
          <dt>{t('live.perMinute')}</dt>
          <dd data-figure="perMinute">{number(view.perMinute)}</dd>
        </div>
      </dl>
      <p className={own['says']}>{view.isPaceMeasured ? t('live.measured') : t('live.planned')}</p>
      {isPredictive && pace !== null && pace.headroom !== null && (
        <p>{t('live.room', { room: number(pace.headroom) })}</p>
      )}
      {view.state === 'running' && (
        <p data-testid="forecast">
          {forecast === null
            ? t('live.noForecast')
            : t('live.forecast', { from: dateTime(forecast.from), until: dateTime(forecast.until) })}
        </p>
      )}
    </>
  )
}

/** How much of each law's cap is used up: as a bar, and in words. */
function Abandonment({ view }: Readonly<{ view: Live }>) {
  const { t } = useTranslation('campaigns')
  const { number, percent } = useFormat()
  return (
    <>
      <h3>{t('live.abandonment')}</h3>
      {view.windows.map(window => {
        const per = t(`per.${window.per === 'PT24H' ? 'day' : window.per === 'calendar-month' ? 'month' : 'days30'}`)
        const share = window.live === 0 ? 0 : window.abandoned / window.live
        const cap = window.capPercent / 100
        return (
          <div key={window.per} data-testid="window">
            <meter
              className={own['meter']}
              min={0}
              max={1}
              low={0.7}
              high={0.95}
              optimum={0}
              value={Math.min(1, share / cap)}
              aria-label={t('live.meter', { per })}
            />
            <p>
              {t('live.window', {
                share: percent(share),
                cap: percent(cap),
                per,
                abandoned: number(window.abandoned),
                live: number(window.live),
                most: number(window.abandonedAtMost)
              })}
            </p>
          </div>
        )
      })}
    </>
  )
}

/** Why people may not be called at all, and why others not yet. */
function Reasons({ view }: Readonly<{ view: Live }>) {
  const { t } = useTranslation('campaigns')
  const { number, dateTime } = useFormat()
  const words = useWords()
  const { byReason, putOff } = view.leads
  const blocked = Object.entries(byReason)
  return (
    <>
      {blocked.length > 0 && (
        <>
          <h3>{t('live.reasons')}</h3>
          <ul className={own['plain']} data-testid="blocked">
            {blocked.map(([reason, count]) => (
              <li key={reason}>
                {number(count)} · {words.reason(reason)}
              </li>
            ))}
          </ul>
        </>
      )}
      {putOff.length > 0 && (
        <>
          <h3>{t('live.putOff')}</h3>
          <ul className={own['plain']} data-testid="put-off">
            {putOff.map(({ reason, count, nextAt }) => (
              <li key={reason}>
                {t('live.putOffLine', { shown: number(count), reason: words.reason(reason), at: dateTime(nextAt) })}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}

/** Where people wait and from when on they may be called; the places that are closed first. */
function Places({ view }: Readonly<{ view: Live }>) {
  const { t } = useTranslation('campaigns')
  const { number, dateTime } = useFormat()
  if (view.places.length === 0) return null
  const shown = view.places
    .toSorted((one, other) => other.waiting - one.waiting)
    .slice(0, SHOWN_PLACES)
    .toSorted((one, other) => Number(one.isOpen) - Number(other.isOpen))
  const opens = (place: Live['places'][number]) =>
    place.isOpen
      ? t('live.openNow')
      : place.opensAt === null
        ? t('live.closedLong')
        : t('live.opensAt', { at: dateTime(place.opensAt) })
  return (
    <>
      <div className={classes['scroll']}>
        <table className={classes['table']} data-testid="places">
          <caption className={own['caption']}>{t('live.places')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('live.zone')}</th>
              <th scope="col">{t('live.waitingThere')}</th>
              <th scope="col">{t('live.dueThere')}</th>
              <th scope="col">{t('live.opens')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(place => (
              <tr key={place.key}>
                <th scope="row">
                  {place.zones.length === 0 ? t('live.zoneUnknown') : <bdi>{place.zones.join(', ')}</bdi>}
                </th>
                <td>{number(place.waiting)}</td>
                <td>{number(place.due)}</td>
                <td>{opens(place)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {view.places.length > shown.length && <p>{t('live.morePlaces', { shown: number(shown.length) })}</p>}
    </>
  )
}

/** The sentence of the live view in the person's language. */
export function useSentence(): (why: Live['why']) => string {
  const { t } = useTranslation('campaigns')
  const { number, dateTime, spokenDuration } = useFormat()
  return ({ code, values }) => {
    const shown = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        name === 'byMs'
          ? spokenDuration(Number(value))
          : typeof value === 'number'
            ? number(value)
            : name === 'at' && value !== ''
              ? dateTime(value)
              : value
      ])
    )
    return t(`why.${code}` as 'why.noAgents', { onBreak: '', offline: '', unreachable: '', ...shown })
  }
}
