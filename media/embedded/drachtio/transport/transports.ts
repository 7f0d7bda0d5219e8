import { listOf, type SipMessage, type SipRequest } from '../sip/message.ts'
import { parseMessage, type ParseFailure } from '../sip/parse.ts'
import { parseVia } from '../sip/via.ts'
import type { Destination, Source, TransportName } from './destination.ts'
import { type TcpConnection, TcpTransport } from './tcp.ts'
import { UdpTransport } from './udp.ts'

/** What comes up from the network. */
export type TransportEvents = Readonly<{
  onMessage: (message: SipMessage, source: Source, bytes: number) => void
  onMalformed: (failure: ParseFailure, source: Source) => void
  onConnectionClosed: (connection: TcpConnection) => void
  onError: (error: Error) => void
}>

/** The UDP socket and the TCP listener with its connections, as one thing that sends and receives SIP messages. */
export class Transports implements AsyncDisposable {
  readonly host: string
  readonly udp: UdpTransport
  readonly tcp: TcpTransport
  messagesIn = 0
  messagesOut = 0

  private constructor(host: string, udp: UdpTransport, tcp: TcpTransport) {
    this.host = host
    this.udp = udp
    this.tcp = tcp
  }

  /** Binds both transports to `host`. Rejects with the system's error and leaves nothing open. */
  static async open(host: string, udpPort: number, tcpPort: number, events: TransportEvents): Promise<Transports> {
    let transports: Transports | undefined
    const receive = (bytes: Buffer, source: Source) => {
      if (transports !== undefined) transports.messagesIn++
      const result = parseMessage(bytes)
      if (result.kind === 'message') events.onMessage(result.message, source, bytes.length)
      else events.onMalformed(result, source)
    }
    const tcp = await TcpTransport.open(host, tcpPort, {
      onMessage: (bytes, connection) => receive(bytes, sourceOf(connection)),
      onBroken: (why, head, connection) => {
        const result = head === undefined ? undefined : parseMessage(head)
        const failure: ParseFailure =
          result?.kind === 'malformed' ? result : { kind: 'malformed', why, status: undefined, head: undefined }
        events.onMalformed(failure, sourceOf(connection))
      },
      onClose: events.onConnectionClosed
    })
    try {
      const udp = await UdpTransport.open(
        host,
        udpPort,
        (bytes, address, port) => {
          // Keep-alives (RFC 5626 §4.4) and other tiny datagrams are no messages.
          if (bytes.length > 4 && port !== 0) receive(bytes, { transport: 'udp', address, port })
        },
        events.onError
      )
      transports = new Transports(host, udp, tcp)
      return transports
    } catch (err) {
      await tcp[Symbol.asyncDispose]()
      throw err
    }
  }

  /** The port that a transport listens on. */
  portOf(transport: TransportName): number {
    return transport === 'udp' ? this.udp.port : this.tcp.port
  }

  /** Sends a message; `onError` is called at most once, never from within this call. */
  send(bytes: Buffer, destination: Destination, onError: () => void): void {
    this.messagesOut++
    if (destination.transport === 'udp') {
      this.udp.send(bytes, destination.address, destination.port, onError)
      return
    }
    const kept = destination.connection?.open ? destination.connection : undefined
    const connection = kept ?? this.tcp.connectionTo(destination.address, destination.port)
    connection.send(bytes, onError)
  }

  /** Sends a response back. */
  reply(bytes: Buffer, path: ReplyPath, onError: () => void): void {
    this.send(bytes, replyDestination(path), onError)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.udp[Symbol.asyncDispose](), this.tcp[Symbol.asyncDispose]()])
  }
}

function sourceOf(connection: TcpConnection): Source {
  return { transport: 'tcp', address: connection.address, port: connection.port, connection }
}

/** Where the responses to a request go; `port` when its connection has gone, or over UDP. */
export type ReplyPath = Readonly<{ source: Source; port: number }>

/** The way back along a request's topmost Via: the source address with the port of `rport` or of sent-by (RFC 3261 §18.2.2, RFC 3581 §4). */
export function replyPath(request: SipRequest, source: Source): ReplyPath {
  const via = parseVia(listOf(request, 'via')[0] ?? '')
  const rport = via?.params.get('rport')
  const isSymmetric = source.transport === 'udp' && rport !== undefined && rport !== ''
  return { source, port: isSymmetric ? source.port : (via?.port ?? 5060) }
}

/** Over TCP the same connection, while it is open. */
function replyDestination({ source, port }: ReplyPath): Destination {
  const { transport, address } = source
  return transport === 'tcp' && source.connection?.open ? source : { transport, address, port }
}
