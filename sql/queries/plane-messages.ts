import { sql } from 'kysely'
import type { Db } from '../database.ts'

export type PlaneMessageRow = Readonly<{ from: string; body: Readonly<Record<string, unknown>> }>

/** Stores messages for other control planes in this order and wakes each of them. */
export async function sendPlaneMessages(
  db: Db,
  from: string,
  messages: readonly Readonly<{ to: string; body: object }>[]
): Promise<void> {
  const rows = JSON.stringify(messages)
  await sql`
    with given as (
      select one.value ->> 'to' as to_plane, one.value -> 'body' as body, one.ordinality
      from jsonb_array_elements(${rows}::jsonb) with ordinality as one
    ), sent as (
      insert into plane_messages (to_plane, from_plane, body)
      select to_plane, ${from}, body from given order by ordinality
      returning to_plane
    )
    select pg_notify('parley_wake', 'plane:' || to_plane) from (select distinct to_plane from sent) as woken`.execute(
    db
  )
}

/** Takes what others have sent to this control plane, in the order in which each of them sent it. */
export async function takePlaneMessages(db: Db, to: string): Promise<readonly PlaneMessageRow[]> {
  const { rows } = await sql<{ no: string; from_plane: string; body: PlaneMessageRow['body'] }>`
    delete from plane_messages where to_plane = ${to} returning no, from_plane, body`.execute(db)
  return rows
    .toSorted((one, other) => Number(BigInt(one.no) - BigInt(other.no)))
    .map(row => ({ from: row.from_plane, body: row.body }))
}

/** Removes what was sent to control planes that never took it. */
export async function dropOldPlaneMessages(db: Db, before: Date): Promise<void> {
  await sql`delete from plane_messages where sent_at < ${before}`.execute(db)
}
