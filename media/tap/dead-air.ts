import { FRAME_MS } from './timeline.ts'

/** About -60 dBov: below it a telephone is silent. */
const QUIET_MEAN_SQUARE = 32 ** 2
const CHANNELS = 2

export type DeadAirChange =
  /** Nothing was sent to the customer for the limit; `customerSpoke`: whether the customer said anything meanwhile. */
  | Readonly<{ kind: 'started'; fromMs: number; customerSpoke: boolean }>
  | Readonly<{ kind: 'ended'; fromMs: number; silentMs: number }>

/**
 * Tells when a customer hears nothing for too long, by the audio that was really sent. One change when the limit is
 * passed, one when sound is back.
 */
export class DeadAirWatch {
  readonly #limitMs: number
  #silentSinceMs: number | null = null
  #customerSpoke = false
  #isDead = false

  /** `silentSinceMs`: since when it has been silent already, if that is known. */
  constructor(limitMs: number, silentSinceMs: number | null = null) {
    this.#limitMs = limitMs
    this.#silentSinceMs = silentSinceMs
  }

  push(leftAndRight: Buffer, atMs: number): DeadAirChange | null {
    if (isLoud(leftAndRight, 1)) {
      const fromMs = this.#silentSinceMs ?? atMs
      const wasDead = this.#isDead
      this.#silentSinceMs = null
      this.#isDead = false
      this.#customerSpoke = false
      return wasDead ? { kind: 'ended', fromMs, silentMs: atMs - fromMs } : null
    }
    this.#silentSinceMs ??= atMs
    if (this.#isDead) return null
    this.#customerSpoke ||= isLoud(leftAndRight, 0)
    if (atMs + FRAME_MS - this.#silentSinceMs < this.#limitMs) return null
    this.#isDead = true
    return { kind: 'started', fromMs: this.#silentSinceMs, customerSpoke: this.#customerSpoke }
  }

  /** Nobody knows what the customer heard for a frame, or silence is as it should be: it counts anew from the next one. */
  skip(): void {
    if (this.#isDead) return
    this.#silentSinceMs = null
    this.#customerSpoke = false
  }
}

/** Whether one side of a frame is above silence. */
function isLoud(leftAndRight: Buffer, side: 0 | 1): boolean {
  const samples = new Int16Array(leftAndRight.buffer, leftAndRight.byteOffset, leftAndRight.length >> 1)
  const enough = (QUIET_MEAN_SQUARE * samples.length) / CHANNELS
  let sum = 0
  for (let index = side; index < samples.length; index += CHANNELS) {
    sum += (samples[index] as number) ** 2
    // A few samples of speech are as much as a whole frame of silence may have.
    if (sum >= enough) return true
  }
  return false
}
