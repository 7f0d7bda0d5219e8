import type { Db } from '../../sql/database.ts'
import { listRecordingConsents, listRecordingsOfCalls } from '../../sql/queries/recordings.ts'
import type { RecordingConsent } from './call-recording.ts'
import type { RecordingSummary } from './recording-library.ts'
import type { Recordings } from './recordings.ts'
import { toSummary } from './sealed-library.ts'

/** What transcripts, reviews, retention and privacy requests use of the recordings. */
export function recordingSource(db: Db, recordings: Recordings) {
  const { library } = recordings
  return {
    ofCalls: async (callIds: readonly string[]) =>
      (await listRecordingsOfCalls(db, callIds)).map(row => toInfo(toSummary(row))),
    async find(id: string) {
      const found = await library.find(id)
      return found === undefined ? null : toInfo(found)
    },
    readPcm: (id: string, span: Readonly<{ fromMs: number; toMs: number }>, signal: AbortSignal) =>
      library.readPcm(id, span, signal),
    erase: async (id: string, reason: string): Promise<Readonly<Record<string, unknown>>> => {
      const proof = await library.erase(id, reason, 'system')
      return { ...proof, erasedAt: proof.erasedAt.toISOString() }
    },
    /** Of a running call as it is now, of an earlier one as it ended. */
    async consentOf(callId: string): Promise<RecordingConsent> {
      const running = recordings.find(callId)
      if (running !== undefined) return running.consent
      const consents = await listRecordingConsents(db, callId)
      const last = consents.filter(one => one.party === 'customer').at(-1)
      return last?.result ?? 'unasked'
    }
  }
}

function toInfo(recording: RecordingSummary) {
  const { id, callId, durationMs, bytes, gaps, problem } = recording
  const state: 'ready' | 'damaged' | 'erased' =
    recording.state === 'erased' ? 'erased' : problem === null ? 'ready' : 'damaged'
  return {
    id,
    callId,
    startMs: 0,
    durationMs,
    state,
    bytes: bytes ?? 0,
    gaps: gaps.map(({ kind, fromMs, toMs }) => ({ fromMs, toMs, reason: kind }))
  }
}
