import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { Database, Db } from './database.ts'

/** What has changed, so that a listener can tell whether it cares; the content is always read from the tables. */
export type WakeTopic = 'queues' | 'agents' | 'entries' | 'callbacks' | `plane:${string}`

const CHANNEL = 'parley_wake'
const RECONNECT_MS = 1_000
const CONNECT_LIMIT_MS = 5_000

/** Control planes of one process that share a PGlite find each other by the database object that they share. */
const processBuses = new WeakMap<Db, EventEmitter>()

/**
 * Wake-ups between control planes: PostgreSQL's LISTEN/NOTIFY (triggers send it with every change), and an emitter
 * within the process, which is all that PGlite needs. A wake-up may be lost while the connection is away; whoever
 * listens looks by itself from time to time as well.
 */
export class WakeUps implements AsyncDisposable {
  readonly #bus: EventEmitter
  readonly #url: string | null
  readonly #onError: (err: Error) => void
  #client: pg.Client | undefined
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

  /** Wakes the listeners of this process at once, without waiting for the database's own notice. */
  wake(topic: WakeTopic): void {
    this.#bus.emit('wake', topic)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#client?.end()
  }

  async #connect(): Promise<void> {
    if (this.#url === null || this.#isClosed) return
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      keepAlive: true,
      application_name: 'parley-wake-ups'
    })
    client.on('notification', ({ payload }) => this.#bus.emit('wake', payload as WakeTopic))
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
