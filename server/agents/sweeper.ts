import type { Logger } from '../log.ts'

/** A control plane that was not heard of for so long is gone (see server/calls/reconciler.ts, which keeps the beat). */
export const DEAD_AFTER_MS = 7_000

/**
 * Looks after what nobody else does, every so often and never twice at once. The task gets the instant since when a
 * control plane without a heartbeat counts as dead; null while that cannot be judged, because after an outage of the
 * database everybody's heartbeat is as old as the outage.
 */
export class Sweeper implements AsyncDisposable {
  readonly #everyMs: number
  readonly #task: (deadSince: Date | null) => Promise<void>
  readonly #log: Logger
  readonly #complaint: string
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #hasFailed = false
  #trustedFromMs = Number.NEGATIVE_INFINITY

  constructor(everyMs: number, task: (deadSince: Date | null) => Promise<void>, log: Logger, complaint: string) {
    this.#everyMs = everyMs
    this.#task = task
    this.#log = log
    this.#complaint = complaint
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#sweep().finally(() => {
        this.#running = undefined
      })
    }, this.#everyMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  async #sweep(): Promise<void> {
    const startedAtMs = performance.now()
    const isTrusted = startedAtMs >= this.#trustedFromMs
    try {
      await this.#task(isTrusted ? new Date(Date.now() - DEAD_AFTER_MS) : null)
      this.#hasFailed = false
      // A database that took so long was as good as away.
      if (performance.now() - startedAtMs > DEAD_AFTER_MS / 2) this.#distrust()
    } catch (err) {
      this.#distrust()
      if (!this.#hasFailed) this.#log.error({ err }, this.#complaint)
      this.#hasFailed = true
    }
  }

  #distrust(): void {
    this.#trustedFromMs = performance.now() + DEAD_AFTER_MS
  }
}
