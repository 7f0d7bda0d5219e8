import type { Call } from '../calls/call.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { AppError } from '../errors.ts'
import type { RecordingPolicy } from '../compliance/recording-policy.ts'
import { DELETES_ON_WITHDRAWAL, type RecordingGrant } from './grant.ts'
import { Recorder, type RecorderParts, type Suppressor } from './recorder.ts'
import type { LastWords } from './say-last.ts'

/** What the customer has said to being recorded, or what was settled without asking. */
export type RecordingConsent = 'unasked' | 'granted' | 'refused' | 'withdrawn' | 'never'

/** Why nothing is recorded at the moment, the strongest reason first. */
const SUPPRESSORS = ['withdrawn', 'card', 'party', 'pause', 'onDemand'] as const satisfies readonly Suppressor[]

/** As an agent's desk shows it. */
export type RecordingView = Readonly<{
  state: 'recording' | 'paused' | 'notRecorded'
  /** For `paused`: pause, party, onDemand or card. For `notRecorded`: unasked, asking, refused, withdrawn, never or failed. */
  reason: string | null
  since: Date
  card: Readonly<{ endsAt: Date; keys: number }> | null
}>

export type CallRecordingParts = RecorderParts &
  Readonly<{
    cardLimitMs: number
    /** The recorder runs by this grant. Must not throw. */
    onStarted?: ((recording: CallRecording, grant: RecordingGrant, customerNumber: string | null) => void) | undefined
    /** Something is being finished that a shutdown waits for. */
    track(finishing: Promise<unknown>): void
    /** Tells the customer why the call ends, before the leg goes. Never rejects. */
    sayLast(call: Call, language: string, words: LastWords): Promise<void>
  }>

/** Why a call that has to be recorded ends, as an agent's desk says it. */
export type MustEndNotice = 'RECORDING_FAILED' | 'RECORDING_REFUSED'

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
  readonly #endListeners = new Set<(notice: MustEndNotice) => void>()
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

  /** Whether what is said at this moment is kept. */
  get isKeeping(): boolean {
    return this.#recorder !== null && this.#consent === 'granted' && this.#suppressor() === null
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

  /** Hears once that the call ends now because it has to be recorded and is not, until the returned function is called. */
  onMustEnd(listener: (notice: MustEndNotice) => void): () => void {
    this.#endListeners.add(listener)
    return () => this.#endListeners.delete(listener)
  }

  /** The customer is being told or asked. */
  beginAsking(): void {
    if (this.#reason !== 'unasked') return
    this.#reason = 'asking'
    this.#changed()
  }

  /** Whatever came of it is settled; if nothing did, nobody was asked. */
  endAsking(): void {
    if (this.#reason !== 'asking') return
    this.#reason = 'unasked'
    this.#changed()
  }

  /** The customer did not agree, or nobody needs to be asked because the call is not recorded anyway. */
  settle(consent: 'refused' | 'never', reason: string): void {
    this.#consent = consent
    this.#reason = reason
    this.#changed()
  }

  /** The customer does not agree. Where the law wants the call recorded, it ends with a word; true when it may go on. */
  mayGoOnRefused(policy: RecordingPolicy, language: string): boolean {
    if (!policy.isCompulsory) return true
    this.#endWithWord('recordingRefused', policy.policy, language)
    return false
  }

  /**
   * The call cannot be recorded. Where the law wants it recorded, it ends with a word, or goes on and somebody is alarmed, as
   * the rule says; true when it may go on.
   */
  mayGoOnUnrecorded(policy: RecordingPolicy, code: string, language: string): boolean {
    if (!policy.isCompulsory || this.call.ended !== undefined) return true
    const { endsOnFailure } = policy
    this.call.record({ kind: 'recordingTrouble', code, mustRecord: endsOnFailure ? 'ends' : 'goesOn' })
    this.#parts.alarm('MUST_RECORD')
    if (!endsOnFailure) return true
    this.#endWithWord('recordingFailed', code, language)
    return false
  }

  /**
   * Starts the recorder. `isOnDemand`: it waits until somebody resumes it. `isFlowAsked`: the flow has a way of its own for calls
   * that must be recorded and are not. A recorder that cannot be started leaves the call unrecorded and raises an alarm, or ends
   * the call where the policy says so; it never throws.
   */
  async start(
    grant: RecordingGrant,
    options: Readonly<{
      store: string
      language: string
      stopKeys: string
      isOnDemand: boolean
      isFlowAsked?: boolean
      customerNumber: string | null
    }>
  ): Promise<void> {
    this.#consent = 'granted'
    this.#grant = grant
    if (options.isOnDemand) this.#suppressedBy.add('onDemand')
    let recorder: Recorder
    try {
      recorder = await Recorder.start(grant, this.#parts, this.call, {
        store: options.store,
        language: options.language,
        suppressor: () => this.#suppressor(),
        onTrouble: code => this.#trouble(code),
        onMissing: (code, isOver) => this.#missing(code, isOver)
      })
    } catch (err) {
      if (this.#isTooLate) return
      this.call.log.error({ err }, 'a call cannot be recorded although it may be')
      this.#reason = 'failed'
      this.#trouble('RECORDER_FAILED')
      if (options.isFlowAsked !== true) this.#mustHave('RECORDER_FAILED')
      return
    }
    if (this.#isTooLate) {
      // Keys and disks take their time. Nothing was written yet, and nobody else would ever finish it.
      this.#parts.track(recorder.finish())
      return
    }
    this.#recorder = recorder
    recorder.follow()
    this.call.record({ kind: 'recordingStarted', recordingId: recorder.id })
    this.#watchStopKeys(options.stopKeys)
    this.#changed()
    this.#parts.onStarted?.(this, grant, options.customerNumber)
  }

  pause(by: string): void {
    this.#mustRecord()
    if (this.#suppressedBy.has('pause')) throw new AppError('CONFLICT', 'The recording is paused already.')
    if (this.#grant?.facts.policy.isCompulsory === true)
      throw new AppError(
        'CONFLICT',
        'The law wants this call recorded: it cannot be paused. A card number is kept out by the entry of a card.'
      )
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

  /**
   * The customer takes the consent back: recording ends, and where the policy wants it what there is goes. Where the law wants
   * the call recorded, it ends with a word.
   */
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
    this.mayGoOnRefused(grant.facts.policy, grant.facts.language)
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

  /** The call ended, or the consent was taken back, while the recorder got ready. */
  get #isTooLate(): boolean {
    return this.call.ended !== undefined || this.#consent !== 'granted'
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

  /** Something that should be kept is not. What was written so far is finished from its spool. */
  #missing(code: string, isOver: boolean): void {
    if (isOver && this.#recorder !== null) {
      this.#parts.track(this.#recorder.finish())
      this.#recorder = null
      this.#reason = 'failed'
      this.#changed()
    }
    this.#mustHave(code)
  }

  #mustHave(code: string): void {
    const facts = this.#grant?.facts
    if (facts !== undefined) this.mayGoOnUnrecorded(facts.policy, code, facts.language)
  }

  #endWithWord(reason: 'recordingFailed' | 'recordingRefused', detail: string, language: string): void {
    if (this.call.ended !== undefined) return
    const isFailed = reason === 'recordingFailed'
    for (const listener of this.#endListeners) listener(isFailed ? 'RECORDING_FAILED' : 'RECORDING_REFUSED')
    // Added last, it goes first: everything else in the call has stopped, and the customer is still there.
    this.call.defer(() => this.#parts.sayLast(this.call, language, isFailed ? 'failed' : 'compulsory'))
    this.call.end(reason, { detail })
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
    this.#endListeners.clear()
    const recorder = this.#recorder
    this.#recorder = null
    if (recorder !== null) this.#parts.track(recorder.finish())
  }
}
