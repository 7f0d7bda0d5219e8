import type { Insertable, Selectable, Updateable } from 'kysely'
import { sql } from 'kysely'
import type { Db } from '../../database.ts'
import type {
  PrivacyCodesTable,
  PrivacyRequestEventsTable,
  PrivacyRequestsTable,
  PrivacyStatus
} from '../../quality-tables.ts'

export type RequestRow = Readonly<Selectable<PrivacyRequestsTable>>
export type CodeRow = Readonly<Selectable<PrivacyCodesTable>>
export type RequestEventRow = Readonly<Selectable<PrivacyRequestEventsTable>>

export async function insertRequest(db: Db, row: Insertable<PrivacyRequestsTable>): Promise<void> {
  await db.insertInto('privacy_requests').values(row).execute()
}

export async function findRequest(db: Db, id: string): Promise<RequestRow | undefined> {
  return await db.selectFrom('privacy_requests').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function findRequestByStatus(db: Db, statusHash: string): Promise<RequestRow | undefined> {
  return await db.selectFrom('privacy_requests').selectAll().where('status_hash', '=', statusHash).executeTakeFirst()
}

/** What is due first comes first. */
export async function listRequests(db: Db, isOpen: boolean, limit: number): Promise<readonly RequestRow[]> {
  let query = db.selectFrom('privacy_requests').selectAll().limit(limit)
  query = isOpen
    ? query.where('status', 'not in', ['done', 'refused', 'withdrawn']).orderBy('due_at')
    : query.where('status', 'in', ['done', 'refused', 'withdrawn']).orderBy('id', 'desc')
  return await query.execute()
}

/** Requests that were approved some moments ago and are not done. */
export async function listUnfinishedRequests(db: Db): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('privacy_requests')
    .select('id')
    .where('status', 'in', ['approved', 'running', 'partly'])
    // Whoever approves asks for the work in the same breath.
    .where(sql<boolean>`coalesce(approved_at, created_at) < now() - interval '10 seconds'`)
    .orderBy('due_at')
    .execute()
  return rows.map(row => row.id)
}

/** The erasure that was carried out after an instant for a person with this hash; null when there is none, or a hold keeps what there is. */
export async function erasureSince(db: Db, subjectHash: string, since: Date, now: Date): Promise<string | null> {
  const row = await db
    .selectFrom('privacy_requests')
    .select('id')
    .where('kind', '=', 'erase')
    .where('done_at', '>', since)
    .where(sql<boolean>`subject_hashes && array[${subjectHash}]::text[]`)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('legal_holds')
            .select('legal_holds.id')
            .where('number_hash', '=', subjectHash)
            .where('released_at', 'is', null)
            .where(eb => eb.or([eb('until', 'is', null), eb('until', '>', now)]))
        )
      )
    )
    .limit(1)
    .executeTakeFirst()
  return row?.id ?? null
}

/** Changes a request that is in one of these states; false when it is not. */
export async function updateRequest(
  db: Db,
  id: string,
  change: Updateable<PrivacyRequestsTable>,
  from: readonly PrivacyStatus[]
): Promise<boolean> {
  const done = await db
    .updateTable('privacy_requests')
    .set(change)
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function insertRequestEvent(
  db: Db,
  event: Readonly<{ requestId: string; by: string; what: string; detail?: Readonly<Record<string, unknown>> }>
): Promise<void> {
  await db
    .insertInto('privacy_request_events')
    .values({
      request_id: event.requestId,
      by_name: event.by,
      what: event.what,
      detail: JSON.stringify(event.detail ?? {})
    })
    .execute()
}

export async function listRequestEvents(db: Db, requestId: string): Promise<readonly RequestEventRow[]> {
  return await db
    .selectFrom('privacy_request_events')
    .selectAll()
    .where('request_id', '=', requestId)
    .orderBy('id')
    .execute()
}

export async function insertCode(db: Db, row: Insertable<PrivacyCodesTable>): Promise<void> {
  await db.insertInto('privacy_codes').values(row).execute()
}

export async function findCode(db: Db, id: string): Promise<CodeRow | undefined> {
  return await db.selectFrom('privacy_codes').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Counts a try before it is looked at, so that tries at once do not share one. Undefined when there are none left. */
export async function tryCode(db: Db, id: string, limit: number, now: Date): Promise<CodeRow | undefined> {
  return await db
    .updateTable('privacy_codes')
    .set({ tries: sql<number>`tries + 1` })
    .where('id', '=', id)
    .where('tries', '<', limit)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst()
}

/** True for exactly one caller. */
export async function useCode(db: Db, id: string, now: Date): Promise<boolean> {
  const done = await db
    .updateTable('privacy_codes')
    .set({ used_at: now, sealed: '' })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** How many codes went to one person, and how many were asked for from one address, since then. */
export async function countCodes(
  db: Db,
  subjectHash: string,
  ip: string,
  since: Date
): Promise<Readonly<{ person: number; address: number }>> {
  const row = await db
    .selectFrom('privacy_codes')
    .select([
      sql<string>`count(*) filter (where subject_hash = ${subjectHash})`.as('person'),
      sql<string>`count(*) filter (where ip = ${ip})`.as('address')
    ])
    .where('created_at', '>', since)
    .executeTakeFirstOrThrow()
  return { person: Number(row.person), address: Number(row.address) }
}

export async function deleteOldCodes(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('privacy_codes').where('created_at', '<', before).execute()
}
