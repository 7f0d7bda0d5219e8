import { SpeechDetector } from '../audio/speech-energy.ts'
import type { TapAttachment, TapFrame } from '../tap/call-tap.ts'
import type { CallTap } from '../tap/call-tap.ts'
import { type RecognitionRequest, type RecognitionStream, type Recognizer, SpeechError } from './recognizer.ts'

/** What a customer's voice does while somebody listens for an answer. */
export type VoiceEvent =
  /** Speech has begun: a prompt that may be interrupted stops now. */
  | Readonly<{ kind: 'speaking' }>
  | Readonly<{ kind: 'spoken'; text: string; confidence: number }>
  /** The speech is over and fits nothing that was expected; or it was a noise. */
  | Readonly<{ kind: 'notUnderstood' }>
  /** The recogniser failed; keys go on working. */
  | Readonly<{ kind: 'failed'; err: SpeechError }>

export type VoiceListenerOptions = Readonly<{
  tap: Pick<CallTap, 'attach'>
  recognizer: Recognizer
  request: RecognitionRequest
  /** This much quiet ends what is said. Long enough for the pauses in an answer, short enough to feel prompt. */
  endpointMs: number
  onEvent(event: VoiceEvent): void
}>

const FRAME_SAMPLES = 160
/** The detector needs some speech before it is sure; the recogniser gets that too. */
const PRE_ROLL_FRAMES = 20
/** Sounds shorter than this are coughs, clicks and breath. */
const MIN_SPEECH_MS = 160
/** Whoever speaks longer than this does not answer a menu. */
const MAX_SPEECH_MS = 12_000
const FRAME_MS = 20

/** Listens to what a customer says, from now until it is disposed. */
export class VoiceListener implements Disposable {
  readonly #options: VoiceListenerOptions
  readonly #detector: SpeechDetector
  readonly #attachment: TapAttachment
  readonly #before: Int16Array[] = []
  #stream: RecognitionStream | null = null
  #spokenMs = 0
  #isOver = false

  constructor(options: VoiceListenerOptions) {
    this.#options = options
    this.#detector = new SpeechDetector({ voiceMs: 80, silenceMs: options.endpointMs })
    this.#attachment = options.tap.attach({ name: 'voice listener', onFrame: frame => this.#hear(frame) })
  }

  /** Resolves when audio flows. */
  get flowing(): Promise<void> {
    return this.#attachment.flowing
  }

  #hear(frame: TapFrame): void {
    if (this.#isOver || frame.isHidden) return
    const samples = leftOf(frame.leftAndRight)
    const change = this.#detector.push(samples)
    if (this.#stream === null) {
      this.#before.push(samples)
      if (this.#before.length > PRE_ROLL_FRAMES) this.#before.shift()
      if (change === 'started') this.#begin()
      return
    }
    this.#stream.write(samples)
    this.#spokenMs += FRAME_MS
    if (change === 'stopped' || this.#spokenMs >= MAX_SPEECH_MS) this.#finish()
  }

  #begin(): void {
    const stream = this.#options.recognizer.open(this.#options.request)
    for (const samples of this.#before.splice(0)) stream.write(samples)
    this.#stream = stream
    this.#spokenMs = 0
    this.#options.onEvent({ kind: 'speaking' })
  }

  #finish(): void {
    const stream = this.#stream
    this.#stream = null
    if (stream === null) return
    if (this.#spokenMs - this.#options.endpointMs < MIN_SPEECH_MS) {
      stream[Symbol.dispose]()
      this.#tell({ kind: 'notUnderstood' })
      return
    }
    stream.finish().then(
      found => this.#tell(found === null ? { kind: 'notUnderstood' } : { kind: 'spoken', ...found }),
      err => {
        if (err instanceof SpeechError) this.#tell({ kind: 'failed', err })
        else throw err
      }
    )
  }

  #tell(event: VoiceEvent): void {
    if (!this.#isOver) this.#options.onEvent(event)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#attachment[Symbol.dispose]()
    this.#stream?.[Symbol.dispose]()
    this.#stream = null
  }
}

/** What the customer says: the left of each pair of samples. */
function leftOf(leftAndRight: Buffer): Int16Array {
  const left = new Int16Array(FRAME_SAMPLES)
  for (let index = 0; index < FRAME_SAMPLES; index += 1) left[index] = leftAndRight.readInt16LE(index * 4)
  return left
}
