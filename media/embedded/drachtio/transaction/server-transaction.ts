import type { SipRequest, SipResponse } from '../sip/message.ts'
import { serialize } from '../sip/serialize.ts'
import type { Source } from '../transport/destination.ts'
import { type ReplyPath, replyPath } from '../transport/transports.ts'
import {
  INVITE_SERVER,
  type InviteServerState,
  PLAIN_SERVER,
  type PlainServerState,
  type ServerAction,
  type ServerEvent,
  step
} from './tables.ts'
import type { Timer, Timers } from './timers.ts'

/** What a server transaction tells its user; set after creation, because the user answers the request that made it. */
export type ServerUser = Readonly<{
  /** A CANCEL for this INVITE came while no final response had been sent. */
  onCancel?: (cancel: SipRequest) => void
  /** An ACK with the INVITE's own branch for a 2xx (RFC 6026 §7.1 lets it through). */
  onAck?: (ack: SipRequest) => void
  /** No ACK for a failure response within 64·T1, or the response could not be sent. */
  onFailure?: (cause: 'timeout' | 'transport') => void
  onEnd?: () => void
}>

/** What a server transaction needs from the layer that owns it. */
export type ServerPorts = Readonly<{
  timers: Timers
  reply: (bytes: Buffer, path: ReplyPath, onError: () => void) => void
  ended: (transaction: ServerTransaction) => void
}>

/**
 * Runs one of the server tables of `tables.ts` for one request. The request itself is not kept: a transaction lives for half a minute
 * after its answer, and a busy server has thousands of them.
 */
export class ServerTransaction {
  readonly method: string
  readonly key: string
  readonly mergeKey: string
  user: ServerUser = {}
  readonly #path: ReplyPath
  readonly #ports: ServerPorts
  readonly #timers = new Map<string, Timer>()
  #state: InviteServerState | PlainServerState
  #intervalMs: number
  #bytes: Buffer | undefined
  #ack: SipRequest | undefined

  /** `request`: its topmost Via already stamped with where it came from. */
  constructor(key: string, mergeKey: string, request: SipRequest, source: Source, ports: ServerPorts) {
    this.key = key
    this.mergeKey = mergeKey
    this.method = request.method
    this.#path = replyPath(request, source)
    this.#ports = ports
    this.#intervalMs = ports.timers.values.t1Ms
    this.#state = request.method === 'INVITE' ? 'proceeding' : 'trying'
  }

  get source(): Source {
    return this.#path.source
  }

  get state(): InviteServerState | PlainServerState {
    return this.#state
  }

  /** Whether a final response has been sent. */
  get answered(): boolean {
    return this.#state !== 'trying' && this.#state !== 'proceeding'
  }

  /** Sends a response; a second final response is not sent, except a further 2xx to an INVITE (RFC 6026 §7.1). */
  respond(response: SipResponse): number {
    const bytes = serialize(response)
    this.#bytes = bytes
    this.#feed(response.status < 200 ? 'send1xx' : response.status < 300 ? 'send2xx' : 'sendFailure')
    // A 2xx to an INVITE is not sent again from here (RFC 6026 §8.7).
    if (this.#state === 'accepted') this.#bytes = undefined
    return bytes.length
  }

  /** The request came again. */
  receiveAgain(): void {
    this.#feed('request')
  }

  /** An ACK that matched this INVITE. */
  receiveAck(ack: SipRequest): void {
    this.#ack = ack
    this.#feed('ack')
    this.#ack = undefined
  }

  /** Ends the transaction at once without an answer. */
  abandon(): void {
    this.#state = 'terminated'
    this.#end()
  }

  #feed(event: ServerEvent): void {
    const invite = this.method === 'INVITE'
    const [state, actions] = invite
      ? step(INVITE_SERVER, this.#state as InviteServerState, event)
      : step(PLAIN_SERVER, this.#state as PlainServerState, event)
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  #act(action: ServerAction): void {
    const { t1Ms, t2Ms, t4Ms } = this.#ports.timers.values
    const reliable = this.source.transport === 'tcp'
    switch (action) {
      case 'send':
      case 'resend':
        if (this.#bytes !== undefined) {
          this.#ports.reply(this.#bytes, this.#path, () => this.#feed('transportError'))
        }
        break
      case 'deliverAck':
        if (this.#ack !== undefined) this.user.onAck?.(this.#ack)
        break
      case 'reportTimeout':
        this.user.onFailure?.('timeout')
        break
      case 'reportTransportError':
        this.user.onFailure?.('transport')
        break
      case 'startG':
        if (!reliable) this.#startTimer('timerG', t1Ms)
        break
      case 'doubleG':
        this.#intervalMs = Math.min(this.#intervalMs * 2, t2Ms)
        this.#startTimer('timerG', this.#intervalMs)
        break
      case 'stopG':
        this.#stopTimer('timerG')
        break
      case 'startH':
        this.#startTimer('timerH', 64 * t1Ms)
        break
      case 'stopH':
        this.#stopTimer('timerH')
        break
      case 'startI':
        this.#startOrFire('timerI', reliable ? 0 : t4Ms)
        break
      case 'startJ':
        this.#startOrFire('timerJ', reliable ? 0 : 64 * t1Ms)
        break
      case 'startL':
        this.#startTimer('timerL', 64 * t1Ms)
        break
      case 'end':
        this.#end()
        break
      default:
        action satisfies never
    }
  }

  #startTimer(event: ServerEvent, ms: number): void {
    this.#stopTimer(event)
    this.#timers.set(
      event,
      this.#ports.timers.start(ms, () => {
        this.#timers.delete(event)
        this.#feed(event)
      })
    )
  }

  #startOrFire(event: ServerEvent, ms: number): void {
    if (ms === 0) this.#feed(event)
    else this.#startTimer(event, ms)
  }

  #stopTimer(event: ServerEvent): void {
    this.#timers.get(event)?.stop()
    this.#timers.delete(event)
  }

  #end(): void {
    for (const timer of this.#timers.values()) timer.stop()
    this.#timers.clear()
    this.#ports.ended(this)
    this.user.onEnd?.()
  }
}
