import type { Db } from '../database.ts'

/** Somebody says that the time is right. Returns the id of that. */
export async function insertTimeConfirmation(db: Db, saidBy: string): Promise<string> {
  const { id } = await db
    .insertInto('time_confirmations')
    .values({ said_by: saidBy })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** The last time that somebody has said so; null when nobody ever has. */
export async function lastTimeConfirmation(db: Db): Promise<string | null> {
  const row = await db.selectFrom('time_confirmations').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row?.id ?? null
}
