import type { Db } from '../../sql/database.ts'
import { readRoutingTables } from '../../sql/queries/telephony.ts'
import type { Logger } from '../log.ts'
import { buildRoutingTables, type RoutingTables } from './route-inbound.ts'

/** How long numbers and trunks may differ from the database when another control plane changed them. */
const FRESH_MS = 2_000

/**
 * Numbers and trunks for routing, read at most every two seconds. While the database is away the last known tables
 * serve on: a caller's INVITE is not refused because of an outage.
 */
export class RoutingCache {
  readonly #db: Db
  readonly #log: Logger
  #tables: RoutingTables | undefined
  #readAtMs = Number.NEGATIVE_INFINITY
  #reading: Promise<RoutingTables> | undefined

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** Rejects only when the database has never been read. */
  async tables(): Promise<RoutingTables> {
    if (this.#tables !== undefined && performance.now() - this.#readAtMs < FRESH_MS) return this.#tables
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    // An old table at once is better for a ringing caller than a new one after a round trip, but only if it is young.
    return await this.#reading
  }

  /** The next read goes to the database. */
  refresh(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY
  }

  async #read(): Promise<RoutingTables> {
    const startedAtMs = performance.now()
    try {
      const { numbers, trunks } = await readRoutingTables(this.#db)
      this.#tables = buildRoutingTables(numbers, trunks)
    } catch (err) {
      if (this.#tables === undefined) throw err
      this.#log.warn({ err }, 'numbers and trunks cannot be read; the last known ones are used')
    }
    this.#readAtMs = startedAtMs
    return this.#tables
  }
}
