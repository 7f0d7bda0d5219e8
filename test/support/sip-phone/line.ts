import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket as TcpSocket } from 'node:net'
import { type PhoneMessage, parsePhoneMessage } from './message.ts'

/** An address with a port. */
export type PhonePeer = Readonly<{ host: string; port: number }>

type Loss = { left: number; wanted: (message: PhoneMessage) => boolean }

/** The phone's wire: one UDP socket, or a TCP listener and the connections that it has. Loss and delay happen here. */
export class PhoneLine implements AsyncDisposable {
  readonly transport: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  /** Called for each message that was not dropped. */
  onMessage: (message: PhoneMessage, from: PhonePeer) => void = () => {}
  /** Every message that arrived, those that were dropped included. */
  readonly received: PhoneMessage[] = []
  /** Every text that was sent. */
  readonly sent: string[] = []
  readonly #udp: UdpSocket | undefined
  readonly #server: Server | undefined
  readonly #connections = new Map<string, TcpSocket>()
  readonly #losses: Loss[] = []
  readonly #delayed = new Set<NodeJS.Timeout>()
  #delayMs = 0

  private constructor(udp: UdpSocket | undefined, server: Server | undefined, host: string, port: number) {
    this.#udp = udp
    this.#server = server
    this.transport = udp === undefined ? 'tcp' : 'udp'
    this.host = host
    this.port = port
  }

  static async open(transport: 'udp' | 'tcp', host: string): Promise<PhoneLine> {
    if (transport === 'udp') {
      const socket = createSocket('udp4')
      socket.bind(0, host)
      await once(socket, 'listening')
      const line = new PhoneLine(socket, undefined, host, socket.address().port)
      socket.on('message', (bytes, from) =>
        line.#arrive(bytes.toString('utf8'), { host: from.address, port: from.port })
      )
      return line
    }
    const server = createServer()
    server.listen(0, host)
    await once(server, 'listening')
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    const line = new PhoneLine(undefined, server, host, address.port)
    server.on('connection', socket =>
      line.#adopt(socket, { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
    )
    return line
  }

  /** Drops the next `n` arriving messages that `wanted` accepts (all when left out). */
  dropNext(n: number, wanted: (message: PhoneMessage) => boolean = () => true): void {
    this.#losses.push({ left: n, wanted })
  }

  /** Hands every arriving message on only after `ms` milliseconds. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  async send(bytes: string | Buffer, to: PhonePeer): Promise<void> {
    this.sent.push(bytes.toString('utf8'))
    if (this.#udp !== undefined) {
      const socket = this.#udp
      await new Promise<void>((resolve, reject) => {
        socket.send(Buffer.from(bytes), to.port, to.host, err => (err ? reject(err) : resolve()))
      })
      return
    }
    const socket = await this.#connectionTo(to)
    socket.write(bytes)
  }

  /** Closes the TCP connections and keeps listening, like a phone that changes network. */
  hangUpConnections(): void {
    for (const socket of this.#connections.values()) socket.destroy()
  }

  async #connectionTo(to: PhonePeer): Promise<TcpSocket> {
    const known = this.#connections.get(`${to.host}:${to.port}`)
    if (known !== undefined && !known.destroyed) return known
    const socket = connect({ host: to.host, port: to.port })
    this.#adopt(socket, to)
    await once(socket, 'connect', { signal: AbortSignal.timeout(40_000) })
    return socket
  }

  #adopt(socket: TcpSocket, peer: PhonePeer): void {
    const key = `${peer.host}:${peer.port}`
    this.#connections.set(key, socket)
    let pending = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        while (pending[0] === 0x0d || pending[0] === 0x0a) pending = pending.subarray(1)
        const end = pending.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = /\r\n(?:content-length|l)\s*:\s*(\d+)/i.exec(pending.toString('latin1', 0, end))?.[1] ?? '0'
        const total = end + 4 + Number(length)
        if (pending.length < total) return
        this.#arrive(pending.toString('utf8', 0, total), peer)
        pending = pending.subarray(total)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#connections.get(key) === socket) this.#connections.delete(key)
    })
  }

  #arrive(text: string, from: PhonePeer): void {
    // A port that was a voice port a moment ago may still get a stray packet of an earlier call.
    if (!/^[A-Z]/.test(text)) return
    const message = parsePhoneMessage(text)
    this.received.push(message)
    for (const loss of this.#losses) {
      if (loss.left > 0 && loss.wanted(message)) {
        loss.left--
        return
      }
    }
    if (this.#delayMs === 0) {
      this.onMessage(message, from)
      return
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(timer)
      this.onMessage(message, from)
    }, this.#delayMs)
    this.#delayed.add(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.onMessage = () => {}
    for (const timer of this.#delayed) clearTimeout(timer)
    for (const socket of this.#connections.values()) socket.destroy()
    await Promise.all([
      new Promise<void>(resolve => (this.#udp === undefined ? resolve() : this.#udp.close(() => resolve()))),
      new Promise<void>(resolve => (this.#server === undefined ? resolve() : this.#server.close(() => resolve())))
    ])
  }
}
