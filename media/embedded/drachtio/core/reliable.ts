import { randomInt } from 'node:crypto'
import { headerOf, type SipRequest, type SipResponse } from '../sip/message.ts'
import { responseTo } from '../sip/response.ts'
import { header } from '../sip/serialize.ts'
import type { Timer } from '../transaction/timers.ts'
import type { Core, Incoming } from './core.ts'

/** Provisional responses to one INVITE that the caller must acknowledge with PRACK (RFC 3262 §3). */
export class ReliableProvisionals {
  readonly #core: Core
  readonly #incoming: Incoming
  readonly #giveUp: () => void
  readonly #waiting = new Map<number, { again: Timer; limit: Timer }>()
  #rseq = randomInt(1, 2 ** 30)

  /** `giveUp` is called when no PRACK comes within 64·T1, after the INVITE was refused with 504. */
  constructor(core: Core, incoming: Incoming, giveUp: () => void) {
    this.#core = core
    this.#incoming = incoming
    this.#giveUp = giveUp
  }

  /** Sends `response` with the next RSeq and repeats it, the interval doubling from T1. Returns what was sent. */
  send(response: SipResponse): SipResponse {
    const rseq = this.#rseq++
    const sent = { ...response, headers: [...response.headers, header('RSeq', String(rseq))] }
    const { t1Ms } = this.#core.timers.values
    let interval = t1Ms
    const again = () => {
      this.#incoming.transaction.respond(sent)
      interval *= 2
      waiting.again = this.#core.timers.start(interval, again)
    }
    const waiting = {
      again: this.#core.timers.start(interval, again),
      limit: this.#core.timers.start(64 * t1Ms, () => {
        this.stop()
        // RFC 3262 §3: the UAS refuses the request with a 5xx.
        this.#incoming.transaction.respond(responseTo(this.#incoming.request, 504, { tag: this.#incoming.tag }))
        this.#giveUp()
      })
    }
    this.#waiting.set(rseq, waiting)
    this.#incoming.transaction.respond(sent)
    return sent
  }

  /** Whether `prack` acknowledges one of these responses; if so that one is repeated no more. */
  acknowledge(prack: SipRequest): boolean {
    const [rseq, cseq, method] = (headerOf(prack, 'rack') ?? '').split(/\s+/)
    const waiting = this.#waiting.get(Number(rseq))
    const own = `${cseq} ${method}` === (headerOf(this.#incoming.request, 'cseq') ?? '').replace(/\s+/, ' ')
    if (waiting === undefined || !own) return false
    waiting.again.stop()
    waiting.limit.stop()
    this.#waiting.delete(Number(rseq))
    return true
  }

  /** Stops repeating, because the INVITE has its final response. */
  stop(): void {
    for (const { again, limit } of this.#waiting.values()) {
      again.stop()
      limit.stop()
    }
    this.#waiting.clear()
  }
}

/** Whether the caller takes provisional responses reliably. */
export function takesReliable(invite: SipRequest): boolean {
  return ['supported', 'require'].some(name =>
    invite.headers.some(h => h.name === name && h.value.toLowerCase().includes('100rel'))
  )
}
