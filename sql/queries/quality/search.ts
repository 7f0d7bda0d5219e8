import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** Lengths of `cdrs` rows and what is on file about them, for the index. */
export type CallToIndex = Readonly<{
  callId: string
  direction: 'inbound' | 'outbound'
  customer: string | null
  ours: string | null
  language: string | null
  flowId: string | null
  /** The campaign that placed the call. */
  campaignId: string | null
  startedAt: Date
  durationMs: number
  tags: readonly string[]
  queueIds: readonly string[]
  agentIds: readonly string[]
  outcomes: readonly string[]
  surveys: readonly Readonly<{ question: string; answer: string }>[]
  reviews: number
}>

export type QueuedCall = Readonly<{ callId: string; stamp: string }>

/** Calls that have to be indexed anew, the longest waiting first. `stamp` tells whether they changed meanwhile. */
export async function listQueued(db: Db, limit: number): Promise<readonly QueuedCall[]> {
  const { rows } = await sql<QueuedCall>`
    select call_id as "callId", queued_at::text as stamp from search_queue order by queued_at limit ${limit}`.execute(
    db
  )
  return rows
}

/** Takes out of the queue what has not changed since it was listed, and was not taken out by somebody else. Returns these calls. */
export async function removeQueued(db: Db, calls: readonly QueuedCall[]): Promise<readonly string[]> {
  const { rows } = await sql<{ callId: string }>`
    delete from search_queue using unnest(${calls.map(one => one.callId)}::text[], ${calls.map(one => one.stamp)}::text[])
      as done (call_id, stamp)
    where search_queue.call_id = done.call_id and search_queue.queued_at = done.stamp::timestamptz
    returning search_queue.call_id as "callId"`.execute(db)
  return rows.map(row => row.callId)
}

export async function readCallsToIndex(
  db: Db,
  callIds: readonly string[],
  states: readonly ('ended' | 'answered')[] = ['ended'],
  { withScripted = false }: Readonly<{ withScripted?: boolean }> = {}
): Promise<readonly CallToIndex[]> {
  if (callIds.length === 0) return []
  const ids = [...callIds]
  const [calls, visits, notes, offers, surveys, reviews, attempts] = await Promise.all([
    db
      .selectFrom('cdrs')
      .selectAll()
      .where('call_id', 'in', ids)
      .where('state', 'in', [...states])
      // Nobody reviews a script.
      .$if(!withScripted, calls => calls.where('is_simulated', '=', false))
      .execute(),
    db.selectFrom('queue_visits').select(['call_id', 'queue_id', 'agent_id']).where('call_id', 'in', ids).execute(),
    db.selectFrom('call_notes').select(['call_id', 'agent_id', 'disposition']).where('call_id', 'in', ids).execute(),
    db
      .selectFrom('call_events')
      .select(['call_id', sql<string>`data ->> 'agentId'`.as('agentId')])
      .where('call_id', 'in', ids)
      .where('kind', '=', 'agentJoined')
      .execute(),
    db.selectFrom('survey_answers').select(['call_id', 'question', 'answer']).where('call_id', 'in', ids).execute(),
    db
      .selectFrom('reviews')
      .select(['call_id', sql<string>`count(*)`.as('count')])
      .where('call_id', 'in', ids)
      .where('kind', '=', 'review')
      .where('status', '<>', 'draft')
      .groupBy('call_id')
      .execute(),
    // A campaign's call has the id of its attempt.
    db
      .selectFrom('campaign_attempts')
      .innerJoin('campaigns', 'campaigns.no', 'campaign_attempts.campaign_no')
      .select(['campaign_attempts.id as call_id', 'campaigns.id as campaignId'])
      .where('campaign_attempts.id', 'in', ids)
      .execute()
  ])
  return calls.map(call => {
    const own = <T extends { call_id: string }>(rows: readonly T[]) => rows.filter(row => row.call_id === call.call_id)
    const unique = (values: readonly (string | null)[]) => [
      ...new Set(values.filter((value): value is string => value !== null && value !== ''))
    ]
    const isInbound = call.direction === 'inbound'
    return {
      callId: call.call_id,
      direction: call.direction,
      customer: isInbound ? call.caller_number : call.called_number,
      ours: isInbound ? call.called_number : call.caller_number,
      language: call.language,
      flowId: call.flow_id,
      campaignId: own(attempts)[0]?.campaignId ?? null,
      startedAt: call.started_at,
      durationMs: call.talk_ms ?? 0,
      tags: call.tags,
      queueIds: unique(own(visits).map(row => row.queue_id)),
      agentIds: unique([
        ...own(visits).map(row => row.agent_id),
        ...own(notes).map(row => row.agent_id),
        ...own(offers).map(row => row.agentId)
      ]),
      outcomes: unique(own(notes).map(row => row.disposition)),
      surveys: own(surveys).map(({ question, answer }) => ({ question, answer })),
      reviews: Number(own(reviews)[0]?.count ?? 0)
    }
  })
}

/** One row of the index. `spoken` is what each side says in a language with a configuration of its own. */
export type NewDocument = Readonly<{
  callId: string
  part: number
  startedAt: Date
  durationMs: number
  longestSilenceMs: number
  overlapMs: number
  config: string
  spoken: Readonly<{ A: string; B: string; C: string }>
  /** Facets and segmented words, in the text form of a tsvector. */
  vector: string
}>

export async function replaceDocuments(
  db: Db,
  callIds: readonly string[],
  documents: readonly NewDocument[]
): Promise<void> {
  if (callIds.length > 0)
    await db
      .deleteFrom('call_documents')
      .where('call_id', 'in', [...callIds])
      .execute()
  if (documents.length === 0) return
  await sql`
    insert into call_documents (call_id, part, started_at, duration_ms, longest_silence_ms, overlap_ms, words)
    select call_id, part, started_at, duration_ms, silence_ms, overlap_ms,
      setweight(to_tsvector(config::regconfig, a), 'A') || setweight(to_tsvector(config::regconfig, b), 'B')
      || setweight(to_tsvector(config::regconfig, c), 'C') || vector::tsvector
    from unnest(
      ${documents.map(one => one.callId)}::text[], ${documents.map(one => one.part)}::smallint[],
      ${documents.map(one => one.startedAt.toISOString())}::timestamptz[],
      ${documents.map(one => one.durationMs)}::integer[], ${documents.map(one => one.longestSilenceMs)}::integer[],
      ${documents.map(one => one.overlapMs)}::integer[], ${documents.map(one => one.config)}::text[],
      ${documents.map(one => one.spoken.A)}::text[], ${documents.map(one => one.spoken.B)}::text[],
      ${documents.map(one => one.spoken.C)}::text[], ${documents.map(one => one.vector)}::text[]
    ) as given (call_id, part, started_at, duration_ms, silence_ms, overlap_ms, config, a, b, c, vector)
    on conflict (call_id, part) do update set duration_ms = excluded.duration_ms, words = excluded.words,
      longest_silence_ms = excluded.longest_silence_ms, overlap_ms = excluded.overlap_ms`.execute(db)
}

/** Languages of which there is a transcript; walks the index from one to the next instead of reading all. */
export async function listTranscriptLanguages(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ language: string }>`
    with recursive one as (
      (select language from transcripts order by language limit 1)
      union all
      select (select language from transcripts where language > one.language order by language limit 1)
      from one where one.language is not null
    ) select language from one where language is not null`.execute(db)
  return rows.map(row => row.language)
}

/** The normal form of each phrase under each configuration, as the text of a tsquery; '' for stop words. */
export async function normalizeTerms(
  db: Db,
  asked: readonly Readonly<{ config: string; text: string; isPrefix: boolean }>[]
): Promise<readonly string[]> {
  if (asked.length === 0) return []
  const { rows } = await sql<{ at: string; query: string }>`
    select at, case when is_prefix then to_tsquery(config::regconfig, text)::text
      else phraseto_tsquery(config::regconfig, text)::text end as query
    from unnest(${asked.map(one => one.config)}::text[], ${asked.map(one => one.text)}::text[],
      ${asked.map(one => one.isPrefix)}::boolean[]) with ordinality as given (config, text, is_prefix, at)
    order by at`.execute(db)
  return rows.map(row => row.query)
}

export type FoundCall = Readonly<{ callId: string; startedAt: Date }>

export type DocumentFilter = Readonly<{
  /** The text of a tsquery. */
  query: string
  from?: Date
  until?: Date
  minDurationMs?: number
  maxDurationMs?: number
  minSilenceMs?: number
  minOverlapMs?: number
  callIds?: readonly string[]
}>

/** Calls within the window, newest first; `before` is the last one of the page before. */
export async function findDocuments(
  db: Db,
  filter: DocumentFilter,
  before: FoundCall | null,
  limit: number
): Promise<readonly FoundCall[]> {
  let outer = db
    .selectFrom(matching(db, filter).as('found'))
    .select(['call_id as callId', 'started_at as startedAt'])
    .orderBy('started_at', 'desc')
    .orderBy('call_id', 'desc')
    .limit(limit)
  if (before !== null)
    outer = outer.where(sql<boolean>`(started_at, call_id) < (${before.startedAt}::timestamptz, ${before.callId})`)
  return await outer.execute()
}

/** All that match in any order, or null when there are more than `limit`. */
export async function findUnordered(
  db: Db,
  filter: DocumentFilter,
  limit: number
): Promise<readonly FoundCall[] | null> {
  const rows = await matching(db, filter)
    .limit(limit + 1)
    .execute()
  return rows.length > limit ? null : rows.map(row => ({ callId: row.call_id, startedAt: row.started_at }))
}

function matching(db: Db, filter: DocumentFilter) {
  const { query, from, until, minDurationMs, maxDurationMs, minSilenceMs, minOverlapMs, callIds } = filter
  let inner = db.selectFrom('call_documents').select(['call_id', 'started_at'])
  // The fence keeps the planner from walking all calls in order of time in search of a rare word.
  if (query !== '') inner = inner.where(sql<boolean>`words @@ ${query}::tsquery`).offset(0)
  if (from !== undefined) inner = inner.where('started_at', '>=', from)
  if (until !== undefined) inner = inner.where('started_at', '<', until)
  if (minDurationMs !== undefined) inner = inner.where('duration_ms', '>=', minDurationMs)
  if (maxDurationMs !== undefined) inner = inner.where('duration_ms', '<=', maxDurationMs)
  if (minSilenceMs !== undefined) inner = inner.where('longest_silence_ms', '>=', minSilenceMs)
  if (minOverlapMs !== undefined) inner = inner.where('overlap_ms', '>=', minOverlapMs)
  if (callIds !== undefined) inner = inner.where('call_id', 'in', [...callIds])
  return inner
}

/** How many rows the planner expects; it knows the thousand most frequent words and facets. Nothing is read. */
export async function estimateDocuments(db: Db, query: string): Promise<number> {
  const { rows } = await sql<{ 'QUERY PLAN': unknown }>`
    explain (format json) select 1 from call_documents where words @@ ${query}::tsquery`.execute(db)
  const said = rows[0]?.['QUERY PLAN']
  const plans = (typeof said === 'string' ? JSON.parse(said) : said) as readonly { Plan?: { 'Plan Rows'?: number } }[]
  return plans[0]?.Plan?.['Plan Rows'] ?? 0
}

export async function countDocuments(db: Db, filter: DocumentFilter, limit: number): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(distinct call_id) as count from (
      select call_id from call_documents
      where (${filter.query} = '' or words @@ ${filter.query}::tsquery)
        and started_at >= ${filter.from ?? new Date(0)} and started_at < ${filter.until ?? new Date('9999-01-01')}
        and duration_ms between ${filter.minDurationMs ?? 0} and ${filter.maxDurationMs ?? 2_147_483_647}
        and longest_silence_ms >= ${filter.minSilenceMs ?? 0} and overlap_ms >= ${filter.minOverlapMs ?? 0}
      limit ${limit}) as found`.execute(db)
  return Number(rows[0]?.count ?? 0)
}

/** Calls of a number of ours or of a customer, newest first. */
export async function callsOfNumber(db: Db, number: string, limit: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('cdrs')
    .select('call_id')
    .where(eb => eb.or([eb('caller_number', '=', number), eb('called_number', '=', number)]))
    .orderBy('started_at', 'desc')
    .limit(limit)
    .execute()
  return rows.map(row => row.call_id)
}

/** Texts in which the query is found, with its words between the two marks. */
export async function highlight(
  db: Db,
  config: string,
  query: string,
  texts: readonly string[],
  marks: readonly [start: string, end: string]
): Promise<readonly Readonly<{ index: number; text: string }>[]> {
  const options = `HighlightAll=true, StartSel=${marks[0]}, StopSel=${marks[1]}`
  const { rows } = await sql<{ index: string; text: string }>`
    select at - 1 as index, ts_headline(${config}::regconfig, text, ${query}::tsquery, ${options}) as text
    from unnest(${[...texts]}::text[]) with ordinality as given (text, at)
    where to_tsvector(${config}::regconfig, text) @@ ${query}::tsquery
    order by at`.execute(db)
  return rows.map(row => ({ index: Number(row.index), text: row.text }))
}

/** The oldest day of the index, to know where a search ends. */
export async function oldestDocument(db: Db): Promise<Date | null> {
  const row = await db
    .selectFrom('call_documents')
    .select('started_at')
    .orderBy('started_at', 'asc')
    .limit(1)
    .executeTakeFirst()
  return row?.started_at ?? null
}

/** Asks for calls to be put into the search anew. */
export async function queueForSearch(db: Db, callIds: readonly string[]): Promise<void> {
  await sql`
    insert into search_queue (call_id) select distinct unnest(${[...callIds]}::text[])
    on conflict (call_id) do update set queued_at = clock_timestamp()`.execute(db)
}
