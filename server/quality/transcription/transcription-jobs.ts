import {
  extendTranscriptionLease,
  insertTranscriptionJobs,
  leaseTranscriptionJob,
  listUntranscribed,
  settleTranscriptionJob
} from '../../../sql/queries/quality/transcription-jobs.ts'
import { newId } from '../../ids.ts'
import type { Quality } from '../quality.ts'
import { hasKilledItsWorkers, verdictOn } from './retry.ts'
import { transcribeRecording, type TranscriptionParts } from './transcribe-recording.ts'

/** Longer than one stretch may take; a worker that lives renews it before each. */
const LEASE_MS = 600_000
/** What is older when transcription is switched on stays as it is. */
const TAKEN_UP_MS = 86_400_000

/** Queues recordings of the last day that have no transcript yet; one that is queued already stays as it is. Returns how many are new. */
export async function queueTranscriptions({ db }: Pick<Quality, 'db'>, now: Date, limit: number): Promise<number> {
  const found = await listUntranscribed(db, new Date(now.getTime() - TAKEN_UP_MS), limit)
  await insertTranscriptionJobs(
    db,
    found.map(one => ({ ...one, id: newId() }))
  )
  return found.length
}

/**
 * Takes one job that is due at `now`, or whose worker has died, and does it. False when there is none. When `signal` is
 * aborted the job is given back as if it had not been tried.
 */
export async function runTranscription(parts: TranscriptionParts, now: Date, signal: AbortSignal): Promise<boolean> {
  const { db, log } = parts.quality
  const job = await leaseTranscriptionJob(db, now, new Date(Date.now() + LEASE_MS))
  if (job === undefined) return false
  const { id, call_id: callId, recording_id: recordingId, language, attempts } = job
  if (hasKilledItsWorkers(attempts)) {
    log.error(
      { callId, recordingId, attempts },
      'a recording is not turned into text: its workers do not live to the end'
    )
    await settleTranscriptionJob(db, id, {
      status: 'failed',
      attempts: attempts - 1,
      code: 'TRANSCRIPTION_FAILED',
      problem: 'Whoever worked on it did not live to the end.',
      leased_until: null,
      done_at: null
    })
    return true
  }
  const keepLease = () => extendTranscriptionLease(db, id, new Date(Date.now() + LEASE_MS))
  try {
    const done = await transcribeRecording(parts, { callId, recordingId, language }, signal, keepLease)
    await settleTranscriptionJob(db, id, {
      status: 'done',
      ...(done.kind === 'stored' && { provider: done.provider }),
      code: null,
      problem: null,
      leased_until: null,
      done_at: new Date()
    })
  } catch (err) {
    if (signal.aborted) {
      await settleTranscriptionJob(db, id, {
        status: 'waiting',
        attempts: attempts - 1,
        code: null,
        problem: null,
        leased_until: null,
        done_at: null
      })
      return true
    }
    const { code, againAt } = verdictOn(err, attempts, new Date())
    log.warn({ err, callId, code, againAt }, 'a recording could not be turned into text')
    await settleTranscriptionJob(db, id, {
      status: againAt === null ? 'failed' : 'waiting',
      code,
      problem: err instanceof Error ? err.message : String(err),
      leased_until: againAt,
      done_at: null
    })
  }
  return true
}
