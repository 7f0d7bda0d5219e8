import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Db } from '../database.ts'
import type { CardSourcesTable } from '../tables.ts'

export type CardSourceRow = Selectable<CardSourcesTable>

export async function listCardSources(db: Db): Promise<readonly CardSourceRow[]> {
  return await db.selectFrom('card_sources').selectAll().orderBy('name').execute()
}

export async function findCardSource(db: Db, id: string): Promise<CardSourceRow | undefined> {
  return await db.selectFrom('card_sources').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function insertCardSource(db: Db, row: Insertable<CardSourcesTable>): Promise<void> {
  await db.insertInto('card_sources').values(row).execute()
}

export async function updateCardSource(db: Db, id: string, change: Updateable<CardSourcesTable>): Promise<boolean> {
  const rows = await db.updateTable('card_sources').set(change).where('id', '=', id).returning('id').execute()
  return rows.length > 0
}

export async function deleteCardSource(db: Db, id: string): Promise<boolean> {
  const rows = await db.deleteFrom('card_sources').where('id', '=', id).returning('id').execute()
  return rows.length > 0
}
