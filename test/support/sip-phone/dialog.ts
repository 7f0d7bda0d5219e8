import { randomBytes } from 'node:crypto'
import { Inbox } from './inbox.ts'
import type { PhonePeer } from './line.ts'
import { elementsOf, formatMessage, type PhoneMessage, seqIn, uriIn, headerIn } from './message.ts'

/** Default limit of every wait of the phone. */
export const WAIT_MS = 40_000

/** Extra headers for one message. */
export type PhoneHeaders = Readonly<Record<string, string>>

/** What calls need from their phone. */
export type PhoneCore = Readonly<{
  transport: 'udp' | 'tcp'
  host: string
  port: number
  contact: string
  t1Ms: number
  /** Sends a request until something answers; the responses come one by one. */
  transact: (text: string, to: PhonePeer) => Inbox<PhoneMessage>
  /** Sends without waiting for anything. */
  fire: (text: string, to: PhonePeer) => void
  forget: (dialog: PhoneDialog) => void
}>

/** A request that reached the phone. `reply` answers it; `answered` tells whether the phone did so by itself. */
export type PhoneRequest = Readonly<{
  message: PhoneMessage
  answered: boolean
  reply: (status: number, reason: string, headers?: PhoneHeaders, body?: string) => PhoneMessage | undefined
}>

/** A fresh token. */
export function token(): string {
  return randomBytes(6).toString('hex')
}

/** Where a URI leads; tests only use addresses. */
export function peerOf(uri: string): PhonePeer {
  const match = /^sips?:(?:[^@]*@)?([^:;?>]+)(?::(\d+))?/.exec(uri)
  if (match?.[1] === undefined) throw new Error(`no address in ${uri}`)
  return { host: match[1], port: Number(match[2] ?? 5060) }
}

/** A fresh Via value. */
export function viaOf(core: Pick<PhoneCore, 'transport' | 'host' | 'port'>): string {
  return `SIP/2.0/${core.transport.toUpperCase()} ${core.host}:${core.port};branch=z9hG4bK${token()};rport`
}

/** Waits for the final response; provisional ones are dropped. */
export async function finalOf(responses: Inbox<PhoneMessage>, what: string, limitMs: number): Promise<PhoneMessage> {
  return await responses.next(`final response to ${what}`, limitMs, r => (r.status ?? 0) >= 200)
}

/** One call of the phone once both tags are known. */
export class PhoneDialog {
  readonly core: PhoneCore
  readonly callId: string
  readonly localTag: string
  remoteTag = ''
  /** From and To of our requests. */
  local: string
  remote: string
  remoteTarget: string
  routeSet: readonly string[] = []
  /** Overrides where requests go. */
  peer: PhonePeer | undefined
  cseq = 1
  localSdp: string
  remoteSdp = ''
  readonly requests = new Inbox<PhoneRequest>()
  readonly acks = new Inbox<PhoneMessage>()
  readonly #byes = new Inbox<PhoneMessage>()

  constructor(
    core: PhoneCore,
    callId: string,
    localTag: string,
    local: string,
    remote: string,
    target: string,
    sdp: string
  ) {
    this.core = core
    this.callId = callId
    this.localTag = localTag
    this.local = local
    this.remote = remote
    this.remoteTarget = target
    this.localSdp = sdp
  }

  /** Takes remote tag, target and route set from a message of the other side. */
  learn(message: PhoneMessage, tag: string, reverseRoute: boolean): void {
    this.remoteTag = tag
    const contact = headerIn(message, 'contact')
    if (contact !== '') this.remoteTarget = uriIn(contact)
    const route = elementsOf(message, 'record-route')
    this.routeSet = reverseRoute ? route.reverse() : route
  }

  /** Sends a request within the dialog and resolves with its final response. */
  async request(
    method: string,
    options: Readonly<{ headers?: PhoneHeaders; body?: string; contentType?: string; limitMs?: number }> = {}
  ): Promise<PhoneMessage> {
    this.cseq++
    const body = options.body ?? ''
    const responses = this.core.transact(
      this.format(method, this.cseq, options.headers, body, options.contentType),
      this.nextHop()
    )
    return await finalOf(responses, method, options.limitMs ?? WAIT_MS)
  }

  /** Text of a request within the dialog. */
  format(method: string, cseq: number, headers: PhoneHeaders = {}, body = '', contentType = 'application/sdp'): string {
    return formatMessage(
      `${method} ${this.remoteTarget} SIP/2.0`,
      [
        ['Via', viaOf(this.core)],
        ['Max-Forwards', '70'],
        ...this.routeSet.map(r => ['Route', r] as const),
        ['From', this.local],
        ['To', this.remote],
        ['Call-ID', this.callId],
        ['CSeq', `${cseq} ${method}`],
        ['Contact', this.core.contact],
        ...Object.entries(headers),
        ...(body === '' ? [] : ([['Content-Type', contentType]] as const))
      ],
      body
    )
  }

  nextHop(): PhonePeer {
    return this.peer ?? peerOf(uriIn(this.routeSet[0] ?? '') || this.remoteTarget)
  }

  /** Sends the ACK of the 2xx to the INVITE with this CSeq. */
  sendAck(cseq: number, sdp = ''): void {
    this.core.fire(this.format('ACK', cseq, {}, sdp), this.nextHop())
  }

  /** Hangs up; resolves with the response to the BYE. */
  async bye(headers: PhoneHeaders = {}): Promise<PhoneMessage> {
    const response = await this.request('BYE', { headers })
    this.core.forget(this)
    return response
  }

  /** Offers `sdp` anew and acknowledges the answer; resolves with the final response. */
  async reinvite(sdp: string, headers: PhoneHeaders = {}): Promise<PhoneMessage> {
    const response = await this.request('INVITE', { body: sdp, headers })
    if (response.status !== undefined && response.status < 300) {
      this.localSdp = sdp
      this.remoteSdp = response.body
      this.sendAck(seqIn(response))
    }
    return response
  }

  async info(body: string, contentType: string): Promise<PhoneMessage> {
    return await this.request('INFO', { body, contentType })
  }

  async update(sdp: string): Promise<PhoneMessage> {
    return await this.request('UPDATE', { body: sdp })
  }

  async refer(to: string): Promise<PhoneMessage> {
    return await this.request('REFER', { headers: { 'Refer-To': to } })
  }

  /** The next request of this kind in the dialog. */
  async nextRequest(method: string, limitMs = WAIT_MS): Promise<PhoneRequest> {
    return await this.requests.next(`${method} in the dialog`, limitMs, r => r.message.method === method)
  }

  /** Resolves with the BYE of the other side, which the phone has answered with 200. */
  async waitForBye(limitMs = WAIT_MS): Promise<PhoneMessage> {
    return await this.#byes.next('BYE', limitMs)
  }

  /** A BYE came. */
  ended(bye: PhoneMessage): void {
    this.#byes.put(bye)
    this.core.forget(this)
  }
}
