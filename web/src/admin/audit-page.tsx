import { Button, TextInput } from '@mantine/core'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'

/** One entry of `GET /audit-log`. */
type Entry = Readonly<{
  id: string
  at: string
  actorName: string
  action: string
  subjectKind: string | null
  subjectId: string | null
  detail: Readonly<Record<string, unknown>>
  ip: string | null
}>

type Verification = Readonly<{ broken: Readonly<{ seq: number }> | null; length: number }>

/** Who did what, newest first; the filter is part of the address. */
export function AuditPage() {
  const { t } = useTranslation('admin')
  const { dateTime, number } = useFormat()
  const [search, setSearch] = useSearchParams()
  const action = search.get('action') ?? ''
  const subjectId = search.get('subject') ?? ''
  const actor = search.get('actor') ?? ''
  const check = useMutation({ mutationFn: () => api<Verification>('/audit-log/verification') })
  const log = useInfiniteQuery({
    queryKey: ['admin', 'audit', action, subjectId, actor],
    queryFn: ({ pageParam, signal }) =>
      api<Page<Entry>>('/audit-log', {
        query: {
          limit: 100,
          cursor: pageParam ?? undefined,
          action: action === '' ? undefined : action,
          subjectId: subjectId === '' ? undefined : subjectId,
          actor: actor === '' ? undefined : actor
        },
        signal
      }),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor
  })
  const filter = (name: string, value: string) =>
    setSearch(
      now => {
        if (value === '') now.delete(name)
        else now.set(name, value)
        return now
      },
      { replace: true }
    )
  const entries = log.data?.pages.flatMap(page => page.items) ?? []
  return (
    <div className={classes['page']} data-testid="audit">
      <h1>{t('audit.title')}</h1>
      <div className={classes['row']}>
        <TextInput
          label={t('audit.action')}
          placeholder="queue.changed"
          value={action}
          onChange={event => filter('action', event.currentTarget.value)}
        />
        <TextInput
          label={t('audit.subject')}
          value={subjectId}
          onChange={event => filter('subject', event.currentTarget.value)}
        />
        <TextInput
          label={t('audit.actor')}
          value={actor}
          onChange={event => filter('actor', event.currentTarget.value)}
        />
        <Button variant="default" mt={24} loading={check.isPending} onClick={() => check.mutate()}>
          {t('audit.verify')}
        </Button>
      </div>
      {check.data !== undefined && (
        <p role="status" data-testid="chain">
          {check.data.broken === null
            ? t('audit.whole', { entries: number(check.data.length) })
            : t('audit.broken', { seq: number(check.data.broken.seq) })}
        </p>
      )}
      {check.isError && <Problem error={check.error} />}
      {log.isPending && <Waiting what={t('list.waiting')} lines={6} />}
      {log.isError && <Problem error={log.error} onRetry={() => void log.refetch()} />}
      {log.isSuccess && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('audit.title')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('audit.at')}</th>
                <th scope="col">{t('audit.who')}</th>
                <th scope="col">{t('audit.action')}</th>
                <th scope="col">{t('audit.subject')}</th>
                <th scope="col">{t('audit.detail')}</th>
              </tr>
            </thead>
            <tbody>
              {entries.map(entry => (
                <tr key={entry.id}>
                  <td className="nowrap">{dateTime(entry.at)}</td>
                  <td>
                    <bdi>{entry.actorName}</bdi>
                  </td>
                  <td>
                    <code>{entry.action}</code>
                  </td>
                  <td>
                    <bdi>{entry.subjectKind}</bdi>{' '}
                    {entry.subjectId !== null && entry.subjectId !== '' && (
                      <button
                        type="button"
                        className={classes['open']}
                        onClick={() => filter('subject', entry.subjectId ?? '')}
                      >
                        <bdi>{entry.subjectId}</bdi>
                      </button>
                    )}
                  </td>
                  <td>
                    <pre className={`ltr ${classes['detail']}`}>{JSON.stringify(entry.detail)}</pre>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {entries.length === 0 && <p className={classes['empty']}>{t('audit.empty')}</p>}
        </section>
      )}
      {log.hasNextPage && (
        <div>
          <Button variant="default" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
            {t('audit.more')}
          </Button>
        </div>
      )}
    </div>
  )
}
