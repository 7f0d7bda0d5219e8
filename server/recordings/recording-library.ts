import type { RecordingGap } from '../../media/recordings/gaps.ts'

/** A recording as it is listed. Times within it are milliseconds since the customer's leg was answered. */
export type RecordingSummary = Readonly<{
  id: string
  callId: string
  /** A part of the call itself, or a message that the customer left in it. */
  kind: 'call' | 'voicemail'
  /** Where the timeline begins. */
  answeredAt: Date
  /** The whole connected time, gaps included. */
  durationMs: number
  gaps: readonly RecordingGap[]
  /** spooled: still on the machine that recorded it. erased: a tombstone; nothing can be heard. */
  state: 'spooled' | 'stored' | 'erased'
  /** Name of the store (and so the region) that holds it. */
  store: string
  bytes: number | null
  sha256: string | null
  language: string | null
  /** The consent that it rests on. */
  consentId: string
  /** Why it must not be erased; null when nothing forbids it. */
  legalHold: string | null
  /** What the last check found wrong. */
  problem: RecordingProblem | null
  createdAt: Date
  erasedAt: Date | null
}>

/** `missing`: the store has no such object. `changed`: its checksum or length is another. `damaged`: these spans cannot be read. */
export type RecordingProblem =
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'changed'; expected: string; found: string }>
  | Readonly<{ kind: 'damaged'; spans: readonly Readonly<{ fromMs: number; toMs: number }>[] }>

export type RecordingFilter = Readonly<{ callId?: string; from?: Date; until?: Date }>

/** Half-open; `toMs` left out means to the end. */
export type TimeSpan = Readonly<{ fromMs: number; toMs?: number }>

/** A file for a player, or a part of one. */
export type RecordingFile = Readonly<{
  contentType: string
  /** Of the whole file; null while it is only known at the end (FLAC). */
  totalBytes: number | null
  /** First and last byte of what `body` gives, both inclusive, as in HTTP ranges (RFC 9110 §14.1.2); null for all. */
  range: Readonly<{ first: number; last: number }> | null
  body: AsyncIterable<Buffer>
}>

/**
 * Loudness over time for drawing: one byte for each point and side, 0 for silence to 255 for full scale, interleaved
 * left, right. A damaged span is silent.
 */
export type RecordingPeaks = Readonly<{ pointsPerSecond: number; points: Uint8Array }>

/** What proves that a recording is gone: kept as its tombstone. */
export type ErasureProof = Readonly<{
  recordingId: string
  callId: string
  erasedAt: Date
  reason: string
  erasedBy: string
  /** The data key existed nowhere else; without it no copy can ever be opened again. */
  keyDestroyed: true
  /** Whether the store has confirmed that the object is gone; when it cannot be reached it is tried again. */
  bytesGone: boolean
  sha256: string | null
}>

/**
 * Finding, hearing and erasing recordings. Audio is opened chunk by chunk: nothing plain is ever written down, and
 * seeking reads only what is asked for. Methods that open audio reject with AppError.
 */
export interface RecordingLibrary {
  find(id: string): Promise<RecordingSummary | undefined>
  listByCall(callId: string): Promise<readonly RecordingSummary[]>
  /** Newest first; `before` is the id of the last row of the page before. */
  list(filter: RecordingFilter, before: string | null, limit: number): Promise<readonly RecordingSummary[]>
  gaps(id: string): Promise<readonly RecordingGap[]>
  /** Stereo, 16-bit little-endian, 8 kHz, left the customer; gaps and damaged parts as silence. */
  readPcm(id: string, span: TimeSpan, signal: AbortSignal): AsyncIterable<Buffer>
  /** `wav` can be asked for in byte ranges; `flac` comes whole. */
  readFile(
    id: string,
    format: 'wav' | 'flac',
    range: Readonly<{ first: number; last?: number }> | null,
    signal: AbortSignal
  ): Promise<RecordingFile>
  /** `pointsPerSecond` at most 20; lower ones are computed from it. */
  peaks(id: string, pointsPerSecond: number): Promise<RecordingPeaks>
  /** Nothing may erase it while a reason stands. */
  hold(id: string, reason: string | null): Promise<void>
  /** Destroys the key, then the bytes. Rejects with AppError CONFLICT under legal hold. Erasing twice gives the same proof. */
  erase(id: string, reason: string, erasedBy: string): Promise<ErasureProof>
  /**
   * The same of several: all keys in one transaction, then the bytes. Rejects with AppError CONFLICT when one of them is under
   * legal hold, and with NOT_FOUND when there is none of an id; then no key was destroyed, unless the hold came in that moment.
   */
  eraseAll(ids: readonly string[], reason: string, erasedBy: string): Promise<void>
}
