import { meanSquare } from './goertzel.ts'

/** Level of the samples in dB relative to full scale: 0 for a full-scale square wave, -96 at most for silence. */
export function levelDbov(samples: Int16Array): number {
  const power = meanSquare(samples)
  return power < 1 ? -96 : Math.max(-96, 10 * Math.log10(power / 32_768 ** 2))
}

/** How long sound or quiet must last to count, and how loud sound must be at least. */
export type SpeechDetectorOptions = Readonly<{
  voiceMs?: number
  silenceMs?: number
  minLevelDbov?: number
  /** How far above the noise floor speech must be. */
  aboveNoiseDb?: number
}>

/** What a frame changed: speech began, speech ended, or nothing. */
export type SpeechChange = 'started' | 'stopped' | undefined

/**
 * Tells speech from quiet by energy over a noise floor that follows the quietest frames. It knows nothing of words:
 * a tone counts as speech too.
 */
export class SpeechDetector {
  readonly #voiceMs: number
  readonly #silenceMs: number
  readonly #minLevelDbov: number
  readonly #aboveNoiseDb: number
  #noiseDbov = -60
  #runMs = 0
  #isSpeaking = false

  constructor(options: SpeechDetectorOptions = {}) {
    this.#voiceMs = options.voiceMs ?? 60
    this.#silenceMs = options.silenceMs ?? 300
    this.#minLevelDbov = options.minLevelDbov ?? -45
    this.#aboveNoiseDb = options.aboveNoiseDb ?? 9
  }

  get isSpeaking(): boolean {
    return this.#isSpeaking
  }

  /** How long the speaker has been quiet since the last sound; 0 while there is sound, and before any. */
  get quietMs(): number {
    return this.#isSpeaking ? this.#runMs : 0
  }

  get noiseDbov(): number {
    return this.#noiseDbov
  }

  /** Takes one frame (10–30 ms is usual). */
  push(samples: Int16Array, sampleRateHz = 8_000): SpeechChange {
    const frameMs = (samples.length * 1000) / sampleRateHz
    const level = levelDbov(samples)
    const isLoud = level >= Math.max(this.#minLevelDbov, this.#noiseDbov + this.#aboveNoiseDb)
    // The floor falls at once and rises slowly, and hardly at all while someone speaks.
    if (level < this.#noiseDbov) this.#noiseDbov = Math.max(-80, level)
    else this.#noiseDbov = Math.min(-30, this.#noiseDbov + (isLoud ? 0.002 : 0.05) * frameMs * 0.1)
    this.#runMs = isLoud === this.#isSpeaking ? 0 : this.#runMs + frameMs
    if (this.#runMs < (this.#isSpeaking ? this.#silenceMs : this.#voiceMs)) return undefined
    this.#isSpeaking = !this.#isSpeaking
    this.#runMs = 0
    return this.#isSpeaking ? 'started' : 'stopped'
  }
}
