import type { Selectable } from 'kysely'
import type { Db } from '../database.ts'
import type { WallboardLinksTable } from '../queue-tables.ts'

export type WallboardLinkRow = Selectable<WallboardLinksTable>

/** Uses are noted this rarely: a screen asks twice a second, all day. */
const NOTE_USE_EVERY_MS = 60_000

/** All links, those that were withdrawn too, newest first. */
export async function listWallboardLinks(db: Db): Promise<readonly WallboardLinkRow[]> {
  return await db.selectFrom('wallboard_links').selectAll().orderBy('id', 'desc').limit(500).execute()
}

export async function insertWallboardLink(
  db: Db,
  link: Readonly<{ id: string; name: string; tokenHash: string; createdBy: string; createdAt: Date }>
): Promise<void> {
  await db
    .insertInto('wallboard_links')
    .values({
      id: link.id,
      name: link.name,
      token_hash: link.tokenHash,
      created_by: link.createdBy,
      created_at: link.createdAt
    })
    .execute()
}

/** Whether the link was there and still open. */
export async function revokeWallboardLink(db: Db, id: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('wallboard_links')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** Whether a link with this secret is open; notes that it was used. */
export async function useWallboardLink(db: Db, tokenHash: string, now: Date): Promise<boolean> {
  const link = await db
    .selectFrom('wallboard_links')
    .select(['id', 'last_used_at'])
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (link === undefined) return false
  if (link.last_used_at === null || now.getTime() - link.last_used_at.getTime() >= NOTE_USE_EVERY_MS)
    await db.updateTable('wallboard_links').set({ last_used_at: now }).where('id', '=', link.id).execute()
  return true
}
