import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../database.ts'
import type { Bucket } from './buckets.ts'
import type { VisitCounts } from './definitions.ts'

export type VisitGroup = 'queue' | 'agent' | 'number' | 'language'

export type VisitFilter = Readonly<{
  queueIds?: readonly string[]
  agentIds?: readonly string[]
  languages?: readonly string[]
  calledNumbers?: readonly string[]
}>

/** Counts of one group in one bucket; `bucket` counts from 0. `key` is null for visits that have none. */
export type VisitRow = VisitCounts & Readonly<{ key: string | null; bucket: number }>

const KEYS: Readonly<Record<VisitGroup, RawBuilder<unknown>>> = {
  queue: sql`v.queue_id`,
  agent: sql`v.agent_id`,
  number: sql`v.called_number`,
  language: sql`v.language`
}

/**
 * Visits of callers on the line, by group and time. A visit counts at the instant at which its wait ended, so that what
 * was counted once never moves. Only groups and buckets with visits appear.
 */
export async function readVisits(
  db: Db,
  buckets: readonly Bucket[],
  group: VisitGroup,
  filter: VisitFilter = {}
): Promise<readonly VisitRow[]> {
  const [first] = buckets
  const last = buckets.at(-1)
  if (first === undefined || last === undefined) return []
  const { queueIds, agentIds, languages, calledNumbers } = filter
  const bounds = buckets.map(bucket => bucket.from.toISOString())
  const { rows } = await sql<Record<string, string | null>>`
    select ${KEYS[group]} as key, width_bucket(v.left_at, ${bounds}::timestamptz[]) - 1 as bucket,
      count(*) as "offered",
      count(*) filter (where v.outcome = 'answered') as "answered",
      count(*) filter (where v.is_within_threshold) as "answeredWithin",
      count(*) filter (where v.outcome = 'abandoned') as "abandoned",
      count(*) filter (where v.outcome in ('overflow', 'transferred')) as "overflowed",
      count(*) filter (where v.outcome = 'callback') as "callbacks",
      count(*) filter (where v.outcome = 'voicemail') as "voicemails",
      count(*) filter (where v.outcome = 'lost') as "lost",
      count(*) filter (where v.is_transferred) as "transferred",
      coalesce(sum(v.waited_ms) filter (where v.outcome = 'answered'), 0) as "answerWaitMs",
      coalesce(max(v.waited_ms), 0) as "longestWaitMs",
      count(v.talk_ms) as "handled",
      coalesce(sum(v.talk_ms), 0) as "talkMs",
      coalesce(sum(v.hold_ms), 0) as "holdMs",
      count(v.wrap_up_ms) as "wrapped",
      coalesce(sum(v.wrap_up_ms), 0) as "wrapUpMs"
    from queue_visits v
    where v.kind = 'inbound' and v.left_at >= ${first.from} and v.left_at < ${last.until}
      ${queueIds === undefined ? sql`` : sql`and v.queue_id = any(${[...queueIds]})`}
      ${agentIds === undefined ? sql`` : sql`and v.agent_id = any(${[...agentIds]})`}
      ${languages === undefined ? sql`` : sql`and v.language = any(${[...languages]})`}
      ${calledNumbers === undefined ? sql`` : sql`and v.called_number = any(${[...calledNumbers]})`}
    group by 1, 2 order by 2, 1`.execute(db)
  return rows.map(({ key, ...counts }) => ({
    key: key ?? null,
    ...(Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Number(value)])) as Omit<
      VisitRow,
      'key'
    >)
  }))
}
