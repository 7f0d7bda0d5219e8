import type { Insertable, Selectable } from 'kysely'
import type { Db } from '../database.ts'
import type { QueueEntriesTable } from '../queue-tables.ts'
import type { QueueCallbacksTable } from '../tables.ts'

export type DueCallback = Selectable<QueueCallbacksTable> & Readonly<{ attempts: number }>

/** The queues, as flows name them, in which somebody waits to be called back. */
export async function queuesOfCallbacks(db: Db): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('queue_callbacks')
    .select('queue')
    .distinct()
    .where('status', 'in', ['waiting', 'dialling'])
    .where('queue', 'is not', null)
    .execute()
  return rows.flatMap(row => row.queue ?? [])
}

/**
 * Takes callbacks of these queues whose turn may come, oldest place first, and puts each into its queue. `entryFor` gives null
 * for one that must wait (its queue was closed meanwhile). A callback is held by its entry: once that has left without an end, it
 * can be taken again, by any control plane.
 */
export async function claimCallbacks(
  db: Db,
  now: Date,
  queues: readonly string[],
  limit: number,
  entryFor: (callback: DueCallback) => Insertable<QueueEntriesTable> | null
): Promise<readonly Readonly<{ callback: DueCallback; entry: Insertable<QueueEntriesTable> }>[]> {
  return await db.transaction().execute(async trx => {
    const due = await trx
      .selectFrom('queue_callbacks')
      .leftJoin('queue_callback_turns', 'queue_callback_turns.callback_id', 'queue_callbacks.id')
      .leftJoin('queue_entries', 'queue_entries.id', 'queue_callback_turns.entry_id')
      .selectAll('queue_callbacks')
      .select('queue_callback_turns.attempts as attempts')
      .where('queue_callbacks.status', 'in', ['waiting', 'dialling'])
      // Those that must wait would take the places of others.
      .where('queue_callbacks.queue', 'in', [...queues])
      .where(eb =>
        eb.or([eb('queue_callback_turns.not_before', 'is', null), eb('queue_callback_turns.not_before', '<=', now)])
      )
      .where(eb => eb.or([eb('queue_entries.id', 'is', null), eb('queue_entries.state', '=', 'left')]))
      .orderBy('queue_callbacks.place_from_at')
      .limit(limit)
      .forUpdate('queue_callbacks')
      .skipLocked()
      .execute()
    const claimed = []
    for (const row of due) {
      const callback: DueCallback = { ...row, attempts: row.attempts ?? 0 }
      const entry = entryFor(callback)
      if (entry === null) continue
      await trx.insertInto('queue_entries').values(entry).execute()
      await trx
        .insertInto('queue_callback_turns')
        .values({ callback_id: callback.id, entry_id: entry.id })
        .onConflict(conflict => conflict.column('callback_id').doUpdateSet({ entry_id: entry.id }))
        .execute()
      claimed.push({ callback, entry })
    }
    return claimed
  })
}

/** Counts a try; the callback is being dialled. False when it was withdrawn meanwhile. */
export async function beginCallback(db: Db, id: string): Promise<boolean> {
  return await db.transaction().execute(async trx => {
    const rows = await trx
      .updateTable('queue_callbacks')
      .set({ status: 'dialling' })
      .where('id', '=', id)
      .where('status', 'in', ['waiting', 'dialling'])
      .returning('id')
      .execute()
    await trx
      .updateTable('queue_callback_turns')
      .set(eb => ({ attempts: eb('attempts', '+', 1) }))
      .where('callback_id', '=', id)
      .execute()
    return rows.length > 0
  })
}

/** Ends a callback for good. */
export async function endCallback(db: Db, id: string, status: 'done' | 'failed'): Promise<void> {
  await leaveDialling(db, id, status)
}

/** Ends a try; the next one is at `notBefore`. */
export async function retryCallback(db: Db, id: string, notBefore: Date): Promise<void> {
  await db.transaction().execute(async trx => {
    await leaveDialling(trx, id, 'waiting')
    await trx.updateTable('queue_callback_turns').set({ not_before: notBefore }).where('callback_id', '=', id).execute()
  })
}

/** Nobody was dialled: it was no try. `until` null: it may be taken again at once. */
export async function putOffCallback(db: Db, id: string, until: Date | null): Promise<void> {
  await db.transaction().execute(async trx => {
    await leaveDialling(trx, id, 'waiting')
    await trx
      .updateTable('queue_callback_turns')
      .set(eb => ({ attempts: eb('attempts', '-', 1), ...(until !== null && { not_before: until }) }))
      .where('callback_id', '=', id)
      .execute()
  })
}

/** Unless it was withdrawn meanwhile. */
async function leaveDialling(db: Db, id: string, status: 'done' | 'failed' | 'waiting'): Promise<void> {
  await db
    .updateTable('queue_callbacks')
    .set({ status })
    .where('id', '=', id)
    .where('status', '=', 'dialling')
    .execute()
}

export async function findCallback(db: Db, id: string): Promise<Selectable<QueueCallbacksTable> | undefined> {
  return await db.selectFrom('queue_callbacks').selectAll().where('id', '=', id).executeTakeFirst()
}
