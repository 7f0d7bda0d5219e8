import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api, type Page } from '../api/client.ts'
import { agentsQuery } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { CustomerText, PhoneNumber } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Campaign, PromisedCall } from './campaign-api.ts'

const PAGE = 50

/** Calls that agents have promised: when, by whom; given to another agent or taken back. */
export function Promises({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { dateTime } = useFormat()
  const client = useQueryClient()
  const refusal = useMay('campaigns:control')
  const path = `/campaigns/${campaign.id}/promises`
  const promises = useInfiniteQuery({
    queryKey: ['campaigns', path],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ signal, pageParam }) =>
      api<Page<PromisedCall>>(path, { signal, query: { limit: PAGE, cursor: pageParam } }),
    getNextPageParam: last => last.nextCursor ?? undefined,
    refetchInterval: 3_000
  })
  const agents = useQuery(agentsQuery)
  const change = useMutation({
    mutationFn: ({ contactId, agentId }: Readonly<{ contactId: string; agentId?: string | null }>) =>
      api(`/campaigns/${campaign.id}/contacts/${contactId}/callback`, {
        ...(agentId === undefined ? { method: 'DELETE' } : { method: 'PATCH', body: { agentId } })
      }),
    onSettled: () => void client.invalidateQueries({ queryKey: ['campaigns', path] })
  })
  if (promises.isPending) return <Waiting what={t('list.waiting')} lines={4} />
  if (promises.isError) return <Problem error={promises.error} onRetry={() => void promises.refetch()} />
  const rows = promises.data.pages.flatMap(page => page.items)
  if (rows.length === 0) return <p className={classes['empty']}>{t('promises.empty')}</p>
  return (
    <div className={classes['section']} data-testid="promises">
      {change.isError && <Problem error={change.error} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={classes['scroll']} tabIndex={0} aria-label={t('part.promises')}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('promises.at')}</th>
              <th scope="col">{t('history.person')}</th>
              <th scope="col">{t('history.number')}</th>
              <th scope="col">{t('promises.agent')}</th>
              <th scope="col">{t('promises.note')}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {rows.map(one => (
              <tr key={one.contactId}>
                <th scope="row">{dateTime(one.at)}</th>
                <td>
                  <CustomerText>{one.name}</CustomerText>
                </td>
                <td>
                  <PhoneNumber number={one.number} />
                </td>
                <td>
                  <NativeSelect
                    aria-label={t('promises.agentOf', { name: one.name })}
                    disabled={refusal !== null}
                    value={one.agentId ?? ''}
                    data={[
                      { value: '', label: t('promises.anyone') },
                      ...(agents.data ?? []).map(agent => ({ value: agent.id, label: agent.displayName }))
                    ]}
                    onChange={event => {
                      const { value } = event.currentTarget
                      change.mutate({ contactId: one.contactId, agentId: value === '' ? null : value })
                    }}
                  />
                </td>
                <td>
                  <CustomerText>{one.note}</CustomerText>
                </td>
                <td>
                  <Button
                    variant="default"
                    disabled={refusal !== null}
                    aria-label={t('promises.cancelOf', { name: one.name })}
                    onClick={() => change.mutate({ contactId: one.contactId })}
                  >
                    {t('promises.cancel')}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {promises.hasNextPage && (
        <Button variant="default" loading={promises.isFetchingNextPage} onClick={() => void promises.fetchNextPage()}>
          {t('history.more')}
        </Button>
      )}
    </div>
  )
}
