import { type Selectable, sql } from 'kysely'
import type { Db } from '../../database.ts'
import type { TranscriptionJobsTable } from '../../quality-tables.ts'

export type TranscriptionJobRow = Readonly<Selectable<TranscriptionJobsTable>>

/** A recording that nobody has turned into text yet. */
export type Untranscribed = Readonly<{ recordingId: string; callId: string; language: string | null }>

/**
 * Recordings that their store took since `since` (a message only where the call itself is not recorded), whose call is over, that have
 * neither transcript (an erased one counts) nor job; the oldest first. `language` is the call's last one.
 */
export async function listUntranscribed(db: Db, since: Date, limit: number): Promise<readonly Untranscribed[]> {
  const { rows } = await sql<Untranscribed>`
    select recordings.id as "recordingId", recordings.call_id as "callId",
      coalesce(cdrs.language, recordings.language) as language
    from recordings join cdrs on cdrs.call_id = recordings.call_id and cdrs.state = 'ended'
    where recordings.state = 'stored' and coalesce(recordings.stored_at, recordings.created_at) >= ${since}
      and (recordings.kind = 'call' or not exists (
        select 1 from recordings as whole where whole.call_id = recordings.call_id and whole.kind = 'call'))
      and not exists (select 1 from transcripts where transcripts.call_id = recordings.call_id)
      and not exists (select 1 from transcription_jobs where recording_id = recordings.id)
    order by recordings.created_at limit ${limit}`.execute(db)
  return rows
}

/** Adds a waiting job for each; a recording that has one keeps it. */
export async function insertTranscriptionJobs(
  db: Db,
  jobs: readonly (Untranscribed & Readonly<{ id: string }>)[]
): Promise<void> {
  if (jobs.length === 0) return
  await db
    .insertInto('transcription_jobs')
    .values(
      jobs.map(({ id, callId, recordingId, language }) => ({
        id,
        call_id: callId,
        recording_id: recordingId,
        provider: null,
        language,
        code: null,
        problem: null,
        leased_until: null,
        done_at: null
      }))
    )
    .onConflict(conflict => conflict.column('recording_id').doNothing())
    .execute()
}

/** Takes one job that is due at `now`, or whose worker has died; nobody else gets it until `leasedUntil`. */
export async function leaseTranscriptionJob(
  db: Db,
  now: Date,
  leasedUntil: Date
): Promise<TranscriptionJobRow | undefined> {
  return await db
    .updateTable('transcription_jobs')
    .set(eb => ({ status: 'running' as const, attempts: eb('attempts', '+', 1), leased_until: leasedUntil }))
    .where('id', '=', eb =>
      eb
        .selectFrom('transcription_jobs')
        .select('id')
        .where('status', 'in', ['waiting', 'running'])
        .where(inner => inner.or([inner('leased_until', 'is', null), inner('leased_until', '<', now)]))
        .orderBy('created_at')
        .limit(1)
        .forUpdate()
        .skipLocked()
    )
    .returningAll()
    .executeTakeFirst()
}

/** Keeps a job whose work goes on. */
export async function extendTranscriptionLease(db: Db, id: string, leasedUntil: Date): Promise<void> {
  await db.updateTable('transcription_jobs').set({ leased_until: leasedUntil }).where('id', '=', id).execute()
}

/** What became of an attempt. `leased_until` of a waiting job is when it is tried again. */
export async function settleTranscriptionJob(
  db: Db,
  id: string,
  outcome: Readonly<{
    status: 'waiting' | 'done' | 'failed'
    attempts?: number
    provider?: string | null
    code: string | null
    problem: string | null
    leased_until: Date | null
    done_at: Date | null
  }>
): Promise<void> {
  await db.updateTable('transcription_jobs').set(outcome).where('id', '=', id).execute()
}

/** The newest job of a call; undefined when none of its recordings was to be turned into text. */
export async function transcriptionJobOfCall(db: Db, callId: string): Promise<TranscriptionJobRow | undefined> {
  return await db
    .selectFrom('transcription_jobs')
    .selectAll()
    .where('call_id', '=', callId)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Keeps a recording from being erased until the transaction ends; whether there is anything left of it. */
export async function lockRecording(trx: Db, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('recordings')
    .select('id')
    .where('id', '=', id)
    .where('state', '<>', 'erased')
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined
}

/** The places whose law binds the call that this consent is for. */
export async function placesOfConsent(db: Db, consentId: string): Promise<readonly string[]> {
  const row = await db
    .selectFrom('recording_consents')
    .select('jurisdictions')
    .where('id', '=', consentId)
    .executeTakeFirst()
  return row?.jurisdictions ?? []
}
