import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { Database, Db } from './database.ts'

/** What has changed, so that a listener can tell whether it cares; the content is always read from the tables. */
export type WakeTopic = 'queues' | 'agents' | 'entries' | 'callbacks' | `plane:${string}`

const CHANNEL = 'parley_wake'
const TELL = `select pg_notify('${CHANNEL}', topic) from unnest($1::text[]) as told (topic)`
const RECONNECT_MS = 1_000
const CONNECT_LIMIT_MS = 5_000
/** Nothing that is asked on this connection takes time. */
const ANSWER_LIMIT_MS = 5_000

/** What is told to other processes from here, because it changes too often for a notice within its transactions. */
const TOLD_AFTER_COMMIT: ReadonlySet<WakeTopic> = new Set(['agents', 'entries'])

/** Control planes of one process that share a PGlite find each other by the database object that they share. */
const processBuses = new WeakMap<Db, EventEmitter>()

/**
 * Wake-ups between control planes: PostgreSQL's LISTEN/NOTIFY (sent by triggers, or here after the commit), and an emitter
 * within the process, which is all that PGlite needs. A wake-up may be lost while the connection is away; whoever
 * listens looks by itself from time to time as well.
 */
export class WakeUps implements AsyncDisposable {
  readonly #bus: EventEmitter
  readonly #url: string | null
  readonly #onError: (err: Error) => void
  #client: pg.Client | undefined
  /** What others have not been told yet. */
  readonly #untold = new Set<WakeTopic>()
  #told: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  #isClosed = false
  #hasFailed = false

  private constructor(bus: EventEmitter, url: string | null, onError: (err: Error) => void) {
    this.#bus = bus
    this.#url = url
    this.#onError = onError
  }

  /** `onError` hears once of each loss of the connection; it is made again every second. */
  static async open(database: Pick<Database, 'db' | 'url'>, onError: (err: Error) => void): Promise<WakeUps> {
    let bus = processBuses.get(database.db)
    if (bus === undefined) {
      bus = new EventEmitter()
      bus.setMaxListeners(0)
      processBuses.set(database.db, bus)
    }
    const wakeUps = new WakeUps(bus, database.url, onError)
    await wakeUps.#connect()
    return wakeUps
  }

  /** Hears wake-ups of this process and of all others until the signal is aborted. */
  listen(listener: (topic: WakeTopic) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#bus.on('wake', listener)
    signal.addEventListener('abort', () => this.#bus.off('wake', listener), { once: true })
  }

  /**
   * Something has changed and is committed: wakes the listeners of this process at once, without waiting for the database's own
   * notice, and those of others for what no trigger tells them of.
   */
  wake(topic: WakeTopic): void {
    this.#bus.emit('wake', topic)
    if (this.#client === undefined || !TOLD_AFTER_COMMIT.has(topic)) return
    // One notice at a time: what changes while one is on its way is in the next.
    if (this.#untold.size === 0) this.#told = this.#told.then(() => this.#tell())
    this.#untold.add(topic)
  }

  /** Resolves when other processes have been told of everything that was woken for before. */
  told(): Promise<void> {
    return this.#told
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#client?.end()
  }

  async #tell(): Promise<void> {
    const topics = [...this.#untold]
    this.#untold.clear()
    const client = this.#client
    try {
      await client?.query(TELL, [topics])
    } catch {
      // The connection is lost, which is reported when it ends; others look by themselves.
      client?.end().catch(() => {})
    }
  }

  async #connect(): Promise<void> {
    if (this.#url === null || this.#isClosed) return
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
      keepAlive: true,
      application_name: 'parley-wake-ups'
    })
    let ownProcessId: number | undefined
    client.on('notification', ({ payload, processId }) => {
      // What this process has told it knows already.
      if (processId !== ownProcessId) this.#bus.emit('wake', payload as WakeTopic)
    })
    let isOver = false
    const lost = (err: Error) => {
      if (isOver) return
      isOver = true
      if (this.#client === client) this.#client = undefined
      if (this.#isClosed) return
      if (!this.#hasFailed) this.#onError(err)
      this.#hasFailed = true
      this.#retry = setTimeout(() => void this.#connect(), RECONNECT_MS)
      // A half-open connection must not stay behind; that it is broken is known already.
      client.end().catch(() => {})
    }
    client.on('error', lost)
    client.on('end', () => lost(new Error('the connection for wake-ups has ended')))
    try {
      await client.connect()
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      ownProcessId = rows[0]?.pid
      await client.query(`listen ${CHANNEL}`)
      this.#client = client
      if (this.#isClosed) {
        await client.end()
        return
      }
      // Whatever happened while nobody listened.
      if (this.#hasFailed) for (const topic of ['queues', 'agents', 'entries', 'callbacks'] as const) this.wake(topic)
      this.#hasFailed = false
    } catch (err) {
      lost(err instanceof Error ? err : new Error(String(err)))
    }
  }
}
