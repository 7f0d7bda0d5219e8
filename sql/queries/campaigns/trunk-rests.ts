import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** A trunk that some control plane has found unable to carry calls. */
export type TrunkRest = Readonly<{ trunkId: string; faults: number; restsUntil: Date }>

export async function listTrunkRests(db: Db): Promise<readonly TrunkRest[]> {
  return await db
    .selectFrom('trunk_rests')
    .select(['trunk_id as trunkId', 'faults', 'rests_until as restsUntil'])
    .execute()
}

/** What is further ahead than a rest and what clocks may differ by comes from a clock that was ahead. */
const CLOCKS_DIFFER = sql`interval '1 minute'`

export async function restTrunk(db: Db, { trunkId, faults, restsUntil }: TrunkRest): Promise<void> {
  await sql`insert into trunk_rests as t (trunk_id, faults, rests_until) values (${trunkId}, ${faults}, ${restsUntil})
    on conflict (trunk_id) do update set faults = greatest(t.faults, excluded.faults),
      rests_until = case when t.rests_until > excluded.rests_until + ${CLOCKS_DIFFER} then excluded.rests_until
        else greatest(t.rests_until, excluded.rests_until) end`.execute(db)
}

/**
 * Takes the one call that finds out whether a trunk is back; false when another control plane has taken it. `restsUntil`: when
 * the next one may, counted from `now`.
 */
export async function takeTrunkProbe(db: Db, trunkId: string, now: Date, restsUntil: Date): Promise<boolean> {
  const { rows } = await sql`update trunk_rests set rests_until = ${restsUntil} where trunk_id = ${trunkId}
    and (rests_until <= ${now} or rests_until > ${restsUntil}::timestamptz + ${CLOCKS_DIFFER}) returning 1`.execute(db)
  return rows.length > 0
}

/** It carries calls again. */
export async function forgetTrunkRest(db: Db, trunkId: string): Promise<void> {
  await db.deleteFrom('trunk_rests').where('trunk_id', '=', trunkId).execute()
}
