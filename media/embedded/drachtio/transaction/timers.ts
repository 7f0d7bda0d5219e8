/** The base values of RFC 3261 §17.1.1.1, in milliseconds. */
export type TimerValues = Readonly<{ t1Ms: number; t2Ms: number; t4Ms: number }>

/** RFC 3261, table 4. */
export const DEFAULT_TIMERS: TimerValues = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 }

/** A running timer. Stopping one that has fired, or stopping twice, does nothing. */
export type Timer = Readonly<{ stop: () => void }>

/** Starts timers and counts the ones that run, so that nothing can be left behind unseen. */
export class Timers {
  readonly values: TimerValues
  readonly #running = new Set<NodeJS.Timeout>()

  constructor(values: TimerValues) {
    this.values = values
  }

  /** How many timers are running. */
  get count(): number {
    return this.#running.size
  }

  /** Calls `fire` once after `ms` milliseconds unless stopped. */
  start(ms: number, fire: () => void): Timer {
    const timeout = setTimeout(() => {
      this.#running.delete(timeout)
      fire()
    }, ms)
    this.#running.add(timeout)
    return {
      stop: () => {
        if (this.#running.delete(timeout)) clearTimeout(timeout)
      }
    }
  }

  /** Stops every timer. */
  stopAll(): void {
    for (const timeout of this.#running) clearTimeout(timeout)
    this.#running.clear()
  }
}
