import { Button, EmptyState, NativeSelect, TextInput } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'react-router'
import { ApiError, api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Found, FoundPage, Hit, Named } from './api.ts'
import classes from './quality.module.css'

const FILTERS = [
  'from',
  'to',
  'language',
  'queueId',
  'agentId',
  'direction',
  'silence',
  'length',
  'has',
  'number'
] as const
const LANGUAGES = ['en', 'de', 'es', 'zh', 'ar', 'ja', 'th', 'fr', 'it', 'pt', 'nl'] as const

/** Which calls should be heard: by what was said and by everything known. The address holds the search. */
export function SearchPage() {
  const { t } = useTranslation('quality')
  const { number } = useFormat()
  const [search, setSearch] = useSearchParams()
  const [typed, setTyped] = useState(search.get('q') ?? '')
  const query = toQuery(search)
  const found = useInfiniteQuery({
    queryKey: ['quality', 'search', query],
    queryFn: ({ pageParam, signal }) =>
      api<FoundPage>('/search/calls', { query: { ...query, limit: 30, cursor: pageParam ?? undefined }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.nextCursor,
    retry: false
  })
  const count = useQuery({
    queryKey: ['quality', 'count', query],
    queryFn: ({ signal }) => api<{ count: number; isMore: boolean }>('/search/calls/count', { query, signal }),
    retry: false
  })
  const queues = useQuery({
    queryKey: ['reports', 'queues'],
    queryFn: ({ signal }) => everyPage<Named>('/queues', signal)
  })
  const agents = useQuery({
    queryKey: ['quality', 'agents'],
    queryFn: ({ signal }) => everyPage<Readonly<{ id: string; displayName: string }>>('/agents', signal),
    retry: false
  })
  const set = (name: string, value: string) =>
    setSearch(
      now => {
        if (value === '') now.delete(name)
        else now.set(name, value)
        return now
      },
      { replace: true }
    )
  const items = found.data?.pages.flatMap(page => page.items) ?? []
  const ignored = found.data?.pages[0]?.ignored ?? []
  const isFiltered = search.toString() !== ''
  return (
    <section className={classes['page']} data-testid="quality-search">
      <h1>{t('tab.calls')}</h1>
      <form
        className={classes['filters']}
        onSubmit={event => {
          event.preventDefault()
          set('q', typed.trim())
        }}
      >
        <TextInput
          className={classes['wide'] ?? ''}
          label={t('search.said')}
          description={t('search.help')}
          leftSection={<Icon name="search" size={16} />}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('search.from')}
          value={search.get('from') ?? ''}
          onChange={event => set('from', event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('search.to')}
          value={search.get('to') ?? ''}
          onChange={event => set('to', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.language')}
          value={search.get('language') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            ...LANGUAGES.map(value => ({ value, label: languageName(value) }))
          ]}
          onChange={event => set('language', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.queue')}
          value={search.get('queueId') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            ...(queues.data ?? []).map(one => ({ value: one.id, label: one.name }))
          ]}
          onChange={event => set('queueId', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.agent')}
          value={search.get('agentId') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            ...(agents.data ?? []).map(one => ({ value: one.id, label: one.displayName }))
          ]}
          onChange={event => set('agentId', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.silence')}
          value={search.get('silence') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            ...['10', '30', '60', '120'].map(value => ({ value, label: t('search.seconds', { count: Number(value) }) }))
          ]}
          onChange={event => set('silence', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.length')}
          value={search.get('length') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            { value: '-60', label: t('search.shorter') },
            { value: '300', label: t('search.longer5') },
            { value: '1200', label: t('search.longer20') }
          ]}
          onChange={event => set('length', event.currentTarget.value)}
        />
        <NativeSelect
          label={t('search.has')}
          value={search.get('has') ?? ''}
          data={[
            { value: '', label: t('search.any') },
            { value: 'transcript', label: t('search.transcript') },
            { value: 'recording', label: t('search.recording') },
            { value: '-review', label: t('search.unreviewed') }
          ]}
          onChange={event => set('has', event.currentTarget.value)}
        />
        <TextInput
          label={t('search.number')}
          className="ltr"
          placeholder="+49…"
          defaultValue={search.get('number') ?? ''}
          onBlur={event => set('number', event.currentTarget.value.trim())}
        />
        <div className={classes['submit']}>
          <Button type="submit">{t('search.go')}</Button>
          {isFiltered && (
            <Button
              variant="default"
              onClick={() => {
                setTyped('')
                setSearch({})
              }}
            >
              {t('search.clear')}
            </Button>
          )}
        </div>
      </form>
      <p role="status" className={classes['dim']} data-testid="count">
        {count.data !== undefined &&
          (count.data.isMore
            ? t('search.more', { shown: number(count.data.count) })
            : t('search.count', { count: count.data.count }))}
        {ignored.length > 0 && ` ${t('search.ignored', { words: listOf(ignored) })}`}
      </p>
      {found.isPending && <Waiting what={t('search.waiting')} lines={6} />}
      {found.isError && <SearchProblem error={found.error} onRetry={() => void found.refetch()} />}
      {found.isSuccess && items.length === 0 && (
        <EmptyState
          icon={<Icon name="search" size={32} />}
          title={isFiltered ? t('search.none') : t('search.empty')}
          description={isFiltered ? t('search.noneSays') : t('search.emptySays')}
        />
      )}
      <ol className={classes['results']}>
        {items.map(one => (
          <Result key={one.callId} found={one} q={search.get('q') ?? ''} />
        ))}
      </ol>
      {found.hasNextPage && (
        <div>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t('search.next')}
          </Button>
        </div>
      )}
    </section>
  )
}

function languageName(tag: string): string {
  return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
}

function SearchProblem({ error, onRetry }: Readonly<{ error: unknown; onRetry(): void }>) {
  const { t } = useTranslation('quality')
  if (!(error instanceof ApiError) || error.code !== 'SEARCH_INVALID')
    return <Problem error={error} onRetry={onRetry} />
  const place = Number(error.problems[0]?.at.split('/').at(-1) ?? 0)
  return (
    <p className={classes['missing']} role="alert">
      {t('search.invalid', { place: place + 1 })} <code>SEARCH_INVALID</code>
    </p>
  )
}

function Result({ found, q }: Readonly<{ found: Found; q: string }>) {
  const { t } = useTranslation('quality')
  const { dateTime, duration } = useFormat()
  const link = (atMs?: number) => {
    const params = new URLSearchParams()
    if (q !== '') params.set('q', q)
    // A hit opens a second before the word, so that its beginning is heard.
    if (atMs !== undefined) params.set('t', String(Math.max(0, atMs - 1_000)))
    const text = params.toString()
    return `/quality/calls/${found.callId}${text === '' ? '' : `?${text}`}`
  }
  return (
    <li data-testid="result">
      <div className={classes['row']}>
        <Link to={link()}>
          <strong>{dateTime(found.startedAt)}</strong>
        </Link>
        <span>{[...found.agents, ...found.queues].map(one => one.name).join(' · ')}</span>
        {found.customerNumber !== null && <bdi dir="ltr">{found.customerNumber}</bdi>}
        <span className="ltr">{duration(found.durationMs)}</span>
        {found.language !== null && <span>{languageName(found.language)}</span>}
        {found.hasRecording && <span className={classes['chip']}>{t('search.recording')}</span>}
        {found.hasTranscript && <span className={classes['chip']}>{t('search.transcript')}</span>}
        {found.reviews > 0 && <span className={classes['chip']}>{t('search.reviewed')}</span>}
      </div>
      {found.hits.map(hit => (
        <Link key={`${hit.utterance} ${hit.atMs}`} to={link(hit.atMs)} className={classes['snippet'] ?? ''}>
          <span className={`ltr ${classes['clock']}`}>{duration(hit.atMs)}</span>{' '}
          <span className={classes['who']} data-speaker={hit.speaker}>
            {t(`speaker.${hit.speaker}`)}
          </span>{' '}
          <Snippet hit={hit} language={found.language ?? 'und'} />
        </Link>
      ))}
      {found.hitCount > found.hits.length && (
        <span className={classes['dim']}>{t('search.moreHits', { count: found.hitCount - found.hits.length })}</span>
      )}
    </li>
  )
}

function Snippet({ hit, language }: Readonly<{ hit: Hit; language: string }>) {
  const pieces: React.ReactNode[] = []
  let at = 0
  for (const [from, to] of hit.marks) {
    pieces.push(hit.text.slice(at, from), <mark key={from}>{hit.text.slice(from, to)}</mark>)
    at = to
  }
  pieces.push(hit.text.slice(at))
  return (
    <span lang={language} dir="auto">
      {pieces}
    </span>
  )
}

/** What the address says, as the server is asked; days are those of the reader's zone. */
function toQuery(search: URLSearchParams): Record<string, string | number> {
  const query: Record<string, string | number> = {}
  const q = search.get('q')
  if (q !== null && q !== '') query['q'] = q
  for (const name of FILTERS) {
    const value = search.get(name)
    if (value === null || value === '') continue
    if (name === 'from') query['from'] = new Date(`${value}T00:00`).toISOString()
    else if (name === 'to') {
      const end = new Date(`${value}T00:00`)
      end.setDate(end.getDate() + 1)
      query['until'] = end.toISOString()
    } else if (name === 'silence') query['minSilenceMs'] = Number(value) * 1000
    else if (name === 'length')
      query[value.startsWith('-') ? 'maxDurationMs' : 'minDurationMs'] = Math.abs(Number(value)) * 1000
    else if (name === 'has') query[value.startsWith('-') ? 'not' : 'has'] = value.replace(/^-/, '')
    else query[name] = value
  }
  return query
}
