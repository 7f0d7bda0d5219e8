import type { Db } from '../../sql/database.ts'
import type { Logger } from '../log.ts'
import { DEAD_AFTER_MS, LifeSigns } from '../life-signs.ts'

/**
 * Looks after what nobody else does, every so often and never twice at once. The task gets the instant since when a
 * control plane without a heartbeat counts as dead; null while that cannot be judged, because after an outage of the
 * database everybody's heartbeat is as old as the outage.
 */
export class Sweeper implements AsyncDisposable {
  readonly signs: LifeSigns
  readonly #everyMs: number
  readonly #task: (deadSince: Date | null) => Promise<void>
  readonly #log: Logger
  readonly #complaint: string
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #hasFailed = false

  constructor(
    db: Db,
    everyMs: number,
    task: (deadSince: Date | null) => Promise<void>,
    log: Logger,
    complaint: string
  ) {
    this.signs = new LifeSigns(db)
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
    try {
      const deadSince = await this.signs.deadSince()
      const startedAtMs = performance.now()
      await this.#task(deadSince)
      this.#hasFailed = false
      // A database that took so long was as good as away.
      if (performance.now() - startedAtMs > DEAD_AFTER_MS / 2) this.signs.distrust()
    } catch (err) {
      this.signs.distrust()
      if (!this.#hasFailed) this.#log.error({ err }, this.#complaint)
      this.#hasFailed = true
    }
  }
}
