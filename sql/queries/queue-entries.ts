import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { Db } from '../database.ts'
import { isOfPerson } from '../people-only.ts'
import type { QueueEntriesTable, QueueVisitsTable } from '../queue-tables.ts'
import type { Changes } from './agents.ts'
import type { OfferRow } from './offers.ts'

export type EntryRow = Selectable<QueueEntriesTable>

/** Entries changed by a transaction that had not ended at `horizon`; with '0', all that are not left. See agents.ts. */
export async function readEntryChanges(db: Db, horizon: string): Promise<Changes<EntryRow>> {
  const { rows } = await sql<EntryRow & { horizon: string; id: string | null }>`
    select h.horizon, e.* from (select pg_snapshot_xmin(pg_current_snapshot())::text as horizon) h
    left join queue_entries e on e.change_xid >= ${horizon}::bigint and (${horizon} <> '0' or e.state <> 'left')`.execute(
    db
  )
  return { rows: rows.filter(row => row.id !== null), horizon: rows[0]?.horizon ?? horizon }
}

/** Adds an entry unless the queue holds `maxSize` already; undefined when it is full. */
export async function insertEntry(
  db: Db,
  entry: Insertable<QueueEntriesTable>,
  maxSize: number | null
): Promise<EntryRow | undefined> {
  if (maxSize === null) return await db.insertInto('queue_entries').values(entry).returningAll().executeTakeFirst()
  return await db.transaction().execute(async trx => {
    // Whoever enters at the same moment must be counted.
    await sql`select pg_advisory_xact_lock(hashtextextended(${entry.queue_id}, 3))`.execute(trx)
    const { count } = await trx
      .selectFrom('queue_entries')
      .select(eb => eb.fn.countAll<string>().as('count'))
      .where('queue_id', '=', entry.queue_id)
      .where('state', 'in', ['waiting', 'reserved'])
      .executeTakeFirstOrThrow()
    if (Number(count) >= maxSize) return undefined
    return await trx.insertInto('queue_entries').values(entry).returningAll().executeTakeFirst()
  })
}

/** One agent for one entry, as distribution decided. */
export type Proposal = Readonly<{
  offerId: string
  entryId: string
  agentId: string
  tier: number
  reason: string
  ringMs: number
}>

export type Reserved = Readonly<{
  offerId: string
  entryId: string
  agentId: string
  agentControlPlaneId: string | null
  agentVersion: string
}>

/**
 * Holds agents for entries and makes the offers, all in one statement and so in one transaction. Whatever is not as it
 * was decided on (or is being changed by somebody else just now) is left out; what is returned is certain.
 */
export async function reserve(
  db: Db,
  proposals: readonly Proposal[],
  controlPlaneId: string,
  now: Date
): Promise<readonly Reserved[]> {
  if (proposals.length === 0) return []
  const column = <K extends keyof Proposal>(key: K) => proposals.map(proposal => proposal[key])
  const { rows } = await sql<Reserved>`/* planned once: reserve */
    with wanted as (
      select * from unnest(
        ${column('offerId')}::text[], ${column('entryId')}::text[], ${column('agentId')}::text[],
        ${column('tier')}::integer[], ${column('reason')}::text[], ${column('ringMs')}::integer[]
      ) as w (offer_id, entry_id, agent_id, tier, reason, ring_ms)
    ), free_agents as (
      select a.id, a.control_plane_id from agents a
      where a.id in (select agent_id from wanted)
        and a.state = 'idle' and a.status = 'available' and a.is_routable
        and (a.paused_until is null or a.paused_until <= ${now})
      for update skip locked
    ), waiting_entries as (
      select e.id, e.call_id, e.queue_id from queue_entries e
      where e.id in (select entry_id from wanted) and e.state = 'waiting' and e.control_plane_id = ${controlPlaneId}
      for update skip locked
    ), pairs as (
      select w.*, e.call_id, e.queue_id, a.control_plane_id from wanted w
      join free_agents a on a.id = w.agent_id join waiting_entries e on e.id = w.entry_id
    ), made as (
      insert into offers (id, entry_id, call_id, queue_id, agent_id, call_control_plane_id, agent_control_plane_id,
        reason, created_at, expires_at)
      select offer_id, entry_id, call_id, queue_id, agent_id, ${controlPlaneId}, control_plane_id, reason,
        ${now}, ${now}::timestamptz + make_interval(secs => ring_ms / 1000.0)
      from pairs
    ), entries_held as (
      update queue_entries e set state = 'reserved', tier = p.tier
      from (select distinct entry_id, tier from pairs) p where e.id = p.entry_id
    ), agents_held as (
      update agents a set state = 'reserved', state_since = ${now}, call_id = p.call_id, queue_id = p.queue_id,
        offer_id = p.offer_id, last_offered_at = ${now}
      from pairs p where a.id = p.agent_id
      returning a.id, a.version, a.control_plane_id, p.offer_id, p.entry_id
    )
    select offer_id as "offerId", entry_id as "entryId", id as "agentId", control_plane_id as "agentControlPlaneId",
      version as "agentVersion" from agents_held`.execute(db)
  return rows
}

/** The call that an agent who is held will get; false when the hold is over. */
export async function assignCall(
  db: Db,
  held: Readonly<{ entryId: string; offerId: string; agentId: string; callId: string }>
): Promise<boolean> {
  const { entryId, offerId, agentId, callId } = held
  const { rows } = await sql<{ id: string }>`
    with the_agent as (
      update agents set call_id = ${callId} where id = ${agentId} and offer_id = ${offerId} and state = 'reserved'
      returning id
    ), the_offer as (
      update offers set call_id = ${callId} from the_agent where offers.id = ${offerId} and state = 'pending'
    ), the_entry as (
      update queue_entries set call_id = ${callId} from the_agent where queue_entries.id = ${entryId}
    ) select id from the_agent`.execute(db)
  return rows.length > 0
}

export async function lockEntry(db: Db, id: string): Promise<EntryRow | undefined> {
  return await db.selectFrom('queue_entries').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
}

export async function writeEntry(db: Db, id: string, change: Updateable<QueueEntriesTable>): Promise<EntryRow> {
  return await db.updateTable('queue_entries').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function findOffer(db: Db, id: string): Promise<OfferRow | undefined> {
  return await db.selectFrom('offers').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listPendingOffers(db: Db, entryId: string): Promise<readonly OfferRow[]> {
  return await db
    .selectFrom('offers')
    .selectAll()
    .where('entry_id', '=', entryId)
    .where('state', '=', 'pending')
    .orderBy('agent_id')
    .execute()
}

/** Offers of queues that nobody settled although their time was over before `expiredBefore`. */
export async function listStaleOffers(db: Db, expiredBefore: Date): Promise<readonly OfferRow[]> {
  return await db
    .selectFrom('offers')
    .selectAll()
    .where('state', '=', 'pending')
    .where('entry_id', 'is not', null)
    .where('expires_at', '<', expiredBefore)
    .orderBy('expires_at')
    .limit(500)
    .execute()
}

/** Offers to agents whose control plane has not been heard of since `deadSince`. */
export async function listOffersOfDeadOwners(db: Db, deadSince: Date): Promise<readonly OfferRow[]> {
  return await db
    .selectFrom('offers')
    .leftJoin('control_planes', 'control_planes.id', 'offers.agent_control_plane_id')
    .selectAll('offers')
    .where('offers.state', '=', 'pending')
    .where('offers.entry_id', 'is not', null)
    .where('offers.agent_control_plane_id', 'is not', null)
    .where(eb =>
      eb.or([eb('control_planes.heartbeat_at', 'is', null), eb('control_planes.heartbeat_at', '<', deadSince)])
    )
    .limit(500)
    .execute()
}

/**
 * The place of a caller whose control plane died while they waited or talked, for when they call the same queue again; null
 * when there is none. It is given once.
 */
export async function takeLostPlace(db: Db, queueId: string, callerNumber: string): Promise<Date | null> {
  const { rows } = await sql<{ place: Date }>`
    update queue_entries e set is_place_taken = true from cdrs c
    where e.queue_id = ${queueId} and e.outcome = 'lost' and not e.is_place_taken
      and c.call_id = e.call_id and c.direction = 'inbound' and c.caller_number = ${callerNumber}
    returning e.place_from_at as place`.execute(db)
  return rows.map(row => row.place).sort((one, other) => one.getTime() - other.getTime())[0] ?? null
}

export async function deleteLeftEntries(db: Db, leftBefore: Date): Promise<void> {
  await db.deleteFrom('queue_entries').where('state', '=', 'left').where('left_at', '<', leftBefore).execute()
}

export async function insertVisit(db: Db, visit: Insertable<QueueVisitsTable>): Promise<void> {
  await db.insertInto('queue_visits').values(visit).execute()
}

export type ServiceTimes = Readonly<{ queueId: string; answered: number; handleMs: number }>

/** How long agents were busy with a call of each queue on average, of the calls answered since `since`. */
export async function readServiceTimes(db: Db, since: Date): Promise<readonly ServiceTimes[]> {
  const { rows } = await sql<{ queueId: string; answered: string; handleMs: string }>`
    select queue_id as "queueId", count(*) as answered,
      avg(talk_ms + coalesce(hold_ms, 0) + coalesce(wrap_up_ms, 0)) as "handleMs"
    from queue_visits v where left_at >= ${since} and outcome = 'answered' and talk_ms is not null
      and ${isOfPerson('v.call_id')}
    group by queue_id`.execute(db)
  return rows.map(row => ({ queueId: row.queueId, answered: Number(row.answered), handleMs: Number(row.handleMs) }))
}

/** The agent who last answered a caller of this number in a queue since `since`; for strategy stickyAgent. */
export async function findLastAgent(db: Db, callerNumber: string, since: Date): Promise<string | null> {
  const row = await db
    .selectFrom('cdrs')
    .innerJoin('queue_visits', 'queue_visits.call_id', 'cdrs.call_id')
    .select('queue_visits.agent_id as agentId')
    .where('cdrs.caller_number', '=', callerNumber)
    .where('cdrs.direction', '=', 'inbound')
    .where('cdrs.is_simulated', '=', false)
    .where('queue_visits.agent_id', 'is not', null)
    .where('queue_visits.left_at', '>=', since)
    .orderBy('queue_visits.left_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.agentId ?? null
}
