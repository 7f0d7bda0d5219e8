import type { Db } from '../../sql/database.ts'
import { readRoutingTables } from '../../sql/queries/telephony.ts'
import type { Logger } from '../log.ts'
import { orAfter } from '../or-after.ts'
import { buildRoutingTables, type RoutingTables } from './route-inbound.ts'

/** How long numbers and trunks may differ from the database when another control plane changed them. */
const FRESH_MS = 2_000
/** A database that does not answer holds a ringing caller up no longer than this when older tables are known. */
const READ_LIMIT_MS = 500
/** The same after a change that was made here: the older tables are known to be wrong, and the database was there just now. */
const CHANGED_LIMIT_MS = 3_000

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
  /** Counts changes, so that a read which began before one does not pass for fresh. */
  #changes = 0
  /** How many of them the tables that are kept know of. */
  #keptChanges = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** Rejects only when the database has never been read. */
  async tables(): Promise<RoutingTables> {
    const known = this.#tables
    if (known !== undefined && performance.now() - this.#readAtMs < FRESH_MS) return known
    if (this.#reading === undefined) {
      const reading = this.#read().finally(() => {
        if (this.#reading === reading) this.#reading = undefined
      })
      this.#reading = reading
    }
    if (known === undefined) return await this.#reading
    const limitMs = this.#keptChanges === this.#changes ? READ_LIMIT_MS : CHANGED_LIMIT_MS
    return await orAfter(limitMs, this.#reading, known)
  }

  /** The next read goes to the database. */
  refresh(): void {
    this.#changes += 1
    this.#reading = undefined
    this.#readAtMs = Number.NEGATIVE_INFINITY
  }

  async #read(): Promise<RoutingTables> {
    const startedAtMs = performance.now()
    const changes = this.#changes
    try {
      const { numbers, trunks } = await readRoutingTables(this.#db)
      const tables = buildRoutingTables(numbers, trunks)
      // Whoever asked before the change gets what was true then; it is not kept.
      if (changes !== this.#changes) return tables
      this.#tables = tables
      this.#keptChanges = changes
    } catch (err) {
      if (this.#tables === undefined) throw err
      this.#log.warn({ err }, 'numbers and trunks cannot be read; the last known ones are used')
    }
    this.#readAtMs = startedAtMs
    return this.#tables
  }
}
