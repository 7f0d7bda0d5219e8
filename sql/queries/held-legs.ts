import { sql } from 'kysely'
import type { Db } from '../database.ts'
import type { HeldLegsTable } from '../tables.ts'

export type HeldLeg = Readonly<{ kind: HeldLegsTable['kind']; engineId: string }>
export type LeftLeg = HeldLeg & Readonly<{ controlPlaneId: string }>

/** Stores what a control plane holds now and removes what it holds no longer, in one statement. */
export async function storeHeldLegs(
  db: Db,
  controlPlaneId: string,
  held: readonly HeldLeg[],
  released: readonly HeldLeg[]
): Promise<void> {
  const column = (legs: readonly HeldLeg[], key: keyof HeldLeg) => legs.map(leg => leg[key])
  await sql`
    with gone as (
      delete from held_legs h using unnest(
        ${column(released, 'kind')}::text[], ${column(released, 'engineId')}::text[]
      ) as r (kind, engine_id) where h.kind = r.kind and h.engine_id = r.engine_id
    )
    insert into held_legs (kind, engine_id, control_plane_id)
    select n.kind, n.engine_id, ${controlPlaneId}
    from unnest(${column(held, 'kind')}::text[], ${column(held, 'engineId')}::text[]) as n (kind, engine_id)
    on conflict (kind, engine_id) do update set control_plane_id = excluded.control_plane_id`.execute(db)
}

/** What is held by control planes that have not been heard of since `deadSince`. */
export async function listLegsOfTheDead(db: Db, deadSince: Date, limit: number): Promise<readonly LeftLeg[]> {
  return await db
    .selectFrom('held_legs')
    .leftJoin('control_planes', 'control_planes.id', 'held_legs.control_plane_id')
    .select(['held_legs.kind', 'held_legs.engine_id as engineId', 'held_legs.control_plane_id as controlPlaneId'])
    .where(eb =>
      eb.or([eb('control_planes.heartbeat_at', 'is', null), eb('control_planes.heartbeat_at', '<', deadSince)])
    )
    .orderBy('held_legs.held_at')
    .limit(limit)
    .execute()
}

/** Forgets legs that were ended. */
export async function removeHeldLegs(db: Db, legs: readonly HeldLeg[]): Promise<void> {
  for (const kind of ['invite', 'dialog', 'channel'] as const) {
    const ids = legs.filter(leg => leg.kind === kind).map(leg => leg.engineId)
    if (ids.length > 0)
      await db.deleteFrom('held_legs').where('kind', '=', kind).where('engine_id', 'in', ids).execute()
  }
}
