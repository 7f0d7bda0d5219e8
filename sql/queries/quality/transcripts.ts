import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Db, withinTransaction } from '../../database.ts'
import type { TranscriptPartsTable, TranscriptsTable } from '../../quality-tables.ts'

export type TranscriptRow = Readonly<Selectable<TranscriptsTable>>
export type PartRow = Readonly<Selectable<TranscriptPartsTable>>

/** Adds a transcript unless its call has one already; undefined then. */
export async function insertTranscript(
  db: Db,
  row: Insertable<TranscriptsTable>
): Promise<Readonly<{ id: string }> | undefined> {
  return await db
    .insertInto('transcripts')
    .values(row)
    .onConflict(conflict => conflict.column('call_id').doNothing())
    .returning('id')
    .executeTakeFirst()
}

export async function findTranscript(db: Db, callId: string): Promise<TranscriptRow | undefined> {
  return await db.selectFrom('transcripts').selectAll().where('call_id', '=', callId).executeTakeFirst()
}

export async function findTranscripts(db: Db, callIds: readonly string[]): Promise<readonly TranscriptRow[]> {
  if (callIds.length === 0) return []
  return await db
    .selectFrom('transcripts')
    .selectAll()
    .where('call_id', 'in', [...callIds])
    .execute()
}

/** Newest first; `before` is the id of the last row of the page before. */
export async function listTranscripts(db: Db, before: string | null, limit: number): Promise<readonly TranscriptRow[]> {
  let query = db.selectFrom('transcripts').selectAll().orderBy('id', 'desc').limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  return await query.execute()
}

export async function readParts(db: Db, transcriptIds: readonly string[]): Promise<readonly PartRow[]> {
  if (transcriptIds.length === 0) return []
  return await db
    .selectFrom('transcript_parts')
    .selectAll()
    .where('transcript_id', 'in', [...transcriptIds])
    .orderBy('transcript_id')
    .orderBy('part')
    .execute()
}

export async function insertParts(db: Db, parts: readonly Insertable<TranscriptPartsTable>[]): Promise<void> {
  if (parts.length > 0)
    await db
      .insertInto('transcript_parts')
      .values([...parts])
      .execute()
}

export async function markWritten(db: Db, id: string, at: Date): Promise<void> {
  await db.updateTable('transcripts').set({ written_at: at }).where('id', '=', id).execute()
}

/**
 * Puts packed parts in the place of those that were written one by one, and closes the transcript: in the transaction that
 * it is given, or in one of its own. One that was erased meanwhile stays erased.
 */
export async function completeTranscript(
  db: Db,
  id: string,
  parts: readonly Insertable<TranscriptPartsTable>[],
  figures: Updateable<TranscriptsTable>
): Promise<void> {
  await withinTransaction(db, async trx => {
    const kept = await trx
      .selectFrom('transcripts')
      .select('id')
      .where('id', '=', id)
      .where('status', '<>', 'erased')
      .forUpdate()
      .executeTakeFirst()
    await trx.deleteFrom('transcript_parts').where('transcript_id', '=', id).execute()
    if (kept === undefined) return
    await insertParts(trx, parts)
    await trx.updateTable('transcripts').set(figures).where('id', '=', id).execute()
  })
}

/**
 * Transcripts that nobody has written to since `before` although their calls have ended, or since `unknownBefore` where nothing at
 * all is stored of the call: its control plane died before it could say that there was one. The longest left ones come first.
 */
export async function listAbandonedTranscripts(
  db: Db,
  before: Date,
  unknownBefore: Date,
  limit: number
): Promise<readonly TranscriptRow[]> {
  return await db
    .selectFrom('transcripts')
    .leftJoin('cdrs', 'cdrs.call_id', 'transcripts.call_id')
    .selectAll('transcripts')
    .where('transcripts.status', '=', 'writing')
    .where('transcripts.written_at', '<', before)
    .where(eb =>
      eb.or([
        eb('cdrs.state', '=', 'ended'),
        eb.and([eb('cdrs.call_id', 'is', null), eb('transcripts.written_at', '<', unknownBefore)])
      ])
    )
    .orderBy('transcripts.written_at')
    .limit(limit)
    .execute()
}

/** Forgets the key and the sealed text; the row stays as the mark that there was one. */
export async function eraseTranscript(db: Db, id: string, at: Date): Promise<void> {
  await db.deleteFrom('transcript_parts').where('transcript_id', '=', id).execute()
  await db
    .updateTable('transcripts')
    .set({ status: 'erased', sealed_key: null, erased_at: at })
    .where('id', '=', id)
    .execute()
}
