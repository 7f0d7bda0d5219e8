import { callIdOf, cseqOf, headerOf, listOf, type SipRequest, type SipResponse } from '../sip/message.ts'
import { MAGIC_COOKIE } from '../sip/ids.ts'
import { tagOf } from '../sip/uri.ts'
import { parseVia, type Via } from '../sip/via.ts'
import type { Destination, Source } from '../transport/destination.ts'
import { type ClientPorts, ClientTransaction, type ClientUser } from './client-transaction.ts'
import { type ServerPorts, ServerTransaction } from './server-transaction.ts'
import type { Timers } from './timers.ts'

/** How transactions reach the network. */
export type TransactionSender = Readonly<{
  send: ClientPorts['send']
  reply: ServerPorts['reply']
}>

/** What a request turned out to be, for the transaction user. */
export type RequestMatch =
  | Readonly<{ kind: 'absorbed' }>
  | Readonly<{ kind: 'ack' }>
  | Readonly<{ kind: 'cancel'; invite: ServerTransaction | undefined }>
  | Readonly<{ kind: 'merged' }>
  | Readonly<{ kind: 'new' }>

/** Matches messages to transactions (RFC 3261 §17.1.3, §17.2.3) and keeps the tables of both kinds. */
export class TransactionLayer {
  readonly #timers: Timers
  readonly #sender: TransactionSender
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()
  readonly #merges = new Map<string, ServerTransaction>()

  constructor(timers: Timers, sender: TransactionSender) {
    this.#timers = timers
    this.#sender = sender
  }

  /** How many transactions exist, of both kinds. */
  get count(): number {
    return this.#clients.size + this.#servers.size
  }

  /** Sends a request in a new client transaction; its topmost Via must hold a fresh branch. */
  request(request: SipRequest, destination: Destination, user: ClientUser): ClientTransaction {
    const via = parseVia(listOf(request, 'via')[0] ?? '')
    const key = `${via?.params.get('branch') ?? ''}|${request.method}`
    const transaction = new ClientTransaction(key, request, destination, user, {
      timers: this.#timers,
      send: this.#sender.send,
      ended: ended => this.#clients.delete(ended.key)
    })
    this.#clients.set(key, transaction)
    transaction.start()
    return transaction
  }

  /** Gives a response to its client transaction. Returns false when there is none. */
  response(response: SipResponse, via: Via): boolean {
    const method = cseqOf(response)?.method
    const transaction = this.#clients.get(`${via.params.get('branch') ?? ''}|${method}`)
    transaction?.receive(response)
    return transaction !== undefined
  }

  /** Finds out what a request belongs to; retransmissions and ACKs for failures are dealt with here. */
  match(request: SipRequest, via: Via): RequestMatch {
    const existing = this.#servers.get(serverKey(request, via))
    if (request.method === 'ACK') {
      if (existing === undefined) return { kind: 'ack' }
      // The ACK of a 2xx with the INVITE's branch goes to the dialog as well (RFC 6026 §7.1).
      if (existing.state === 'accepted') return { kind: 'ack' }
      existing.receiveAck(request)
      return { kind: 'absorbed' }
    }
    if (existing !== undefined) {
      existing.receiveAgain()
      return { kind: 'absorbed' }
    }
    if (request.method === 'CANCEL') {
      return { kind: 'cancel', invite: this.#servers.get(serverKey({ ...request, method: 'INVITE' }, via)) }
    }
    // The same request over another path (RFC 3261 §8.2.2.2).
    if (tagOf(headerOf(request, 'to')) === '' && this.#merges.has(mergeKey(request))) return { kind: 'merged' }
    return { kind: 'new' }
  }

  /** Opens a server transaction for a new request (not for an ACK). */
  open(request: SipRequest, via: Via, source: Source): ServerTransaction {
    const merge = tagOf(headerOf(request, 'to')) === '' ? mergeKey(request) : ''
    const transaction = new ServerTransaction(serverKey(request, via), merge, request, source, {
      timers: this.#timers,
      reply: this.#sender.reply,
      ended: ended => {
        this.#servers.delete(ended.key)
        if (this.#merges.get(ended.mergeKey) === ended) this.#merges.delete(ended.mergeKey)
      }
    })
    this.#servers.set(transaction.key, transaction)
    if (merge !== '' && request.method !== 'CANCEL') this.#merges.set(merge, transaction)
    return transaction
  }
}

/** The key of a server transaction: branch and sent-by, or RFC 2543's fields when the branch is not one of RFC 3261. */
function serverKey(request: SipRequest, via: Via): string {
  const method = request.method === 'ACK' ? 'INVITE' : request.method
  const branch = via.params.get('branch') ?? ''
  if (branch.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length) {
    return `${branch}|${via.host}:${via.port ?? ''}|${method}`
  }
  const cseq = cseqOf(request)?.number
  return `2543|${callIdOf(request)}|${cseq}|${tagOf(headerOf(request, 'from'))}|${via.host}:${via.port ?? ''}|${branch}|${method}`
}

function mergeKey(request: SipRequest): string {
  return `${callIdOf(request)}|${headerOf(request, 'cseq')}|${tagOf(headerOf(request, 'from'))}`
}
