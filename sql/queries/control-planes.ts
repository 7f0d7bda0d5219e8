import { sql } from 'kysely'
import type { Db } from '../database.ts'

/** Says that this control plane lives, by the database's clock: those of control planes may differ. */
export async function beatControlPlane(db: Db, id: string): Promise<void> {
  const now = sql<Date>`clock_timestamp()`
  await db
    .insertInto('control_planes')
    .values({ id, heartbeat_at: now })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ heartbeat_at: now }))
    .execute()
}

export async function removeControlPlane(db: Db, id: string): Promise<void> {
  await db.deleteFrom('control_planes').where('id', '=', id).execute()
}

export async function readDatabaseClock(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database did not tell the time')
  return row.now
}

/** Control planes that have been heard of since `deadSince`. */
export async function listLiveControlPlanes(db: Db, deadSince: Date): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('control_planes').select('id').where('heartbeat_at', '>=', deadSince).execute()
  return new Set(rows.map(row => row.id))
}

/** Heartbeats that cannot have been written yet: the clock was set back. */
export async function forgetFutureBeats(db: Db, after: Date): Promise<void> {
  await db.deleteFrom('control_planes').where('heartbeat_at', '>', after).execute()
}
