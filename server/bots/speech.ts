import type { SpokenRequest } from '../../ivr-flows/host.ts'
import { VoiceLevels } from '../../media/audio/voice-level.ts'
import { type FallOver, type RecognitionRequest, type Recognizer, SpeechError } from '../../media/speech/recognizer.ts'
import { type VoiceEvent, VoiceListener } from '../../media/speech/voice-listener.ts'
import { onAbort, orAborted } from '../calls/aborted.ts'
import type { CallTap } from '../../media/tap/call-tap.ts'
import type { Call } from '../calls/call.ts'
import type { CallEventData } from '../calls/call-events.ts'
import type { VoiceInput } from '../calls/leg-audio.ts'
import type { Logger } from '../log.ts'
import { createLanguageRecognizer, type OfferedLanguage } from './turn-languages.ts'
import { TurnListener } from './turn-listener.ts'
import { endpointMs, type Expectation, rulesFor, soundsOf } from './turn-taking.ts'

/** Below this what was said is taken for something else: asking again is better than a wrong turn. */
const LEAST_CONFIDENCE = 0.3
const PREPARE_LIMIT_MS = 5_000
/** A caller who has spoken is not left in silence for longer. */
const ANSWER_LIMIT_MS = 4_000
/** Whoever tells a story to a bot is heard for so long. */
const OPEN_MAX_SPEECH_MS = 30_000

type MayHear = (host: string) => boolean
const NOBODY_OUTSIDE: MayHear = () => false

/** What open listening expects; `hints` are words that are likely, such as names of products. */
export type OpenRequest = Readonly<{ expects: Expectation; hints?: readonly string[] }>

/** Whose voice is heard. `note` writes what it does into the story of the call, which tells of the customer's turns only. */
type Speaker = Readonly<{
  call: Call
  tap: CallTap | null
  levels: VoiceLevels
  note(event: CallEventData): void
}>

/** The recognisers of this installation, and listening with them. */
export class Speech implements AsyncDisposable {
  readonly #recognizers: readonly Recognizer[]
  readonly #log: Logger
  /** Calls whose story says already that nobody can listen in their language. */
  readonly #told = new WeakMap<Call, Set<string>>()
  readonly #mayHear = new WeakMap<Call, MayHear>()
  readonly #levels = new WeakMap<Call, VoiceLevels>()
  readonly #cents = new WeakMap<Call, number>()

  /** `recognizers` in the order of preference; those outside this machine only where their region is permitted. */
  constructor(recognizers: readonly Recognizer[], log: Logger) {
    this.#recognizers = recognizers
    this.#log = log
  }

  /** Primary tags of the languages in which phrases are understood. */
  get languages(): readonly string[] {
    return [...new Set(this.#recognizers.flatMap(one => one.languages))]
  }

  /** Whether any recogniser sends sound to a host outside. */
  get isOutside(): boolean {
    return this.#recognizers.some(one => one.host !== null)
  }

  /** What hearing the customer of this call has cost so far, by the price lists, in euro cents. */
  centsSpent(call: Call): number {
    return this.#cents.get(call) ?? 0
  }

  /** From now on only hosts that may hear the customer of this call are asked. */
  restrict(call: Call, mayHear: MayHear): void {
    this.#mayHear.set(call, mayHear)
  }

  /**
   * Gets ready to hear an answer from the customer of a call: one of some phrases, or something of another kind. Null when
   * nobody can: then keys alone must do, and the call's story says so once. A recogniser on this machine comes first
   * where phrases or a grammar say all that can be said.
   */
  async listenFor(call: Call, language: string, asked: SpokenRequest, signal: AbortSignal): Promise<VoiceInput | null> {
    return await this.#listenFor(this.#customer(call), language, asked, this.#mayHear.get(call), signal)
  }

  /**
   * Like {@link listenFor}, with recognisers on this machine alone: for questions that come before any consent.
   * @param other the leg of somebody else in the call, who is heard instead of the customer
   */
  async listenHere(
    call: Call,
    language: string,
    asked: SpokenRequest,
    signal: AbortSignal,
    other?: CallTap
  ): Promise<VoiceInput | null> {
    const speaker =
      other === undefined ? this.#customer(call) : { call, tap: other, levels: new VoiceLevels(), note() {} }
    return await this.#listenFor(speaker, language, asked, NOBODY_OUTSIDE, signal)
  }

  async #listenFor(
    speaker: Speaker,
    language: string,
    asked: SpokenRequest,
    mayHear: MayHear | undefined,
    signal: AbortSignal
  ): Promise<VoiceInput | null> {
    const phrases = asked.kind === 'phrases' ? asked.phrases : null
    const grammar = asked.kind === 'phrases' ? null : asked.grammar
    const canBeClosed = phrases !== null || grammar !== null
    const recognizers = this.#fitting(mayHear, language, one => one.isOpen || canBeClosed)
    const expects = asked.kind === 'grammar' ? 'phrases' : asked.kind
    const request = { language, phrases, ...(grammar !== null && { grammar }), ...(mayHear && { mayHear }) }
    return await this.#listen(speaker, recognizers, request, { expects, pauseMs: asked.pauseMs }, signal)
  }

  /**
   * Gets ready to hear in which of several languages the customer of a call answers, by the phrases that are offered in
   * each. Languages that nobody understands are left to keys; null when that is all of them.
   */
  async listenForLanguages(
    call: Call,
    offered: readonly OfferedLanguage[],
    signal: AbortSignal
  ): Promise<VoiceInput | null> {
    const mayHear = this.#mayHear.get(call)
    const ears = offered.flatMap(one => {
      const [recognizer] = this.#fitting(mayHear, one.language, () => true)
      return recognizer === undefined ? [] : [{ ...one, recognizer }]
    })
    const language = offered[0]?.language ?? ''
    const recognizers = ears.length === 0 ? [] : [createLanguageRecognizer(ears)]
    return await this.#listen(
      this.#customer(call),
      recognizers,
      { language, phrases: null, ...(mayHear && { mayHear }) },
      { expects: 'phrases' },
      signal
    )
  }

  /**
   * Gets ready to hear whatever the customer of a call says, in sentences. Null when nobody can understand open speech in
   * this language, and the call's story says so once. Nothing is heard while the call is hidden (card entry).
   */
  async listenOpen(
    call: Call,
    language: string,
    { expects, hints }: OpenRequest,
    signal: AbortSignal
  ): Promise<VoiceInput | null> {
    const mayHear = this.#mayHear.get(call)
    const request = { language, phrases: null, ...(hints !== undefined && { hints }), ...(mayHear && { mayHear }) }
    const recognizers = this.#fitting(mayHear, language, one => one.isOpen)
    return await this.#listen(this.#customer(call), recognizers, request, { expects }, signal)
  }

  /**
   * Hears everything that the customer of a call says besides what else goes on, until the signal says that it is over; resolves when
   * it is ready, or when nobody can, which the call's story says once. Only recognisers of open speech on this machine hear it: one
   * that is given phrases finds one in anything that is said, and nobody has agreed to be heard outside. Whoever is cut off, as by
   * hanging up, is told of with what was understood so far and a confidence of null.
   */
  async overhear(
    call: Call,
    language: string,
    onSaid: (text: string, confidence: number | null) => void,
    signal: AbortSignal
  ): Promise<void> {
    const request = { language, phrases: null, mayHear: NOBODY_OUTSIDE }
    const recognizers = this.#fitting(NOBODY_OUTSIDE, language, one => one.isOpen)
    const { tap } = call
    const recognizer = await this.#firstReady(call, tap === null ? [] : recognizers, request, signal)
    if (tap === null || recognizer === null) return
    signal.throwIfAborted()
    let unfinished: string | null = null
    const listener = new VoiceListener({
      tap,
      recognizer,
      request,
      endpointMs: partial => endpointMs('open', language, partial),
      maxSpeechMs: OPEN_MAX_SPEECH_MS,
      onCost: cents => this.#spend(call, cents),
      onEvent: event => {
        if (event.kind === 'partial') unfinished = event.text
        else if (event.kind === 'spoken' || event.kind === 'notUnderstood' || event.kind === 'failed') unfinished = null
        if (event.kind === 'failed') this.#noteFailure(call, event.err)
        if (event.kind === 'spoken' && event.confidence >= LEAST_CONFIDENCE) onSaid(event.text, event.confidence)
      }
    })
    onAbort(signal, () => {
      listener[Symbol.dispose]()
      if (unfinished !== null) onSaid(unfinished, null)
    })
  }

  /** In the order in which they are asked; of the same rank as the installation prefers them. */
  #fitting(
    mayHear: MayHear | undefined,
    language: string,
    fits: (recognizer: Recognizer) => boolean
  ): readonly Recognizer[] {
    const primary = language.toLowerCase().split('-')[0] ?? ''
    return this.#recognizers
      .filter(one => one.languages.includes(primary) && fits(one) && isPermitted(one, mayHear))
      .toSorted((one, other) => rankOf(one) - rankOf(other))
  }

  /** Listens with the first recogniser that gets ready. */
  async #listen(
    { call, tap, levels, note }: Speaker,
    recognizers: readonly Recognizer[],
    request: RecognitionRequest,
    { expects, pauseMs }: Readonly<{ expects: Expectation; pauseMs?: number | undefined }>,
    signal: AbortSignal
  ): Promise<VoiceInput | null> {
    const { language } = request
    const recognizer = await this.#firstReady(call, tap === null ? [] : recognizers, request, signal)
    if (tap === null || recognizer === null) return null
    const voice = {
      tap,
      recognizer,
      request,
      endpointMs: (partial: string | null) => pauseMs ?? endpointMs(expects, language, partial),
      ...(expects === 'open' && { maxSpeechMs: OPEN_MAX_SPEECH_MS }),
      levels,
      onCost: (cents: number) => this.#spend(call, cents),
      onFallOver: (change: FallOver) => call.record({ kind: 'speechFellOver', ...change })
    }
    const rules = rulesFor(expects, recognizer.isOpen)
    const held = { expects, language, holdMs: rules.holdMs, ...(pauseMs !== undefined && { pauseMs }) }
    return {
      listen: (onEvent, isPrompted) =>
        new TurnListener({
          tap,
          rules,
          open: hear => new VoiceListener({ ...voice, onEvent: (event, stretch) => hear(judge(note, event), stretch) }),
          soundsOf: text => soundsOf(text, language),
          isPrompted,
          answerLimitMs: ANSWER_LIMIT_MS,
          onEvent,
          onFailure: err => this.#noteFailure(call, err),
          onTurn: (trace, wasIgnored) => note({ kind: 'turnHeard', ...held, ...trace, wasIgnored })
        })
    }
  }

  /** Null when none gets ready, and the call's story says so once. */
  async #firstReady(
    call: Call,
    recognizers: readonly Recognizer[],
    request: RecognitionRequest,
    signal: AbortSignal
  ): Promise<Recognizer | null> {
    const { language } = request
    let code = 'SPEECH_MISSING'
    for (const recognizer of recognizers) {
      try {
        const stop = AbortSignal.any([signal, AbortSignal.timeout(PREPARE_LIMIT_MS)])
        // A model that is being loaded looks at no signal.
        await orAborted(recognizer.prepare(request, stop), stop)
        return recognizer
      } catch (err) {
        signal.throwIfAborted()
        this.#log.warn({ err, language, recognizer: recognizer.name }, 'a recogniser is not ready')
        code = err instanceof SpeechError ? err.code : 'SPEECH_TIMEOUT'
      }
    }
    const isHere = request.mayHear === NOBODY_OUTSIDE
    this.#tell(call, language, isHere && code === 'SPEECH_MISSING' ? 'SPEECH_NOT_HERE' : code, isHere)
    return null
  }

  #noteFailure(call: Call, err: SpeechError): void {
    this.#log.warn({ err, callId: call.id }, 'speech could not be understood')
    call.record({ kind: 'speechFailed', code: err.code })
  }

  #spend(call: Call, cents: number): void {
    this.#cents.set(call, this.centsSpent(call) + cents)
  }

  #customer(call: Call): Speaker {
    const levels = this.#levels.get(call) ?? new VoiceLevels()
    this.#levels.set(call, levels)
    return { call, tap: call.tap, levels, note: event => call.record(event) }
  }

  /** Says once for each language that nobody can listen, and once that nobody can on this machine. */
  #tell(call: Call, language: string, code: string, isHere: boolean): void {
    const what = isHere ? `${language} here` : language
    const told = this.#told.get(call) ?? new Set()
    this.#told.set(call, told)
    if (told.has(what)) return
    told.add(what)
    call.record({ kind: 'speechUnavailable', language, code })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#recognizers) await one[Symbol.asyncDispose]()
  }
}

/** What was understood with too little confidence was not understood. */
function judge(note: Speaker['note'], event: VoiceEvent): VoiceEvent {
  if (event.kind === 'spoken' && event.isRaised === true) note({ kind: 'voiceRaised' })
  if (event.kind === 'notUnderstood' && event.why === 'music') note({ kind: 'musicHeard' })
  if (event.kind === 'ended' && event.isCutOff === true) note({ kind: 'speechCutOff' })
  return event.kind === 'spoken' && event.confidence < LEAST_CONFIDENCE
    ? { kind: 'notUnderstood', why: 'unknown' }
    : event
}

/** A chain of recognisers asks for each of its hosts by itself. */
function isPermitted({ host, asksForEachHost }: Recognizer, mayHear: MayHear | undefined): boolean {
  return host === null || asksForEachHost === true || (mayHear?.(host) ?? true)
}

/** What needs nothing but the words that it is given, on this machine, comes first; then what is open on this machine. */
function rankOf({ host, isOpen }: Recognizer): number {
  return host === null ? (isOpen ? 1 : 0) : 2
}
