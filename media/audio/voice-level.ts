import { levelDbov } from './speech-energy.ts'

/** A voice this much above its owner's own mean is raised; people differ by far more than that from each other. */
const RAISED_BY_DB = 8
/** Their own mean is known only after so much speech. */
const KNOWN_AFTER_MS = 2_000

/** How loud somebody speaks, against how loud they spoke so far. One for each call. */
export class VoiceLevels {
  #powerMs = 0
  #ms = 0

  /**
   * Takes what was said now, `dbov` on the mean while there was sound, and says whether the voice was raised. A raised
   * voice does not become the new mean.
   */
  judge(dbov: number, spokenMs: number): boolean {
    const isRaised = this.#ms >= KNOWN_AFTER_MS && dbov >= 10 * Math.log10(this.#powerMs / this.#ms) + RAISED_BY_DB
    if (!isRaised) {
      this.#powerMs += 10 ** (dbov / 10) * spokenMs
      this.#ms += spokenMs
    }
    return isRaised
  }
}

/** Speech has gaps between syllables and words; what has none for so long is music, a machine or a tone. */
const STEADY_FRAMES = 200
/** How far the quietest twentieth of speech lies below its loudest twentieth, at the very least. */
const SPEECH_SPREAD_DB = 14

/** The levels of one stretch of sound, in frames of 20 ms. */
export class StretchLevels {
  readonly #recent: number[] = []
  #power = 0
  #frames = 0

  /** Takes a frame; `isSound`: it is above the noise. */
  push(samples: Int16Array, isSound: boolean): void {
    const level = levelDbov(samples)
    this.#recent.push(level)
    if (this.#recent.length > STEADY_FRAMES) this.#recent.shift()
    if (!isSound) return
    this.#power += 10 ** (level / 10)
    this.#frames += 1
  }

  /** Mean level of the sound in dBov; -96 when there was none. */
  get meanDbov(): number {
    return this.#frames === 0 ? -96 : 10 * Math.log10(this.#power / this.#frames)
  }

  get soundMs(): number {
    return this.#frames * 20
  }

  /** Whether the last 4 s went on without the gaps that speech has. */
  get isSteady(): boolean {
    if (this.#recent.length < STEADY_FRAMES) return false
    const sorted = this.#recent.toSorted((one, other) => one - other)
    const at = (share: number) => sorted[Math.floor(share * (STEADY_FRAMES - 1))] as number
    return at(0.95) - at(0.05) < SPEECH_SPREAD_DB
  }
}
