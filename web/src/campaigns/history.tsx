import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Attempt, Campaign } from './campaign-api.ts'

const OUTCOMES = [
  'person',
  'abandoned',
  'machine',
  'screened',
  'busy',
  'noAnswer',
  'refused',
  'invalid',
  'blocked',
  'fax',
  'network',
  'failed',
  'trunkDown',
  'unknown',
  'notLawful',
  'notDialled'
] as const

/** Every dial and every contact that was not dialled, each with the decision that explains it. */
export function History({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { dateTime } = useFormat()
  const [outcome, setOutcome] = useState('')
  // The call's page is where recordings are heard.
  const mayRead = useMay('transcripts:read') === null
  const mayHear = useMay('recordings:read') === null && mayRead
  const attempts = useInfiniteQuery({
    queryKey: ['campaigns', campaign.id, 'attempts', outcome],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ signal, pageParam }) =>
      api<Page<Attempt>>(`/campaigns/${campaign.id}/attempts`, {
        signal,
        query: { limit: 100, cursor: pageParam, outcome: outcome === '' ? undefined : outcome }
      }),
    getNextPageParam: last => last.nextCursor ?? undefined,
    refetchInterval: 5_000
  })
  if (attempts.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (attempts.isError) return <Problem error={attempts.error} onRetry={() => void attempts.refetch()} />
  const rows = attempts.data.pages.flatMap(page => page.items)
  const outcomeText = (one: string | null) =>
    one === null ? t('history.underWay') : t(`outcome.${one}` as 'outcome.busy')
  return (
    <div className={classes['section']} data-testid="history">
      <div className={classes['row']}>
        <NativeSelect
          aria-label={t('history.outcome')}
          value={outcome}
          data={[
            { value: '', label: t('history.all') },
            ...OUTCOMES.map(value => ({ value, label: t(`outcome.${value}`) }))
          ]}
          onChange={event => setOutcome(event.currentTarget.value)}
        />
        <Button component="a" variant="default" href={`/api/v1/campaigns/${campaign.id}/attempts.csv`} download>
          {t('history.export')}
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={classes['scroll']} tabIndex={0} aria-label={t('part.history')}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('history.at')}</th>
              <th scope="col">{t('history.person')}</th>
              <th scope="col">{t('history.number')}</th>
              <th scope="col">{t('history.outcome')}</th>
              <th scope="col">{t('history.why')}</th>
              <th scope="col">{t('history.notice')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.id}>
                <th scope="row">{dateTime(row.dialledAt ?? row.reservedAt)}</th>
                <td>
                  <bdi dir="auto">{row.contactName}</bdi>
                </td>
                <td>
                  <bdi dir="ltr">{row.number}</bdi>
                </td>
                <td>{outcomeText(row.outcome)}</td>
                <td>
                  {row.decisionId === null ? (
                    <span className={classes['count']}>{t('history.noDecision')}</span>
                  ) : (
                    <Link to={`/compliance/decisions/${row.decisionId}`}>{t('history.decision')}</Link>
                  )}
                </td>
                <td>
                  <Notice callId={row.id} notice={row.notice} mayHear={mayHear} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p className={classes['empty']}>{t('history.empty')}</p>}
      </section>
      {attempts.hasNextPage && (
        <Button variant="default" loading={attempts.isFetchingNextPage} onClick={() => void attempts.fetchNextPage()}>
          {t('history.more')}
        </Button>
      )}
    </div>
  )
}

/** When what the law wants said was said: a way to hear it, or why nobody can. */
function Notice({
  callId,
  notice,
  mayHear
}: Readonly<{ callId: string; notice: Attempt['notice']; mayHear: boolean }>) {
  const { t } = useTranslation('campaigns')
  const { duration } = useFormat()
  if (notice === null) return <span className={classes['count']}>{t('notice.nobody')}</span>
  const { by, atMs, recordingId, problem } = notice
  const said = by === null || atMs === null ? null : t(`notice.${by}`, { at: duration(atMs) })
  return (
    <>
      {said !== null && <span>{said} </span>}
      {problem !== null && <span className={classes['count']}>{t(`notice.${problem}`)} </span>}
      {recordingId !== null &&
        (mayHear ? (
          <Link to={`/quality/calls/${callId}?t=${atMs ?? 0}`}>{t('notice.hear')}</Link>
        ) : (
          <span className={classes['count']}>{t('notice.mayNotHear')}</span>
        ))}
    </>
  )
}
