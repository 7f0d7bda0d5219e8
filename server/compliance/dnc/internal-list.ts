import { insertSuppression, suppressionsAfter } from '../../../sql/queries/compliance/dnc.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import { hashNumber } from '../number-hash.ts'

export type StopScope = 'all' | 'marketing'

/** Who told us to stop (or asked us to call again), where and when. */
export type StopRequest = Readonly<{
  e164: string
  scope?: StopScope
  channel: string
  detail?: string
  at: Date
  recordedBy: string | null
}>

const BATCH = 10_000

/**
 * Our own list. It holds keyed hashes only, so it outlives the erasure of a person; a stop is in force as soon as the
 * promise of {@link stop} resolves, here and, after {@link refresh}, in every other control plane.
 */
export class InternalList {
  readonly #db: ComplianceDb
  readonly #key: Buffer
  readonly #entries = new Map<string, { since: Date; scope: StopScope }>()
  #lastId = '0'

  private constructor(db: ComplianceDb, key: Buffer) {
    this.#db = db
    this.#key = key
  }

  static async open(db: ComplianceDb, key: Buffer): Promise<InternalList> {
    const list = new InternalList(db, key)
    await list.refresh()
    return list
  }

  get size(): number {
    return this.#entries.size
  }

  find(e164: string): Readonly<{ since: Date; scope: StopScope }> | null {
    return this.findHash(hashNumber(this.#key, e164))
  }

  findHash(numberHash: string): Readonly<{ since: Date; scope: StopScope }> | null {
    return this.#entries.get(numberHash) ?? null
  }

  async stop(request: StopRequest): Promise<void> {
    await this.#record('stop', request)
  }

  /** The person asked to be called again; a new stop ends that again. */
  async lift(request: StopRequest): Promise<void> {
    await this.#record('lift', request)
  }

  /** Reads what other control planes have written since. */
  async refresh(): Promise<void> {
    for (;;) {
      const rows = await suppressionsAfter(this.#db, this.#lastId, BATCH)
      for (const row of rows) {
        this.#apply(row.numberHash, row.kind, row.scope, row.at)
        this.#lastId = row.id
      }
      if (rows.length < BATCH) return
    }
  }

  async #record(kind: 'stop' | 'lift', request: StopRequest): Promise<void> {
    const numberHash = hashNumber(this.#key, request.e164)
    const scope = request.scope ?? 'all'
    await insertSuppression(this.#db, {
      number_hash: numberHash,
      kind,
      scope,
      channel: request.channel,
      detail: request.detail ?? '',
      recorded_by: request.recordedBy,
      at: request.at
    })
    // Rows of others with smaller ids are still to come by refresh, which applies in order.
    this.#apply(numberHash, kind, scope, request.at)
  }

  #apply(numberHash: string, kind: 'stop' | 'lift', scope: StopScope, since: Date): void {
    const known = this.#entries.get(numberHash)
    if (kind === 'lift') {
      if (scope === 'all' || known?.scope === 'marketing') this.#entries.delete(numberHash)
      return
    }
    // A stop to everything is not narrowed by a later stop to marketing.
    if (known === undefined) this.#entries.set(numberHash, { since, scope })
    else if (known.scope === 'marketing' && scope === 'all') this.#entries.set(numberHash, { since, scope })
  }
}
