import { SpeechDetector } from '../../media/audio/speech-energy.ts'

/** A message with less speech than this is an empty one. */
const MIN_SPEECH_MS = 400
const RATE_HZ = 8_000

export type MessageLimits = Readonly<{
  maxMs: number
  /** This much silence ends the message. */
  silenceMs: number
}>

/** Listens to the customer's side of a message: whether anything has been said, and when it is over. */
export class MessageEar {
  readonly #limits: MessageLimits
  readonly #detector = new SpeechDetector()
  #samples = 0
  #speechSamples = 0
  #silentSamples = 0

  constructor(limits: MessageLimits) {
    this.#limits = limits
  }

  /** Something has been said. */
  get hasSpoken(): boolean {
    return this.#speechSamples >= (MIN_SPEECH_MS * RATE_HZ) / 1000
  }

  /** It is as long as it may be, or nothing has been said for so long. */
  get isOver(): boolean {
    const { maxMs, silenceMs } = this.#limits
    return this.#samples >= (maxMs * RATE_HZ) / 1000 || this.#silentSamples >= (silenceMs * RATE_HZ) / 1000
  }

  /** Takes interleaved samples, the customer's on the left. */
  push(leftAndRight: Int16Array): void {
    const said = new Int16Array(leftAndRight.length >> 1)
    for (let at = 0; at < said.length; at += 1) said[at] = leftAndRight[at * 2] ?? 0
    this.#detector.push(said)
    this.#samples += said.length
    if (this.#detector.isSpeaking) {
      this.#speechSamples += said.length
      this.#silentSamples = 0
    } else this.#silentSamples += said.length
  }
}
