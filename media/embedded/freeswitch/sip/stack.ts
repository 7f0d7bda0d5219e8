import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import {
  header,
  headerList,
  parameter,
  parseSip,
  parseUri,
  type SipHeaders,
  type SipRequest,
  type SipResponse,
  writeSip
} from './message.ts'

// RFC 3261 §17.1.1.1, UDP values.
const T1_MS = 500
const T2_MS = 4_000
/** How long a stop waits for the answers to its last requests. */
const GOODBYE_MS = 500
const TIMEOUT_MS = 64 * T1_MS
const TIMER_I_MS = 5_000

/** What a response may carry beyond what is copied from the request. */
export type ResponseParts = Readonly<{ reason?: string; toTag?: string; headers?: SipHeaders; body?: string }>

/** A request that arrived and can be answered. */
export type IncomingRequest = Readonly<{
  message: SipRequest
  source: RemoteInfo
  /** Sends a response; provisional ones may precede one final one. */
  respond(status: number, parts?: ResponseParts): void
}>

/** What the stack's user does with what arrives. */
export type SipHandler = Readonly<{
  onRequest(request: IncomingRequest): void
  onAck(message: SipRequest): void
  /** No ACK came for a 2xx within 32 s (RFC 3261 §13.3.1.4). */
  onAckTimeout(request: SipRequest): void
  onCancel(invite: SipRequest): void
}>

type ServerTransaction = {
  readonly request: SipRequest
  readonly source: RemoteInfo
  last: Buffer | undefined
  isFinal: boolean
  isAcknowledged: boolean
  timer: NodeJS.Timeout | undefined
  expiry: NodeJS.Timeout | undefined
}

type ClientTransaction = {
  readonly method: string
  timer: NodeJS.Timeout | undefined
  hasProvisional: boolean
  readonly settle: (response: SipResponse) => void
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  415: 'Unsupported Media Type',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call Does Not Exist',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Maximum Calls In Progress'
}

/** SIP over one UDP socket: parsing, server and client transactions with RFC 3261's timers. */
export class SipStack implements AsyncDisposable {
  readonly #socket: Socket
  readonly #handler: SipHandler
  readonly #server = new Map<string, ServerTransaction>()
  readonly #client = new Map<string, ClientTransaction>()
  /** INVITEs answered with 2xx whose ACK is awaited, by Call-ID and CSeq number. */
  readonly #awaitingAck = new Map<string, ServerTransaction>()
  #isClosing = false
  #isClosed = false
  #onIdle: () => void = () => {}
  malformed = 0

  private constructor(socket: Socket, handler: SipHandler) {
    this.#socket = socket
    this.#handler = handler
    socket.on('message', (bytes, source) => this.#onDatagram(bytes, source))
    // An unreachable peer shows as an error on the socket; the transaction's timer decides what it means.
    socket.on('error', () => {})
  }

  static async bind(host: string, port: number, handler: SipHandler): Promise<SipStack> {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 1 << 20,
      // Destinations are always addresses: a message leaves in the same turn, also the last BYE before the socket closes.
      lookup: (hostname, _options, callback) => callback(null, hostname, 4)
    })
    // With such a look-up a socket can be bound before bind() returns.
    const listening = once(socket, 'listening')
    socket.bind(port, host)
    await listening
    return new SipStack(socket, handler)
  }

  get port(): number {
    return this.#socket.address().port
  }

  get host(): string {
    return this.#socket.address().address
  }

  /** How many transactions are still remembered. */
  get transactions(): number {
    return this.#server.size + this.#client.size
  }

  /** Sends a request to `to` and resolves with the final response; a 408 is made up when none comes in 32 s. */
  request(
    method: string,
    uri: string,
    headers: SipHeaders,
    to: Readonly<{ host: string; port: number }>,
    body = ''
  ): Promise<SipResponse> {
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`
    const via: SipHeaders[number] = ['Via', `SIP/2.0/UDP ${this.host}:${this.port};rport;branch=${branch}`]
    const bytes = writeSip(`${method} ${uri} SIP/2.0`, [via, ...headers], body)
    if (this.#isClosing) return Promise.resolve(madeUp(503, 'Shutting Down'))
    return new Promise(resolve => {
      const startedAt = performance.now()
      const transaction: ClientTransaction = {
        method,
        timer: undefined,
        hasProvisional: false,
        settle: response => {
          clearTimeout(transaction.timer)
          this.#client.delete(branch)
          resolve(response)
          if (this.#client.size === 0) this.#onIdle()
        }
      }
      this.#client.set(branch, transaction)
      let interval = T1_MS
      const retransmit = () => {
        if (performance.now() - startedAt >= TIMEOUT_MS) {
          transaction.settle(madeUp(408, 'Request Timeout'))
          return
        }
        // Timer A stops at a provisional response, timer E goes on at T2 (RFC 3261 §17.1.1.2 and §17.1.2.2).
        if (!(method === 'INVITE' && transaction.hasProvisional)) this.#send(bytes, to)
        interval =
          method === 'INVITE' ? interval * 2 : Math.min(T2_MS, transaction.hasProvisional ? T2_MS : interval * 2)
        transaction.timer = setTimeout(retransmit, interval)
      }
      this.#send(bytes, to)
      transaction.timer = setTimeout(retransmit, interval)
    })
  }

  /** Sends an ACK to a 2xx: a transaction of its own that nobody answers (RFC 3261 §13.2.2.4). */
  sendAck(uri: string, headers: SipHeaders, to: Readonly<{ host: string; port: number }>, body = ''): void {
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`
    const via: SipHeaders[number] = ['Via', `SIP/2.0/UDP ${this.host}:${this.port};rport;branch=${branch}`]
    this.#send(writeSip(`ACK ${uri} SIP/2.0`, [via, ...headers], body), to)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    await this.#answered()
    this.#isClosed = true
    for (const transaction of this.#server.values()) {
      clearTimeout(transaction.timer)
      clearTimeout(transaction.expiry)
    }
    for (const transaction of [...this.#client.values()]) {
      transaction.settle(madeUp(503, 'Shutting Down'))
    }
    this.#server.clear()
    await new Promise<void>(resolve => this.#socket.close(() => resolve()))
  }

  /** Waits until no request of this server is open, or for a while. */
  async #answered(): Promise<void> {
    if (this.#client.size === 0) return
    await new Promise<void>(resolve => {
      const limit = setTimeout(resolve, GOODBYE_MS)
      this.#onIdle = () => {
        clearTimeout(limit)
        resolve()
      }
    })
  }

  #send(bytes: Buffer, to: Readonly<{ host: string; port: number }>): void {
    if (!this.#isClosed) this.#socket.send(bytes, to.port, to.host)
  }

  #onDatagram(bytes: Buffer, source: RemoteInfo): void {
    if (bytes.length < 16) return
    const message = parseSip(bytes)
    if (message === undefined) {
      this.malformed++
      return
    }
    if (message.kind === 'response') this.#onResponse(message)
    else this.#onRequest(message, source)
  }

  #onResponse(message: SipResponse): void {
    const via = headerList(message, 'via')[0]
    const transaction = via === undefined ? undefined : this.#client.get(parameter(via, 'branch') ?? '')
    if (transaction === undefined) return
    if (!header(message, 'cseq')?.endsWith(` ${transaction.method}`)) return
    if (message.status < 200) transaction.hasProvisional = true
    else transaction.settle(message)
  }

  #onRequest(message: SipRequest, source: RemoteInfo): void {
    const via = headerList(message, 'via')[0]
    const isComplete = ['from', 'to', 'call-id', 'cseq'].every(name => header(message, name) !== undefined)
    if (via === undefined || !isComplete) {
      this.malformed++
      return
    }
    const cseq = /^\s*(\d+)\s+(\S+)\s*$/.exec(header(message, 'cseq') ?? '')
    if (cseq === null || cseq[2] !== message.method || parseUri(message.uri) === undefined) {
      this.malformed++
      if (message.method !== 'ACK') this.#respondTo(message, source, 400, {})
      return
    }
    const key = transactionKey(message, via, message.method === 'ACK' ? 'INVITE' : message.method)
    const known = this.#server.get(key)
    if (message.method === 'ACK') {
      if (known !== undefined) this.#acknowledge(known)
      else this.#acknowledgeSuccess(message)
      this.#handler.onAck(message)
      return
    }
    if (known !== undefined) {
      // A retransmitted request gets the last response again (RFC 3261 §17.2.1).
      if (known.last !== undefined) this.#send(known.last, replyAddress(via, source))
      return
    }
    const transaction: ServerTransaction = {
      request: message,
      source,
      last: undefined,
      isFinal: false,
      isAcknowledged: false,
      timer: undefined,
      expiry: undefined
    }
    this.#server.set(key, transaction)
    if (message.method === 'CANCEL') {
      this.#onCancel(message, via, key, transaction)
      return
    }
    this.#handler.onRequest({
      message,
      source,
      respond: (status, parts) => this.#respond(key, transaction, via, status, parts ?? {})
    })
  }

  #onCancel(message: SipRequest, via: string, key: string, transaction: ServerTransaction): void {
    const invite = this.#server.get(transactionKey(message, via, 'INVITE'))
    // 200 to the CANCEL goes before the 487 to the INVITE (RFC 3261 §9.2).
    this.#respond(key, transaction, via, invite === undefined ? 481 : 200, {})
    if (invite !== undefined && !invite.isFinal) this.#handler.onCancel(invite.request)
  }

  #respondTo(message: SipRequest, source: RemoteInfo, status: number, parts: ResponseParts): Buffer {
    const copied: [string, string][] = []
    for (const [name, value] of message.headers) {
      const lower = name.toLowerCase()
      if (lower === 'via' || lower === 'v')
        copied.push(['Via', copied.length === 0 ? receivedVia(value, source) : value])
    }
    const to = header(message, 'to') ?? ''
    const tagged = parts.toTag !== undefined && parameter(to, 'tag') === undefined ? `${to};tag=${parts.toTag}` : to
    const reason = parts.reason ?? REASONS[status] ?? 'Unknown'
    const bytes = writeSip(
      `SIP/2.0 ${status} ${reason}`,
      [
        ...copied,
        ['From', header(message, 'from') ?? ''],
        ['To', tagged],
        ['Call-ID', header(message, 'call-id') ?? ''],
        ['CSeq', header(message, 'cseq') ?? ''],
        ...(parts.headers ?? [])
      ],
      parts.body ?? ''
    )
    this.#send(bytes, replyAddress(headerList(message, 'via')[0] ?? '', source))
    return bytes
  }

  #respond(key: string, transaction: ServerTransaction, via: string, status: number, parts: ResponseParts): void {
    if (transaction.isFinal) return
    transaction.last = this.#respondTo(transaction.request, transaction.source, status, parts)
    if (status < 200) return
    transaction.isFinal = true
    const isInvite = transaction.request.method === 'INVITE'
    if (!isInvite) {
      transaction.expiry = setTimeout(() => this.#server.delete(key), TIMEOUT_MS).unref()
      return
    }
    if (status < 300) this.#awaitingAck.set(ackKey(transaction.request), transaction)
    this.#retransmitUntilAck(key, transaction, via, status)
  }

  #retransmitUntilAck(key: string, transaction: ServerTransaction, via: string, status: number): void {
    const startedAt = performance.now()
    let interval = T1_MS
    const again = () => {
      if (transaction.isAcknowledged) return
      if (performance.now() - startedAt >= TIMEOUT_MS) {
        this.#server.delete(key)
        this.#awaitingAck.delete(ackKey(transaction.request))
        if (status < 300) this.#handler.onAckTimeout(transaction.request)
        return
      }
      if (transaction.last !== undefined) this.#send(transaction.last, replyAddress(via, transaction.source))
      interval = Math.min(T2_MS, interval * 2)
      transaction.timer = setTimeout(again, interval)
    }
    transaction.timer = setTimeout(again, interval)
  }

  #acknowledge(transaction: ServerTransaction): void {
    if (transaction.isAcknowledged || !transaction.isFinal) return
    transaction.isAcknowledged = true
    clearTimeout(transaction.timer)
    this.#awaitingAck.delete(ackKey(transaction.request))
    const key = transactionKey(transaction.request, headerList(transaction.request, 'via')[0] ?? '', 'INVITE')
    transaction.expiry = setTimeout(() => this.#server.delete(key), TIMER_I_MS).unref()
  }

  /** The ACK to a 2xx has a branch of its own: it is matched by Call-ID and CSeq number. */
  #acknowledgeSuccess(message: SipRequest): void {
    const transaction = this.#awaitingAck.get(ackKey(message))
    if (transaction !== undefined) this.#acknowledge(transaction)
  }
}

/** A response that nobody sent. */
function madeUp(status: number, reason: string): SipResponse {
  return { kind: 'response', status, reason, headers: [], body: '' }
}

function ackKey(message: SipRequest): string {
  return `${header(message, 'call-id')}/${header(message, 'cseq')?.split(/\s+/)[0]}`
}

function transactionKey(message: SipRequest, via: string, method: string): string {
  const branch = parameter(via, 'branch') ?? ''
  const sentBy = via.split(/[\s;]+/)[1] ?? ''
  // Without the magic cookie the older matching by Call-ID and CSeq applies (RFC 3261 §17.2.3).
  const id = branch.startsWith('z9hG4bK')
    ? branch
    : `${header(message, 'call-id')}/${header(message, 'cseq')?.split(/\s+/)[0]}/${parameter(header(message, 'from') ?? '', 'tag')}`
  return `${method}|${sentBy}|${id}`
}

/** RFC 3261 §18.2.1 and RFC 3581: where the request really came from. */
function receivedVia(via: string, source: RemoteInfo): string {
  const withPort = /;\s*rport(?!=)/i.test(via) ? via.replace(/;\s*rport(?!=)/i, `;rport=${source.port}`) : via
  const sentHost = (via.split(/[\s;]+/)[1] ?? '').replace(/:\d+$/, '')
  return sentHost === source.address ? withPort : `${withPort};received=${source.address}`
}

function replyAddress(via: string, source: RemoteInfo): Readonly<{ host: string; port: number }> {
  if (/;\s*rport/i.test(via)) return { host: source.address, port: source.port }
  const port = Number(/:(\d{1,5})\s*$/.exec(via.split(';')[0] ?? '')?.[1] ?? 5060)
  return { host: source.address, port: port > 0 && port < 65_536 ? port : source.port }
}
