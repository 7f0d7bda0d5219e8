import { readDatabaseClock } from '../../sql/queries/control-planes.ts'
import { insertTimeConfirmation, lastTimeConfirmation } from '../../sql/queries/time-confirmations.ts'
import type { Db } from '../../sql/database.ts'
import type { Logger } from '../log.ts'
import { type ClockDoubt, type Clocks, ClockWatch } from './clock-watch.ts'
import { repeat } from './reconciler.ts'

export type KnownTimeParts = Readonly<{
  db: Db
  log: Logger
  /** Left out, those of this machine and of its database. */
  clocks?: Clocks
  /** So far they may differ, in milliseconds. */
  toleranceMs: number
}>

const COMPARE_MS = 1_000

/**
 * Whether this control plane knows what time it is; nobody outside is dialled while it does not. Compares the clocks every
 * second, and hears from the database when a person has said, to whatever control plane, that the time is right.
 */
export class KnownTime implements AsyncDisposable {
  readonly watch: ClockWatch
  readonly #db: Db
  readonly #clocks: Clocks
  readonly #log: Logger
  readonly #timer: AsyncDisposable
  #lastConfirmation: string | null = null
  #lastDoubt: ClockDoubt['kind'] | null = null

  private constructor(parts: KnownTimeParts) {
    const { db, log, toleranceMs } = parts
    this.#db = db
    this.#log = log
    this.#clocks = parts.clocks ?? {
      wall: () => new Date(),
      steady: () => performance.now(),
      database: () => readDatabaseClock(db)
    }
    this.watch = new ClockWatch(this.#clocks, toleranceMs)
    this.#timer = repeat(COMPARE_MS, () => this.#look(), log, 'the clocks cannot be compared')
  }

  /** Resolves when the clocks have been read once. Rejects when the database’s cannot be. */
  static async start(parts: KnownTimeParts): Promise<KnownTime> {
    const time = new KnownTime(parts)
    try {
      time.#lastConfirmation = await lastTimeConfirmation(parts.db)
      await time.watch.compare()
      return time
    } catch (err) {
      await time[Symbol.asyncDispose]()
      throw err
    }
  }

  /** What this machine takes for the time. */
  wall(): Date {
    return this.#clocks.wall()
  }

  doubt(): ClockDoubt | null {
    return this.watch.doubt()
  }

  /** A person says that the time is right: what was set is believed from now on, by every control plane within a second. */
  async confirm(by: string): Promise<void> {
    await this.watch.compare()
    this.#lastConfirmation = await insertTimeConfirmation(this.#db, by)
    this.watch.confirm()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#timer[Symbol.asyncDispose]()
  }

  async #look(): Promise<void> {
    // Before the clocks are read: somebody who has said so elsewhere has not seen what is found now.
    const confirmation = await lastTimeConfirmation(this.#db)
    if (confirmation !== this.#lastConfirmation) {
      this.#lastConfirmation = confirmation
      this.watch.confirm()
    }
    await this.watch.compare()
    const doubt = this.doubt()
    if ((doubt?.kind ?? null) === this.#lastDoubt) return
    this.#lastDoubt = doubt?.kind ?? null
    if (doubt === null) this.#log.info('the time is known again')
    else this.#log.error({ doubt }, 'nobody outside is dialled while the clock is in doubt')
  }
}
