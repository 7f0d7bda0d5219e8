import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult
} from 'kysely'
import type { PgliteClient } from './pglite-client.ts'

/** A first-come, first-served lock: PGlite has one session, so whoever opens a transaction must own it alone. */
export class SessionLock {
  #tail: Promise<void> = Promise.resolve()

  /** Waits for the session and returns the function that gives it back. */
  async acquire(): Promise<() => void> {
    const previous = this.#tail
    let release: () => void = () => {}
    this.#tail = new Promise(resolve => {
      release = resolve
    })
    await previous
    return release
  }
}

class PgliteConnection implements DatabaseConnection {
  readonly #pglite: PgliteClient
  readonly release: () => void

  constructor(pglite: PgliteClient, release: () => void) {
    this.#pglite = pglite
    this.release = release
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const result = await this.#pglite.query<R>(query.sql, query.parameters)
    return { rows: result.rows, numAffectedRows: BigInt(result.affectedRows) }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query)
  }
}

class PgliteDriver implements Driver {
  readonly #pglite: PgliteClient
  readonly #lock: SessionLock

  constructor(pglite: PgliteClient, lock: SessionLock) {
    this.#pglite = pglite
    this.#lock = lock
  }

  async init(): Promise<void> {
    // The client is open before it is handed over.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PgliteConnection(this.#pglite, await this.#lock.acquire())
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    if (connection instanceof PgliteConnection) connection.release()
  }

  async destroy(): Promise<void> {
    await this.#pglite.close()
  }
}

/** Kysely over one PGlite instance; `lock` is shared with everything else that uses the instance. */
export function pgliteDialect(pglite: PgliteClient, lock: SessionLock): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PgliteDriver(pglite, lock),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler()
  }
}
