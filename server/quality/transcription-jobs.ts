import { sql } from 'kysely'
import { newId } from '../ids.ts'
import { QualityError } from './errors.ts'
import type { Quality } from './quality.ts'
import { importTranscript } from './transcript-store.ts'
import type { NewUtterance } from './utterance.ts'

/** An engine that turns a finished recording into text. Customer on the left, what the customer hears on the right. */
export interface TranscriptionProvider {
  readonly name: string
  /** `pcm` is stereo L16 at 8 kHz; gaps are silence. Times are milliseconds since the answer. */
  transcribe(
    pcm: AsyncIterable<Buffer>,
    call: Readonly<{ callId: string; language: string | null; durationMs: number }>,
    signal: AbortSignal
  ): Promise<Readonly<{ language: string; utterances: readonly NewUtterance[] }>>
}

const MAX_ATTEMPTS = 5
const LEASE_MS = 600_000
const JOB_LIMIT_MS = 540_000

/** Queues recordings that have no transcript yet; one that is queued already stays as it is. Returns how many are new. */
export async function queueTranscriptions(quality: Quality, provider: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string; call_id: string; language: string | null }>`
    select recordings.id, recordings.call_id, recordings.language from recordings
    where recordings.state = 'stored'
      and not exists (select 1 from transcripts where transcripts.call_id = recordings.call_id)
      and not exists (select 1 from transcription_jobs where recording_id = recordings.id and provider = ${provider})
    order by recordings.created_at limit ${limit}`.execute(quality.db)
  if (rows.length === 0) return 0
  await quality.db
    .insertInto('transcription_jobs')
    .values(
      rows.map(row => ({
        id: newId(),
        call_id: row.call_id,
        recording_id: row.id,
        provider,
        language: row.language,
        problem: null,
        leased_until: null,
        done_at: null
      }))
    )
    .onConflict(conflict => conflict.columns(['recording_id', 'provider']).doNothing())
    .execute()
  return rows.length
}

/**
 * Takes one waiting job, or one whose worker has died, and does it. False when there is none. A customer who has withdrawn
 * the consent meanwhile is not transcribed.
 */
export async function runTranscription(quality: Quality, provider: TranscriptionProvider, now: Date): Promise<boolean> {
  const { db, recordings } = quality
  const job = await db
    .updateTable('transcription_jobs')
    .set(eb => ({
      status: 'running' as const,
      attempts: eb('attempts', '+', 1),
      leased_until: new Date(now.getTime() + LEASE_MS)
    }))
    .where('id', '=', eb =>
      eb
        .selectFrom('transcription_jobs')
        .select('id')
        .where('provider', '=', provider.name)
        .where('status', 'in', ['waiting', 'running'])
        .where(inner => inner.or([inner('leased_until', 'is', null), inner('leased_until', '<', now)]))
        .orderBy('created_at')
        .limit(1)
        .forUpdate()
        .skipLocked()
    )
    .returningAll()
    .executeTakeFirst()
  if (job === undefined) return false
  try {
    const consent = await recordings.consentOf(job.call_id)
    if (consent !== 'granted')
      throw new QualityError('TRANSCRIPT_NOT_ALLOWED', `The customer’s consent to be recorded is: ${consent}.`)
    const recording = await recordings.library.find(job.recording_id)
    if (recording === undefined || recording.state === 'erased')
      throw new QualityError('TRANSCRIPT_ERASED', 'The recording was erased.')
    const signal = AbortSignal.timeout(JOB_LIMIT_MS)
    const heard = await provider.transcribe(
      recordings.library.readPcm(recording.id, { fromMs: 0 }, signal),
      { callId: job.call_id, language: job.language, durationMs: recording.durationMs },
      signal
    )
    await importTranscript(quality, job.call_id, recording.consentId, 'job', { provider: provider.name, ...heard })
    await db
      .updateTable('transcription_jobs')
      .set({ status: 'done', done_at: new Date(), problem: null })
      .where('id', '=', job.id)
      .execute()
  } catch (err) {
    // A refusal stays one however often it is tried.
    const isFinal = err instanceof QualityError || job.attempts >= MAX_ATTEMPTS
    quality.log.warn({ err, callId: job.call_id, isFinal }, 'a recording could not be turned into text')
    await db
      .updateTable('transcription_jobs')
      .set({
        status: isFinal ? 'failed' : 'waiting',
        problem: err instanceof Error ? err.message : String(err),
        leased_until: new Date(Date.now() + 2 ** job.attempts * 1_000)
      })
      .where('id', '=', job.id)
      .execute()
  }
  return true
}
