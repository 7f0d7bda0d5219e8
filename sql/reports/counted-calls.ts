import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../database.ts'
import { MISS_FIGURES, type MissFigure } from './agent-report.ts'
import {
  COUNTED,
  type CountedFigure,
  IS_COUNTED,
  KEYS,
  narrow,
  type VisitFilter,
  type VisitGroup
} from './visit-report.ts'

/** The figures whose calls can be listed: visits that were counted, and offers that came to nothing. */
export const OPENABLE = [...(Object.keys(COUNTED) as CountedFigure[]), ...MISS_FIGURES] as const
export type OpenableFigure = CountedFigure | MissFigure

/** One call that a figure counted. Times are milliseconds; what an offer that was missed does not have is null. */
export type CountedCall = Readonly<{
  /** Of the visit or the offer: one call may be counted more than once. */
  id: string
  callId: string
  queueId: string | null
  agentId: string | null
  direction: 'inbound' | 'outbound' | null
  callerNumber: string | null
  calledNumber: string | null
  language: string | null
  /** The instant by which it was counted. */
  at: Date
  /** How the wait ended, or why the offer came to nothing. */
  outcome: string
  isWithinThreshold: boolean | null
  waitedMs: number | null
  talkMs: number | null
  holdMs: number | null
  wrapUpMs: number | null
}>

export type CountedCallsQuery = Readonly<{
  figure: OpenableFigure
  group: VisitGroup
  /** One row of the report; `''` is the row of visits that have no key, undefined all rows. */
  key?: string
  from: Date
  until: Date
  filter: VisitFilter
}>

/** Where the page before ended, newest first. */
export type CountedPosition = Readonly<{ at: Date; id: string }>

export function isMiss(figure: OpenableFigure): figure is MissFigure {
  return MISS_FIGURES.some(one => one === figure)
}

/**
 * The calls behind one figure of a report, newest first; the same conditions count them there. Their instants are cut to
 * milliseconds for the order, because a position is passed on in those.
 */
export async function listCountedCalls(
  db: Db,
  query: CountedCallsQuery,
  before: CountedPosition | null,
  limit: number
): Promise<readonly CountedCall[]> {
  const { figure } = query
  const statement = isMiss(figure) ? misses(query, figure, before, limit) : visits(query, figure, before, limit)
  const { rows } = await statement.execute(db)
  return rows
}

function visits(
  { group, key, from, until, filter }: CountedCallsQuery,
  figure: CountedFigure,
  before: CountedPosition | null,
  limit: number
): RawBuilder<CountedCall> {
  return sql<CountedCall>`
    select v.id, v.call_id as "callId", v.queue_id as "queueId", v.agent_id as "agentId",
      c.direction, c.caller_number as "callerNumber", v.called_number as "calledNumber", v.language, v.left_at as at, v.outcome,
      case when v.outcome = 'answered' then v.is_within_threshold end as "isWithinThreshold",
      v.waited_ms as "waitedMs", v.talk_ms as "talkMs", v.hold_ms as "holdMs", v.wrap_up_ms as "wrapUpMs"
    from queue_visits v left join cdrs c on c.call_id = v.call_id
    where ${IS_COUNTED} and v.left_at >= ${from} and v.left_at < ${until} and ${COUNTED[figure]} ${narrow(filter)}
      ${key === undefined ? sql`` : sql`and coalesce(${KEYS[group]}, '') = ${key}`}
      ${group === 'agent' ? sql`and v.agent_id is not null` : sql``}
      ${before === null ? sql`` : sql`and (date_trunc('milliseconds', v.left_at), v.id) < (${before.at}, ${before.id})`}
    order by date_trunc('milliseconds', v.left_at) desc, v.id desc limit ${limit}`
}

function misses(
  { key, from, until, filter }: CountedCallsQuery,
  figure: MissFigure,
  before: CountedPosition | null,
  limit: number
): RawBuilder<CountedCall> {
  const { agentIds } = filter
  return sql<CountedCall>`
    select o.id, o.call_id as "callId", o.queue_id as "queueId", o.agent_id as "agentId",
      c.direction, c.caller_number as "callerNumber", c.called_number as "calledNumber", c.language, o.ended_at as at, o.outcome,
      null as "isWithinThreshold", null as "waitedMs", null as "talkMs", null as "holdMs", null as "wrapUpMs"
    from offers o left join cdrs c on c.call_id = o.call_id
    where o.state = 'over' and o.outcome = ${figure} and o.ended_at >= ${from} and o.ended_at < ${until}
      ${key === undefined ? sql`` : sql`and o.agent_id = ${key}`}
      ${agentIds === undefined ? sql`` : sql`and o.agent_id = any(${[...agentIds]})`}
      ${before === null ? sql`` : sql`and (date_trunc('milliseconds', o.ended_at), o.id) < (${before.at}, ${before.id})`}
    order by date_trunc('milliseconds', o.ended_at) desc, o.id desc limit ${limit}`
}
