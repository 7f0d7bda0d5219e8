import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../database.ts'
import { isOfPerson } from '../people-only.ts'
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

/**
 * Which visits each figure counts. A mean or a share opens the visits that it divides by; `offered` is all of them.
 * The counts and the list of calls behind them both read this, so that they cannot drift apart.
 */
export const COUNTED = {
  offered: sql`true`,
  answered: sql`v.outcome = 'answered'`,
  answeredWithin: sql`v.is_within_threshold`,
  abandoned: sql`v.outcome = 'abandoned'`,
  overflowed: sql`v.outcome in ('overflow', 'transferred')`,
  callbacks: sql`v.outcome = 'callback'`,
  voicemails: sql`v.outcome = 'voicemail'`,
  lost: sql`v.outcome = 'lost'`,
  transferred: sql`v.is_transferred`,
  longestWaitMs: sql`true`,
  serviceLevel: sql`v.outcome in ('answered', 'abandoned', 'overflow', 'transferred', 'lost')`,
  abandonment: sql`true`,
  meanAnswerWaitMs: sql`v.outcome = 'answered'`,
  meanHandleMs: sql`v.talk_ms is not null`,
  meanTalkMs: sql`v.talk_ms is not null`,
  meanHoldMs: sql`v.talk_ms is not null`,
  meanWrapUpMs: sql`v.wrap_up_ms is not null`,
  transferShare: sql`v.outcome = 'answered'`
} as const satisfies Readonly<Record<string, RawBuilder<unknown>>>
export type CountedFigure = keyof typeof COUNTED

/** Visits that reports count: of callers on the line, not of callbacks and not of simulated calls. */
export const IS_COUNTED = sql`v.kind = 'inbound' and ${isOfPerson('v.call_id')}`

export const KEYS: Readonly<Record<VisitGroup, RawBuilder<unknown>>> = {
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
  const bounds = buckets.map(bucket => bucket.from.toISOString())
  const { rows } = await sql<Record<string, string | null>>`
    select ${KEYS[group]} as key, width_bucket(v.left_at, ${bounds}::timestamptz[]) - 1 as bucket,
      count(*) as "offered",
      count(*) filter (where ${COUNTED.answered}) as "answered",
      count(*) filter (where ${COUNTED.answeredWithin}) as "answeredWithin",
      count(*) filter (where ${COUNTED.abandoned}) as "abandoned",
      count(*) filter (where ${COUNTED.overflowed}) as "overflowed",
      count(*) filter (where ${COUNTED.callbacks}) as "callbacks",
      count(*) filter (where ${COUNTED.voicemails}) as "voicemails",
      count(*) filter (where ${COUNTED.lost}) as "lost",
      count(*) filter (where ${COUNTED.transferred}) as "transferred",
      coalesce(sum(v.waited_ms) filter (where ${COUNTED.answered}), 0) as "answerWaitMs",
      coalesce(max(v.waited_ms), 0) as "longestWaitMs",
      count(v.talk_ms) as "handled",
      coalesce(sum(v.talk_ms), 0) as "talkMs",
      coalesce(sum(v.hold_ms), 0) as "holdMs",
      count(v.wrap_up_ms) as "wrapped",
      coalesce(sum(v.wrap_up_ms), 0) as "wrapUpMs"
    from queue_visits v
    where ${IS_COUNTED} and v.left_at >= ${first.from} and v.left_at < ${last.until}
      ${narrow(filter)}
    group by 1, 2 order by 2, 1`.execute(db)
  return rows.map(({ key, ...counts }) => ({
    key: key ?? null,
    ...(Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Number(value)])) as Omit<
      VisitRow,
      'key'
    >)
  }))
}

/** The conditions of a filter on `queue_visits v`, each beginning with `and`. */
export function narrow({ queueIds, agentIds, languages, calledNumbers }: VisitFilter): RawBuilder<unknown> {
  return sql`${queueIds === undefined ? sql`` : sql`and v.queue_id = any(${[...queueIds]})`}
      ${agentIds === undefined ? sql`` : sql`and v.agent_id = any(${[...agentIds]})`}
      ${languages === undefined ? sql`` : sql`and v.language = any(${[...languages]})`}
      ${calledNumbers === undefined ? sql`` : sql`and v.called_number = any(${[...calledNumbers]})`}`
}
