import type { GapKind } from '../../media/recordings/gaps.ts'
import type { RecordingSink, RecordingThread } from '../../media/recordings/recording-thread.ts'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import type { TapAttachment, TapFrame } from '../../media/tap/call-tap.ts'
import type { Db } from '../../sql/database.ts'
import { insertRecording } from '../../sql/queries/recordings.ts'
import type { Call } from '../calls/call.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { newId } from '../ids.ts'
import type { RecordingGrant } from './grant.ts'
import type { KeyRing } from './key-ring.ts'
import { type FinishedNote, type Spool, type SpooledMessage, type SpoolNote, tombstoneOf } from './spool.ts'

/** Why nothing is recorded at a moment although there is leave. */
export type Suppressor = Extract<GapKind, 'withdrawn' | 'card' | 'party' | 'pause' | 'onDemand'>

export type RecorderParts = Readonly<{
  db: Db
  thread: RecordingThread
  spool: Spool
  keys: KeyRing
  controlPlaneId: string
  /** How long a disk that takes nothing is waited for before something counts as missing. */
  diskPatienceMs: number
  /** A recording that should be there may have a hole; somebody must look. */
  alarm(code: string): void
}>

export type RecorderOptions = Readonly<{
  store: string
  language: string
  /** From where on it keeps, in milliseconds since the answer; from now when left out. */
  fromMs?: number
  /** What is recorded is a message that the customer leaves, for this mailbox. */
  message?: SpooledMessage
  /** Why nothing is to be kept at this moment; null while it is. */
  suppressor(): Suppressor | null
  /** The disk takes nothing for the moment, and what comes waits in memory; or the recording has failed. */
  onTrouble(code: string): void
  /** From now on something of it is missing. `isOver`: nothing more is written at all. */
  onMissing?(code: string, isOver: boolean): void
}>

/**
 * Writes one call from its tap. Gaps are cut by the frames' own times, so that they meet the audio without holes, and
 * what was said before leave was given is never written, however late it arrives.
 */
export class Recorder {
  readonly #parts: RecorderParts
  readonly #call: Call
  readonly #sink: RecordingSink
  readonly #note: SpoolNote
  readonly #options: RecorderOptions
  #attachment: TapAttachment | undefined
  #fromMs: number
  #hasBegun = false
  #gap: { kind: Suppressor; fromMs: number } | null = null
  #isOver = false

  private constructor(
    parts: RecorderParts,
    call: Call,
    sink: RecordingSink,
    note: SpoolNote,
    fromMs: number,
    options: RecorderOptions
  ) {
    this.#parts = parts
    this.#call = call
    this.#sink = sink
    this.#note = note
    this.#fromMs = fromMs
    this.#options = options
  }

  /** Begins a recording by this grant; what is to be kept comes from {@link follow} or {@link take}. */
  static async start(
    grant: RecordingGrant,
    parts: RecorderParts,
    call: Call,
    options: RecorderOptions
  ): Promise<Recorder> {
    const { tap } = call
    if (tap === null || grant.callId !== call.id) throw new Error('this grant is not for a call that is answered')
    const elapsedMs = tap.elapsedMs
    const id = newId()
    const key = newDataKey()
    const answeredAt = new Date(Date.now() - elapsedMs)
    const note: SpoolNote = {
      id,
      callId: call.id,
      consentId: grant.id,
      store: options.store,
      objectKey: `${options.store}/${answeredAt.toISOString().slice(0, 10)}/${id}.sealed`,
      key: await parts.keys.wrap(key, id),
      answeredAt: answeredAt.toISOString(),
      language: options.language,
      ...(options.message !== undefined && { message: options.message }),
      closed: null
    }
    await parts.spool.begin(note)
    let patience: NodeJS.Timeout | undefined
    const sink = parts.thread.open({
      path: parts.spool.pathOf(id),
      id,
      key,
      onTrouble: (code, message) => {
        call.log.error({ recordingId: id, code, message }, 'a recording cannot be written')
        options.onTrouble(code)
        patience = setTimeout(() => options.onMissing?.(code, false), parts.diskPatienceMs).unref()
      },
      onRecovered: () => {
        clearTimeout(patience)
        call.log.warn({ recordingId: id }, 'a recording can be written again')
      },
      onFailed: (code, message) => {
        clearTimeout(patience)
        call.log.error({ recordingId: id, code, message }, 'a recording has failed')
        options.onTrouble(code)
        options.onMissing?.(code, true)
      }
    })
    return new Recorder(parts, call, sink, note, options.fromMs ?? elapsedMs, options)
  }

  get id(): string {
    return this.#note.id
  }

  /** Takes the call's audio from now on. */
  follow(): void {
    this.#attachment ??= this.#call.tap?.attach({ name: 'recorder', onFrame: frame => this.take(frame) })
  }

  /** What was said until now was said while nothing was to be recorded. */
  resumed(): void {
    this.#fromMs = this.#call.tap?.elapsedMs ?? this.#fromMs
  }

  /**
   * Nothing comes any more. Resolves when the recording is safe on this machine's disk, which a full one may delay for long;
   * null when there is none, or when it has to be finished from its spool. Never throws.
   * @param endMs where it ends, in milliseconds since the answer; now when left out
   */
  async finish(endMs?: number): Promise<FinishedNote | null> {
    if (this.#isOver) return null
    this.#isOver = true
    const durationMs = endMs ?? this.#call.tap?.elapsedMs ?? 0
    this.#attachment?.[Symbol.dispose]()
    const { spool } = this.#parts
    if (!this.#hasBegun) {
      await this.#sink.abandon()
      await spool.discard(this.id)
      return null
    }
    try {
      const finished = { ...this.#note, closed: await this.#sink.close(durationMs) }
      const { gaps } = finished.closed
      if (gaps.some(gap => gap.kind === 'lost')) {
        this.#call.log.error({ recordingId: this.id, gaps }, 'a part of a recording is missing')
        this.#parts.alarm('SEGMENT_MISSING')
      }
      await spool.finished(finished)
      return finished
    } catch (err) {
      this.#call.log.error(
        { err, recordingId: this.id },
        'a recording could not be finished; it will be from its spool'
      )
      this.#parts.alarm('RECORDING_UNFINISHED')
      spool.release(this.id)
      return null
    }
  }

  /** Nothing of it stays but the fact that there was one. */
  async erase(by: string): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    const durationMs = Math.round(this.#call.tap?.elapsedMs ?? 0)
    this.#attachment?.[Symbol.dispose]()
    await this.#sink.abandon()
    await this.#parts.spool.discard(this.id)
    const tombstone = tombstoneOf(this.#note, { controlPlaneId: this.#parts.controlPlaneId, by, durationMs })
    await storeSurely(() => insertRecording(this.#parts.db, tombstone), this.#call.log, 'the tombstone of a recording')
  }

  /** Takes 20 ms; frames must come in order. */
  take(frame: TapFrame): void {
    if (this.#isOver) return
    const { atMs, isFilled, isHidden, leftAndRight } = frame
    if (atMs < this.#fromMs) {
      // Late, and from before: it belongs to what was not to be recorded.
      return
    }
    if (!this.#hasBegun) {
      this.#hasBegun = true
      if (atMs > 0) this.#sink.mark({ kind: 'beforeConsent', fromMs: 0, toMs: atMs })
    }
    const suppressor = isHidden ? 'card' : this.#options.suppressor()
    if (suppressor !== this.#gap?.kind) this.#turn(suppressor, atMs)
    if (suppressor === null && !isFilled) this.#sink.write(leftAndRight, atMs)
  }

  #turn(suppressor: Suppressor | null, atMs: number): void {
    if (this.#gap !== null) this.#sink.mark({ ...this.#gap, toMs: atMs })
    this.#gap = suppressor === null ? null : { kind: suppressor, fromMs: atMs }
    if (this.#gap !== null) this.#sink.mark({ ...this.#gap, toMs: null })
  }
}
