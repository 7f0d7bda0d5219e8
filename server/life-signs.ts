import type { Db } from '../sql/database.ts'
import { forgetFutureBeats, readDatabaseClock } from '../sql/queries/control-planes.ts'

/** A control plane that was not heard of for so long is gone: what it leaves is seen to within 10 s of its death. */
export const DEAD_AFTER_MS = 7_000
/** A clock that has moved so much more than the time that has passed was set. */
const STEP_MS = 1_000

type Clocks = Readonly<{
  /** Milliseconds since some moment, which nobody sets. */
  steady: () => number
  database: () => Promise<Date>
}>

/**
 * Since when a control plane that was not heard of counts as dead, by the database's clock, which stamps the heartbeats
 * too: clocks of control planes may differ. After an outage of the database everybody's heartbeat is as old as the outage,
 * and after its clock was set ahead as old as that step; until all can have beaten again, nobody is held for dead.
 */
export class LifeSigns {
  readonly #db: Db
  readonly #clocks: Clocks
  #trustedFromMs = Number.NEGATIVE_INFINITY
  #wasSet = false
  /** The database's clock less the steady one, as last read. */
  #offsetMs: number | undefined

  constructor(db: Db, clocks: Clocks = { steady: () => performance.now(), database: () => readDatabaseClock(db) }) {
    this.#db = db
    this.#clocks = clocks
  }

  /** Milliseconds since 1970 by the database's clock, as far as this process can tell without asking. */
  get nowMs(): number {
    return this.#offsetMs === undefined ? Date.now() : this.#clocks.steady() + this.#offsetMs
  }

  /** Null while nobody can be judged. Rejects when the database cannot be asked, and trusts nobody's silence for a while. */
  async deadSince(): Promise<Date | null> {
    const askedAtMs = this.#clocks.steady()
    let clockMs: number
    try {
      clockMs = (await this.#clocks.database()).getTime()
    } catch (err) {
      this.distrust()
      throw err
    }
    const toldAtMs = this.#clocks.steady()
    const offsetMs = clockMs - toldAtMs
    const stepMs = Math.abs(offsetMs - (this.#offsetMs ?? offsetMs))
    this.#offsetMs = offsetMs
    if (stepMs > STEP_MS + toldAtMs - askedAtMs) {
      this.#wasSet = true
      this.distrust()
    }
    // A database that took so long was as good as away.
    if (toldAtMs - askedAtMs > DEAD_AFTER_MS / 2) this.distrust()
    if (toldAtMs < this.#trustedFromMs) return null
    if (this.#wasSet) {
      // Set back, it would keep the dead alive until it has caught up with their last beat.
      await forgetFutureBeats(this.#db, new Date(clockMs + DEAD_AFTER_MS))
      this.#wasSet = false
    }
    return new Date(clockMs - DEAD_AFTER_MS)
  }

  distrust(): void {
    this.#trustedFromMs = this.#clocks.steady() + DEAD_AFTER_MS
  }
}
