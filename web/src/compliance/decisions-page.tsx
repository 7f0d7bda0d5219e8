import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'react-router'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Chain, DecisionRow } from './answers.ts'
import classes from './compliance.module.css'
import { useWords } from './use-words.ts'
import { Verdict } from './verdict.tsx'

const OUTCOMES = ['ALLOW', 'DEFER', 'REVIEW', 'BLOCK'] as const

/** Every decision, newest first, and whether their chain is whole. */
export function DecisionsPage() {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const words = useWords()
  const [search, setSearch] = useSearchParams()
  const outcome = search.get('outcome') ?? ''
  const campaignId = search.get('campaign') ?? ''
  const log = useInfiniteQuery({
    queryKey: ['compliance', 'decisions', outcome, campaignId],
    queryFn: ({ pageParam, signal }) =>
      api<Page<DecisionRow>>('/compliance/decisions', {
        query: {
          limit: 100,
          cursor: pageParam ?? undefined,
          outcome: outcome === '' ? undefined : outcome,
          campaignId: campaignId === '' ? undefined : campaignId
        },
        signal
      }),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor
  })
  const rows = log.data?.pages.flatMap(page => page.items) ?? []
  return (
    <div className={classes['section']} data-testid="decisions">
      <ChainState />
      <div className={classes['row']}>
        <NativeSelect
          label={t('decisions.outcome')}
          value={outcome}
          data={[
            { value: '', label: t('decisions.all') },
            ...OUTCOMES.map(value => ({ value, label: words.outcome(value) }))
          ]}
          onChange={event => {
            const { value } = event.currentTarget
            setSearch(
              now => {
                if (value === '') now.delete('outcome')
                else now.set('outcome', value)
                return now
              },
              { replace: true }
            )
          }}
        />
        <a href="/api/v1/compliance/chain/export" download="decisions.ndjson">
          {t('decisions.export')}
        </a>
      </div>
      {log.isPending && <Waiting what={t('decisions.waiting')} lines={6} />}
      {log.isError && <Problem error={log.error} onRetry={() => void log.refetch()} />}
      {log.isSuccess && rows.length === 0 && <p className={classes['hint']}>{t('decisions.empty')}</p>}
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.decisions')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('decisions.at')}</th>
                <th scope="col">{t('decisions.outcome')}</th>
                <th scope="col">{t('decisions.number')}</th>
                <th scope="col">{t('decisions.why')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(row => (
                <tr key={row.id}>
                  <th scope="row">
                    <Link to={`/compliance/decisions/${row.id}`}>{dateTime(row.at)}</Link>
                  </th>
                  <td>
                    <Verdict outcome={row.outcome} />
                  </td>
                  <td>{t('decisions.ending', { digits: row.lastDigits })}</td>
                  <td>{row.reasons.map(reason => words.reason(reason)).join(' ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {log.hasNextPage && (
        <div>
          <Button variant="default" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
            {t('decisions.more')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** Whether every entry still has the hash that the next one names. */
export function ChainState() {
  const { t } = useTranslation('compliance')
  const { clock, number } = useFormat()
  const chain = useQuery({
    queryKey: ['compliance', 'chain'],
    queryFn: ({ signal }) => api<Chain>('/compliance/chain', { signal })
  })
  if (chain.isPending) return <p className={classes['hint']}>{t('chain.checking')}</p>
  if (chain.isError) return <Problem error={chain.error} onRetry={() => void chain.refetch()} />
  const { broken, length, callsWithoutDecision } = chain.data
  return (
    <div data-testid="chain">
      {broken === null ? (
        <p>
          <Icon name="check" size={16} />{' '}
          {t('chain.whole', { count: length, shown: number(length), at: clock(new Date(chain.dataUpdatedAt)) })}
        </p>
      ) : (
        <p role="alert" className={classes['alarm']}>
          <Icon name="triangle" size={16} /> {t(`chain.${broken.why}`, { seq: broken.seq, id: broken.id })}
        </p>
      )}
      {callsWithoutDecision.length > 0 && (
        <p role="alert" className={classes['alarm']}>
          <Icon name="triangle" size={16} />{' '}
          {t('chain.callsWithout', { count: callsWithoutDecision.length, ids: callsWithoutDecision.join(', ') })}
        </p>
      )}
    </div>
  )
}
