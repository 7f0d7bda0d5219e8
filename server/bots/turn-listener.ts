import { SpeechError } from '../../media/speech/recognizer.ts'
import type { VoiceEvent } from '../../media/speech/voice-listener.ts'
import type { CallTap } from '../../media/tap/call-tap.ts'
import type { Listening } from '../calls/leg-audio.ts'
import { HeardMeter } from './turn-heard.ts'
import {
  holdEndsAtMs,
  type TurnDecision,
  type TurnEvent,
  type TurnRules,
  type TurnSounds,
  turn,
  turnStart
} from './turn-machine.ts'

/** A turn as it went: what can be stored and replayed. */
export type TurnTrace = Readonly<{ isPrompted: boolean; events: readonly TurnEvent[] }>

export type TurnListenerOptions = Readonly<{
  tap: Pick<CallTap, 'attach' | 'elapsedMs'>
  rules: TurnRules
  /** Begins to hear a voice, whose stretches of speech are counted. */
  open(onEvent: (event: VoiceEvent, stretch: number) => void): Disposable
  soundsOf(text: string): TurnSounds
  /** A prompt begins to play now. */
  isPrompted: boolean
  /** How long a recogniser may think after the speech. */
  answerLimitMs: number
  onEvent(event: VoiceEvent): void
  /** Told of every failure of the recogniser, also where the turn goes on without it. */
  onFailure(err: SpeechError): void
  /** Told after each turn, also after one that was ignored. */
  onTurn(trace: TurnTrace, wasIgnored: boolean): void
}>

/** A story keeps no more than this of one turn. */
const MAX_EVENTS = 60

/** Gives the turn to a customer's voice by the rules: the I/O around {@link turn}. */
export class TurnListener implements Listening {
  readonly #options: TurnListenerOptions
  readonly #meter: HeardMeter
  readonly #voice: Disposable
  #state: ReturnType<typeof turnStart>
  #wasPrompted = false
  #events: TurnEvent[] = []
  #timer: NodeJS.Timeout | undefined
  #thinking: NodeJS.Timeout | undefined
  #isOver = false
  /** The stretch of speech that began last. */
  #latest = 0
  /** Up to here stretches were held when the next one began: they have not had the turn. */
  #heldUpTo = 0
  /** Up to here nobody waits for answers any more. */
  #givenUpTo = 0

  constructor(options: TurnListenerOptions) {
    this.#options = options
    this.#state = turnStart(options.isPrompted)
    this.#meter = new HeardMeter(options.tap)
    this.#voice = options.open((event, stretch) => this.#hear(event, stretch))
  }

  get heardMs(): number {
    return this.#meter.heardMs
  }

  promptOver(): void {
    this.#step({ kind: 'promptOver', atMs: this.#nowMs })
  }

  get #nowMs(): number {
    return Math.round(this.#options.tap.elapsedMs)
  }

  #hear(event: VoiceEvent, stretch: number): void {
    const { soundsOf, onEvent } = this.#options
    switch (event.kind) {
      case 'speaking':
        if (this.#state.speech === 'held') this.#heldUpTo = this.#latest
        this.#latest = stretch
        clearTimeout(this.#thinking)
        this.#step(event)
        break
      case 'paused':
      case 'resumed':
        clearTimeout(this.#thinking)
        this.#step(event)
        break
      case 'ended':
        this.#step({ kind: 'ended', atMs: event.atMs })
        clearTimeout(this.#thinking)
        this.#thinking = setTimeout(() => this.#giveUpThinking(), this.#options.answerLimitMs)
        onEvent(event)
        break
      case 'partial': {
        this.#step({ kind: 'partial', atMs: event.atMs, sounds: soundsOf(event.text) })
        onEvent(event)
        break
      }
      case 'spoken':
        this.#answer(stretch, soundsOf(event.text), event)
        break
      case 'notUnderstood':
        this.#answer(stretch, null, event)
        break
      case 'failed':
        if (stretch > this.#givenUpTo) this.#options.onFailure(event.err)
        this.#answer(stretch, null, event)
        break
      default:
        event satisfies never
    }
  }

  #answer(stretch: number, sounds: TurnSounds | null, event: VoiceEvent): void {
    if (stretch <= this.#givenUpTo) return
    // A mere sound that was held before must not end what the customer says now.
    const isNoTurn = sounds === null || sounds === 'backChannel'
    if (isNoTurn && stretch < this.#latest && stretch <= this.#heldUpTo) return
    clearTimeout(this.#thinking)
    this.#step({ kind: 'answer', atMs: this.#nowMs, sounds }, event)
  }

  /** A recogniser that thinks for so long leaves the customer in silence; what it says later is not heard. */
  #giveUpThinking(): void {
    const err = new SpeechError('SPEECH_TIMEOUT', 'the recogniser takes too long')
    this.#hear({ kind: 'failed', err }, this.#latest)
    this.#givenUpTo = this.#latest
  }

  #step(event: TurnEvent, answer?: VoiceEvent): void {
    if (this.#isOver) return
    if (this.#events.length === 0) this.#wasPrompted = this.#state.isPrompted
    const { state, decisions } = turn(this.#options.rules, this.#state, event)
    this.#state = state
    if (event.kind !== 'clock' && this.#events.length < MAX_EVENTS) this.#events.push(event)
    for (const decision of decisions) this.#decide(decision, event.atMs, answer)
    this.#arm()
  }

  #decide(decision: TurnDecision, atMs: number, answer: VoiceEvent | undefined): void {
    switch (decision) {
      case 'speak':
        this.#options.onEvent({ kind: 'speaking', atMs })
        break
      case 'ignore':
        this.#endTurn(true)
        break
      case 'answer':
        this.#endTurn(false)
        if (answer !== undefined) this.#options.onEvent(answer)
        break
      default:
        decision satisfies never
    }
  }

  #endTurn(wasIgnored: boolean): void {
    const events = this.#events
    this.#events = []
    this.#options.onTurn({ isPrompted: this.#wasPrompted, events }, wasIgnored)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const endsAtMs = holdEndsAtMs(this.#options.rules, this.#state)
    if (endsAtMs === null || this.#isOver) return
    // A timer may run a little early; the time that it stands for has come all the same.
    const atMs = Math.ceil(endsAtMs)
    this.#timer = setTimeout(() => this.#step({ kind: 'clock', atMs }), Math.max(0, atMs - this.#nowMs))
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    clearTimeout(this.#thinking)
    this.#meter[Symbol.dispose]()
    this.#voice[Symbol.dispose]()
  }
}
