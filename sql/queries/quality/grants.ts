import type { Insertable, Selectable } from 'kysely'
import type { Db } from '../../database.ts'
import type { UnredactedGrantsTable } from '../../quality-tables.ts'

export type UnredactedGrantRow = Readonly<Selectable<UnredactedGrantsTable>> & Readonly<{ userName: string }>

export async function insertUnredactedGrant(db: Db, row: Insertable<UnredactedGrantsTable>): Promise<void> {
  await db.insertInto('unredacted_grants').values(row).execute()
}

/** Newest first, those that have ended among them. */
export async function listUnredactedGrants(db: Db): Promise<readonly UnredactedGrantRow[]> {
  return await db
    .selectFrom('unredacted_grants')
    .innerJoin('users', 'users.id', 'unredacted_grants.user_id')
    .selectAll('unredacted_grants')
    .select('users.display_name as userName')
    .orderBy('unredacted_grants.id', 'desc')
    .limit(500)
    .execute()
}

export async function hasUnredactedGrant(db: Db, userId: string, now: Date): Promise<boolean> {
  const row = await db
    .selectFrom('unredacted_grants')
    .select('id')
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** False when there is no such grant in force. */
export async function revokeUnredactedGrant(db: Db, id: string, now: Date): Promise<boolean> {
  const done = await db
    .updateTable('unredacted_grants')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}
