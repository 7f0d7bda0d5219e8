import type { Application } from '../applications.ts'
import { freshBranch } from '../sip/ids.ts'
import { listOf, type SipHeader, type SipRequest, type SipResponse } from '../sip/message.ts'
import { responseTo } from '../sip/response.ts'
import { header, withoutHeader } from '../sip/serialize.ts'
import { parseNameAddr, parseUri } from '../sip/uri.ts'
import { cancelFor, type ClientTransaction } from '../transaction/client-transaction.ts'
import type { Timer } from '../transaction/timers.ts'
import type { Destination } from '../transport/destination.ts'
import { resolveUri } from '../transport/resolve.ts'
import { proxyResponsePayload, responsePayload } from '../wire/server-message.ts'
import { applicationHeaders } from './app-headers.ts'
import type { ClientSip } from '../wire/client-message.ts'
import { type Core, contactOn, type Here, hereOn, type Incoming, isOurs } from './core.ts'
import { fewerForwards } from './forward.ts'
import { forget } from './incoming.ts'
import { whenResolved } from './outgoing.ts'

/** How an application wants a request proxied. */
export type ProxyOptions = Readonly<{
  recordRoute: boolean
  fullResponse: boolean
  followRedirects: boolean
  simultaneous: boolean
  /** How long a target may stay silent before the next is tried. */
  provisionalTimeoutMs: number | undefined
  /** How long a target may take for its final response. */
  finalTimeoutMs: number | undefined
}>

/** RFC 3261 §16.6 step 11. */
const TIMER_C_MS = 185_000
const MAX_TARGETS = 20

type Branch = {
  readonly target: string
  state: 'waiting' | 'calling' | 'proceeding' | 'done'
  transaction: ClientTransaction | undefined
  final: SipResponse | undefined
  canceled: boolean
  readonly timers: Map<string, Timer>
}

/** A request that the server proxies, with state, to one or several targets (RFC 3261 §16). */
export class ProxiedRequest {
  readonly #core: Core
  readonly #application: Application
  readonly #messageId: string
  readonly #incoming: Incoming
  readonly #options: ProxyOptions
  readonly #sip: ClientSip
  readonly #branches: Branch[] = []
  #searching = true
  #succeeded = false

  constructor(
    core: Core,
    application: Application,
    messageId: string,
    incoming: Incoming,
    options: ProxyOptions,
    sip: ClientSip
  ) {
    this.#core = core
    this.#application = application
    this.#messageId = messageId
    this.#incoming = incoming
    this.#options = options
    this.#sip = sip
  }

  /** Begins with `targets`. An exhausted Max-Forwards is refused with 483 to both sides. */
  start(targets: readonly string[]): void {
    const { request } = this.#incoming
    if (fewerForwards(request.headers) === undefined) {
      this.#answer('NOK', 'Rejected with 483 Too Many Hops due to Max-Forwards value of 0')
      this.#finish(responseTo(request, 483, { tag: this.#incoming.tag }))
      return
    }
    this.#incoming.limit?.stop()
    this.#add(targets)
    if (!this.#options.fullResponse) this.#answer('OK', 'done')
    this.#launch()
  }

  /** The caller gave up: every branch is cancelled, and their 487 goes back (RFC 3261 §16.10). */
  cancel(): void {
    this.#searching = false
    this.#cancelAll()
    this.#conclude()
  }

  #add(targets: readonly string[]): void {
    for (const target of targets.slice(0, MAX_TARGETS - this.#branches.length)) {
      this.#branches.push({
        target,
        state: 'waiting',
        transaction: undefined,
        final: undefined,
        canceled: false,
        timers: new Map()
      })
    }
  }

  #launch(): void {
    for (const branch of this.#branches) {
      if (!this.#searching || branch.state !== 'waiting') continue
      branch.state = 'calling'
      whenResolved(
        () => this.#destination(branch.target),
        destination => this.#call(branch, destination),
        () => this.#fail(branch, 503)
      )
      if (!this.#options.simultaneous) return
    }
  }

  #destination(target: string): Destination | Promise<Destination> {
    const uri = parseUri(target)
    const flow = this.#core.flows.get(`${uri?.user}@${uri?.host}`)
    if (flow?.connection.open && flow.until > Date.now()) {
      const { address, port } = flow.connection
      return { transport: 'tcp', address, port, connection: flow.connection }
    }
    return resolveUri(target)
  }

  #call(branch: Branch, destination: Destination): void {
    if (branch.state === 'done') return
    const request = this.#forwarded(branch.target, destination)
    branch.transaction = this.#core.transactions.request(request, destination, {
      onResponse: response => this.#receive(branch, response),
      onFailure: cause => this.#fail(branch, cause === 'timeout' ? 408 : 503)
    })
    const { provisionalTimeoutMs, finalTimeoutMs } = this.#options
    if (provisionalTimeoutMs !== undefined) {
      this.#limit(branch, 'provisional', provisionalTimeoutMs, () => this.#giveUp(branch))
    }
    if (finalTimeoutMs !== undefined) this.#limit(branch, 'final', finalTimeoutMs, () => this.#giveUp(branch))
  }

  #forwarded(target: string, destination: Destination): SipRequest {
    const { request } = this.#incoming
    const here = hereOn(this.#core, destination.transport)
    const via = `SIP/2.0/${here.transport.toUpperCase()} ${here.host}:${here.port};rport;branch=${freshBranch()}`
    const headers: SipHeader[] = [header('Via', via)]
    if (this.#options.recordRoute) {
      const label = request.method === 'REGISTER' ? 'Path' : 'Record-Route'
      headers.push(header(label, routeTo(here)))
      // Between two transports each side must find its own (RFC 5658 §3).
      const arrived = hereOn(this.#core, this.#incoming.transaction.source.transport)
      if (arrived.transport !== here.transport) headers.push(header(label, routeTo(arrived)))
    }
    headers.push(...(fewerForwards(request.headers) ?? []), ...applicationHeaders(this.#sip, here))
    const uri = parseUri(request.uri)
    // Only a Request-URI that names us is replaced; any other is kept and the target is just the next hop.
    const local = uri !== undefined && isOurs(this.#core, uri.host, uri.port)
    return { ...request, uri: local ? target : request.uri, headers }
  }

  #receive(branch: Branch, response: SipResponse): void {
    const { status } = response
    if (status >= 200) this.#report(branch, response)
    branch.timers.get('provisional')?.stop()
    if (status < 200) {
      const held = branch.state === 'calling' && branch.canceled
      branch.state = 'proceeding'
      if (this.#incoming.request.method === 'INVITE') {
        this.#limit(branch, 'c', TIMER_C_MS, () => this.#giveUp(branch))
      }
      if (held) this.#sendCancel(branch)
      if (status > 100 && this.#searching) this.#passOn(response)
      return
    }
    const repeated = branch.state === 'done'
    this.#stop(branch)
    if (status < 300) {
      // Every 2xx goes back, also of other branches and when it comes again (RFC 3261 §16.7 step 5).
      this.#passOn(response)
      if (this.#succeeded) return
      this.#succeeded = true
      this.#searching = false
      this.#cancelAll()
      this.#done()
      return
    }
    if (repeated) return
    branch.final = response
    if (status < 400 && this.#options.followRedirects) {
      this.#add(listOf(response, 'contact').flatMap(c => parseNameAddr(c)?.uri ?? []))
    }
    // A 6xx ends the search everywhere (RFC 3261 §16.7 step 5); so does a challenge, which the caller must answer.
    if (status >= 600 || status === 401 || status === 407) {
      this.#searching = false
      this.#cancelAll()
    }
    this.#launch()
    this.#conclude()
  }

  #fail(branch: Branch, status: number): void {
    if (branch.state === 'done') return
    this.#stop(branch)
    branch.final = responseTo(this.#incoming.request, status, { tag: this.#incoming.tag })
    this.#launch()
    this.#conclude()
  }

  #giveUp(branch: Branch): void {
    this.#cancelBranch(branch)
    if (branch.state === 'done') return
    this.#fail(branch, 408)
  }

  /** When no branch is left that could still answer, the best of the failures goes back. */
  #conclude(): void {
    if (this.#succeeded) return
    const waiting = this.#searching && this.#branches.some(b => b.state === 'waiting')
    if (waiting || this.#branches.some(b => b.state === 'calling' || b.state === 'proceeding')) return
    this.#searching = false
    const finals = this.#branches.flatMap(b => b.final ?? [])
    const best = finals.sort((a, b) => rank(a.status) - rank(b.status))[0]
    const { request, tag } = this.#incoming
    const isOwn = best === undefined || listOf(best, 'via')[0] === listOf(request, 'via')[0]
    const response = best === undefined ? responseTo(request, 408, { tag }) : isOwn ? best : withoutTopVia(best)
    this.#succeeded = true
    this.#finish(response)
    this.#done()
  }

  #passOn(response: SipResponse): void {
    this.#incoming.transaction.respond(withoutTopVia(response))
    if (response.status >= 200) forget(this.#core, this.#incoming)
  }

  #finish(response: SipResponse): void {
    this.#incoming.transaction.respond(response)
    forget(this.#core, this.#incoming)
  }

  #cancelAll(): void {
    for (const branch of this.#branches) this.#cancelBranch(branch)
  }

  #cancelBranch(branch: Branch): void {
    if (branch.state === 'waiting') branch.state = 'done'
    if (branch.canceled || (branch.state !== 'calling' && branch.state !== 'proceeding')) return
    branch.canceled = true
    // Without a provisional response the CANCEL has to wait for one (RFC 3261 §9.1).
    if (branch.state === 'proceeding') this.#sendCancel(branch)
  }

  #sendCancel(branch: Branch): void {
    const { transaction } = branch
    if (transaction === undefined || transaction.request.method !== 'INVITE') return
    const cancel = cancelFor(transaction.request, [])
    this.#core.transactions.request(cancel, transaction.destination, { onResponse: () => {}, onFailure: () => {} })
    this.#limit(branch, 'cancel', 64 * this.#core.timers.values.t1Ms, () => {
      transaction.abandon()
      this.#fail(branch, 487)
    })
  }

  #limit(branch: Branch, name: string, ms: number, expired: () => void): void {
    branch.timers.get(name)?.stop()
    branch.timers.set(name, this.#core.timers.start(ms, expired))
  }

  #stop(branch: Branch): void {
    branch.state = 'done'
    for (const timer of branch.timers.values()) timer.stop()
    branch.timers.clear()
  }

  #report(branch: Branch, response: SipResponse): void {
    if (!this.#options.fullResponse || branch.state === 'done' || branch.transaction === undefined) return
    const { transport, address, port } = branch.transaction.destination
    const meta = { source: 'network', transport, address, port } as const
    this.#application.send(proxyResponsePayload(this.#messageId, response, meta))
  }

  #done(): void {
    if (this.#options.fullResponse) this.#answer('OK', 'done')
  }

  #answer(verdict: 'OK' | 'NOK', text: string): void {
    this.#application.send(responsePayload(this.#messageId, verdict, text))
  }
}

function routeTo(here: Here): string {
  return `<${contactOn(here).slice(1, -1)};lr>`
}

function withoutTopVia(response: SipResponse): SipResponse {
  const vias = listOf(response, 'via').slice(1)
  return { ...response, headers: [...vias.map(via => header('Via', via)), ...withoutHeader(response.headers, 'via')] }
}

/** Which failure is told to the caller: 6xx, then those that the caller can act on, then the lowest class. */
function rank(status: number): number {
  if (status >= 600) return 0
  if ([401, 407, 415, 420, 484].includes(status)) return 1
  return Math.floor(status / 100)
}
