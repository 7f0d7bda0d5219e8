import type { Db } from '../sql/database.ts'
import { type CardSourceRow, findCardSource, listCardSources } from '../sql/queries/card-sources.ts'
import type { CardSourceSettings } from './agent-calls/card-source.ts'
import { seal, unseal } from './seal.ts'

const PURPOSE = 'card source headers'
/** Another control plane's change is seen after this time at the latest. */
const FRESH_MS = 10_000

export function sealHeaders(key: Buffer, headers: Readonly<Record<string, string>>): string | null {
  return Object.keys(headers).length === 0 ? null : seal(key, PURPOSE, JSON.stringify(headers))
}

/** The services that are asked about customers, kept for a few seconds so that no ring waits for the database. */
export class CardSources {
  readonly #db: Db
  readonly #key: Buffer
  #known: Promise<readonly CardSourceSettings[]> | undefined
  #knownUntilMs = 0

  constructor(db: Db, key: Buffer) {
    this.#db = db
    this.#key = key
  }

  /** Those that are switched on. Rejects when the database cannot be reached. */
  list(): Promise<readonly CardSourceSettings[]> {
    if (this.#known === undefined || performance.now() > this.#knownUntilMs) {
      this.#knownUntilMs = performance.now() + FRESH_MS
      const reading = this.#read()
      this.#known = reading
      reading.catch(() => {
        // The next call reads again; this one's error goes to whoever waits for it.
        if (this.#known === reading) this.#known = undefined
      })
    }
    return this.#known
  }

  /** One of them as the database has it now, whether switched on or not. */
  async find(id: string): Promise<CardSourceSettings | undefined> {
    const row = await findCardSource(this.#db, id)
    return row === undefined ? undefined : this.#settings(row)
  }

  /** Something was changed here. */
  refresh(): void {
    this.#known = undefined
  }

  async #read(): Promise<readonly CardSourceSettings[]> {
    const rows = await listCardSources(this.#db)
    return rows.filter(row => row.is_enabled).map(row => this.#settings(row))
  }

  #settings(row: CardSourceRow): CardSourceSettings {
    return {
      name: row.name,
      url: row.url,
      headers:
        row.headers_sealed === null
          ? {}
          : (JSON.parse(unseal(this.#key, PURPOSE, row.headers_sealed).toString('utf8')) as Record<string, string>),
      timeoutMs: row.timeout_ms,
      fields: row.fields,
      namePath: row.name_path
    }
  }
}
