import type { Logger } from 'pino'
import type { Application, MethodRoutes } from '../applications.ts'
import type { Dialogs } from '../dialog/dialogs.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import type { ClientTransaction } from '../transaction/client-transaction.ts'
import type { TransactionLayer } from '../transaction/layer.ts'
import type { Timer, Timers } from '../transaction/timers.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { SipRequest } from '../sip/message.ts'
import type { TcpConnection } from '../transport/tcp.ts'
import type { Transports } from '../transport/transports.ts'
import type { TransportName } from '../transport/destination.ts'
import type { ReliableProvisionals } from './reliable.ts'
import type { ProxiedRequest } from './proxy.ts'

/** A request from the network that an application has been asked to answer. */
export type Incoming = {
  readonly transactionId: string
  readonly transaction: ServerTransaction
  readonly request: SipRequest
  readonly owner: Application
  /** Whether the request came within a dialog that existed before. */
  readonly within: boolean
  /** The dialog that it came in, or that our first response with a tag made. */
  dialog: Dialog | undefined
  /** The To tag of our responses. */
  tag: string
  limit: Timer | undefined
  reliable: ReliableProvisionals | undefined
  proxied: ProxiedRequest | undefined
}

/** A request of an application that waits for its final response. */
export type Outgoing = {
  readonly transactionId: string
  readonly transaction: ClientTransaction
  readonly request: SipRequest
  readonly owner: Application
  /** The dialog that it was sent in. */
  readonly within: Dialog | undefined
  /** The dialogs that responses have made, one per fork. */
  forks: Dialog[]
  /** A CANCEL that waits for the first provisional response (RFC 3261 §9.1). */
  heldCancel: (() => void) | undefined
  canceled: boolean
  provisional: boolean
  limit: Timer | undefined
}

/** Everything that the parts of the server share. */
export type Core = {
  readonly transports: Transports
  readonly transactions: TransactionLayer
  readonly timers: Timers
  readonly dialogs: Dialogs
  readonly routes: MethodRoutes
  readonly log: Logger
  readonly maxCalls: number
  readonly incoming: Map<string, Incoming>
  readonly outgoing: Map<string, Outgoing>
  /** TCP connections by which registered contacts are reached (RFC 5626 in spirit), by `user@host`. */
  readonly flows: Map<string, Readonly<{ connection: TcpConnection; until: number }>>
  /** Signs the branches of requests that are forwarded without state. */
  readonly secret: Buffer
  callsRefused: number
  malformed: number
}

/** Our own place on a transport, for Via, Contact and placeholders. */
export type Here = Readonly<{ transport: TransportName; host: string; port: number }>

export function hereOn(core: Core, transport: TransportName): Here {
  return { transport, host: core.transports.host, port: core.transports.portOf(transport) }
}

/** Our Contact on a transport. */
export function contactOn(here: Here): string {
  return `<sip:${here.host}:${here.port}${here.transport === 'tcp' ? ';transport=tcp' : ''}>`
}

/** Live calls: dialogs made by INVITE and INVITEs that have none yet. */
export function liveCalls(core: Core): number {
  let calls = core.dialogs.calls
  for (const i of core.incoming.values()) if (i.request.method === 'INVITE' && i.dialog === undefined) calls++
  for (const o of core.outgoing.values()) {
    if (o.request.method === 'INVITE' && o.within === undefined && o.forks.length === 0) calls++
  }
  return calls
}

/** Whether `host:port` is one of our own addresses. */
export function isOurs(core: Core, host: string, port: number | undefined): boolean {
  const ports = [core.transports.udp.port, core.transports.tcp.port]
  const named = host === core.transports.host || (host === 'localhost' && core.transports.host === '127.0.0.1')
  return named && ports.includes(port ?? 5060)
}
