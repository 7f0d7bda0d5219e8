import { mkdir } from 'node:fs/promises'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { fromPglite, type Db as JobsDb } from 'pg-boss'
import { PgliteClient } from './pglite-client.ts'
import { pgliteDialect, SessionLock } from './pglite-dialect.ts'
import type { Tables } from './tables.ts'

export type Db = Kysely<Tables>

/**
 * Where the truth is kept: PGlite in a folder (or in memory), or a PostgreSQL server. `hasVectors` lets PGlite offer pgvector;
 * a server has it where its operator installed it.
 */
export type DatabaseLocation =
  | { kind: 'pglite'; folder: string | 'memory'; hasVectors?: boolean }
  | { kind: 'postgres'; url: string }

/** An open database and what the job runner needs to share it. */
export interface Database extends AsyncDisposable {
  readonly db: Db
  readonly kind: DatabaseLocation['kind']
  /** The connection that pg-boss uses; null means that it opens its own pool on `url`. */
  readonly jobsDb: JobsDb | null
  readonly url: string | null
}

/** Does the work in the transaction that it is given, or in one of its own. */
export async function withinTransaction<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  return db.isTransaction ? await work(db) : await db.transaction().execute(work)
}

const CONNECT_LIMIT_MS = 5_000
const STATEMENT_LIMIT_MS = 15_000
/** An import within a transaction waits up to a minute for more of its file. Whoever waits longer was cut off, and holds locks. */
const IDLE_LIMIT_MS = 90_000
/** A server that can be reached has answered by then, if only that it has cancelled the statement. */
const ANSWER_LIMIT_MS = STATEMENT_LIMIT_MS + 3_000

/**
 * A statement that begins with this comment and a word is read and planned once on each connection, not each time: for those that
 * run many times a second with plans that do not depend on their values.
 */
const PLANNED_ONCE = /^\s*\/\* planned once: ([a-z-]+) \*\//

function planOnce(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (first: unknown, ...rest: unknown[]) => unknown
  const named = (first: unknown, ...rest: unknown[]) => {
    const name = typeof first === 'string' ? PLANNED_ONCE.exec(first)?.[1] : undefined
    return name === undefined ? query(first, ...rest) : query({ name, text: first, values: rest[0] })
  }
  Object.assign(client, { query: named })
}

/**
 * Ends a connection on which an answer does not come: a network that drops what is sent is noticed by TCP after a quarter of
 * an hour, and until then the connection would keep its place in the pool.
 */
function endUnanswered(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const watched = (...args: unknown[]) => {
    const answer = query(...args)
    if (answer instanceof Promise)
      answer.catch(err => {
        // What the end itself has to say was said by the error that its holder gets. The pool's type hides `end`.
        if (isUnanswered(err)) (client as unknown as pg.Client).end().catch(() => {})
      })
    return answer
  }
  Object.assign(client, { query: watched })
}

/** pg's own error when `query_timeout` is over; it has no code. */
export function isUnanswered(err: unknown): boolean {
  return err instanceof Error && err.message === 'Query read timeout'
}

/** The connections of a pool, which calls itself ended as soon as it has asked them to close. */
class Connections {
  readonly #open = new Set<pg.PoolClient>()
  #changed: () => void = () => {}

  constructor(pool: pg.Pool) {
    pool.on('connect', client => {
      this.#open.add(client)
      client.once('end', () => {
        this.#open.delete(client)
        this.#changed()
      })
    })
  }

  /** Resolves when the last one is closed, or when a server that no longer answers has had `limitMs`. */
  async closed(limitMs: number): Promise<void> {
    const limit = AbortSignal.timeout(limitMs)
    await new Promise<void>(resolve => {
      limit.addEventListener('abort', () => resolve(), { once: true })
      this.#changed = () => {
        if (this.#open.size === 0) resolve()
      }
      this.#changed()
    })
  }
}

/**
 * Opens the database; it does not migrate it (see migrate.ts).
 * `onError` hears of idle connections that broke, which pg would otherwise turn into a crash of the process.
 */
export async function openDatabase(location: DatabaseLocation, onError: (err: Error) => void): Promise<Database> {
  switch (location.kind) {
    case 'pglite': {
      if (location.folder !== 'memory') await mkdir(location.folder, { recursive: true })
      const pglite = await PgliteClient.open(location.folder === 'memory' ? null : location.folder, location.hasVectors)
      const lock = new SessionLock()
      const db = new Kysely<Tables>({ dialect: pgliteDialect(pglite, lock) })
      const inner = fromPglite(pglite)
      const jobsDb: JobsDb = {
        async executeSql(text, values) {
          const release = await lock.acquire()
          try {
            return await inner.executeSql(text, values)
          } finally {
            release()
          }
        }
      }
      return { db, kind: 'pglite', jobsDb, url: null, [Symbol.asyncDispose]: () => db.destroy() }
    }
    case 'postgres': {
      const pool = new pg.Pool({
        connectionString: location.url,
        max: 12,
        connectionTimeoutMillis: CONNECT_LIMIT_MS,
        statement_timeout: STATEMENT_LIMIT_MS,
        query_timeout: ANSWER_LIMIT_MS,
        idle_in_transaction_session_timeout: IDLE_LIMIT_MS,
        application_name: 'parley'
      })
      pool.on('error', onError)
      // One that breaks while somebody holds it fails that one's next statement; without a listener it ends the process.
      pool.on('connect', client => client.on('error', () => {}))
      pool.on('connect', planOnce)
      pool.on('connect', endUnanswered)
      const connections = new Connections(pool)
      const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
      return {
        db,
        kind: 'postgres',
        jobsDb: null,
        url: location.url,
        async [Symbol.asyncDispose]() {
          await db.destroy()
          await connections.closed(CONNECT_LIMIT_MS)
        }
      }
    }
    default:
      return location satisfies never
  }
}
