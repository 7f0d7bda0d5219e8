import type { G711Codec } from '../../../audio/g711.ts'
import { FRAME_SAMPLES, type FrameSource } from '../rtp/frame.ts'
import type { Playable, PlayablePart } from './sound-library.ts'

/** How a playback ended. */
export type PlayEnd = 'done' | 'break' | 'timeout'

/** Sends a playable frame by frame from memory; it does no work of its own between slots. */
export class SoundPlayer implements FrameSource {
  readonly #playable: Playable
  readonly #onEnd: (end: PlayEnd) => void
  readonly #maxFrames: number
  #part = 0
  #frameInPart = 0
  #played = 0
  #hasEnded = false

  /** `onEnd` is called once: with the last frame, or at `stop()`. */
  constructor(playable: Playable, onEnd: (end: PlayEnd) => void, maxFrames = Number.POSITIVE_INFINITY) {
    this.#playable = playable
    this.#onEnd = onEnd
    this.#maxFrames = maxFrames
  }

  /** Samples sent so far, without the silence that fills the last frame. */
  get playedSamples(): number {
    const whole = this.#played * FRAME_SAMPLES
    const [only] = this.#playable.parts
    if (this.#playable.parts.length !== 1 || only === undefined || this.#played < only.frames) return whole
    const unused = only.sound.frames * FRAME_SAMPLES - only.sound.samples
    return Math.max(0, whole - unused)
  }

  /** Where the next playback would go on, in samples. */
  get offsetSamples(): number {
    const [only] = this.#playable.parts
    return (only?.startFrame ?? 0) * FRAME_SAMPLES + this.playedSamples
  }

  stop(end: PlayEnd = 'break'): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#onEnd(end)
  }

  writeFrame(codec: G711Codec, out: Uint8Array, offset: number): boolean {
    if (this.#hasEnded) return false
    const part = this.#currentPart()
    if (part === undefined) {
      this.stop('done')
      return false
    }
    const start = ((part.startFrame + this.#frameInPart) % part.sound.frames) * FRAME_SAMPLES
    const payload = part.sound.payload[codec]
    for (let index = 0; index < FRAME_SAMPLES; index++) out[offset + index] = payload[start + index] as number
    this.#frameInPart++
    this.#played++
    // The end is told with the last frame, so that the next file follows without a gap.
    if (this.#played >= this.#maxFrames) this.stop('timeout')
    else if (this.#currentPart() === undefined) this.stop('done')
    return true
  }

  #currentPart(): PlayablePart | undefined {
    for (;;) {
      const part = this.#playable.parts[this.#part]
      if (part === undefined || (this.#frameInPart < part.frames && part.sound.frames > 0)) return part
      this.#part++
      this.#frameInPart = 0
    }
  }
}
