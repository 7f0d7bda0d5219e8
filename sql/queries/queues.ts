import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { Db } from '../database.ts'
import type { DispositionsTable, QueuesTable, StatusReasonsTable } from '../queue-tables.ts'
import type { Changes } from './agents.ts'

export type QueueRow = Selectable<QueuesTable>

/** Queues changed by a transaction that had not ended at `horizon` ('0': all), also those that were removed. */
export async function readQueueChanges(db: Db, horizon: string): Promise<Changes<QueueRow>> {
  const { rows } = await sql<QueueRow & { horizon: string; id: string | null }>`
    select h.horizon, q.* from (select pg_snapshot_xmin(pg_current_snapshot())::text as horizon) h
    left join queues q on q.change_xid >= ${horizon}::bigint`.execute(db)
  return { rows: rows.filter(row => row.id !== null), horizon: rows[0]?.horizon ?? horizon }
}

export async function insertQueue(db: Db, row: Insertable<QueuesTable>): Promise<void> {
  await db.insertInto('queues').values(row).execute()
}

export async function updateQueue(db: Db, id: string, change: Updateable<QueuesTable>): Promise<boolean> {
  const rows = await db
    .updateTable('queues')
    .set(change)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}

export async function findQueue(db: Db, id: string): Promise<QueueRow | undefined> {
  return await db
    .selectFrom('queues')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function listQueues(db: Db, after: string | null, limit: number): Promise<readonly QueueRow[]> {
  let query = db.selectFrom('queues').selectAll().where('deleted_at', 'is', null).orderBy('id').limit(limit)
  if (after !== null) query = query.where('id', '>', after)
  return await query.execute()
}

/** Where a queue is used: published flows that name it, other queues that overflow into it, callers in it. */
export async function findQueueUses(
  db: Db,
  queue: Readonly<{ id: string; name: string }>
): Promise<Readonly<{ flows: readonly string[]; queues: readonly string[]; waiting: number; callbacks: number }>> {
  const { rows } = await sql<{
    flows: string[]
    queues: string[]
    waiting: number
    callbacks: number
  }>`select
    -- A queue's name stands in a flow as a word of its own, quoted or not.
    (select coalesce(array_agg(f.name order by f.name), '{}') from flows f
      join flow_versions v on v.flow_id = f.id and v.version = f.published_version
      where v.source ~ ('queue["'']?:\\s*["'']?' || regexp_replace(${queue.name}::text, '([^[:alnum:] ])', '\\\\\\1', 'g') || '["'']?\\s*($|\\n|[,}#])')
    ) as flows,
    (select coalesce(array_agg(q.name order by q.name), '{}') from queues q where q.deleted_at is null
      and q.id <> ${queue.id}
      and ((q.overflow->>'kind' = 'queue' and q.overflow->>'value' in (${queue.id}, ${queue.name}))
        or (q.after_hours->>'kind' = 'queue' and q.after_hours->>'value' in (${queue.id}, ${queue.name})))
    ) as queues,
    (select count(*)::integer from queue_entries where queue_id = ${queue.id} and state <> 'left') as waiting,
    (select count(*)::integer from queue_callbacks where queue in (${queue.id}, ${queue.name})
      and status in ('waiting', 'dialling')) as callbacks`.execute(db)
  const [found] = rows
  if (found === undefined) throw new Error('a query without rows')
  return found
}

export async function insertSkill(db: Db, skill: Readonly<{ name: string; description: string }>): Promise<void> {
  await db.insertInto('skills').values(skill).execute()
}

export async function updateSkill(db: Db, name: string, description: string): Promise<boolean> {
  const rows = await db.updateTable('skills').set({ description }).where('name', '=', name).returning('name').execute()
  return rows.length > 0
}

export async function deleteSkill(db: Db, name: string): Promise<boolean> {
  const rows = await db.deleteFrom('skills').where('name', '=', name).returning('name').execute()
  return rows.length > 0
}

export type SkillRow = Readonly<{ name: string; description: string; agents: number; queues: readonly string[] }>

/** All skills with how many agents have them and which queues ask for them. */
export async function listSkills(db: Db): Promise<readonly SkillRow[]> {
  const { rows } = await sql<SkillRow>`
    select s.name, s.description,
      (select count(*)::integer from agent_skills a where a.skill = s.name) as agents,
      (select coalesce(array_agg(q.name order by q.name), '{}') from queues q where q.deleted_at is null
        and exists (select from jsonb_array_elements(q.tiers) t, jsonb_array_elements(t->'skills') k
          where k->>'skill' = s.name)) as queues
    from skills s order by s.name limit 1000`.execute(db)
  return rows
}

export async function upsertDisposition(db: Db, row: Insertable<DispositionsTable>): Promise<void> {
  const { labels, queue_ids, is_active } = row
  await db
    .insertInto('dispositions')
    .values(row)
    .onConflict(conflict => conflict.column('code').doUpdateSet({ labels, queue_ids, is_active }))
    .execute()
}

export async function listDispositions(db: Db): Promise<readonly Selectable<DispositionsTable>[]> {
  return await db.selectFrom('dispositions').selectAll().orderBy('code').limit(1_000).execute()
}

/** How many calls carry an outcome. */
export async function countDispositionUses(db: Db, code: string): Promise<number> {
  const row = await db
    .selectFrom('call_notes')
    .select(eb => eb.fn.countAll<string>().as('count'))
    .where('disposition', '=', code)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function deleteDisposition(db: Db, code: string): Promise<boolean> {
  const rows = await db.deleteFrom('dispositions').where('code', '=', code).returning('code').execute()
  return rows.length > 0
}

export async function upsertStatusReason(db: Db, row: Insertable<StatusReasonsTable>): Promise<void> {
  const { labels, is_active } = row
  await db
    .insertInto('status_reasons')
    .values(row)
    .onConflict(conflict => conflict.column('code').doUpdateSet({ labels, is_active }))
    .execute()
}

export async function listStatusReasons(db: Db): Promise<readonly Selectable<StatusReasonsTable>[]> {
  return await db.selectFrom('status_reasons').selectAll().orderBy('code').limit(1_000).execute()
}

export async function deleteStatusReason(db: Db, code: string): Promise<boolean> {
  const rows = await db.deleteFrom('status_reasons').where('code', '=', code).returning('code').execute()
  return rows.length > 0
}
