import { SpeechDetector } from '../audio/speech-energy.ts'
import { StretchLevels, type VoiceLevels } from '../audio/voice-level.ts'
import type { TapAttachment, TapFrame } from '../tap/call-tap.ts'
import type { CallTap } from '../tap/call-tap.ts'
import {
  type FallOver,
  type RecognitionRequest,
  type RecognitionStream,
  type Recognizer,
  SpeechError
} from './recognizer.ts'

/** What a customer's voice does while somebody listens for an answer. `atMs`: since the leg was answered. */
export type VoiceEvent =
  /** Speech has begun: a prompt that may be interrupted stops now. */
  | Readonly<{ kind: 'speaking'; atMs: number }>
  /** What was understood so far, as a whole; its last word may still change. Only from recognisers that tell. */
  | Readonly<{ kind: 'partial'; text: string; atMs: number }>
  /** Quiet within what is said, since `atMs`. */
  | Readonly<{ kind: 'paused'; atMs: number }>
  | Readonly<{ kind: 'resumed'; atMs: number }>
  /** The speech is over; what it was follows. `isCutOff`: it went on, for longer than anybody listens. */
  | Readonly<{ kind: 'ended'; atMs: number; isCutOff?: boolean }>
  /** `isRaised`: much louder than the customer spoke so far. */
  | Readonly<{ kind: 'spoken'; text: string; confidence: number; isRaised?: boolean }>
  /** The speech is over and fits nothing that was expected; or it was a noise, or music; or nobody may hear it. */
  | Readonly<{ kind: 'notUnderstood'; why: 'unknown' | 'noise' | 'music' | 'hidden' }>
  /** The recogniser failed; keys go on working. */
  | Readonly<{ kind: 'failed'; err: SpeechError }>

export type VoiceListenerOptions = Readonly<{
  tap: Pick<CallTap, 'attach'>
  recognizer: Recognizer
  request: RecognitionRequest
  /**
   * How much quiet, in milliseconds, ends what is said, given what was understood so far (null: nothing yet). Long enough
   * for the pauses in an answer, short enough to feel prompt.
   */
  endpointMs(partial: string | null): number
  /** Whoever speaks longer than this is cut off: 12 s by default, the length of no answer to a menu. */
  maxSpeechMs?: number
  /** How loud this customer speaks. */
  levels?: VoiceLevels
  /** Told when a chain of recognisers goes on with another one. */
  onFallOver?(change: FallOver): void
  /** Told after each stretch what hearing it cost by the price list, in euro cents. */
  onCost?(cents: number): void
  /** `stretch`: which of the stretches of speech it is about, counted from 1; an answer may come when a later one has begun. */
  onEvent(event: VoiceEvent, stretch: number): void
}>

const FRAME_SAMPLES = 160
/** The detector needs some speech before it is sure; the recogniser gets that too. */
const PRE_ROLL_FRAMES = 20
/** So much sound makes the detector sure. */
const VOICE_MS = 80
/** Sounds shorter than this are coughs, clicks and breath. */
const MIN_SPEECH_MS = 160
const MAX_SPEECH_MS = 12_000
const FRAME_MS = 20
/** Quiet as short as this lies between syllables and is no pause. */
const PAUSE_MS = 100
/** Longer quiet than any end of a turn: the listener decides before the detector does. */
const DETECTOR_SILENCE_MS = 10_000
const ABOVE_MUSIC_DB = 6

/** What is being said. */
type Stretch = {
  readonly number: number
  readonly stream: RecognitionStream
  readonly levels: StretchLevels
  partial: string | null
  spokenMs: number
  isPaused: boolean
}

/** Listens to what a customer says, from now until it is disposed. */
export class VoiceListener implements Disposable {
  readonly #options: VoiceListenerOptions
  #detector = newDetector()
  readonly #attachment: TapAttachment
  readonly #before: Int16Array[] = []
  #stretch: Stretch | null = null
  #begun = 0
  /** How loud the music is that goes on. */
  #musicDbov: number | undefined
  #isOver = false

  constructor(options: VoiceListenerOptions) {
    this.#options = options
    this.#attachment = options.tap.attach({ name: 'voice listener', onFrame: frame => this.#hear(frame) })
  }

  /** Resolves when audio flows. */
  get flowing(): Promise<void> {
    return this.#attachment.flowing
  }

  #hear(frame: TapFrame): void {
    if (this.#isOver) return
    if (frame.isHidden) {
      // A card number begins: what was being said is no answer, and nobody hears the rest.
      this.#before.length = 0
      if (this.#stretch !== null) this.#drop('hidden')
      return
    }
    const samples = leftOf(frame.leftAndRight)
    const change = this.#detector.push(samples)
    const stretch = this.#stretch
    if (stretch === null) {
      this.#before.push(samples)
      if (this.#before.length > PRE_ROLL_FRAMES) this.#before.shift()
      if (change === 'started') this.#begin(frame.atMs)
      return
    }
    stretch.stream.write(samples)
    stretch.spokenMs += FRAME_MS
    const { quietMs } = this.#detector
    stretch.levels.push(samples, quietMs === 0)
    this.#notePause(stretch, quietMs, frame.atMs)
    if (stretch.levels.isSteady) this.#drop('music', stretch.levels.meanDbov)
    else if (quietMs > 0 && quietMs >= this.#options.endpointMs(stretch.partial)) this.#finish(stretch, frame.atMs)
    else if (stretch.spokenMs >= (this.#options.maxSpeechMs ?? MAX_SPEECH_MS)) this.#finish(stretch, frame.atMs, true)
  }

  #begin(atMs: number): void {
    const stream = this.#options.recognizer.open(
      this.#options.request,
      text => {
        if (this.#stretch !== stretch) return
        stretch.partial = text
        this.#tell({ kind: 'partial', text, atMs: atMs + stretch.spokenMs - VOICE_MS }, stretch.number)
      },
      this.#options.onFallOver
    )
    this.#begun += 1
    const stretch: Stretch = {
      number: this.#begun,
      stream,
      levels: new StretchLevels(),
      partial: null,
      spokenMs: VOICE_MS,
      isPaused: false
    }
    this.#stretch = stretch
    this.#tell({ kind: 'speaking', atMs })
    // Whoever was told may want no more.
    if (this.#stretch === stretch) for (const samples of this.#before.splice(0)) stream.write(samples)
  }

  #notePause(stretch: Stretch, quietMs: number, atMs: number): void {
    const isPaused = quietMs >= PAUSE_MS
    if (isPaused === stretch.isPaused) return
    stretch.isPaused = isPaused
    this.#tell(isPaused ? { kind: 'paused', atMs: atMs + FRAME_MS - quietMs } : { kind: 'resumed', atMs })
  }

  /** Gives up what is being said. After music only what is louder counts as speech. */
  #drop(why: 'hidden' | 'music' | 'noise', musicDbov?: number): void {
    if (this.#stretch !== null) this.#noteCost(this.#stretch)
    this.#stretch?.stream[Symbol.dispose]()
    this.#stretch = null
    if (musicDbov !== undefined) this.#musicDbov = musicDbov
    this.#detector = newDetector(this.#musicDbov)
    this.#tell({ kind: 'notUnderstood', why })
  }

  #finish(stretch: Stretch, atMs: number, isCutOff = false): void {
    const { quietMs } = this.#detector
    this.#tell({ kind: 'ended', atMs: atMs + FRAME_MS, ...(isCutOff && { isCutOff }) })
    if (stretch.spokenMs - quietMs < MIN_SPEECH_MS) {
      this.#drop('noise')
      return
    }
    this.#stretch = null
    this.#detector = newDetector(this.#musicDbov)
    const { meanDbov, soundMs } = stretch.levels
    const isRaised = this.#options.levels?.judge(meanDbov, soundMs) ?? false
    stretch.stream.finish().then(
      found => {
        this.#noteCost(stretch)
        this.#tell(
          found === null
            ? { kind: 'notUnderstood', why: 'unknown' }
            : { kind: 'spoken', ...found, ...(isRaised && { isRaised }) },
          stretch.number
        )
      },
      err => {
        this.#noteCost(stretch)
        if (err instanceof SpeechError) this.#tell({ kind: 'failed', err }, stretch.number)
        else throw err
      }
    )
  }

  #noteCost({ stream, spokenMs }: Stretch): void {
    const { recognizer, onCost } = this.#options
    onCost?.((spokenMs / 60_000) * (stream.centsPerMinute ?? recognizer.centsPerMinute))
  }

  #tell(event: VoiceEvent, stretch = this.#begun): void {
    if (!this.#isOver) this.#options.onEvent(event, stretch)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#attachment[Symbol.dispose]()
    if (this.#stretch !== null) this.#noteCost(this.#stretch)
    this.#stretch?.stream[Symbol.dispose]()
    this.#stretch = null
  }
}

/** `musicDbov`: the level of music that goes on, which speech must be above. */
function newDetector(musicDbov?: number): SpeechDetector {
  return new SpeechDetector({
    voiceMs: VOICE_MS,
    silenceMs: DETECTOR_SILENCE_MS,
    ...(musicDbov !== undefined && { minLevelDbov: musicDbov + ABOVE_MUSIC_DB })
  })
}

/** What the customer says: the left of each pair of samples. */
function leftOf(leftAndRight: Buffer): Int16Array {
  const left = new Int16Array(FRAME_SAMPLES)
  for (let index = 0; index < FRAME_SAMPLES; index += 1) left[index] = leftAndRight.readInt16LE(index * 4)
  return left
}
