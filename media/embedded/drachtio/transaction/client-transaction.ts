import { headerOf, headersOf, NO_BODY, type SipHeader, type SipRequest, type SipResponse } from '../sip/message.ts'
import { header, serialize } from '../sip/serialize.ts'
import type { Destination } from '../transport/destination.ts'
import {
  type ClientAction,
  type ClientEvent,
  INVITE_CLIENT,
  type InviteClientState,
  PLAIN_CLIENT,
  type PlainClientState,
  step
} from './tables.ts'
import type { Timer, Timers } from './timers.ts'

/** What a client transaction tells its user. Each is called at most once, except `onResponse`. */
export type ClientUser = Readonly<{
  onResponse: (response: SipResponse) => void
  /** No final response within 64·T1 (timer B or F), or the transport failed before one came. */
  onFailure: (cause: 'timeout' | 'transport') => void
  /** The transaction is gone from the table. */
  onEnd?: () => void
}>

/** What a client transaction needs from the layer that owns it. */
export type ClientPorts = Readonly<{
  timers: Timers
  send: (bytes: Buffer, destination: Destination, onError: () => void) => void
  ended: (transaction: ClientTransaction) => void
}>

/** Runs one of the client tables of `tables.ts` for one request. */
export class ClientTransaction {
  /** Without its body, which is of no use once it is in bytes. */
  readonly request: SipRequest
  readonly destination: Destination
  readonly key: string
  readonly #user: ClientUser
  readonly #ports: ClientPorts
  /** Until the final response: after it nothing is sent again. */
  #bytes: Buffer | undefined
  readonly #timers = new Map<string, Timer>()
  #state: InviteClientState | PlainClientState = 'idle'
  #intervalMs: number
  #response: SipResponse | undefined

  constructor(key: string, request: SipRequest, destination: Destination, user: ClientUser, ports: ClientPorts) {
    this.key = key
    this.request = { ...request, body: NO_BODY }
    this.destination = destination
    this.#user = user
    this.#ports = ports
    this.#bytes = serialize(request)
    this.#intervalMs = ports.timers.values.t1Ms
  }

  get state(): InviteClientState | PlainClientState {
    return this.#state
  }

  start(): void {
    this.#feed('start')
  }

  /** A response that matched this transaction. */
  receive(response: SipResponse): void {
    this.#response = response
    this.#feed(response.status < 200 ? '1xx' : response.status < 300 ? '2xx' : 'failure')
    this.#response = undefined
    if (response.status >= 200) this.#bytes = undefined
  }

  /** Ends the transaction at once, without telling its user (RFC 3261 §9.1: a cancelled INVITE that gets no answer). */
  abandon(): void {
    this.#state = 'terminated'
    this.#end()
  }

  #feed(event: ClientEvent): void {
    // The two tables have different states, but each transaction only ever visits the states of its own.
    const invite = this.request.method === 'INVITE'
    const [state, actions] = invite
      ? step(INVITE_CLIENT, this.#state as InviteClientState, event)
      : step(PLAIN_CLIENT, this.#state as PlainClientState, event)
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  #act(action: ClientAction): void {
    const { t1Ms, t2Ms, t4Ms } = this.#ports.timers.values
    const reliable = this.destination.transport === 'tcp'
    switch (action) {
      case 'send':
        if (this.#bytes !== undefined)
          this.#ports.send(this.#bytes, this.destination, () => this.#feed('transportError'))
        break
      case 'deliver':
        if (this.#response !== undefined) this.#user.onResponse(this.#response)
        break
      case 'ack':
        if (this.#response !== undefined) {
          const ack = serialize(ackForFailure(this.request, this.#response))
          this.#ports.send(ack, this.destination, () => this.#feed('transportError'))
        }
        break
      case 'reportTimeout':
        this.#user.onFailure('timeout')
        break
      case 'reportTransportError':
        this.#user.onFailure('transport')
        break
      case 'startA':
      case 'startE':
        // A reliable transport retransmits by itself (RFC 3261 §17.1.1.2, §17.1.2.2).
        if (!reliable) this.#startTimer(action === 'startA' ? 'timerA' : 'timerE', t1Ms)
        break
      case 'doubleA':
        this.#intervalMs *= 2
        this.#startTimer('timerA', this.#intervalMs)
        break
      case 'doubleE':
        this.#intervalMs = Math.min(this.#intervalMs * 2, t2Ms)
        this.#startTimer('timerE', this.#intervalMs)
        break
      case 'slowE':
        this.#startTimer('timerE', t2Ms)
        break
      case 'stopA':
        this.#stopTimer('timerA')
        break
      case 'stopE':
        this.#stopTimer('timerE')
        break
      case 'startB':
        this.#startTimer('timerB', 64 * t1Ms)
        break
      case 'stopB':
        this.#stopTimer('timerB')
        break
      case 'startF':
        this.#startTimer('timerF', 64 * t1Ms)
        break
      case 'stopF':
        this.#stopTimer('timerF')
        break
      case 'startD':
        this.#startOrFire('timerD', reliable ? 0 : 64 * t1Ms)
        break
      case 'startK':
        this.#startOrFire('timerK', reliable ? 0 : t4Ms)
        break
      case 'startM':
        this.#startTimer('timerM', 64 * t1Ms)
        break
      case 'end':
        this.#end()
        break
      default:
        action satisfies never
    }
  }

  #startTimer(event: ClientEvent, ms: number): void {
    this.#stopTimer(event)
    this.#timers.set(
      event,
      this.#ports.timers.start(ms, () => {
        this.#timers.delete(event)
        this.#feed(event)
      })
    )
  }

  #startOrFire(event: ClientEvent, ms: number): void {
    if (ms === 0) this.#feed(event)
    else this.#startTimer(event, ms)
  }

  #stopTimer(event: ClientEvent): void {
    this.#timers.get(event)?.stop()
    this.#timers.delete(event)
  }

  #end(): void {
    for (const timer of this.#timers.values()) timer.stop()
    this.#timers.clear()
    this.#ports.ended(this)
    this.#user.onEnd?.()
  }
}

/** The ACK for a final response other than 2xx: same branch, To of the response (RFC 3261 §17.1.1.3). */
export function ackForFailure(invite: SipRequest, response: SipResponse): SipRequest {
  return sameTransaction(invite, 'ACK', headerOf(response, 'to'))
}

/** The CANCEL of an INVITE: same branch, Route and Request-URI (RFC 3261 §9.1). `extra` are the application's headers. */
export function cancelFor(invite: SipRequest, extra: readonly SipHeader[]): SipRequest {
  const cancel = sameTransaction(invite, 'CANCEL', headerOf(invite, 'to'))
  return { ...cancel, headers: [...cancel.headers, ...extra] }
}

function sameTransaction(invite: SipRequest, method: 'ACK' | 'CANCEL', to: string | undefined): SipRequest {
  const cseq = (headerOf(invite, 'cseq') ?? '').split(/[ \t]/, 1)[0] ?? ''
  return {
    kind: 'request',
    method,
    uri: invite.uri,
    headers: [
      header('Via', headersOf(invite, 'via')[0] ?? ''),
      header('Max-Forwards', '70'),
      ...invite.headers.filter(h => h.name === 'route'),
      header('From', headerOf(invite, 'from') ?? ''),
      header('To', to ?? ''),
      header('Call-ID', headerOf(invite, 'call-id') ?? ''),
      header('CSeq', `${cseq} ${method}`)
    ],
    body: NO_BODY
  }
}
