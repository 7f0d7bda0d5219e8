import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { Db } from '../database.ts'
import type { RecordingConsentsTable, RecordingsTable } from '../recording-tables.ts'
import type { VoicemailsTable } from '../tables.ts'

export type RecordingRow = Selectable<RecordingsTable>
export type ConsentRow = Selectable<RecordingConsentsTable>

/** Writes what somebody said to being recorded, with the wording that they heard. */
export async function insertRecordingConsent(
  db: Db,
  consent: Insertable<RecordingConsentsTable>,
  wording: Readonly<{ version: string; language: string; prompts: readonly unknown[] }> | null
): Promise<void> {
  await db.transaction().execute(async trx => {
    if (wording !== null)
      await trx
        .insertInto('recording_prompts')
        .values({ ...wording, prompts: JSON.stringify(wording.prompts) })
        .onConflict(conflict => conflict.column('version').doNothing())
        .execute()
    await trx.insertInto('recording_consents').values(consent).execute()
  })
}

/** The policy under which a consent was taken back; undefined while it stands. */
export async function findWithdrawal(db: Db, consentId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('recording_consents')
    .select('policy')
    .where('withdraws', '=', consentId)
    .executeTakeFirst()
  return row?.policy
}

/** Whether a consent was given and has not been taken back. */
export async function isConsentStanding(db: Db, consentId: string): Promise<boolean> {
  const row = await db
    .selectFrom('recording_consents')
    .select('id')
    .where('id', '=', consentId)
    .where('result', '=', 'granted')
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('recording_consents as later').select('later.id').where('later.withdraws', '=', consentId)))
    )
    .executeTakeFirst()
  return row !== undefined
}

export async function listRecordingConsents(db: Db, callId: string): Promise<readonly ConsentRow[]> {
  return await db
    .selectFrom('recording_consents')
    .selectAll()
    .where('call_id', '=', callId)
    .orderBy('at')
    .orderBy('id')
    .execute()
}

/** Adds a recording whose bytes are safe, and the message that it is, if it is one; what is there already stays as it is. */
export async function insertRecording(
  db: Db,
  recording: Insertable<RecordingsTable>,
  message?: Insertable<VoicemailsTable>
): Promise<void> {
  await db.transaction().execute(async trx => {
    const { numInsertedOrUpdatedRows = 0n } = await trx
      .insertInto('recordings')
      .values(recording)
      .onConflict(conflict => conflict.column('id').doNothing())
      .executeTakeFirst()
    if (message !== undefined && numInsertedOrUpdatedRows > 0n)
      await trx.insertInto('voicemails').values(message).execute()
  })
}

export async function findRecording(db: Db, id: string): Promise<RecordingRow | undefined> {
  return await db.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Those of these ids that there are, in any order. */
export async function findRecordings(db: Db, ids: readonly string[]): Promise<readonly RecordingRow[]> {
  if (ids.length === 0) return []
  return await db
    .selectFrom('recordings')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
}

export async function listRecordingsOfCall(db: Db, callId: string): Promise<readonly RecordingRow[]> {
  return await db.selectFrom('recordings').selectAll().where('call_id', '=', callId).orderBy('id').execute()
}

export async function listRecordingsOfCalls(db: Db, callIds: readonly string[]): Promise<readonly RecordingRow[]> {
  if (callIds.length === 0) return []
  return await db
    .selectFrom('recordings')
    .selectAll()
    .where('call_id', 'in', [...callIds])
    .orderBy('id')
    .execute()
}

/** Newest first; `before` is the id of the last row of the page before. */
export async function listRecordings(
  db: Db,
  filter: Readonly<{ callId?: string; from?: Date; until?: Date }>,
  before: string | null,
  limit: number
): Promise<readonly RecordingRow[]> {
  let query = db.selectFrom('recordings').selectAll().orderBy('id', 'desc').limit(limit)
  if (filter.callId !== undefined) query = query.where('call_id', '=', filter.callId)
  if (filter.from !== undefined) query = query.where('answered_at', '>=', filter.from)
  if (filter.until !== undefined) query = query.where('answered_at', '<', filter.until)
  if (before !== null) query = query.where('id', '<', before)
  return await query.execute()
}

export async function updateRecording(db: Db, id: string, change: Updateable<RecordingsTable>): Promise<void> {
  await db.updateTable('recordings').set(change).where('id', '=', id).execute()
}

/** The store has it now; a tombstone stays one. Whether there was anything to mark. */
export async function markRecordingStored(db: Db, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('recordings')
    .set({ state: 'stored', stored_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('state', '=', 'spooled')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Destroys the keys of recordings and takes their messages out of their mailboxes, in one transaction whatever their number.
 * Those on hold, and those that are erased already, are left as they are. Returns the tombstones that were made.
 */
export async function buryRecordings(
  db: Db,
  ids: readonly string[],
  burial: Readonly<{ at: Date; by: string; reason: string }>
): Promise<readonly RecordingRow[]> {
  if (ids.length === 0) return []
  return await db.transaction().execute(async trx => {
    const buried = await trx
      .updateTable('recordings')
      .set({
        state: 'erased',
        key_version: null,
        wrapped_key: null,
        problem: null,
        erased_at: burial.at,
        erased_by: burial.by,
        erase_reason: burial.reason
      })
      .where('id', 'in', [...ids])
      .where('state', '<>', 'erased')
      .where('legal_hold', 'is', null)
      .returningAll()
      .execute()
    const gone = buried.map(one => one.id)
    if (gone.length > 0) await trx.deleteFrom('voicemails').where('recording_id', 'in', gone).execute()
    return buried
  })
}

/** The person's request by which a call was forgotten, as its tombstone names it; null while the call is known, or has to be kept. */
export async function requestThatErased(db: Db, callId: string): Promise<string | null> {
  const row = await db
    .selectFrom('erasures')
    .select('cause')
    .where('call_id', '=', callId)
    .where('store', '=', 'calls')
    .where('cause', 'like', 'request:%')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('legal_holds')
            .select('id')
            .where('call_id', '=', callId)
            .where('released_at', 'is', null)
            .where(eb => eb.or([eb('until', 'is', null), eb('until', '>', new Date())]))
        )
      )
    )
    .limit(1)
    .executeTakeFirst()
  return row?.cause ?? null
}

/** Recordings whose data keys are wrapped by an older key. */
export async function listRecordingsWrappedBefore(
  db: Db,
  current: string,
  limit: number
): Promise<readonly Pick<RecordingRow, 'id' | 'key_version' | 'wrapped_key'>[]> {
  return await db
    .selectFrom('recordings')
    .select(['id', 'key_version', 'wrapped_key'])
    .where('wrapped_key', 'is not', null)
    .where('key_version', '<>', current)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Puts a data key under its new wrapping, unless something else has changed it meanwhile. */
export async function rewrapRecording(
  db: Db,
  id: string,
  before: string,
  after: Readonly<{ version: string; wrapped: string }>
): Promise<void> {
  await db
    .updateTable('recordings')
    .set({ key_version: after.version, wrapped_key: after.wrapped })
    .where('id', '=', id)
    .where('wrapped_key', '=', before)
    .execute()
}

/** Recordings in stores that were not checked since `before`, the longest unchecked first. */
export async function listRecordingsToCheck(db: Db, before: Date, limit: number): Promise<readonly RecordingRow[]> {
  return await db
    .selectFrom('recordings')
    .selectAll()
    .where('state', '=', 'stored')
    .where(eb => eb.or([eb('checked_at', 'is', null), eb('checked_at', '<', before)]))
    .orderBy(eb => eb.fn.coalesce('checked_at', eb.val(new Date(0))))
    .limit(limit)
    .execute()
}

export async function markRecordingChecked(
  db: Db,
  id: string,
  at: Date,
  problem: Readonly<Record<string, unknown>> | null
): Promise<void> {
  await db
    .updateTable('recordings')
    .set({ checked_at: at, problem: problem === null ? null : JSON.stringify(problem) })
    .where('id', '=', id)
    .where('state', '=', 'stored')
    .execute()
}
