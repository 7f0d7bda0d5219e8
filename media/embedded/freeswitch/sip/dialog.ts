import { randomInt } from 'node:crypto'
import { reasonHeader } from '../causes.ts'
import {
  header,
  headerList,
  parameter,
  parseAddress,
  parseUri,
  type SipHeaders,
  type SipRequest,
  type SipResponse
} from './message.ts'
import type { SipStack } from './stack.ts'

const USER_AGENT = 'drachtio MRF'

/** The server's side of one dialog (RFC 3261 §12). */
export class SipDialog {
  readonly callId: string
  readonly localTag: string
  readonly #stack: SipStack
  readonly #local: string
  readonly #remote: string
  readonly #routes: readonly string[]
  readonly #source: Readonly<{ host: string; port: number }>
  #target: string
  #cseq = randomInt(1, 0x0fff_ffff)
  #remoteCseq: number
  #isEnded = false

  /** Made from the INVITE that this server answers (RFC 3261 §12.1.1). */
  constructor(stack: SipStack, invite: SipRequest, localTag: string, source: Readonly<{ host: string; port: number }>) {
    this.#stack = stack
    this.#source = source
    this.callId = header(invite, 'call-id') ?? ''
    this.localTag = localTag
    this.#local = `${header(invite, 'to') ?? ''};tag=${localTag}`
    this.#remote = header(invite, 'from') ?? ''
    this.#routes = headerList(invite, 'record-route')
    this.#target = parseAddress(header(invite, 'contact') ?? '')?.text ?? parseAddress(this.#remote)?.text ?? ''
    this.#remoteCseq = cseqNumber(invite)
  }

  /** Key under which requests of this dialog are found. */
  static keyOf(callId: string, localTag: string): string {
    return `${callId}|${localTag}`
  }

  get key(): string {
    return SipDialog.keyOf(this.callId, this.localTag)
  }

  get remoteTag(): string {
    return parameter(this.#remote, 'tag') ?? ''
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Checks the order of a request inside the dialog (RFC 3261 §12.2.2) and takes a new target from it. */
  accepts(request: SipRequest): boolean {
    const number = cseqNumber(request)
    if (number < this.#remoteCseq) return false
    this.#remoteCseq = number
    const contact = parseAddress(header(request, 'contact') ?? '')
    if (contact !== undefined && (request.method === 'INVITE' || request.method === 'UPDATE'))
      this.#target = contact.text
    return true
  }

  end(): void {
    this.#isEnded = true
  }

  /** Ends the dialog by a BYE. */
  async bye(cause: string): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    await this.request('BYE', [['Reason', reasonHeader(cause)]])
  }

  /** Sends a request inside the dialog. */
  async request(method: string, extra: SipHeaders = [], body = ''): Promise<SipResponse> {
    this.#cseq++
    const headers: SipHeaders = [
      ...this.#dialogHeaders(this.#cseq, method),
      ['User-Agent', USER_AGENT],
      ['Allow', ALLOWED],
      ...extra
    ]
    const response = await this.#stack.request(method, this.#target, headers, this.#nextHop(), body)
    if (method === 'INVITE' && response.status >= 200 && response.status < 300) {
      this.#stack.sendAck(this.#target, this.#dialogHeaders(this.#cseq, 'ACK'), this.#nextHop())
    }
    return response
  }

  #dialogHeaders(cseq: number, method: string): SipHeaders {
    return [
      ['Max-Forwards', '70'],
      ['From', this.#local],
      ['To', this.#remote],
      ['Call-ID', this.callId],
      ['CSeq', `${cseq} ${method}`],
      ['Contact', contactOf(this.#stack)],
      ...this.#routes.map(route => ['Route', route] as const)
    ]
  }

  /** The first route, else the target; a name that is no address falls back to where the INVITE came from. */
  #nextHop(): Readonly<{ host: string; port: number }> {
    const uri = this.#routes[0] === undefined ? parseUri(this.#target) : parseAddress(this.#routes[0])
    if (uri === undefined || !/^\d{1,3}(\.\d{1,3}){3}$/.test(uri.host)) return this.#source
    return { host: uri.host, port: uri.port }
  }
}

/** What the server says it can take. */
export const ALLOWED = 'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE'

/** Headers that the server puts on responses. */
export function serverHeaders(stack: SipStack): SipHeaders {
  return [
    ['Contact', contactOf(stack)],
    ['User-Agent', USER_AGENT],
    ['Accept', 'application/sdp'],
    ['Allow', ALLOWED],
    ['Supported', 'path, replaces']
  ]
}

function contactOf(stack: SipStack): string {
  return `<sip:mod_sofia@${stack.host}:${stack.port};transport=udp>`
}

function cseqNumber(request: SipRequest): number {
  return Number((header(request, 'cseq') ?? '0').split(/\s+/)[0])
}
