import { PhoneDialog, type PhoneCore, type PhoneHeaders, type PhoneRequest, token, WAIT_MS } from './dialog.ts'
import { type PhoneMessage, seqIn, tagIn, uriIn, headerIn } from './message.ts'

/** A call that reached the phone. */
export class IncomingCall extends PhoneDialog {
  readonly invite: PhoneMessage
  readonly #request: PhoneRequest
  #cancelled = false

  constructor(core: PhoneCore, request: PhoneRequest) {
    const { message } = request
    const tag = token()
    const to = `${headerIn(message, 'to')};tag=${tag}`
    super(
      core,
      headerIn(message, 'call-id'),
      tag,
      to,
      headerIn(message, 'from'),
      uriIn(headerIn(message, 'contact')),
      ''
    )
    this.invite = message
    this.#request = request
    this.learn(message, tagIn(headerIn(message, 'from')), false)
    this.remoteSdp = message.body
  }

  /** The caller's offer. */
  get sdp(): string {
    return this.remoteSdp
  }

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** Sends 180. */
  ring(headers: PhoneHeaders = {}): void {
    this.progress(180, 'Ringing', '', headers)
  }

  /** Sends a provisional response. */
  progress(status: number, reason: string, sdp = '', headers: PhoneHeaders = {}): void {
    this.#reply(status, reason, headers, sdp)
  }

  /** Sends 200 again and again until the ACK, which it resolves with. */
  async answer(sdp: string, headers: PhoneHeaders = {}, limitMs = WAIT_MS): Promise<PhoneMessage> {
    this.localSdp = sdp
    const cseq = seqIn(this.invite)
    const ack = this.acks.next('ACK', limitMs, a => seqIn(a) === cseq)
    const send = () => void this.#reply(200, 'OK', headers, sdp)
    send()
    const again = setInterval(send, this.core.t1Ms)
    try {
      const message = await ack
      if (message.body !== '') this.remoteSdp = message.body
      return message
    } finally {
      clearInterval(again)
    }
  }

  /** Refuses the call. */
  reject(status: number, reason: string, headers: PhoneHeaders = {}): void {
    this.#reply(status, reason, headers, '')
    this.core.forget(this)
  }

  /** The caller gave up: the INVITE gets its 487. */
  cancel(): void {
    this.#cancelled = true
    this.#reply(487, 'Request Terminated', {}, '')
    this.core.forget(this)
  }

  /** Resolves with the CANCEL of the caller, which the phone has answered. */
  async waitForCancel(limitMs = WAIT_MS): Promise<PhoneRequest> {
    return await this.nextRequest('CANCEL', limitMs)
  }

  #reply(status: number, reason: string, headers: PhoneHeaders, sdp: string): void {
    const type: PhoneHeaders = sdp === '' ? {} : { 'Content-Type': 'application/sdp' }
    this.#request.reply(status, reason, { To: this.local, Contact: this.core.contact, ...type, ...headers }, sdp)
  }
}
