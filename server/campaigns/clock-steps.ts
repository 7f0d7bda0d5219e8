/** A clock that has moved so much less than the time that has passed was set back. */
const STEP_MS = 1_000

/** Notices that the clock by which hours and gaps are kept was set back: what it has said before may be too late. */
export class ClockSteps {
  readonly #steady: () => number
  /** The clock less the steady one, as last read. */
  #offsetMs: number | undefined

  /** `steady`: milliseconds since some moment, which nobody sets. */
  constructor(steady: () => number = () => performance.now()) {
    this.#steady = steady
  }

  /** Whether the clock was set back since it was asked last. */
  wasSetBack(now: Date): boolean {
    const offsetMs = now.getTime() - this.#steady()
    const stepMs = offsetMs - (this.#offsetMs ?? offsetMs)
    this.#offsetMs = offsetMs
    return stepMs < -STEP_MS
  }
}
