import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import { type Db, withinTransaction } from '../database.ts'
import type { AgentsTable, CallNotesTable } from '../queue-tables.ts'

export type AgentRow = Selectable<AgentsTable>

/** Changed rows, and the point from which to ask the next time. */
export type Changes<Row> = Readonly<{ rows: readonly Row[]; horizon: string }>

/**
 * Every agent changed by a transaction that had not ended at `horizon` ('0': all), in one snapshot. What is read twice
 * is told apart by its version; nothing is missed, however long a transaction took to commit.
 */
export async function readAgentChanges(db: Db, horizon: string): Promise<Changes<AgentRow>> {
  const { rows } = await sql<AgentRow & { horizon: string; id: string | null }>`
    select h.horizon, a.* from (select pg_snapshot_xmin(pg_current_snapshot())::text as horizon) h
    left join agents a on a.change_xid >= ${horizon}::bigint`.execute(db)
  return { rows: rows.filter(row => row.id !== null), horizon: rows[0]?.horizon ?? horizon }
}

export type ProfileRow = Readonly<{
  id: string
  displayName: string
  username: string
  skills: Readonly<Record<string, number>>
  languages: Readonly<Record<string, string>>
}>

/** Names, skills and languages of agents. */
export async function readProfiles(db: Db, ids: readonly string[]): Promise<readonly ProfileRow[]> {
  if (ids.length === 0) return []
  const { rows } = await sql<ProfileRow>`
    select a.id, u.display_name as "displayName", u.username,
      coalesce((select jsonb_object_agg(s.skill, s.level) from agent_skills s where s.agent_id = a.id), '{}') as skills,
      coalesce((select jsonb_object_agg(l.language, l.level) from agent_languages l where l.agent_id = a.id), '{}')
        as languages
    from agents a join users u on u.id = a.id where a.id = any(${ids})`.execute(db)
  return rows
}

/** Makes the row of a user who takes calls for the first time. Returns whether the user exists. */
export async function ensureAgent(db: Db, id: string, now: Date): Promise<boolean> {
  const user = await db
    .selectFrom('users')
    .select('id')
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  if (user === undefined) return false
  await db
    .insertInto('agents')
    .values({ id, status_since: now, state_since: now, idle_since: now })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute()
  return true
}

export async function lockAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return await db.selectFrom('agents').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
}

/** Locks several agents in one order for all writers, so that none waits for another in a circle. */
export async function lockAgents(db: Db, ids: readonly string[]): Promise<readonly AgentRow[]> {
  if (ids.length === 0) return []
  return await db
    .selectFrom('agents')
    .selectAll()
    .where('id', 'in', [...ids])
    .orderBy('id')
    .forUpdate()
    .execute()
}

export async function writeAgent(db: Db, id: string, change: Updateable<AgentsTable>): Promise<AgentRow> {
  return await db.updateTable('agents').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Agents for whom time has something to do since before `before`. */
export async function listDueAgents(db: Db, before: Date, limit: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('agents')
    .select('id')
    .where('due_at', '<', before)
    .orderBy('due_at')
    .limit(limit)
    .execute()
  return rows.map(row => row.id)
}

/**
 * Agents of these who talk in a call that is over since `endedBefore`, or whose control plane died before `deadSince`. A
 * control plane may die before it has stored anything of a call: then the offer says whose call it was.
 */
export async function findLostTalks(
  db: Db,
  agentIds: readonly string[],
  deadSince: Date,
  endedBefore: Date
): Promise<ReadonlySet<string>> {
  if (agentIds.length === 0) return new Set()
  const { rows } = await sql<{ id: string }>`
    select a.id from agents a
    left join cdrs c on c.call_id = a.call_id
    left join lateral (
      select call_control_plane_id as plane_id from offers
      where c.call_id is null and agent_id = a.id and call_id = a.call_id order by created_at desc limit 1
    ) o on true
    left join control_planes p on p.id = coalesce(c.control_plane_id, o.plane_id)
    where a.id = any(${[...agentIds]}) and a.state = 'talking' and (
      (c.state = 'ended' and c.ended_at < ${endedBefore})
      or (coalesce(c.control_plane_id, o.plane_id) is not null
        and (p.heartbeat_at is null or p.heartbeat_at < ${deadSince}))
    )`.execute(db)
  return new Set(rows.map(row => row.id))
}

export async function upsertCallNote(
  db: Db,
  key: Readonly<{ callId: string; agentId: string }>,
  values: Partial<Omit<Insertable<CallNotesTable>, 'call_id' | 'agent_id'>>,
  now: Date
): Promise<void> {
  await db
    .insertInto('call_notes')
    .values({ call_id: key.callId, agent_id: key.agentId, ...values, updated_at: now })
    .onConflict(conflict => conflict.columns(['call_id', 'agent_id']).doUpdateSet({ ...values, updated_at: now }))
    .execute()
}

export async function findCallNote(
  db: Db,
  callId: string,
  agentId: string
): Promise<Selectable<CallNotesTable> | undefined> {
  return await db
    .selectFrom('call_notes')
    .selectAll()
    .where('call_id', '=', callId)
    .where('agent_id', '=', agentId)
    .executeTakeFirst()
}

/** Adds what became of an answered visit: each figure once its part is over. */
export async function completeVisit(
  db: Db,
  key: Readonly<{ callId: string; agentId: string }>,
  figures: Readonly<{ talkMs?: number; holdMs?: number; wrapUpMs?: number; isTransferred?: boolean }>
): Promise<void> {
  const { talkMs, holdMs, wrapUpMs, isTransferred } = figures
  const change = {
    ...(talkMs !== undefined && { talk_ms: talkMs }),
    ...(holdMs !== undefined && { hold_ms: holdMs }),
    ...(wrapUpMs !== undefined && { wrap_up_ms: wrapUpMs }),
    ...(isTransferred !== undefined && { is_transferred: isTransferred })
  }
  if (Object.keys(change).length === 0) return
  // The newest visit of this agent in the call: a caller may come back to the same agent.
  await db
    .updateTable('queue_visits')
    .set(change)
    .where('id', '=', eb =>
      eb
        .selectFrom('queue_visits')
        .select('id')
        .where('call_id', '=', key.callId)
        .where('agent_id', '=', key.agentId)
        .orderBy('left_at', 'desc')
        .limit(1)
    )
    .execute()
}

/** Sets skills and languages as a whole; every control plane hears of it. Returns whether the agent exists. */
export async function setProfile(
  db: Db,
  id: string,
  profile: Readonly<{
    skills?: readonly Readonly<{ skill: string; level: number }>[]
    languages?: readonly Readonly<{ language: string; level: 'A1' | 'A2' | 'B1' | 'B2' | 'C1' | 'C2' }>[]
  }>
): Promise<boolean> {
  return await withinTransaction(db, async trx => {
    const rows =
      await sql`update agents set profile_version = profile_version + 1 where id = ${id} returning id`.execute(trx)
    if (rows.rows.length === 0) return false
    if (profile.skills !== undefined) {
      await trx.deleteFrom('agent_skills').where('agent_id', '=', id).execute()
      if (profile.skills.length > 0)
        await trx
          .insertInto('agent_skills')
          .values(profile.skills.map(one => ({ agent_id: id, ...one })))
          .execute()
    }
    if (profile.languages !== undefined) {
      await trx.deleteFrom('agent_languages').where('agent_id', '=', id).execute()
      if (profile.languages.length > 0)
        await trx
          .insertInto('agent_languages')
          .values(profile.languages.map(one => ({ agent_id: id, ...one })))
          .execute()
    }
    return true
  })
}
