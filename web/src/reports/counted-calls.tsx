import '@mantine/core/styles/Drawer.layer.css'
import { Anchor, Button, Drawer } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type CountedCall, isMiss, type Opened, toCallsPath, type Wanted } from './report.ts'
import classes from './reports.module.css'

type Page = Readonly<{ items: readonly CountedCall[]; nextCursor: string | null }>

/** The calls behind one figure. Who may hear calls gets a way to each. */
export function CountedCalls({
  wanted,
  opened,
  onClose
}: Readonly<{ wanted: Wanted; opened: Opened; onClose(): void }>) {
  const { t } = useTranslation('reports')
  const { t: common } = useTranslation()
  const path = toCallsPath(wanted, opened)
  const pages = useInfiniteQuery({
    queryKey: ['reports', path],
    initialPageParam: '',
    queryFn: async ({ signal, pageParam }) =>
      await api<Page>(path, { signal, query: pageParam === '' ? {} : { cursor: pageParam } }),
    getNextPageParam: last => last.nextCursor ?? undefined
  })
  const calls = pages.data?.pages.flatMap(page => page.items) ?? []
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="xl"
      title={t('calls.title', { figure: t(`figure.${opened.figure}`), row: opened.name })}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <div data-testid="counted-calls">
        <p className={classes['definition']}>{t(`definition.${opened.figure}`)}</p>
        {pages.isPending && <Waiting what={t('calls.waiting')} lines={6} />}
        {pages.isError && <Problem error={pages.error} onRetry={() => void pages.refetch()} />}
        {pages.isSuccess && calls.length === 0 && <p>{t('calls.none')}</p>}
        {calls.length > 0 && <CallTable calls={calls} timeZone={wanted.timeZone} />}
        {pages.hasNextPage && (
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t('calls.more')}
          </Button>
        )}
      </div>
    </Drawer>
  )
}

function CallTable({ calls, timeZone }: Readonly<{ calls: readonly CountedCall[]; timeZone: string }>) {
  const { t } = useTranslation('reports')
  const { duration, dateTimeIn } = useFormat()
  const mayOpen = useQuery(meQuery).data?.permissions.includes('transcripts:read') === true
  const caption = t('calls.caption', { zone: timeZone })
  const time = (ms: number | null) => (ms === null ? '–' : duration(ms))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={classes['calls']} tabIndex={0} aria-label={caption}>
      <table className={classes['table']}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{t('calls.at')}</th>
            <th scope="col">{t('calls.queue')}</th>
            <th scope="col">{t('calls.caller')}</th>
            <th scope="col">{t('calls.how')}</th>
            <th scope="col">{t('calls.agent')}</th>
            <th scope="col">{t('calls.waited')}</th>
            <th scope="col">{t('calls.talked')}</th>
          </tr>
        </thead>
        <tbody>
          {calls.map(call => (
            <tr key={`${call.callId} ${call.at}`}>
              <th scope="row">
                {mayOpen ? (
                  <Anchor component={Link} to={`/quality/calls/${call.callId}`}>
                    {dateTimeIn(call.at, timeZone)}
                  </Anchor>
                ) : (
                  dateTimeIn(call.at, timeZone)
                )}
              </th>
              <td>
                <bdi>{call.queueName ?? '–'}</bdi>
              </td>
              <td>
                <bdi dir="ltr">
                  {(call.direction === 'outbound' ? call.calledNumber : call.callerNumber) ?? t('calls.hidden')}
                </bdi>
              </td>
              <td>
                {isMiss(call.outcome) ? t(`figure.${call.outcome}`) : t(`calls.outcome.${call.outcome}`)}
                {call.isWithinThreshold === false && ` · ${t('calls.late')}`}
              </td>
              <td>
                <bdi>{call.agentName ?? '–'}</bdi>
              </td>
              <td>{time(call.waitedMs)}</td>
              <td>{time(call.talkMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
