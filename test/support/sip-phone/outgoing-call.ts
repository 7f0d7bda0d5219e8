import { authorize, type PhoneCredentials } from './digest.ts'
import { PhoneDialog, type PhoneCore, type PhoneHeaders, peerOf, token, viaOf, WAIT_MS } from './dialog.ts'
import { Inbox } from './inbox.ts'
import type { PhonePeer } from './line.ts'
import { formatMessage, type PhoneMessage, seqIn, tagIn, uriIn, headerIn } from './message.ts'

/** How to call. */
export type CallOptions = Readonly<{
  /** The offer; none when left out. */
  sdp?: string
  headers?: PhoneHeaders
  /** The From value (without tag); the phone's own address when left out. */
  from?: string
  auth?: PhoneCredentials
  /** Where the INVITE is sent; the address in the URI when left out. */
  via?: PhonePeer
  /** False leaves the ACK of a 2xx to the test. */
  autoAck?: boolean
  callId?: string
}>

/** The final answer to a call. */
export type Answer = Readonly<{ status: number; reason: string; sdp: string; message: PhoneMessage }>

/** A call that the phone makes. */
export class OutgoingCall extends PhoneDialog {
  readonly uri: string
  readonly #options: CallOptions
  readonly #to: PhonePeer
  readonly #provisionals = new Inbox<PhoneMessage>()
  readonly #finals = new Inbox<PhoneMessage>()
  #invite = ''
  #acked = false
  #authorized = false
  #inviteSeq = 1
  #ackSdp = ''

  constructor(core: PhoneCore, uri: string, options: CallOptions) {
    const from = options.from ?? core.contact
    const tag = token()
    const bracketed = from.includes('<') ? from : `<${from}>`
    super(core, options.callId ?? token(), tag, `${bracketed};tag=${tag}`, `<${uri}>`, uri, options.sdp ?? '')
    this.uri = uri
    this.#options = options
    this.#to = options.via ?? peerOf(uri)
  }

  /** Sends the INVITE; the phone does this once. */
  start(extra: PhoneHeaders = {}): void {
    const { sdp = '', headers = {} } = this.#options
    this.#invite = formatMessage(
      `INVITE ${this.uri} SIP/2.0`,
      [
        ['Via', viaOf(this.core)],
        ['Max-Forwards', '70'],
        ['From', this.local],
        ['To', `<${this.uri}>`],
        ['Call-ID', this.callId],
        ['CSeq', `${this.cseq} INVITE`],
        ['Contact', this.core.contact],
        ['Allow', 'INVITE, ACK, CANCEL, BYE, INFO, UPDATE, REFER, NOTIFY, OPTIONS, PRACK'],
        ...Object.entries(headers),
        ...Object.entries(extra),
        ...(sdp === '' ? [] : ([['Content-Type', 'application/sdp']] as const))
      ],
      sdp
    )
    this.#inviteSeq = this.cseq
    const responses = this.core.transact(this.#invite, this.#to)
    void this.#listen(responses)
  }

  /** The next provisional response above 100, of this status when one is given. */
  async provisional(status?: number, limitMs = WAIT_MS): Promise<PhoneMessage> {
    return await this.#provisionals.next(
      `provisional ${status ?? ''}`,
      limitMs,
      r => r.status !== 100 && (status === undefined || r.status === status)
    )
  }

  /** The final response to the INVITE (after digest authentication, when credentials were given). */
  async answered(limitMs = WAIT_MS): Promise<Answer> {
    const message = await this.#finals.next('final response to INVITE', limitMs)
    return { status: message.status ?? 0, reason: message.reason ?? '', sdp: message.body, message }
  }

  /** Acknowledges a 2xx by hand (see `autoAck`). */
  ack(sdp = ''): void {
    this.#acked = true
    this.#ackSdp = sdp
    this.sendAck(this.#inviteSeq, sdp)
  }

  /** Gives up; resolves with the response to the CANCEL. `answered()` then brings the 487. */
  async cancel(limitMs = WAIT_MS): Promise<PhoneMessage> {
    const [head = ''] = this.#invite.split('\r\n\r\n')
    const line = (name: string) => head.split('\r\n').find(l => l.startsWith(`${name}:`)) ?? ''
    const lines = ['Via', 'Max-Forwards', 'From', 'To', 'Call-ID'].map(line).join('\r\n')
    const text = `CANCEL ${this.uri} SIP/2.0\r\n${lines}\r\nCSeq: ${this.#inviteSeq} CANCEL\r\nContent-Length: 0\r\n\r\n`
    const responses = this.core.transact(text, this.#to)
    return await responses.next('response to CANCEL', limitMs, r => (r.status ?? 0) >= 200)
  }

  /** Acknowledges a reliable provisional response (RFC 3262). */
  async prack(provisional: PhoneMessage): Promise<PhoneMessage> {
    return await this.request('PRACK', {
      headers: { RAck: `${headerIn(provisional, 'rseq')} ${this.#inviteSeq} INVITE` }
    })
  }

  async #listen(responses: Inbox<PhoneMessage>): Promise<void> {
    for (;;) {
      // The call may ring for long; the test's own waits have the limits that matter.
      const response = await responses.next('response to INVITE', 120_000).catch(() => undefined)
      if (response === undefined) return
      const { status = 0 } = response
      const tag = tagIn(headerIn(response, 'to'))
      if (status < 200) {
        if (tag !== '') this.#follow(response, tag)
        this.#provisionals.put(response)
        continue
      }
      if (status < 300) {
        this.#success(response, tag)
        continue
      }
      this.#ackFailure(response)
      if ((status === 401 || status === 407) && this.#options.auth !== undefined && !this.#authorized) {
        this.#authorized = true
        this.cseq++
        const [name, value] = authorize(response, 'INVITE', this.uri, this.#options.auth)
        this.start({ [name]: value })
        return
      }
      this.core.forget(this)
      this.#finals.put(response)
      return
    }
  }

  #follow(response: PhoneMessage, tag: string): void {
    this.learn(response, tag, true)
    this.remote = headerIn(response, 'to')
  }

  #success(response: PhoneMessage, tag: string): void {
    if (this.#acked) {
      this.sendAck(this.#inviteSeq, this.#ackSdp)
      return
    }
    this.#follow(response, tag)
    this.remoteSdp = response.body
    if (this.#options.autoAck !== false) this.ack()
    this.#finals.put(response)
  }

  #ackFailure(response: PhoneMessage): void {
    const via = /\r\nVia: ([^\r]+)/.exec(this.#invite)?.[1] ?? ''
    const text = formatMessage(`ACK ${this.uri} SIP/2.0`, [
      ['Via', via],
      ['Max-Forwards', '70'],
      ['From', this.local],
      ['To', headerIn(response, 'to')],
      ['Call-ID', this.callId],
      ['CSeq', `${seqIn(response)} ACK`]
    ])
    this.core.fire(text, this.#to)
  }

  /** The URI that the other side put into its Contact. */
  get remoteContact(): string {
    return uriIn(this.remoteTarget)
  }
}
