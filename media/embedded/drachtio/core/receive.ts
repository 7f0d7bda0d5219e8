import { createHash } from 'node:crypto'
import type { Dialog } from '../dialog/dialog.ts'
import { receiveAck } from './await-ack.ts'
import {
  callIdOf,
  cseqOf,
  headerOf,
  listOf,
  type SipHeader,
  type SipMessage,
  type SipRequest,
  type SipResponse
} from '../sip/message.ts'
import type { ParseFailure } from '../sip/parse.ts'
import { responseTo } from '../sip/response.ts'
import { header, serialize } from '../sip/serialize.ts'
import { tagOf } from '../sip/uri.ts'
import { refusalOf } from '../sip/validate.ts'
import { parseVia, stampVia, type Via } from '../sip/via.ts'
import type { Source } from '../transport/destination.ts'
import { replyPath } from '../transport/transports.ts'
import { type Core, type Incoming, isOurs, liveCalls } from './core.ts'
import { forwardRequest, forwardResponse, takeOwnRoute } from './forward.ts'
import { answerBare, openIncoming } from './incoming.ts'
import { isTerminated } from './outgoing.ts'

const RETRY_AFTER_S = '10'

/** A message from the network. */
export function receiveMessage(core: Core, message: SipMessage, source: Source): void {
  if (message.kind === 'response') receiveResponse(core, message)
  else receiveRequest(core, message, source)
}

/** Bytes that were no message: a request that can be told so is answered, everything else is dropped. */
export function receiveMalformed(core: Core, failure: ParseFailure, source: Source): void {
  core.malformed++
  core.log.info({ why: failure.why, from: source.address }, 'malformed message')
  const { head, status } = failure
  if (head === undefined || status === undefined || head.method === 'ACK') return
  const stamped = stamp({ kind: 'request', uri: '', body: NOTHING, ...head }, source)
  if (stamped !== undefined) answerStateless(core, stamped.request, source, status)
}

const NOTHING = Buffer.alloc(0)

function receiveResponse(core: Core, response: SipResponse): void {
  const via = parseVia(listOf(response, 'via')[0] ?? '')
  // A response whose top Via is not ours was not meant for us (RFC 3261 §18.1.2). Responses are never answered.
  if (via === undefined || !isOurs(core, via.host, via.port) || cseqOf(response) === undefined) {
    core.malformed++
    return
  }
  if (!core.transactions.response(response, via)) forwardResponse(core, response, via)
}

/** The request with its topmost Via stamped; undefined without a Via that an answer could follow. */
function stamp(request: SipRequest, source: Source): Readonly<{ request: SipRequest; via: Via }> | undefined {
  const at = request.headers.findIndex(h => h.name === 'via')
  const first = request.headers[at]
  if (first === undefined) return undefined
  const [top = '', ...others] = listOf({ headers: [first] }, 'via')
  const via = parseVia(top)
  if (via === undefined) return undefined
  const headers = request.headers.slice()
  headers[at] = { ...first, value: [stampVia(via, source), ...others].join(', ') }
  return { request: { ...request, headers }, via }
}

function receiveRequest(core: Core, raw: SipRequest, source: Source): void {
  const stamped = stamp(raw, source)
  if (stamped === undefined) {
    core.malformed++
    return
  }
  const { via } = stamped
  const refusal = refusalOf(stamped.request)
  if (refusal !== undefined) {
    core.malformed++
    if (raw.method !== 'ACK')
      answerStateless(core, stamped.request, source, refusal.status, refusal.reason, refusal.headers)
    return
  }
  const match = core.transactions.match(stamped.request, via)
  switch (match.kind) {
    case 'absorbed':
      return
    case 'merged':
      answerStateless(core, stamped.request, source, 482)
      return
    case 'cancel': {
      const status = match.invite === undefined ? 481 : 200
      core.transactions.open(stamped.request, via, source).respond(bareResponse(stamped.request, status))
      // Without effect on an INVITE that has its final response (RFC 3261 §9.2).
      if (match.invite !== undefined && !match.invite.answered) match.invite.user.onCancel?.(stamped.request)
      return
    }
    case 'ack':
    case 'new':
      dispatch(core, stamped.request, via, source)
      return
    default:
      match satisfies never
  }
}

/** Finds who a request is for: a dialog, the next hop of a proxied dialog, or an application. */
function dispatch(core: Core, stamped: SipRequest, via: Via, source: Source): void {
  const { request, wasOurs } = takeOwnRoute(core, stamped)
  const toTag = tagOf(headerOf(request, 'to'))
  const dialog =
    toTag === '' ? undefined : core.dialogs.byTags(callIdOf(request), toTag, tagOf(headerOf(request, 'from')))
  if (request.method === 'ACK') {
    if (dialog !== undefined) receiveAck(dialog, request, source)
    else if (wasOurs && toTag !== '') forwardRequest(core, request)
    return
  }
  if (dialog !== undefined) {
    receiveWithin(core, request, via, source, dialog)
    return
  }
  if (toTag !== '') {
    if (wasOurs) {
      const refused = forwardRequest(core, request)
      if (refused !== undefined) answerStateless(core, request, source, refused)
      return
    }
    const pending = request.method === 'NOTIFY' ? pendingSubscription(core, request, toTag) : undefined
    if (pending !== undefined) {
      openIncoming(core, request, via, source, pending, undefined)
      return
    }
    answerStateless(core, request, source, 481)
    return
  }
  receiveNew(core, request, via, source)
}

/** A NOTIFY may overtake the answer to the SUBSCRIBE that asked for it (RFC 6665 §4.1.2.4). */
function pendingSubscription(core: Core, notify: SipRequest, toTag: string) {
  for (const outgoing of core.outgoing.values()) {
    const { request } = outgoing
    if (request.method !== 'SUBSCRIBE' || callIdOf(request) !== callIdOf(notify)) continue
    if (tagOf(headerOf(request, 'from')) === toTag) return outgoing.owner
  }
  return undefined
}

const NEVER_OUTSIDE: ReadonlySet<string> = new Set(['BYE', 'UPDATE', 'PRACK'])

function receiveNew(core: Core, request: SipRequest, via: Via, source: Source): void {
  if (NEVER_OUTSIDE.has(request.method)) {
    answerStateless(core, request, source, 481)
    return
  }
  if (request.method === 'INVITE' && liveCalls(core) >= core.maxCalls) {
    core.callsRefused++
    answerStateless(core, request, source, 503, undefined, [header('Retry-After', RETRY_AFTER_S)])
    return
  }
  const owner = core.routes.next(request.method)
  if (owner === undefined) {
    core.log.info({ method: request.method }, 'no application takes this kind of request')
    answerStateless(core, request, source, 503)
    return
  }
  openIncoming(core, request, via, source, owner, undefined)
}

function receiveWithin(core: Core, request: SipRequest, via: Via, source: Source, dialog: Dialog): void {
  const refuse = (status: number, headers: readonly SipHeader[] = []) => {
    core.transactions.open(request, via, source).respond(bareResponse(request, status, headers))
  }
  const cseq = cseqOf(request)?.number ?? 0
  // Out of order (RFC 3261 §12.2.2); PRACK of an early dialog counts like any other request.
  if (cseq < dialog.remoteSeq) {
    refuse(500)
    return
  }
  if (!dialog.owner.connected) {
    if (request.method === 'BYE') core.dialogs.remove(dialog)
    refuse(481)
    return
  }
  if (request.method === 'INVITE') {
    // Two offers at once: wait for the first answer (RFC 3261 §14.2).
    if (dialog.ownInvite !== undefined) {
      refuse(491)
      return
    }
    if (dialog.openInvites > 0 || !dialog.confirmed) {
      refuse(500, [header('Retry-After', '1')])
      return
    }
  }
  dialog.remoteSeq = cseq
  if (source.connection !== undefined && dialog.flow?.transport === 'tcp') dialog.flow = source
  if (request.method === 'PRACK') {
    const invite = inviteOf(core, dialog)
    if (invite?.reliable?.acknowledge(request) !== true) {
      refuse(481)
      return
    }
  }
  openIncoming(core, request, via, source, dialog.owner, dialog)
  const ends =
    request.method === 'BYE' ||
    (request.method === 'NOTIFY' &&
      dialog.kind === 'SUBSCRIBE' &&
      isTerminated(headerOf(request, 'subscription-state')))
  if (!ends) return
  // The dialog is over as soon as the BYE is here (RFC 3261 §15.1.2); so are INVITEs in it that nobody answered.
  core.dialogs.remove(dialog)
  for (const open of [...core.incoming.values()]) {
    if (open.dialog === dialog && open.request.method === 'INVITE' && !open.transaction.answered)
      answerBare(core, open, 487)
  }
}

function inviteOf(core: Core, dialog: Dialog): Incoming | undefined {
  for (const incoming of core.incoming.values()) {
    if (incoming.dialog === dialog && incoming.request.method === 'INVITE') return incoming
  }
  return undefined
}

function bareResponse(request: SipRequest, status: number, headers: readonly SipHeader[] = []): SipResponse {
  return responseTo(request, status, { tag: statelessTag(request), headers })
}

/** Answers without keeping state; the same request gets the same answer (RFC 3261 §8.2.7). */
function answerStateless(
  core: Core,
  request: SipRequest,
  source: Source,
  status: number,
  reason?: string,
  headers: readonly SipHeader[] = []
): void {
  const response = responseTo(request, status, { reason, tag: statelessTag(request), headers })
  core.transports.reply(serialize(response), replyPath(request, source), () => {})
}

function statelessTag(request: SipRequest): string {
  const text = `${callIdOf(request)}|${headerOf(request, 'from')}|${headerOf(request, 'cseq')}`
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
