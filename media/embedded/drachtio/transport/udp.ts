import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** A bound UDP socket for SIP. */
export class UdpTransport implements AsyncDisposable {
  readonly #socket: Socket
  readonly port: number
  #closed = false

  private constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.port = port
  }

  /** Binds to `host:port` (0 picks a port). Rejects with the system's error. */
  static async open(
    host: string,
    port: number,
    onDatagram: (bytes: Buffer, address: string, port: number) => void,
    onError: (error: Error) => void
  ): Promise<UdpTransport> {
    const family = host.includes(':') ? 6 : 4
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      recvBufferSize: 4 * 1024 * 1024,
      // Only addresses get here, so nothing is ever looked up.
      lookup: (address, _options, callback) => callback(null, address, family)
    })
    const listening = once(socket, 'listening')
    socket.bind(port, host)
    await listening
    socket.on('message', (bytes, from) => onDatagram(bytes, from.address, from.port))
    socket.on('error', onError)
    return new UdpTransport(socket, socket.address().port)
  }

  /** Sends one datagram; `onError` hears of errors that the system reports at once. */
  send(bytes: Buffer, address: string, port: number, onError: (error: Error) => void): void {
    if (this.#closed) return
    this.#socket.send(bytes, port, address, error => {
      if (error && !this.#closed) onError(error)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await new Promise<void>(resolve => this.#socket.close(() => resolve()))
  }
}
