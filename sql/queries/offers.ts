import type { Insertable, Selectable } from 'kysely'
import type { Db } from '../database.ts'
import type { OffersTable } from '../queue-tables.ts'

export type OfferRow = Selectable<OffersTable>
export type OfferOutcome = NonNullable<OfferRow['outcome']>

export async function insertDirectOffer(
  db: Db,
  offer: Omit<Insertable<OffersTable>, 'entry_id' | 'queue_id' | 'state' | 'outcome' | 'answered_at' | 'ended_at'>
): Promise<void> {
  await db
    .insertInto('offers')
    .values({ ...offer, entry_id: null, queue_id: null, outcome: null, answered_at: null, ended_at: null })
    .execute()
}

export async function findDirectOffer(db: Db, id: string): Promise<OfferRow | undefined> {
  return await db
    .selectFrom('offers')
    .selectAll()
    .where('id', '=', id)
    .where('entry_id', 'is', null)
    .where('state', '=', 'pending')
    .executeTakeFirst()
}

/** Ends a pending offer; false when it was over before. */
export async function settleOffer(db: Db, id: string, outcome: 'answered' | OfferOutcome, now: Date): Promise<boolean> {
  const change =
    outcome === 'answered'
      ? ({ state: 'answered', answered_at: now, ended_at: now } as const)
      : ({ state: 'over', outcome, ended_at: now } as const)
  const rows = await db
    .updateTable('offers')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .returning('id')
    .execute()
  return rows.length > 0
}

/** Direct offers that should have been settled before `expiredBefore`. */
export async function listStaleDirectOffers(db: Db, expiredBefore: Date): Promise<readonly { id: string }[]> {
  return await db
    .selectFrom('offers')
    .select('id')
    .where('state', '=', 'pending')
    .where('entry_id', 'is', null)
    .where('expires_at', '<', expiredBefore)
    .orderBy('expires_at')
    .limit(500)
    .execute()
}
