import { Alert, Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Campaign, Live } from './campaign-api.ts'
import own from './campaigns.module.css'

const FAULTS: ReadonlySet<string> = new Set(['enginesDown', 'noTrunk', 'noCallerId', 'noQueue', 'noAgents', 'cap'])

/** Why it is (not) dialling now, in one sentence; then the figures behind it. */
export function LiveView({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { number, percent } = useFormat()
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
      <h3>{t('live.abandonment')}</h3>
      {view.windows.map(window => (
        <p key={window.per} data-testid="window">
          {t('live.window', {
            share: percent(window.live === 0 ? 0 : window.abandoned / window.live),
            cap: percent(window.capPercent / 100),
            per: t(`per.${window.per === 'PT24H' ? 'day' : window.per === 'calendar-month' ? 'month' : 'days30'}`),
            abandoned: number(window.abandoned),
            live: number(window.live),
            most: number(window.abandonedAtMost)
          })}
        </p>
      ))}
      {Object.keys(view.leads.byReason).length > 0 && <h3>{t('live.reasons')}</h3>}
      <ul className={own['plain']}>
        {Object.entries(view.leads.byReason).map(([reason, count]) => (
          <li key={reason}>
            {number(count)} · {t(`reason.${reason}` as 'reason.DNC_INTERNAL', { defaultValue: reason })}
          </li>
        ))}
      </ul>
    </div>
  )
}

/** The sentence of the live view in the person's language. */
export function useSentence(): (why: Live['why']) => string {
  const { t } = useTranslation('campaigns')
  const { number, dateTime } = useFormat()
  return ({ code, values }) => {
    const shown = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        typeof value === 'number' ? number(value) : name === 'at' && value !== '' ? dateTime(value) : value
      ])
    )
    return t(`why.${code}` as 'why.noAgents', { onBreak: '', offline: '', unreachable: '', ...shown })
  }
}
