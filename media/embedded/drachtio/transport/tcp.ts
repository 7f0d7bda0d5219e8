import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { StreamFraming } from './framing.ts'

/** What the owner of the TCP transport hears. */
export type TcpEvents = Readonly<{
  onMessage: (bytes: Buffer, connection: TcpConnection) => void
  /** The stream can no longer be cut into messages; `head` is what there was of the last one. */
  onBroken: (why: string, head: Buffer | undefined, connection: TcpConnection) => void
  onClose: (connection: TcpConnection) => void
}>

const CONNECT_LIMIT_MS = 5_000
const PARTIAL_LIMIT_MS = 30_000
const MAX_CONNECTIONS = 10_000

/** One SIP connection, accepted or opened. */
export class TcpConnection {
  readonly address: string
  readonly port: number
  readonly #socket: Socket
  readonly #framing = new StreamFraming()
  readonly #failures = new Set<() => void>()

  constructor(socket: Socket, address: string, port: number, events: TcpEvents) {
    this.#socket = socket
    this.address = address
    this.port = port
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk, events))
    // An 'error' is always followed by 'close', where everyone who waits is told.
    socket.on('error', () => {})
    socket.on('timeout', () => socket.destroy())
    socket.on('close', () => {
      for (const fail of this.#failures) fail()
      this.#failures.clear()
      events.onClose(this)
    })
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable
  }

  /** Writes a message; `onError` is called when it can not be handed to the system. */
  send(bytes: Buffer, onError: () => void): void {
    if (!this.open) {
      queueMicrotask(onError)
      return
    }
    this.#failures.add(onError)
    this.#socket.write(bytes, () => this.#failures.delete(onError))
  }

  /** Closes after what was written has been sent. */
  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer, events: TcpEvents): void {
    for (const piece of this.#framing.push(chunk)) {
      switch (piece.kind) {
        case 'message':
          events.onMessage(piece.bytes, this)
          break
        case 'ping':
          // The pong of RFC 5626 §4.4.1.
          if (this.open) this.#socket.write('\r\n')
          break
        case 'broken':
          events.onBroken(piece.why, piece.head, this)
          this.end()
          break
        default:
          piece satisfies never
      }
    }
    // Half a message must not hold a connection open for ever.
    this.#socket.setTimeout(this.#framing.partial ? PARTIAL_LIMIT_MS : 0)
  }
}

/** Listens for SIP over TCP and opens connections; both kinds are used in both directions (RFC 3261 §18). */
export class TcpTransport implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #events: TcpEvents
  readonly #host: string
  readonly #connections = new Set<TcpConnection>()
  readonly #byPeer = new Map<string, TcpConnection>()

  private constructor(server: Server, port: number, host: string, events: TcpEvents) {
    this.#server = server
    this.port = port
    this.#host = host
    this.#events = {
      ...events,
      onClose: connection => {
        this.#connections.delete(connection)
        const peer = `${connection.address}:${connection.port}`
        if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer)
        events.onClose(connection)
      }
    }
  }

  /** Listens on `host:port` (0 picks a port). Rejects with the system's error. */
  static async open(host: string, port: number, events: TcpEvents): Promise<TcpTransport> {
    const server = createServer()
    server.maxConnections = MAX_CONNECTIONS
    server.listen(port, host)
    await once(server, 'listening')
    const address = server.address()
    const bound = typeof address === 'object' && address !== null ? address.port : port
    const transport = new TcpTransport(server, bound, host, events)
    server.on('connection', socket => transport.#adopt(socket, socket.remoteAddress ?? '', socket.remotePort ?? 0))
    return transport
  }

  get count(): number {
    return this.#connections.size
  }

  /** An open connection to `address:port`, made when there is none. */
  connectionTo(address: string, port: number): TcpConnection {
    const known = this.#byPeer.get(`${address}:${port}`)
    if (known?.open) return known
    const socket = connect({ host: address, port, localAddress: this.#host === '0.0.0.0' ? undefined : this.#host })
    const limit = setTimeout(() => socket.destroy(), CONNECT_LIMIT_MS)
    socket.once('connect', () => clearTimeout(limit))
    socket.once('close', () => clearTimeout(limit))
    return this.#adopt(socket, address, port)
  }

  #adopt(socket: Socket, address: string, port: number): TcpConnection {
    const connection = new TcpConnection(socket, address, port, this.#events)
    this.#connections.add(connection)
    this.#byPeer.set(`${address}:${port}`, connection)
    return connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.destroy()
    await closed
  }
}
