/** Mean square of the samples. */
export function meanSquare(samples: Int16Array): number {
  if (samples.length === 0) return 0
  let sum = 0
  for (let index = 0; index < samples.length; index++) sum += (samples[index] as number) ** 2
  return sum / samples.length
}

/**
 * Power of one frequency in the samples by Goertzel's algorithm, as the mean square that a sine wave of that frequency
 * and strength would have: a pure tone gives the same figure as {@link meanSquare}.
 */
export function goertzelPower(samples: Int16Array, hz: number, sampleRateHz = 8_000): number {
  if (samples.length === 0) return 0
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / sampleRateHz)
  let previous = 0
  let beforePrevious = 0
  for (let index = 0; index < samples.length; index++) {
    const next = (samples[index] as number) + coefficient * previous - beforePrevious
    beforePrevious = previous
    previous = next
  }
  const squared = previous ** 2 + beforePrevious ** 2 - coefficient * previous * beforePrevious
  return (2 * squared) / samples.length ** 2
}

/** Share (0–1) of the samples' energy that lies at one frequency; 0 for near silence. */
export function toneShare(samples: Int16Array, hz: number, sampleRateHz = 8_000): number {
  const total = meanSquare(samples)
  if (total < SILENCE_MEAN_SQUARE) return 0
  return Math.min(1, goertzelPower(samples, hz, sampleRateHz) / total)
}

/** Below this mean square (about -60 dBov) nothing is detected. */
const SILENCE_MEAN_SQUARE = 32 ** 2

/** Finds runs of blocks in which all given frequencies together hold most of the energy. */
export class ToneDetector {
  readonly #frequenciesHz: readonly number[]
  readonly #block: Int16Array
  readonly #sampleRateHz: number
  readonly #share: number
  #filled = 0
  #runMs = 0

  /** `share`: which part of the energy must lie at the frequencies (default 0.5); blocks are 40 ms long. */
  constructor(frequenciesHz: readonly number[], options: Readonly<{ sampleRateHz?: number; share?: number }> = {}) {
    this.#frequenciesHz = frequenciesHz
    this.#sampleRateHz = options.sampleRateHz ?? 8_000
    this.#share = options.share ?? 0.5
    this.#block = new Int16Array(Math.round(this.#sampleRateHz / 25))
  }

  /** For how long the tone has been heard without a break, in milliseconds. */
  get heardMs(): number {
    return this.#runMs
  }

  /** Takes the next samples; true while the tone is there. */
  push(samples: Int16Array): boolean {
    for (let index = 0; index < samples.length; index++) {
      this.#block[this.#filled++] = samples[index] as number
      if (this.#filled < this.#block.length) continue
      this.#filled = 0
      this.#runMs = this.#blockMatches() ? this.#runMs + 40 : 0
    }
    return this.#runMs > 0
  }

  #blockMatches(): boolean {
    const shares = this.#frequenciesHz.map(hz => toneShare(this.#block, hz, this.#sampleRateHz))
    const each = this.#share / (2 * Math.max(1, shares.length))
    return shares.every(share => share >= each) && shares.reduce((sum, share) => sum + share, 0) >= this.#share
  }
}
