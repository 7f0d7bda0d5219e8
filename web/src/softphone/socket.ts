import type {
  ReplyData,
  SoftphonePush,
  SoftphoneReply,
  SoftphoneRequest,
  SoftphoneRequestKind
} from '../../../server/softphone/protocol.ts'
import { SoftphoneError } from './softphone-error.ts'

type RequestOf<K extends SoftphoneRequestKind> = Extract<SoftphoneRequest, { kind: K }>
export type FieldsOf<K extends SoftphoneRequestKind> = Omit<RequestOf<K>, 'id' | 'kind'>
export type DataOf<K extends SoftphoneRequestKind> = K extends keyof ReplyData
  ? ReplyData[K]
  : Readonly<Record<string, unknown>>

export type SocketEvents = Readonly<{
  opened(): void
  /** The way to the server is gone; the socket tries again by itself unless `isFinal`. */
  lost(close: Readonly<{ code: number; isFinal: boolean }>): void
  pushed(push: SoftphonePush): void
  /** Another page has taken this page's place; returns the address with an id of its own. */
  replaced(): string
  /** It could not be opened several times in a row: perhaps the session has ended. */
  refused(): void
}>

/** First wait before the next try, then doubled; the agent is back within 3 s of the server's return. */
const FIRST_WAIT_MS = 150
const LONGEST_WAIT_MS = 2_000
const OPEN_LIMIT_MS = 4_000
const REPLY_LIMIT_MS = 8_000
const REFUSALS_BEFORE_ASKING = 2

/** Codes of server/softphone/protocol.ts after which trying again is no use: signed out, not allowed. */
const FINAL_CODES: ReadonlySet<number> = new Set([4401, 4403])
const TOO_MANY = 4429
/** Another page has come with this page's id: a duplicated tab where the browser has no locks. */
const REPLACED = 4409
const TOO_MANY_WAIT_MS = 5_000

type Waiting = Readonly<{
  resolve(data: Readonly<Record<string, unknown>>): void
  reject(err: SoftphoneError): void
  limit: ReturnType<typeof setTimeout>
}>

/**
 * The WebSocket to the server, kept open: requests with replies, pushes, and reconnection with back-off. Owned by one
 * Softphone; `close` ends it for good.
 */
export class SoftphoneSocket {
  #url: string
  readonly #events: SocketEvents
  readonly #waiting = new Map<number, Waiting>()
  readonly #gone = new AbortController()
  #socket: WebSocket | null = null
  #isOpen = false
  #lastId = 0
  #tries = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(url: string, events: SocketEvents) {
    this.#url = url
    this.#events = events
    const { signal } = this.#gone
    addEventListener('online', () => this.#connectNow(), { signal })
    addEventListener('offline', () => this.#drop(1006), { signal })
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#connectNow(), {
      signal
    })
    this.#connect()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Rejects with SoftphoneError: the server's code, `CONNECTION_LOST` or `NO_REPLY`. */
  async request<K extends SoftphoneRequestKind>(kind: K, fields: FieldsOf<K>): Promise<DataOf<K>> {
    const socket = this.#socket
    if (socket === null || !this.#isOpen) throw new SoftphoneError('CONNECTION_LOST')
    this.#lastId += 1
    const id = this.#lastId
    return await new Promise<DataOf<K>>((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new SoftphoneError('NO_REPLY'))
        // A server that answers nothing for this long is not there, whatever the socket believes.
        if (this.#socket === socket) this.#drop(1006)
      }, REPLY_LIMIT_MS)
      this.#waiting.set(id, { resolve: data => resolve(data as DataOf<K>), reject, limit })
      socket.send(JSON.stringify({ id, kind, ...fields }))
    })
  }

  /** Tries again after a final refusal, such as after signing in again. */
  restart(): void {
    this.#isStopped = false
    this.#tries = 0
    this.#connectNow()
  }

  close(): void {
    this.#gone.abort()
    this.#isStopped = true
    clearTimeout(this.#retry)
    this.#retry = undefined
    const socket = this.#socket
    this.#socket = null
    this.#isOpen = false
    this.#failWaiting()
    socket?.close(1000)
  }

  #connectNow(): void {
    if (this.#socket !== null || this.#isStopped) return
    clearTimeout(this.#retry)
    this.#connect()
  }

  #connect(): void {
    this.#retry = undefined
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    const limit = setTimeout(() => {
      if (this.#socket === socket && !this.#isOpen) this.#drop(1006)
    }, OPEN_LIMIT_MS)
    socket.onopen = () => {
      clearTimeout(limit)
      if (this.#socket !== socket) return
      this.#isOpen = true
      this.#tries = 0
      this.#events.opened()
    }
    socket.onmessage = event => {
      if (this.#socket === socket) this.#take(String(event.data))
    }
    socket.onclose = event => {
      clearTimeout(limit)
      if (this.#socket === socket) this.#drop(event.code)
    }
  }

  #take(text: string): void {
    const message = JSON.parse(text) as SoftphonePush | SoftphoneReply
    if (message.kind !== 'reply') {
      this.#events.pushed(message)
      return
    }
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    this.#waiting.delete(message.id)
    clearTimeout(waiting.limit)
    if (message.ok) waiting.resolve(message.data)
    else waiting.reject(new SoftphoneError(message.problem.code, message.problem.detail))
  }

  /** Forgets the present socket, tells, and plans the next try. */
  #drop(code: number): void {
    const socket = this.#socket
    if (socket === null) return
    const wasOpen = this.#isOpen
    this.#socket = null
    this.#isOpen = false
    socket.onmessage = null
    socket.close()
    this.#failWaiting()
    this.#isStopped ||= FINAL_CODES.has(code)
    if (code === REPLACED) this.#url = this.#events.replaced()
    this.#events.lost({ code, isFinal: this.#isStopped })
    if (this.#isStopped) return
    if (!wasOpen && this.#tries > 0 && this.#tries % REFUSALS_BEFORE_ASKING === 0) this.#events.refused()
    const wait = code === TOO_MANY ? TOO_MANY_WAIT_MS : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries)
    this.#tries += 1
    // A thousand agents must not come back in the same millisecond.
    this.#retry = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2))
  }

  #failWaiting(): void {
    for (const { reject, limit } of this.#waiting.values()) {
      clearTimeout(limit)
      reject(new SoftphoneError('CONNECTION_LOST'))
    }
    this.#waiting.clear()
  }
}
