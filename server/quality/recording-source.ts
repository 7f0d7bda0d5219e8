import type { Db } from '../../sql/database.ts'
import { consentResult, recordingsOfCalls } from '../../sql/queries/quality/recordings.ts'
import type { RecordingLibrary } from '../recordings/recording-library.ts'

/** A recording as reviewers see it. Times are milliseconds since the call was answered. */
export type RecordingInfo = Readonly<{
  id: string
  callId: string
  durationMs: number
  isErased: boolean
  gaps: readonly Readonly<{ kind: string; fromMs: number; toMs: number }>[]
}>

/** Whether a call may be turned into text: what the customer was asked and said. */
export type ProcessingConsent = 'unasked' | 'granted' | 'refused' | 'withdrawn' | 'never'

/** The part of the recordings that quality uses. */
export type RecordingSource = Readonly<{
  ofCalls(callIds: readonly string[]): Promise<readonly RecordingInfo[]>
  consentOf(callId: string): Promise<ProcessingConsent>
  library: RecordingLibrary
}>

/** `running` tells the consent of a call that is going on, whose rows may not be written yet. */
export function recordingSource(
  db: Db,
  library: RecordingLibrary,
  running: (callId: string) => ProcessingConsent | undefined
): RecordingSource {
  return {
    library,
    async ofCalls(callIds) {
      return (await recordingsOfCalls(db, callIds)).map(row => ({
        id: row.id,
        callId: row.call_id,
        durationMs: row.duration_ms,
        isErased: row.state === 'erased',
        gaps: row.gaps
      }))
    },
    consentOf: async callId => running(callId) ?? (await consentResult(db, callId)) ?? 'unasked'
  }
}
