import { authorize, type PhoneCredentials } from './sip-phone/digest.ts'
import {
  finalOf,
  peerOf,
  type PhoneCore,
  type PhoneDialog,
  type PhoneHeaders,
  type PhoneRequest,
  token,
  viaOf,
  WAIT_MS
} from './sip-phone/dialog.ts'
import { Inbox } from './sip-phone/inbox.ts'
import { IncomingCall } from './sip-phone/incoming-call.ts'
import { PhoneLine, type PhonePeer } from './sip-phone/line.ts'
import { formatMessage, methodIn, type PhoneMessage, tagIn, headerIn } from './sip-phone/message.ts'
import { type CallOptions, OutgoingCall } from './sip-phone/outgoing-call.ts'

export type { PhoneCredentials, PhoneDialog, PhoneHeaders, PhoneMessage, PhonePeer, PhoneRequest }
export type { Answer, CallOptions } from './sip-phone/outgoing-call.ts'
export { IncomingCall, OutgoingCall }
export { tagIn, uriIn, headerIn } from './sip-phone/message.ts'

/** Settings of a test phone. */
export type SipPhoneOptions = Readonly<{
  transport: 'udp' | 'tcp'
  /** User part of its address; `phone` by default. */
  user?: string
  host?: string
  /** First interval of its retransmissions over UDP; 100 ms by default. */
  t1Ms?: number
  /** Methods within calls that the script answers itself; all others get 200 (re-INVITEs with the last SDP). */
  manual?: readonly string[]
}>

const MAX_RESENDS = 10

/**
 * A scripted SIP phone for tests, over UDP or TCP on a free port. It carries no media: SDP is text that the test gives.
 * It builds its messages itself and shares no code with the server under test.
 */
export class SipPhone implements AsyncDisposable {
  readonly line: PhoneLine
  readonly user: string
  readonly contact: string
  readonly #core: PhoneCore
  readonly #t1Ms: number
  readonly #manual: ReadonlySet<string>
  readonly #transactions = new Map<string, { inbox: Inbox<PhoneMessage>; stop: (response: PhoneMessage) => void }>()
  readonly #answers = new Map<string, string>()
  readonly #calls = new Set<PhoneDialog>()
  readonly #invites = new Inbox<IncomingCall>()
  readonly #requests = new Inbox<PhoneRequest>()
  readonly #messages = new Inbox<PhoneMessage>()
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(line: PhoneLine, options: SipPhoneOptions) {
    this.line = line
    this.user = options.user ?? 'phone'
    this.#t1Ms = options.t1Ms ?? 100
    this.#manual = new Set(options.manual ?? [])
    const suffix = line.transport === 'tcp' ? ';transport=tcp' : ''
    this.contact = `<sip:${this.user}@${line.host}:${line.port}${suffix}>`
    line.onMessage = (message, from) => this.#receive(message, from)
    this.#core = {
      transport: line.transport,
      host: line.host,
      port: line.port,
      contact: this.contact,
      t1Ms: this.#t1Ms,
      transact: (text, to) => this.#transact(text, to),
      fire: (text, to) => this.#fire(text, to),
      forget: dialog => this.#calls.delete(dialog)
    }
  }

  get host(): string {
    return this.line.host
  }

  get port(): number {
    return this.line.port
  }

  /** The phone's address as a SIP URI. */
  get uri(): string {
    return this.contact.slice(1, -1)
  }

  /** Every message that arrived so far, dropped ones included. */
  get received(): readonly PhoneMessage[] {
    return this.line.received
  }

  /** Calls `uri`; the INVITE is on its way when this returns. */
  call(uri: string, options: CallOptions = {}): OutgoingCall {
    const call = new OutgoingCall(this.#core, uri, options)
    this.#calls.add(call)
    call.start()
    return call
  }

  /** The next call that arrives. */
  async nextInvite(limitMs = WAIT_MS): Promise<IncomingCall> {
    return await this.#invites.next('INVITE', limitMs)
  }

  /** The next request outside calls (OPTIONS, MESSAGE, NOTIFY …), or any request that no call took. */
  async nextRequest(method: string, limitMs = WAIT_MS): Promise<PhoneRequest> {
    return await this.#requests.next(method, limitMs, r => r.message.method === method)
  }

  /** The next arriving message of any kind that `wanted` accepts, whatever else happens to it. */
  async nextMessage(wanted: (message: PhoneMessage) => boolean, limitMs = WAIT_MS): Promise<PhoneMessage> {
    return await this.#messages.next('message', limitMs, wanted)
  }

  /** Sends a request outside a call and resolves with its final response; answers one digest challenge. */
  async request(
    method: string,
    uri: string,
    options: Readonly<{
      headers?: PhoneHeaders
      body?: string
      auth?: PhoneCredentials
      via?: PhonePeer
      limitMs?: number
    }> = {}
  ): Promise<PhoneMessage> {
    const ids = { callId: token(), tag: token() }
    const to = options.via ?? peerOf(uri)
    const send = async (cseq: number, extra: PhoneHeaders) => {
      const headers = { ...options.headers, ...extra }
      const lines = [
        ['Via', viaOf(this.#core)],
        ['Max-Forwards', '70'],
        ['From', `${headers['From'] ?? this.contact};tag=${ids.tag}`],
        ['To', headers['To'] ?? `<${uri}>`],
        ['Call-ID', headers['Call-ID'] ?? ids.callId],
        ['CSeq', `${cseq} ${method}`],
        ['Contact', headers['Contact'] ?? this.contact],
        ...Object.entries(headers).filter(([name]) => !['From', 'To', 'Call-ID', 'Contact'].includes(name))
      ] as const
      const text = formatMessage(
        `${method} ${uri} SIP/2.0`,
        lines as readonly (readonly [string, string])[],
        options.body
      )
      return await finalOf(this.#transact(text, to), method, options.limitMs ?? WAIT_MS)
    }
    const first = await send(1, {})
    if ((first.status !== 401 && first.status !== 407) || options.auth === undefined) return first
    const [name, value] = authorize(first, method, uri, options.auth)
    return await send(2, { [name]: value })
  }

  /** Registers the phone's contact and resolves with the final response. `expires` is in seconds. */
  async register(
    registrarUri: string,
    options: Readonly<{ user?: string; password?: string; expires?: number; via?: PhonePeer }> = {}
  ): Promise<PhoneMessage> {
    const user = options.user ?? this.user
    const domain = registrarUri.replace(/^sips?:/, '').replace(/[;?].*$/, '')
    const address = `<sip:${user}@${domain}>`
    return await this.request('REGISTER', registrarUri, {
      headers: { From: address, To: address, Expires: String(options.expires ?? 300) },
      ...(options.password === undefined ? {} : { auth: { user, password: options.password } }),
      ...(options.via === undefined ? {} : { via: options.via })
    })
  }

  /** Drops the next `n` arriving messages that `wanted` accepts, as a lossy network would. */
  dropNext(n: number, wanted?: (message: PhoneMessage) => boolean): void {
    this.line.dropNext(n, wanted)
  }

  /** Delays every arriving message by `ms`. */
  delay(ms: number): void {
    this.line.delay(ms)
  }

  /** Sends raw bytes. */
  async send(bytes: string | Buffer, to: PhonePeer): Promise<void> {
    await this.line.send(bytes, to)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { inbox } of this.#transactions.values()) inbox.close()
    await this.line[Symbol.asyncDispose]()
  }

  #fire(text: string, to: PhonePeer): void {
    // A server that is gone shows in the wait that follows, with a better message than this one.
    this.line.send(text, to).catch(() => {})
  }

  #transact(text: string, to: PhonePeer): Inbox<PhoneMessage> {
    const inbox = new Inbox<PhoneMessage>()
    const branch = /branch=([^;\s,]+)/.exec(text)?.[1] ?? ''
    const method = text.slice(0, text.indexOf(' '))
    let resends = 0
    let interval = this.#t1Ms
    let timer: NodeJS.Timeout | undefined
    const schedule = () => {
      if (this.line.transport === 'tcp' || resends >= MAX_RESENDS) return
      timer = setTimeout(() => {
        this.#timers.delete(timer as NodeJS.Timeout)
        resends++
        interval = Math.min(interval * 2, 8 * this.#t1Ms)
        this.#fire(text, to)
        schedule()
      }, interval)
      this.#timers.add(timer)
    }
    const stop = (response: PhoneMessage) => {
      // A provisional response ends only the repetition of an INVITE.
      if ((response.status ?? 0) < 200 && method !== 'INVITE') return
      resends = MAX_RESENDS
      if (timer !== undefined) {
        clearTimeout(timer)
        this.#timers.delete(timer)
      }
    }
    this.#transactions.set(`${branch}|${method}`, { inbox, stop })
    this.#fire(text, to)
    schedule()
    return inbox
  }

  #receive(message: PhoneMessage, from: PhonePeer): void {
    this.#messages.put(message)
    if (message.method === undefined) {
      const branch = /branch=([^;\s,]+)/.exec(headerIn(message, 'via'))?.[1] ?? ''
      const transaction = this.#transactions.get(`${branch}|${methodIn(message)}`)
      transaction?.stop(message)
      transaction?.inbox.put(message)
      return
    }
    const key = `${/branch=([^;\s,]+)/.exec(headerIn(message, 'via'))?.[1] ?? ''}|${message.method}`
    const answered = this.#answers.get(key)
    if (answered !== undefined) {
      if (answered !== '') this.#fire(answered, from)
      return
    }
    if (message.method !== 'ACK') this.#answers.set(key, '')
    this.#serve(message, key, from)
  }

  #serve(message: PhoneMessage, key: string, from: PhonePeer): void {
    const call = this.#callOf(message)
    const reply = (status: number, reason: string, headers: PhoneHeaders = {}, body = '') => {
      const text = formatReply(message, status, reason, headers, body)
      this.#answers.set(key, text)
      this.#fire(text, from)
      return undefined
    }
    const request = (answered: boolean): PhoneRequest => ({ message, answered, reply })
    if (message.method === 'ACK') {
      call?.acks.put(message)
      return
    }
    if (call === undefined) {
      if (message.method === 'INVITE' && tagIn(headerIn(message, 'to')) === '') {
        const incoming = new IncomingCall(this.#core, request(false))
        this.#calls.add(incoming)
        this.#invites.put(incoming)
        return
      }
      const manual = this.#manual.has(message.method ?? '')
      if (!manual) {
        const inDialog = tagIn(headerIn(message, 'to')) !== ''
        if (inDialog) reply(481, 'Call/Transaction Does Not Exist')
        else reply(200, 'OK', { Contact: this.contact })
      }
      this.#requests.put(request(!manual))
      return
    }
    this.#serveWithin(call, message, reply, request)
  }

  #serveWithin(
    call: PhoneDialog,
    message: PhoneMessage,
    reply: PhoneRequest['reply'],
    request: (answered: boolean) => PhoneRequest
  ): void {
    if (message.method === 'CANCEL') {
      reply(200, 'OK')
      if (call instanceof IncomingCall) call.cancel()
      call.requests.put(request(true))
      return
    }
    const manual = this.#manual.has(message.method ?? '')
    if (!manual && message.method === 'INVITE') {
      reply(200, 'OK', { Contact: this.contact, 'Content-Type': 'application/sdp' }, call.localSdp)
      call.remoteSdp = message.body
    } else if (!manual) reply(200, 'OK', message.method === 'REFER' ? {} : { Contact: this.contact })
    if (message.method === 'BYE') call.ended(message)
    call.requests.put(request(!manual))
  }

  #callOf(message: PhoneMessage): PhoneDialog | undefined {
    const callId = headerIn(message, 'call-id')
    const toTag = tagIn(headerIn(message, 'to'))
    for (const call of this.#calls) {
      if (call.callId !== callId) continue
      if (message.method === 'CANCEL' || toTag === call.localTag) return call
    }
    return undefined
  }
}

/** Starts a phone on a free port of `host` (127.0.0.1 by default). */
export async function startSipPhone(options: SipPhoneOptions): Promise<SipPhone> {
  return new SipPhone(await PhoneLine.open(options.transport, options.host ?? '127.0.0.1'), options)
}

/** A response to `request`; `headers` may override To. */
export function formatReply(
  request: PhoneMessage,
  status: number,
  reason: string,
  headers: PhoneHeaders = {},
  body = ''
): string {
  const copy = (name: string, label: string) => (request.headers.get(name) ?? []).map(v => [label, v] as const)
  const { To, ...rest } = headers
  return formatMessage(
    `SIP/2.0 ${status} ${reason}`,
    [
      ...copy('via', 'Via'),
      ...copy('record-route', 'Record-Route'),
      ...copy('from', 'From'),
      ['To', To ?? headerIn(request, 'to')],
      ...copy('call-id', 'Call-ID'),
      ...copy('cseq', 'CSeq'),
      ...Object.entries(rest)
    ],
    body
  )
}
