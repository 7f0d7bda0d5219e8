/** A part of the call's time line that is not in the recording, and why. */
export type RecordingGap = Readonly<{ fromMs: number; toMs: number; reason: string }>

/** A recording as this room sees it. Times are milliseconds since the call was answered. */
export type RecordingInfo = Readonly<{
  id: string
  callId: string
  startMs: number
  durationMs: number
  state: 'recording' | 'ready' | 'damaged' | 'erased'
  bytes: number
  gaps: readonly RecordingGap[]
}>

/** Whether a call may be turned into text: what the customer was asked and said. */
export type ProcessingConsent = 'unasked' | 'granted' | 'refused' | 'withdrawn' | 'never' | 'unknown'

/** The part of the recordings that this room uses; `server/recordings` serves it. */
export type RecordingSource = Readonly<{
  ofCalls(callIds: readonly string[]): Promise<readonly RecordingInfo[]>
  find(id: string): Promise<RecordingInfo | null>
  /** Stereo L16 at 8 kHz, customer left; gaps are silence. Times are those of the recording. */
  readPcm(id: string, span: Readonly<{ fromMs: number; toMs: number }>, signal: AbortSignal): AsyncIterable<Buffer>
  /** Destroys the key and the bytes; what comes back proves it. */
  erase(id: string, reason: string): Promise<Readonly<Record<string, unknown>>>
  consentOf(callId: string): Promise<ProcessingConsent>
}>

/** Where nothing is recorded. */
export const NO_RECORDINGS: RecordingSource = {
  ofCalls: async () => [],
  find: async () => null,
  async *readPcm() {
    // Nothing was recorded, so nothing is heard.
  },
  erase: async id => Promise.reject(new TypeError(`there is no recording ${id}`)),
  consentOf: async () => 'unknown'
}
