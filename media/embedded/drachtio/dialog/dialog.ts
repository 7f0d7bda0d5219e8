import type { Application } from '../applications.ts'
import { callIdOf, cseqOf, headerOf, listOf, type SipRequest, type SipResponse } from '../sip/message.ts'
import { parseNameAddr, parseUri, tagOf } from '../sip/uri.ts'
import type { ClientTransaction } from '../transaction/client-transaction.ts'
import type { Destination, Source, TransportName } from '../transport/destination.ts'

/** A 2xx to an INVITE that waits for its ACK. */
export type AwaitedAck = Readonly<{ cseq: number; transactionId: string; stop: () => void }>

/** A 2xx to our INVITE whose ACK the application has yet to give. */
export type OwedAck = {
  readonly cseq: number
  readonly transaction: ClientTransaction
  /** The INVITE was cancelled too late: the dialog is ended once it is acknowledged. */
  readonly canceled: boolean
  sent: Readonly<{ bytes: Buffer; to: Destination }> | undefined
}

/** A dialog (RFC 3261 §12), made by INVITE or SUBSCRIBE. */
export type Dialog = {
  /** What applications call it: Call-ID and the tag of the side that began. Forks of one INVITE share it. */
  readonly id: string
  readonly kind: 'INVITE' | 'SUBSCRIBE'
  readonly role: 'uas' | 'uac'
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** The From (or To) value of our side, with its tag. */
  readonly local: string
  readonly remote: string
  readonly transport: TransportName
  owner: Application
  confirmed: boolean
  localSeq: number
  remoteSeq: number
  routeSet: readonly string[]
  remoteTarget: string
  localContact: string
  /** Overrides where requests go: the open TCP connection, or the real source of a phone behind NAT. */
  flow: Destination | undefined
  awaitedAck: AwaitedAck | undefined
  owedAck: OwedAck | undefined
  /** Our INVITE within the dialog that has no final answer yet. */
  ownInvite: ClientTransaction | undefined
  /** Incoming INVITEs within the dialog that the application has not answered. */
  openInvites: number
  /** The RSeq of the peer's last reliable provisional response (RFC 3262), 0 before the first. */
  remoteRSeq: number
  /** When nobody refreshes a subscription. */
  expiry: { stop: () => void } | undefined
}

/** The dialog that our answer with `tag` to `request` makes (RFC 3261 §12.1.1). */
export function uasDialog(
  request: SipRequest,
  source: Source,
  tag: string,
  to: string,
  contact: string,
  owner: Application
): Dialog {
  const remoteTag = tagOf(headerOf(request, 'from'))
  const target = parseNameAddr(listOf(request, 'contact')[0] ?? '')?.uri ?? ''
  const routeSet = listOf(request, 'record-route')
  return {
    id: `${callIdOf(request)};from-tag=${remoteTag}`,
    kind: request.method === 'SUBSCRIBE' ? 'SUBSCRIBE' : 'INVITE',
    role: 'uas',
    callId: callIdOf(request),
    localTag: tag,
    remoteTag,
    local: to,
    remote: headerOf(request, 'from') ?? '',
    transport: source.transport,
    owner,
    confirmed: false,
    localSeq: 0,
    remoteSeq: cseqOf(request)?.number ?? 0,
    routeSet,
    remoteTarget: target,
    localContact: contact,
    flow: routeSet.length === 0 ? flowTo(target, source, true) : undefined,
    awaitedAck: undefined,
    owedAck: undefined,
    ownInvite: undefined,
    openInvites: 0,
    remoteRSeq: 0,
    expiry: undefined
  }
}

/** The dialog that a response with a To tag to our request makes (RFC 3261 §12.1.2). */
export function uacDialog(
  request: SipRequest,
  response: SipResponse,
  destination: Destination,
  owner: Application
): Dialog {
  const localTag = tagOf(headerOf(request, 'from'))
  const routeSet = listOf(response, 'record-route').reverse()
  const target = parseNameAddr(listOf(response, 'contact')[0] ?? '')?.uri ?? request.uri
  return {
    id: `${callIdOf(request)};from-tag=${localTag}`,
    kind: request.method === 'SUBSCRIBE' ? 'SUBSCRIBE' : 'INVITE',
    role: 'uac',
    callId: callIdOf(request),
    localTag,
    remoteTag: tagOf(headerOf(response, 'to')),
    local: headerOf(request, 'from') ?? '',
    remote: headerOf(response, 'to') ?? '',
    transport: destination.transport,
    owner,
    confirmed: false,
    localSeq: cseqOf(request)?.number ?? 0,
    remoteSeq: 0,
    routeSet,
    remoteTarget: target,
    localContact: headerOf(request, 'contact') ?? '',
    flow: routeSet.length === 0 ? flowTo(target, destination, false) : undefined,
    awaitedAck: undefined,
    owedAck: undefined,
    ownInvite: undefined,
    openInvites: 0,
    remoteRSeq: 0,
    expiry: undefined
  }
}

/**
 * Where requests of the dialog go when that is not simply the remote target: over TCP the connection in use; over UDP
 * the address that the peer really sends from when its Contact names another one (a phone behind NAT).
 */
function flowTo(target: string, peer: Destination, comparePort: boolean): Destination | undefined {
  if (peer.transport === 'tcp') return peer
  const uri = parseUri(target)
  if (uri === undefined) return peer
  const elsewhere = uri.host !== peer.address || (comparePort && (uri.port ?? 5060) !== peer.port)
  return elsewhere && (uri.params.get('transport') ?? 'udp').toLowerCase() === 'udp' ? peer : undefined
}

/** Takes over a new remote target (RFC 3261 §12.2.1.2, §12.2.2: re-INVITE, UPDATE and SUBSCRIBE refresh it). */
export function refreshTarget(dialog: Dialog, message: SipRequest | SipResponse): void {
  const contact = parseNameAddr(listOf(message, 'contact')[0] ?? '')
  if (contact !== undefined) dialog.remoteTarget = contact.uri
}
