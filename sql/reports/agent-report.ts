import { sql } from 'kysely'
import type { Db } from '../database.ts'
import type { Bucket } from './buckets.ts'
import type { AgentTimes } from './definitions.ts'

/** How an agent's time was spent within a bucket (counted from 0). */
export type AgentTimeRow = AgentTimes & Readonly<{ agentId: string; bucket: number }>

/** Time by state, cut at the bounds of each bucket and at `asOf`, up to which the present state counts. */
export async function readAgentTimes(
  db: Db,
  buckets: readonly Bucket[],
  asOf: Date,
  agentIds?: readonly string[]
): Promise<readonly AgentTimeRow[]> {
  if (buckets.length === 0) return []
  const from = buckets.map(bucket => bucket.from.toISOString())
  const until = buckets.map(bucket => bucket.until.toISOString())
  const { rows } = await sql<Record<keyof AgentTimeRow, string>>`
    with spans as (
      select i.agent_id, b.at, i.status, i.state,
        extract(epoch from least(coalesce(i.ended_at, ${asOf}), b.until, ${asOf}) - greatest(i.started_at, b.start)) * 1000
          as ms
      from unnest(${from}::timestamptz[], ${until}::timestamptz[]) with ordinality as b (start, until, at)
      join agent_intervals i on i.started_at < least(b.until, ${asOf}) and coalesce(i.ended_at, ${asOf}) > b.start
      where not (i.status = 'offline' and i.state = 'idle')
        ${agentIds === undefined ? sql`` : sql`and i.agent_id = any(${[...agentIds]})`}
    )
    select agent_id as "agentId", at - 1 as bucket,
      coalesce(sum(ms) filter (where state = 'idle' and status = 'onBreak'), 0) as "breakMs",
      coalesce(sum(ms) filter (where state = 'idle' and status = 'available'), 0) as "idleMs",
      coalesce(sum(ms) filter (where state in ('reserved', 'ringing')), 0) as "ringingMs",
      coalesce(sum(ms) filter (where state = 'talking'), 0) as "talkingMs",
      coalesce(sum(ms) filter (where state = 'wrapUp'), 0) as "wrapUpMs"
    from spans group by 1, 2 order by 2, 1`.execute(db)
  return rows.map(row => ({
    agentId: row.agentId,
    bucket: Number(row.bucket),
    breakMs: Math.round(Number(row.breakMs)),
    idleMs: Math.round(Number(row.idleMs)),
    ringingMs: Math.round(Number(row.ringingMs)),
    talkingMs: Math.round(Number(row.talkingMs)),
    wrapUpMs: Math.round(Number(row.wrapUpMs))
  }))
}

/** Offers that did not become calls, by the five reasons. */
export type MissCounts = Readonly<{
  missed: number
  rejected: number
  device: number
  network: number
  callerGone: number
}>
/** The five reasons, as `offers.outcome` writes them. */
export const MISS_FIGURES = [
  'missed',
  'rejected',
  'device',
  'network',
  'callerGone'
] as const satisfies readonly (keyof MissCounts)[]
export type MissFigure = (typeof MISS_FIGURES)[number]
export type MissRow = MissCounts & Readonly<{ agentId: string; bucket: number }>

export async function readMisses(
  db: Db,
  buckets: readonly Bucket[],
  agentIds?: readonly string[]
): Promise<readonly MissRow[]> {
  const [first] = buckets
  const last = buckets.at(-1)
  if (first === undefined || last === undefined) return []
  const bounds = buckets.map(bucket => bucket.from.toISOString())
  const { rows } = await sql<Record<keyof MissRow, string>>`
    select agent_id as "agentId", width_bucket(ended_at, ${bounds}::timestamptz[]) - 1 as bucket,
      count(*) filter (where outcome = 'missed') as "missed",
      count(*) filter (where outcome = 'rejected') as "rejected",
      count(*) filter (where outcome = 'device') as "device",
      count(*) filter (where outcome = 'network') as "network",
      count(*) filter (where outcome = 'callerGone') as "callerGone"
    from offers
    where state = 'over' and outcome <> 'withdrawn' and ended_at >= ${first.from} and ended_at < ${last.until}
      ${agentIds === undefined ? sql`` : sql`and agent_id = any(${[...agentIds]})`}
    group by 1, 2 order by 2, 1`.execute(db)
  return rows.map(row => ({
    agentId: row.agentId,
    bucket: Number(row.bucket),
    missed: Number(row.missed),
    rejected: Number(row.rejected),
    device: Number(row.device),
    network: Number(row.network),
    callerGone: Number(row.callerGone)
  }))
}

/** One span of an agent's day. `endedAt` is null for the present one. */
export type DaySpan = Readonly<{
  status: string
  statusReason: string | null
  state: string
  callId: string | null
  queueId: string | null
  startedAt: Date
  endedAt: Date | null
}>

export async function readAgentDay(db: Db, agentId: string, from: Date, until: Date): Promise<readonly DaySpan[]> {
  return await db
    .selectFrom('agent_intervals')
    .select([
      'status',
      'status_reason as statusReason',
      'state',
      'call_id as callId',
      'queue_id as queueId',
      'started_at as startedAt',
      'ended_at as endedAt'
    ])
    .where('agent_id', '=', agentId)
    .where('started_at', '<', until)
    .where(eb => eb.or([eb('ended_at', 'is', null), eb('ended_at', '>', from)]))
    .orderBy('started_at')
    .limit(5_000)
    .execute()
}

/** A call that an agent talked in, as the list of the own calls shows it. */
export type AgentCallRow = Readonly<{
  callId: string
  direction: 'inbound' | 'outbound' | null
  callerNumber: string | null
  calledNumber: string | null
  queueId: string | null
  disposition: string | null
  note: string | null
  startedAt: Date
  talkMs: number
}>

export async function readAgentCalls(
  db: Db,
  agentId: string,
  from: Date,
  until: Date
): Promise<readonly AgentCallRow[]> {
  const { rows } = await sql<AgentCallRow & { talkMs: string }>`
    select i.call_id as "callId", c.direction, c.caller_number as "callerNumber", c.called_number as "calledNumber",
      i.queue_id as "queueId", n.disposition, n.note, min(i.started_at) as "startedAt",
      sum(extract(epoch from coalesce(i.ended_at, now()) - i.started_at) * 1000) as "talkMs"
    from agent_intervals i
    left join cdrs c on c.call_id = i.call_id
    left join call_notes n on n.call_id = i.call_id and n.agent_id = i.agent_id
    where i.agent_id = ${agentId} and i.state = 'talking' and i.started_at >= ${from} and i.started_at < ${until}
      and i.call_id is not null
    group by 1, 2, 3, 4, 5, 6, 7 order by min(i.started_at) desc limit 200`.execute(db)
  return rows.map(row => ({ ...row, talkMs: Math.round(Number(row.talkMs)) }))
}
