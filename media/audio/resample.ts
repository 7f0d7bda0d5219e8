const ZERO_CROSSINGS = 16
/** Where the pass band ends, as a share of the lower Nyquist frequency. */
const PASS_BAND = 0.92

/**
 * Changes the sample rate of one channel, block by block, with a windowed-sinc filter split into phases (one row of
 * coefficients for each position that an output sample can have between two input samples).
 */
export class StreamResampler {
  readonly #up: number
  readonly #down: number
  readonly #taps: number
  readonly #rows: Float32Array
  #history: Float32Array
  /** Position of the next output sample, in units of 1/up input samples from the start of the history. */
  #position = 0

  constructor(fromHz: number, toHz: number) {
    const divisor = gcd(fromHz, toHz)
    this.#up = toHz / divisor
    this.#down = fromHz / divisor
    const cutoff = PASS_BAND * Math.min(1, toHz / fromHz)
    this.#taps = 2 * Math.ceil(ZERO_CROSSINGS / cutoff)
    this.#rows = filterRows(this.#up, this.#taps, cutoff)
    this.#history = new Float32Array(this.#taps - 1)
  }

  /** How many input samples the output lags behind. */
  get delaySamples(): number {
    return this.#taps / 2
  }

  /** Takes the next input samples and returns every output sample that is now complete. */
  process(input: Int16Array): Int16Array {
    const taps = this.#taps
    const joined = new Float32Array(this.#history.length + input.length)
    joined.set(this.#history)
    for (let index = 0; index < input.length; index++) joined[this.#history.length + index] = input[index] as number
    const limit = (joined.length - taps + 1) * this.#up
    const count = Math.max(0, Math.ceil((limit - this.#position) / this.#down))
    const output = new Int16Array(count)
    for (let index = 0; index < count; index++) {
      const start = Math.floor(this.#position / this.#up)
      const row = (this.#position % this.#up) * taps
      let sum = 0
      for (let tap = 0; tap < taps; tap++) sum += (joined[start + tap] as number) * (this.#rows[row + tap] as number)
      output[index] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : Math.round(sum)
      this.#position += this.#down
    }
    const consumed = Math.min(joined.length, Math.floor(this.#position / this.#up))
    this.#position -= consumed * this.#up
    this.#history = joined.slice(consumed)
    return output
  }
}

/** Changes the rate of a whole recording; the result is aligned with the input (no delay). */
export function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples
  const resampler = new StreamResampler(fromHz, toHz)
  const padded = new Int16Array(samples.length + resampler.delaySamples)
  padded.set(samples)
  const skip = Math.round((resampler.delaySamples * toHz) / fromHz)
  const output = resampler.process(padded)
  return output.slice(skip, skip + Math.round((samples.length * toHz) / fromHz))
}

function filterRows(up: number, taps: number, cutoff: number): Float32Array {
  const rows = new Float32Array(up * taps)
  const half = taps / 2
  for (let phase = 0; phase < up; phase++) {
    let sum = 0
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - half + 1 - phase / up
      const value = sinc(distance * cutoff) * cutoff * blackman(distance / half)
      rows[phase * taps + tap] = value
      sum += value
    }
    // Each row passes a constant signal unchanged.
    for (let tap = 0; tap < taps; tap++) rows[phase * taps + tap] = (rows[phase * taps + tap] as number) / sum
  }
  return rows
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function blackman(x: number): number {
  return Math.abs(x) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x)
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
