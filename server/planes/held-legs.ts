import type { Db } from '../../sql/database.ts'
import { type HeldLeg, storeHeldLegs } from '../../sql/queries/held-legs.ts'
import { Refresher } from '../agents/refresher.ts'
import type { Logger } from '../log.ts'
import type { HoldLeg } from '../telephony/hold-leg.ts'

/** Legs that begin and end within this time share a statement, and those that do both are never written. */
const GATHER_MS = 20
const RETRY_MS = 1_000

/** What this control plane holds at the engines, kept in the database for whoever has to end it when we die. */
export class HeldLegs implements AsyncDisposable {
  readonly #db: Db
  readonly #controlPlaneId: string
  readonly #log: Logger
  readonly #held = new Map<string, HeldLeg>()
  readonly #stored = new Map<string, HeldLeg>()
  /** What may have changed since it was stored. */
  readonly #changed = new Set<string>()
  readonly #writer = new Refresher(() => this.#write())
  #timer: NodeJS.Timeout | undefined
  #hasFailed = false
  #isClosed = false

  constructor(db: Db, controlPlaneId: string, log: Logger) {
    this.#db = db
    this.#controlPlaneId = controlPlaneId
    this.#log = log
  }

  readonly hold: HoldLeg = (kind, engineId) => {
    const key = `${kind} ${engineId}`
    const leg = { kind, engineId }
    this.#held.set(key, leg)
    this.#touch(key)
    return () => {
      // Held again meanwhile: an INVITE's dialog, once it is answered.
      if (this.#held.get(key) !== leg) return
      this.#held.delete(key)
      this.#touch(key)
    }
  }

  /** Resolves when the database knows everything that is held now. */
  async stored(): Promise<void> {
    await this.#writer.run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#writer.run().catch(err => this.#log.warn({ err }, 'legs that ended stay in the database'))
    await this.#writer.idle()
  }

  #touch(key: string): void {
    this.#changed.add(key)
    this.#writeIn(GATHER_MS)
  }

  #writeIn(delayMs: number): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writer.run().then(
        () => {
          this.#hasFailed = false
        },
        err => {
          if (!this.#hasFailed) this.#log.warn({ err }, 'legs cannot be stored; another server could not end them')
          this.#hasFailed = true
          this.#writeIn(RETRY_MS)
        }
      )
    }, delayMs)
  }

  async #write(): Promise<void> {
    const keys = [...this.#changed]
    this.#changed.clear()
    const begun = keys.flatMap(key => (this.#stored.has(key) ? [] : (this.#held.get(key) ?? [])))
    const over = keys.flatMap(key => (this.#held.has(key) ? [] : (this.#stored.get(key) ?? [])))
    if (begun.length === 0 && over.length === 0) return
    try {
      await storeHeldLegs(this.#db, this.#controlPlaneId, begun, over)
    } catch (err) {
      for (const key of keys) this.#changed.add(key)
      throw err
    }
    for (const leg of begun) this.#stored.set(`${leg.kind} ${leg.engineId}`, leg)
    for (const leg of over) this.#stored.delete(`${leg.kind} ${leg.engineId}`)
  }
}
