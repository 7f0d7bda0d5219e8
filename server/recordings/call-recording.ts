import type { GapKind } from '../../media/recordings/gaps.ts'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import type { RecordingSink, RecordingThread } from '../../media/recordings/recording-thread.ts'
import type { TapAttachment, TapFrame } from '../../media/tap/call-tap.ts'
import type { Db } from '../../sql/database.ts'
import { insertRecording } from '../../sql/queries/recordings.ts'
import type { Call } from '../calls/call.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import { DELETES_ON_WITHDRAWAL, type RecordingGrant } from './grant.ts'
import type { KeyRing } from './key-ring.ts'
import { type Spool, type SpoolNote, tombstoneOf } from './spool.ts'

/** What the customer has said to being recorded, or what was settled without asking. */
export type RecordingConsent = 'unasked' | 'granted' | 'refused' | 'withdrawn' | 'never'

/** Why nothing is recorded at the moment, the strongest reason first. */
const SUPPRESSORS = ['withdrawn', 'card', 'party', 'pause', 'onDemand'] as const satisfies readonly GapKind[]
type Suppressor = (typeof SUPPRESSORS)[number]

/** As an agent's desk shows it. */
export type RecordingView = Readonly<{
  state: 'recording' | 'paused' | 'notRecorded'
  /** For `paused`: pause, party, onDemand or card. For `notRecorded`: unasked, refused, withdrawn, never or failed. */
  reason: string | null
  since: Date
  card: Readonly<{ endsAt: Date; keys: number }> | null
}>

export type CallRecordingParts = Readonly<{
  db: Db
  thread: RecordingThread
  spool: Spool
  keys: KeyRing
  controlPlaneId: string
  cardLimitMs: number
  /** Something is being finished that a shutdown waits for. */
  track(finishing: Promise<void>): void
  /** A recording that should be there may have a hole; somebody must look. */
  alarm(code: string): void
}>

/** Between two keys of the sequence that stops the recording. */
const STOP_KEYS_MS = 3_000

/**
 * What may be kept of one call, and what is: the consent, the recorder, its pauses, card entry. It begins with nobody
 * asked and nothing recorded; the recorder can be started with a grant only.
 */
export class CallRecording {
  readonly call: Call
  readonly #parts: CallRecordingParts
  readonly #suppressedBy = new Set<Suppressor>()
  readonly #listeners = new Set<() => void>()
  #consent: RecordingConsent = 'unasked'
  #reason: string = 'unasked'
  #since = new Date()
  #grant: RecordingGrant | null = null
  #recorder: Recorder | null = null
  #card: {
    readonly hidden: Disposable
    readonly timer: NodeJS.Timeout
    readonly endsAt: Date
    keys: number
    forget(): void
  } | null = null
  #forgetStopKeys: () => void = () => {}

  constructor(parts: CallRecordingParts, call: Call) {
    this.#parts = parts
    this.call = call
    call.defer(() => this.#callOver())
  }

  get consent(): RecordingConsent {
    return this.#consent
  }

  /** The leave that the recording rests on; null while there is none. */
  get grant(): RecordingGrant | null {
    return this.#grant
  }

  /** Whether transcripts, analyses and outside services may have this call's audio now. */
  get mayProcess(): boolean {
    return this.#consent === 'granted' && !this.#suppressedBy.has('party')
  }

  get isCardEntry(): boolean {
    return this.#card !== null
  }

  get recordingId(): string | null {
    return this.#recorder?.id ?? null
  }

  get view(): RecordingView {
    const card = this.#card === null ? null : { endsAt: this.#card.endsAt, keys: this.#card.keys }
    const reason = this.#suppressor()
    if (this.#recorder === null || this.#consent !== 'granted')
      return { state: 'notRecorded', reason: this.#reason, since: this.#since, card }
    return { state: reason === null ? 'recording' : 'paused', reason, since: this.#since, card }
  }

  /** Hears of every change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The customer did not agree, or nobody needs to be asked because the call is not recorded anyway. */
  settle(consent: 'refused' | 'never', reason: string): void {
    this.#consent = consent
    this.#reason = reason
    this.#changed()
  }

  /**
   * Starts the recorder. `isOnDemand`: it waits until somebody resumes it. A recorder that cannot be started leaves the call
   * unrecorded and raises an alarm; it never throws.
   */
  async start(
    grant: RecordingGrant,
    options: Readonly<{ store: string; language: string; stopKeys: string; isOnDemand: boolean }>
  ): Promise<void> {
    this.#consent = 'granted'
    this.#grant = grant
    if (options.isOnDemand) this.#suppressedBy.add('onDemand')
    try {
      this.#recorder = await Recorder.start(
        grant,
        this.#parts,
        this.call,
        options,
        () => this.#suppressor(),
        code => this.#trouble(code)
      )
    } catch (err) {
      this.call.log.error({ err }, 'a call cannot be recorded although it may be')
      this.#reason = 'failed'
      this.#trouble('RECORDER_FAILED')
      return
    }
    this.call.record({ kind: 'recordingStarted', recordingId: this.#recorder.id })
    this.#watchStopKeys(options.stopKeys)
    this.#changed()
  }

  pause(by: string): void {
    this.#mustRecord()
    if (this.#suppressedBy.has('pause')) throw new AppError('CONFLICT', 'The recording is paused already.')
    this.#suppress('pause', by)
  }

  /** Goes on after a pause, or begins where recording waits until it is needed. */
  resume(by: string): void {
    this.#mustRecord()
    if (!this.#suppressedBy.has('pause') && !this.#suppressedBy.has('onDemand'))
      throw new AppError('CONFLICT', 'The recording is not paused.')
    this.#release('pause', by)
    this.#release('onDemand', by)
  }

  /** Somebody who was not asked hears and is heard, or no longer. */
  unaskedParty(isPresent: boolean): void {
    if (this.#recorder === null || this.#suppressedBy.has('party') === isPresent) return
    if (isPresent) this.#suppress('party', 'policy')
    else this.#release('party', 'policy')
  }

  /** The customer takes the consent back: recording ends, and where the policy wants it what there is goes. */
  async withdraw(by: string, method: 'key' | 'agent'): Promise<void> {
    if (this.#grant === null || this.#consent !== 'granted')
      throw new AppError('CONFLICT', 'There is no consent to take back.')
    const grant = this.#grant
    this.#consent = 'withdrawn'
    this.#reason = 'withdrawn'
    this.#suppressedBy.add('withdrawn')
    this.#forgetStopKeys()
    const isDeleted = DELETES_ON_WITHDRAWAL[grant.policy]
    // At once, so that the end of the call a moment later finds nothing that it could keep.
    const recorder = isDeleted ? this.#recorder : null
    if (isDeleted) this.#recorder = null
    const erasing = recorder?.erase(by)
    if (erasing !== undefined) this.#parts.track(erasing)
    this.call.record({ kind: 'recordingWithdrawn', by, isDeleted })
    this.#changed()
    await storeSurely(() => grant.withdraw(this.#parts.db, method), this.call.log, 'a withdrawn consent')
    await erasing
  }

  /** A card number follows: nobody hears, records or writes what is said and keyed, until it ends or three minutes have passed. */
  startCard(by: string): void {
    const { tap, customer } = this.call
    if (tap === null || customer === null) throw new AppError('CONFLICT', 'The call is not answered yet.')
    if (this.#card !== null) throw new AppError('CONFLICT', 'A card is being entered already.')
    const { cardLimitMs } = this.#parts
    const card = {
      hidden: tap.hide(),
      endsAt: new Date(Date.now() + cardLimitMs),
      timer: setTimeout(() => this.endCard('timeLimit'), cardLimitMs),
      keys: 0,
      forget: customer.onDigit(() => {
        card.keys += 1
        this.#changed()
      })
    }
    this.#card = card
    this.#suppressedBy.add('card')
    this.call.record({ kind: 'cardEntryStarted', by })
    this.#changed()
  }

  endCard(by: string): void {
    const card = this.#card
    if (card === null) {
      if (by === 'timeLimit') return
      throw new AppError('CONFLICT', 'No card is being entered.')
    }
    this.#card = null
    clearTimeout(card.timer)
    card.forget()
    card.hidden[Symbol.dispose]()
    this.#suppressedBy.delete('card')
    this.call.record({ kind: 'cardEntryEnded', by, keys: card.keys })
    if (by === 'timeLimit') this.#parts.alarm('CARD_ENTRY_TOO_LONG')
    this.#changed()
  }

  #suppressor(): Suppressor | null {
    return SUPPRESSORS.find(one => this.#suppressedBy.has(one)) ?? null
  }

  #suppress(why: Suppressor, by: string): void {
    this.#suppressedBy.add(why)
    this.call.record({ kind: 'recordingPaused', why, by })
    this.#changed()
  }

  #release(why: Suppressor, by: string): void {
    if (!this.#suppressedBy.delete(why)) return
    this.#recorder?.resumed()
    this.call.record({ kind: 'recordingResumed', why, by })
    this.#changed()
  }

  #mustRecord(): void {
    if (this.#recorder === null || this.#consent !== 'granted')
      throw new AppError('CONFLICT', 'This call is not recorded.')
  }

  #trouble(code: string): void {
    this.call.record({ kind: 'recordingTrouble', code })
    this.#parts.alarm(code)
    this.#changed()
  }

  #watchStopKeys(stopKeys: string): void {
    let typed = ''
    let lastMs = 0
    const forget = this.call.customer?.onDigit(key => {
      const nowMs = performance.now()
      typed = nowMs - lastMs > STOP_KEYS_MS ? key : (typed + key).slice(-stopKeys.length)
      lastMs = nowMs
      if (typed !== stopKeys || this.#card !== null) return
      this.withdraw('customer', 'key').catch(err => this.call.log.error({ err }, 'a consent could not be taken back'))
    })
    this.#forgetStopKeys = () => {
      forget?.()
    }
  }

  #changed(): void {
    this.#since = new Date()
    for (const listener of this.#listeners) listener()
  }

  #callOver(): void {
    this.#forgetStopKeys()
    if (this.#card !== null) this.endCard('callEnded')
    this.#listeners.clear()
    const recorder = this.#recorder
    this.#recorder = null
    if (recorder !== null) this.#parts.track(recorder.finish())
  }
}

/**
 * Writes one call from its tap. Gaps are cut by the frames' own times, so that they meet the audio without holes, and
 * what was said before leave was given is never written, however late it arrives.
 */
class Recorder {
  readonly #parts: CallRecordingParts
  readonly #call: Call
  readonly #sink: RecordingSink
  readonly #note: SpoolNote
  readonly #suppressor: () => Suppressor | null
  #attachment: TapAttachment | undefined
  #fromMs: number
  #hasBegun = false
  #gap: { kind: Suppressor; fromMs: number } | null = null
  #isOver = false

  private constructor(
    parts: CallRecordingParts,
    call: Call,
    sink: RecordingSink,
    note: SpoolNote,
    fromMs: number,
    suppressor: () => Suppressor | null
  ) {
    this.#parts = parts
    this.#call = call
    this.#sink = sink
    this.#note = note
    this.#fromMs = fromMs
    this.#suppressor = suppressor
  }

  static async start(
    grant: RecordingGrant,
    parts: CallRecordingParts,
    call: Call,
    options: Readonly<{ store: string; language: string }>,
    suppressor: () => Suppressor | null,
    onTrouble: (code: string) => void
  ): Promise<Recorder> {
    const { tap } = call
    if (tap === null || grant.callId !== call.id) throw new Error('this grant is not for a call that is answered')
    const fromMs = tap.elapsedMs
    const id = newId()
    const key = newDataKey()
    const answeredAt = new Date(Date.now() - fromMs)
    const note: SpoolNote = {
      id,
      callId: call.id,
      consentId: grant.id,
      store: options.store,
      objectKey: `${options.store}/${answeredAt.toISOString().slice(0, 10)}/${id}.sealed`,
      key: await parts.keys.wrap(key, id),
      answeredAt: answeredAt.toISOString(),
      language: options.language,
      closed: null
    }
    await parts.spool.begin(note)
    const sink = parts.thread.open({
      path: parts.spool.pathOf(id),
      id,
      key,
      onTrouble: (code, message) => {
        call.log.error({ recordingId: id, code, message }, 'a recording cannot be written')
        onTrouble(code)
      },
      onRecovered: () => call.log.warn({ recordingId: id }, 'a recording can be written again')
    })
    const recorder = new Recorder(parts, call, sink, note, fromMs, suppressor)
    recorder.#attachment = tap.attach({ name: 'recorder', onFrame: frame => recorder.#take(frame) })
    return recorder
  }

  get id(): string {
    return this.#note.id
  }

  /** What was said until now was said while nothing was to be recorded. */
  resumed(): void {
    this.#fromMs = this.#call.tap?.elapsedMs ?? this.#fromMs
  }

  /** The call is over. Resolves when the recording is safe on this machine's disk; never throws. */
  async finish(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    const durationMs = this.#call.tap?.elapsedMs ?? 0
    this.#attachment?.[Symbol.dispose]()
    const { spool } = this.#parts
    if (!this.#hasBegun) {
      await this.#sink.abandon()
      await spool.discard(this.id)
      return
    }
    try {
      const closed = await this.#sink.close(durationMs)
      await spool.finished({ ...this.#note, closed })
      if (closed.gaps.some(gap => gap.kind === 'lost')) {
        this.#call.log.error({ recordingId: this.id, gaps: closed.gaps }, 'a part of a recording is missing')
        this.#parts.alarm('SEGMENT_MISSING')
      }
    } catch (err) {
      this.#call.log.error(
        { err, recordingId: this.id },
        'a recording could not be finished; it will be from its spool'
      )
      this.#parts.alarm('RECORDING_UNFINISHED')
      spool.release(this.id)
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

  #take(frame: TapFrame): void {
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
    const suppressor = isHidden ? 'card' : this.#suppressor()
    if (suppressor !== this.#gap?.kind) this.#turn(suppressor, atMs)
    if (suppressor === null && !isFilled) this.#sink.write(leftAndRight, atMs)
  }

  #turn(suppressor: Suppressor | null, atMs: number): void {
    if (this.#gap !== null) this.#sink.mark({ ...this.#gap, toMs: atMs })
    this.#gap = suppressor === null ? null : { kind: suppressor, fromMs: atMs }
    if (this.#gap !== null) this.#sink.mark({ ...this.#gap, toMs: null })
  }
}
