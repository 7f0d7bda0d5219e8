import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon, type IconName } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { DELIVERY_STATES, type Delivery, type DeliveryState, REPLAYABLE_MS } from './webhooks.ts'

const REFRESH_MS = 3_000
const ICONS: Readonly<Record<DeliveryState, IconName>> = { waiting: 'circle', delivered: 'check', failed: 'triangle' }

/** What became of each delivery of a webhook, newest first, to be sent again one by one or all that were given up. */
export function Deliveries({ webhookId }: Readonly<{ webhookId: string }>) {
  const { t } = useTranslation('admin')
  const client = useQueryClient()
  const [search, setSearch] = useSearchParams()
  const state = search.get('state') ?? ''
  const queryKey = ['admin', 'deliveries', webhookId]
  const list = useInfiniteQuery({
    queryKey: [...queryKey, state],
    queryFn: ({ pageParam, signal }) =>
      api<Page<Delivery>>(`/webhooks/${webhookId}/deliveries`, {
        query: { cursor: pageParam ?? undefined, state: state === '' ? undefined : state },
        signal
      }),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor,
    refetchInterval: REFRESH_MS
  })
  const replay = useMutation({
    mutationFn: (body: Readonly<{ deliveryId: string } | { since: string; isFailedOnly: true }>) =>
      api<Readonly<{ replayed: number }>>(`/webhooks/${webhookId}/replay`, { method: 'POST', body }),
    onSuccess({ replayed }) {
      notify(t('delivery.replayed', { count: replayed }))
      void client.invalidateQueries({ queryKey })
    }
  })
  const deliveries = list.data?.pages.flatMap(page => page.items) ?? []
  return (
    <>
      <h3 id="deliveries-title" style={{ margin: 0 }}>
        {t('delivery.title')}
      </h3>
      <div className={classes['row']} style={{ alignItems: 'end' }}>
        <NativeSelect
          label={t('field.status')}
          value={state}
          data={[
            { value: '', label: t('delivery.any') },
            ...DELIVERY_STATES.map(value => ({ value, label: t(`delivery.${value}`) }))
          ]}
          onChange={event => {
            const wanted = event.currentTarget.value
            setSearch(wanted === '' ? {} : { state: wanted }, { replace: true })
          }}
        />
        <Button
          variant="default"
          loading={replay.isPending && 'since' in replay.variables}
          onClick={() =>
            replay.mutate({ since: new Date(Date.now() - REPLAYABLE_MS).toISOString(), isFailedOnly: true })
          }
        >
          {t('delivery.replayFailed')}
        </Button>
      </div>
      {replay.isError && <Problem error={replay.error} />}
      {list.isPending && <Waiting what={t('list.waiting')} lines={6} />}
      {list.isError && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && (
        <DeliveryTable
          deliveries={deliveries}
          isFiltered={state !== ''}
          replayingId={replay.isPending && 'deliveryId' in replay.variables ? replay.variables.deliveryId : null}
          onReplay={deliveryId => replay.mutate({ deliveryId })}
        />
      )}
      {list.hasNextPage && (
        <div>
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t('audit.more')}
          </Button>
        </div>
      )}
    </>
  )
}

function DeliveryTable({
  deliveries,
  isFiltered,
  replayingId,
  onReplay
}: Readonly<{
  deliveries: readonly Delivery[]
  isFiltered: boolean
  replayingId: string | null
  onReplay(deliveryId: string): void
}>) {
  const { t } = useTranslation('admin')
  const { dateTime, clock, number } = useFormat()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={classes['scroll']} tabIndex={0} aria-labelledby="deliveries-title" data-testid="deliveries">
      <table className={classes['table']}>
        <thead>
          <tr>
            <th scope="col">{t('delivery.event')}</th>
            <th scope="col">{t('audit.at')}</th>
            <th scope="col">{t('delivery.call')}</th>
            <th scope="col">{t('field.status')}</th>
            <th scope="col">{t('delivery.attempts')}</th>
            <th scope="col">{t('delivery.answer')}</th>
            <th scope="col">{t('delivery.again')}</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map(one => (
            <tr key={one.id}>
              <th scope="row">
                <code>{one.kind ?? '-'}</code>
              </th>
              <td className="nowrap">{dateTime(one.createdAt)}</td>
              <td>
                <code>{one.callId}</code>
              </td>
              <td>
                <span className={classes['mark']} data-state={one.state}>
                  <Icon name={ICONS[one.state]} size={16} />
                  {t(`delivery.${one.state}`)}
                </span>
                {one.nextAt !== null && one.attempts > 0 && (
                  <div className={classes['count']}>{t('delivery.next', { at: clock(one.nextAt) })}</div>
                )}
              </td>
              <td>{number(one.attempts)}</td>
              <td>
                {one.lastStatus ?? '-'}
                {one.lastProblem !== null && (
                  <div className={classes['count']} dir="auto">
                    {one.lastProblem}
                  </div>
                )}
              </td>
              <td>
                <Button
                  size="compact-sm"
                  variant="default"
                  mih={28}
                  loading={replayingId === one.id}
                  aria-label={t('delivery.replayOf', { kind: one.kind ?? '-', at: clock(one.createdAt) })}
                  onClick={() => onReplay(one.id)}
                >
                  {t('delivery.replay')}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {deliveries.length === 0 && (
        <p className={classes['empty']}>{isFiltered ? t('delivery.noMatch') : t('delivery.none')}</p>
      )}
    </section>
  )
}
