import '@mantine/core/styles/Progress.layer.css'
import { Alert, Button, Progress, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { type Campaign, type DryRun, type DryRunState, PARTS } from './campaign-api.ts'

/** What would happen if this were started, and the agreement of a second person to exactly that. */
export function Plan({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { number } = useFormat()
  const client = useQueryClient()
  const [comment, setComment] = useState('')
  const me = useQuery(meQuery).data
  const mayWrite = useMay('campaigns:write')
  const mayApprove = useMay('campaigns:approve')
  const mayControl = useMay('campaigns:control')
  const state = useQuery({
    queryKey: ['campaigns', campaign.id, 'dry-run'],
    queryFn: ({ signal }) => api<DryRunState>(`/campaigns/${campaign.id}/dry-run`, { signal }),
    refetchInterval: 1_000
  })
  const act = useMutation({
    mutationFn: ({ verb, reason }: { verb: string; reason?: string }) =>
      api(`/campaigns/${campaign.id}/${verb}`, {
        method: 'POST',
        ...(verb !== 'dry-run' && { body: reason === undefined ? {} : { reason } })
      }),
    onSettled: () => void client.invalidateQueries({ queryKey: ['campaigns'] })
  })
  const progress = state.data?.progress
  const isRunning = progress !== null && progress !== undefined && progress.done < progress.total && !progress.hasFailed
  const found = state.data?.dryRun ?? null
  const isAuthor = me !== undefined && me !== null && (me.id === campaign.createdBy || me.id === campaign.submittedBy)
  return (
    <div className={classes['section']} data-testid="plan">
      <div className={classes['row']}>
        <Button
          variant="default"
          disabled={mayWrite !== null || isRunning}
          onClick={() => act.mutate({ verb: 'dry-run' })}
        >
          {t('plan.run')}
        </Button>
        {state.data?.isStale === true && found !== null && <strong>{t('plan.stale')}</strong>}
      </div>
      {isRunning && (
        <div>
          <Progress.Root>
            <Progress.Section value={(100 * progress.done) / progress.total} aria-label={t('plan.progress')} />
          </Progress.Root>
          <p role="status">{t('plan.done', { done: number(progress.done), total: number(progress.total) })}</p>
        </div>
      )}
      {found !== null && <Parts found={found} />}
      {campaign.refusal !== null && campaign.state === 'draft' && (
        <Alert icon={<Icon name="triangle" />} title={t('plan.refused')}>
          <bdi dir="auto">{campaign.refusal}</bdi>
        </Alert>
      )}
      {act.isError && <Problem error={act.error} />}
      <div className={classes['row']}>
        {campaign.state === 'draft' && (
          <Button
            disabled={mayWrite !== null || found === null || state.data?.isStale === true}
            onClick={() => act.mutate({ verb: 'submit' })}
          >
            {t('plan.submit')}
          </Button>
        )}
        {campaign.state === 'awaitingApproval' && (
          <>
            <Button disabled={mayApprove !== null || isAuthor} onClick={() => act.mutate({ verb: 'approve' })}>
              {t('plan.approve')}
            </Button>
            <TextInput
              aria-label={t('plan.comment')}
              placeholder={t('plan.comment')}
              value={comment}
              onChange={event => setComment(event.currentTarget.value)}
            />
            <Button
              variant="default"
              disabled={mayApprove !== null || comment === ''}
              onClick={() => act.mutate({ verb: 'refuse', reason: comment })}
            >
              {t('plan.refuse')}
            </Button>
            {isAuthor && <span className={classes['count']}>{t('plan.notAlone')}</span>}
          </>
        )}
        {campaign.state === 'approved' && (
          <Button disabled={mayControl !== null} onClick={() => act.mutate({ verb: 'start' })}>
            {t('plan.start')}
          </Button>
        )}
      </div>
    </div>
  )
}

function Parts({ found }: Readonly<{ found: DryRun }>) {
  const { t } = useTranslation('campaigns')
  const { number, dateTime, date } = useFormat()
  return (
    <>
      <p className={classes['count']}>{t('plan.asOf', { at: dateTime(found.at) })}</p>
      <div className={classes['scroll']}>
        <table className={classes['table']} data-testid="parts">
          <caption>{t('plan.title', { count: found.total })}</caption>
          <tbody>
            {PARTS.filter(part => part === 'now' || found.parts[part] > 0).map(part => (
              <tr key={part}>
                <th scope="row">{t(`partOf.${part}`)}</th>
                <td data-part={part}>{number(found.parts[part])}</td>
              </tr>
            ))}
            <tr>
              <th scope="row">
                <strong>{t('plan.total')}</strong>
              </th>
              <td data-part="total">
                <strong>{number(found.total)}</strong>
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      {found.firstAt === null || found.lastAt === null ? (
        <Alert color="yellow">{t('plan.nobody')}</Alert>
      ) : (
        <p>{t('plan.between', { first: dateTime(found.firstAt), last: dateTime(found.lastAt) })}</p>
      )}
      {found.readyFrom !== null && found.readyUntil !== null && (
        <p>{t('plan.ready', { from: date(found.readyFrom), until: date(found.readyUntil) })}</p>
      )}
      {found.oldestListDays !== null && <p>{t('plan.listAge', { days: number(found.oldestListDays) })}</p>}
      {found.places.slice(0, 20).map(place => (
        <p key={place.zones.join()}>
          {t('plan.place', {
            count: place.contacts,
            zones: place.zones.join(', '),
            at: place.opensAt === null ? '-' : dateTime(place.opensAt)
          })}
        </p>
      ))}
    </>
  )
}
