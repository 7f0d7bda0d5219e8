import { randomUUID } from 'node:crypto'
import type { Application } from '../applications.ts'
import { type Dialog, refreshTarget, uacDialog } from '../dialog/dialog.ts'
import { freshBranch, freshId } from '../sip/ids.ts'
import { callIdOf, cseqOf, headerOf, type SipRequest, type SipResponse } from '../sip/message.ts'
import { responseTo } from '../sip/response.ts'
import { header } from '../sip/serialize.ts'
import { bracketed, parseUri, tagOf, withTag } from '../sip/uri.ts'
import { cancelFor } from '../transaction/client-transaction.ts'
import type { Destination } from '../transport/destination.ts'
import { DnsError, resolveUri, UnreachableError } from '../transport/resolve.ts'
import type { ClientSip } from '../wire/client-message.ts'
import { requestSentPayload, responsePayload, sipPayload } from '../wire/server-message.ts'
import { applicationHeaders, fillPlaceholder, guessContentType, parseRequestLine } from './app-headers.ts'
import { type Core, contactOn, hereOn, isOurs, type Outgoing } from './core.ts'
import { expireSubscription } from './incoming.ts'
import { ackAndEnd } from './within.ts'

/** RFC 3261 §16.6 step 11 asks for more than three minutes. */
const TIMER_C_MS = 185_000
const OWN_PLACES: ReadonlySet<string> = new Set(['from', 'to', 'call-id', 'cseq', 'contact', 'max-forwards'])

/** Runs `then` with the destination: at once when it is an address, later when a name had to be looked up. */
export function whenResolved(
  find: () => Destination | Promise<Destination>,
  then: (destination: Destination) => void,
  fail: (err: Error) => void
): void {
  try {
    const found = find()
    if (found instanceof Promise) found.then(then, fail)
    else then(found)
  } catch (err) {
    if (!(err instanceof UnreachableError)) throw err
    fail(err)
  }
}

/** A request that an application sends outside any dialog. `route` overrides where it goes. */
export function sendOutside(
  core: Core,
  application: Application,
  messageId: string,
  sip: ClientSip,
  route: string
): void {
  const refuse = (why: string) => application.send(responsePayload(messageId, 'NOK', why))
  const line = parseRequestLine(sip.startLine)
  const uri = parseUri(line?.uri ?? '')
  if (line === undefined || (uri === undefined && !line.uri.startsWith('tel:'))) {
    refuse(`invalid request-uri: ${sip.startLine}`)
    return
  }
  if (uri !== undefined && isOurs(core, uri.host, uri.port)) {
    refuse('can not send request to myself')
    return
  }
  const send = (destination: Destination) => {
    const request = buildOutside(core, line.method, line.uri, destination, sip)
    if (request === undefined) return refuse('missing content-type')
    const outgoing = startOutgoing(core, application, request, destination, undefined)
    const { transport, host, port } = hereOn(core, destination.transport)
    const meta = { source: 'application', transport, address: host, port } as const
    application.send(requestSentPayload(messageId, request, meta, outgoing.transactionId))
  }
  const flow = uri === undefined ? undefined : flowTo(core, `${uri.user}@${uri.host}`)
  const find = () => (route === '' && flow !== undefined ? flow : resolveUri(route === '' ? line.uri : route))
  whenResolved(find, send, err => {
    const request = buildOutside(core, line.method, line.uri, NOWHERE, sip)
    if (!(err instanceof DnsError) || request === undefined) {
      refuse(err.message)
      return
    }
    // drachtio takes the request and lets the stack answer it.
    const transactionId = randomUUID()
    const meta = { transport: 'unknown', address: '', port: 0 } as const
    application.send(requestSentPayload(messageId, request, { source: 'application', ...meta }, transactionId))
    const response = responseTo(request, 503, { reason: 'DNS Error', tag: freshId() })
    const dialogId =
      request.method === 'INVITE' ? `${callIdOf(request)};from-tag=${tagOf(headerOf(request, 'from'))}` : ''
    application.send(sipPayload(response, { source: 'network', ...meta }, transactionId, dialogId))
  })
}

const NOWHERE: Destination = { transport: 'udp', address: '', port: 0 }

/** The open connection over which a contact registered, if it did and the binding still holds. */
function flowTo(core: Core, contact: string): Destination | undefined {
  const flow = core.flows.get(contact)
  if (flow === undefined) return undefined
  if (flow.until > Date.now() && flow.connection.open) {
    const { address, port } = flow.connection
    return { transport: 'tcp', address, port, connection: flow.connection }
  }
  core.flows.delete(contact)
  return undefined
}

function buildOutside(
  core: Core,
  method: string,
  uri: string,
  destination: Destination,
  sip: ClientSip
): SipRequest | undefined {
  const here = hereOn(core, destination.transport)
  const given = applicationHeaders(sip, here)
  const value = (name: string) => given.find(h => h.name === name)?.value
  const from = value('from') ?? contactOn(here)
  const cseq = Number.parseInt(value('cseq') ?? '', 10)
  const headers = [
    header('Via', `SIP/2.0/${here.transport.toUpperCase()} ${here.host}:${here.port};rport;branch=${freshBranch()}`),
    header('Max-Forwards', value('max-forwards') ?? '70'),
    header('From', withTag(fillPlaceholder(bracketed(from), here, false), tagOf(from) || freshId())),
    header('To', bracketed(value('to') ?? uri)),
    header('Call-ID', value('call-id') ?? randomUUID()),
    header('CSeq', `${Number.isNaN(cseq) ? 1 : cseq} ${method}`)
  ]
  const forms = method === 'INVITE' || method === 'SUBSCRIBE'
  const contact = value('contact') ?? (forms ? contactOn(here) : undefined)
  if (contact !== undefined) headers.push(header('Contact', contact))
  headers.push(...given.filter(h => !OWN_PLACES.has(h.name)))
  if (sip.body.length > 0 && value('content-type') === undefined) {
    const type = guessContentType(sip.body)
    if (type === undefined) return undefined
    headers.push(header('Content-Type', type))
  }
  return { kind: 'request', method, uri, headers, body: sip.body }
}

/** Starts the transaction of an application's request; its responses go back to the application. */
export function startOutgoing(
  core: Core,
  owner: Application,
  request: SipRequest,
  destination: Destination,
  within: Dialog | undefined
): Outgoing {
  const answers = new InviteAnswers()
  let outgoing: Outgoing | undefined
  // Sockets report in later turns only, so none of these runs before `outgoing` is set.
  const transaction = core.transactions.request(request, destination, {
    onResponse: response => {
      if (outgoing !== undefined) receive(core, outgoing, answers, response)
    },
    onFailure: cause => {
      // Nothing came from the network: the application gets the response that the stack makes up (RFC 3261 §8.1.3.1).
      if (outgoing !== undefined) {
        const status = cause === 'timeout' ? 408 : 503
        receive(core, outgoing, answers, responseTo(request, status, { tag: freshId() }))
      }
    },
    onEnd: () => {
      if (outgoing !== undefined) settle(core, outgoing)
    }
  })
  outgoing = {
    transactionId: randomUUID(),
    transaction,
    request: transaction.request,
    owner,
    within,
    forks: [],
    heldCancel: undefined,
    canceled: false,
    provisional: false,
    limit: undefined
  }
  core.outgoing.set(outgoing.transactionId, outgoing)
  if (within !== undefined && request.method === 'INVITE') within.ownInvite = transaction
  return outgoing
}

/** What the 2xx answers to one INVITE have led to. */
class InviteAnswers {
  answered: Dialog | undefined
  owed: Dialog['owedAck']
  /** ACKs for the forks that were ended, by their tag, to be sent again with each retransmitted 2xx. */
  readonly ended = new Map<string, Readonly<{ bytes: Buffer; to: Destination }> | undefined>()
}

function receive(core: Core, outgoing: Outgoing, answers: InviteAnswers, response: SipResponse): void {
  const { request, within } = outgoing
  const { status } = response
  if (status < 200) {
    outgoing.provisional = true
    outgoing.heldCancel?.()
    outgoing.heldCancel = undefined
    if (request.method === 'INVITE' && !outgoing.canceled) restartTimerC(core, outgoing)
    if (status === 100) return
  }
  let dialogId = within?.id ?? ''
  if (request.method === 'INVITE' || (request.method === 'SUBSCRIBE' && within === undefined)) {
    const dialog = followForks(core, outgoing, answers, response)
    if (dialog === 'absorbed') return
    dialogId = `${callIdOf(request)};from-tag=${tagOf(headerOf(request, 'from'))}`
    if (within !== undefined) dialogId = within.id
  }
  if (within !== undefined && status >= 200) finishWithin(core, within, request, response)
  const { transport, address, port } = outgoing.transaction.destination
  outgoing.owner.send(
    sipPayload(response, { source: 'network', transport, address, port }, outgoing.transactionId, dialogId)
  )
  if (status >= 200) settle(core, outgoing)
}

/** Keeps the dialogs of an INVITE (or first SUBSCRIBE) in step with a response; `absorbed` when nobody else need see it. */
function followForks(
  core: Core,
  outgoing: Outgoing,
  answers: InviteAnswers,
  response: SipResponse
): Dialog | 'absorbed' | undefined {
  const { request, within } = outgoing
  const tag = tagOf(headerOf(response, 'to'))
  if (response.status >= 300) {
    for (const fork of outgoing.forks) core.dialogs.remove(fork)
    return undefined
  }
  if (response.status >= 200 && answers.answered !== undefined) return again(core, outgoing, answers, response, tag)
  if (tag === '' && response.status < 200) return undefined
  const dialog = within ?? forkFor(core, outgoing, response, tag)
  if (response.status < 200) {
    const rseq = Number.parseInt(headerOf(response, 'rseq') ?? '', 10)
    if (Number.isNaN(rseq)) return dialog
    // A reliable response that came again has its PRACK under way (RFC 3262 §4).
    if (rseq <= dialog.remoteRSeq) return 'absorbed'
    dialog.remoteRSeq = rseq
    if (within === undefined) core.dialogs.select(dialog)
    return dialog
  }
  dialog.confirmed = true
  if (within === undefined) {
    // The route set is taken from the 2xx, whatever earlier responses said (RFC 3261 §13.2.2.4).
    const { routeSet, remoteTarget, flow } = uacDialog(
      request,
      response,
      outgoing.transaction.destination,
      outgoing.owner
    )
    Object.assign(dialog, { routeSet, remoteTarget, flow })
    core.dialogs.select(dialog)
    for (const fork of outgoing.forks) if (fork !== dialog) core.dialogs.remove(fork)
  } else refreshTarget(dialog, response)
  answers.answered = dialog
  if (request.method === 'INVITE') {
    const cseq = cseqOf(request)?.number ?? 0
    dialog.owedAck = { cseq, transaction: outgoing.transaction, canceled: outgoing.canceled, sent: undefined }
    answers.owed = dialog.owedAck
  } else expireSubscription(core, dialog, headerOf(response, 'expires'))
  return dialog
}

function forkFor(core: Core, outgoing: Outgoing, response: SipResponse, tag: string): Dialog {
  const { request, owner, transaction } = outgoing
  const known = core.dialogs.byTags(callIdOf(request), tagOf(headerOf(request, 'from')), tag)
  if (known !== undefined) return known
  const dialog = uacDialog(request, response, transaction.destination, owner)
  outgoing.forks.push(dialog)
  core.dialogs.add(dialog)
  return dialog
}

/** A further 2xx: the same one again wants its ACK again, another fork's wants ACK and BYE. */
function again(core: Core, outgoing: Outgoing, answers: InviteAnswers, response: SipResponse, tag: string): 'absorbed' {
  if (tag === answers.answered?.remoteTag) {
    const sent = answers.owed?.sent
    if (sent !== undefined) core.transports.send(sent.bytes, sent.to, () => {})
  } else if (answers.ended.has(tag)) {
    const ended = answers.ended.get(tag)
    if (ended !== undefined) core.transports.send(ended.bytes, ended.to, () => {})
  } else {
    answers.ended.set(tag, undefined)
    const dialog = uacDialog(outgoing.request, response, outgoing.transaction.destination, outgoing.owner)
    ackAndEnd(core, dialog, dialog.localSeq, (bytes, to) => answers.ended.set(tag, { bytes, to }))
  }
  return 'absorbed'
}

function finishWithin(core: Core, dialog: Dialog, request: SipRequest, response: SipResponse): void {
  const { status } = response
  if (request.method === 'UPDATE' && status < 300) refreshTarget(dialog, response)
  const challenged = status === 401 || status === 407
  const ends =
    request.method === 'BYE' ||
    (request.method === 'NOTIFY' &&
      dialog.kind === 'SUBSCRIBE' &&
      isTerminated(headerOf(request, 'subscription-state')))
  if (ends && !challenged) core.dialogs.remove(dialog)
}

/** Whether a Subscription-State ends the subscription (RFC 6665 §4.1.3). */
export function isTerminated(state: string | undefined): boolean {
  return state?.toLowerCase().startsWith('terminated') ?? false
}

function restartTimerC(core: Core, outgoing: Outgoing): void {
  outgoing.limit?.stop()
  outgoing.limit = core.timers.start(TIMER_C_MS, () => cancelOutgoing(core, outgoing, []))
}

function settle(core: Core, outgoing: Outgoing): void {
  outgoing.limit?.stop()
  outgoing.limit = undefined
  outgoing.heldCancel = undefined
  core.outgoing.delete(outgoing.transactionId)
  if (outgoing.within?.ownInvite === outgoing.transaction) outgoing.within.ownInvite = undefined
}

/** A CANCEL from an application for an INVITE that it sent. */
export function sendCancel(
  core: Core,
  application: Application,
  messageId: string,
  transactionId: string,
  sip: ClientSip
): void {
  const outgoing = core.outgoing.get(transactionId)
  if (outgoing === undefined || outgoing.request.method !== 'INVITE') {
    const why = `unable to cancel unknown transaction id: ${transactionId}`
    application.send(responsePayload(messageId, 'NOK', why))
    return
  }
  const here = hereOn(core, outgoing.transaction.destination.transport)
  const extra = applicationHeaders(sip, here).filter(h => !OWN_PLACES.has(h.name))
  const cancel = cancelOutgoing(core, outgoing, extra)
  const meta = { source: 'application', transport: here.transport, address: here.host, port: here.port } as const
  application.send(requestSentPayload(messageId, cancel, meta, randomUUID()))
}

/** Cancels an INVITE, after its first provisional response if there was none yet (RFC 3261 §9.1). Returns the CANCEL. */
export function cancelOutgoing(core: Core, outgoing: Outgoing, extra: SipRequest['headers']): SipRequest {
  const cancel = cancelFor(outgoing.request, extra)
  if (outgoing.canceled) return cancel
  outgoing.canceled = true
  const send = () => {
    core.transactions.request(cancel, outgoing.transaction.destination, { onResponse: () => {}, onFailure: () => {} })
    outgoing.limit?.stop()
    // Without a final response the transaction is given up after 64·T1 (RFC 3261 §9.1).
    outgoing.limit = core.timers.start(64 * core.timers.values.t1Ms, () => {
      const response = responseTo(outgoing.request, 487, { tag: freshId() })
      receive(core, outgoing, new InviteAnswers(), response)
      outgoing.transaction.abandon()
    })
  }
  if (outgoing.provisional) send()
  else outgoing.heldCancel = send
  return cancel
}
