import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { localFragment, type Path } from './ice-lite.ts'
import { parseStun, type StunMessage } from './stun.ts'

/** What the port hands a transport. */
export interface PortUser {
  onCheck(message: StunMessage, path: Path): void
  onDatagram(datagram: Buffer, path: Path): void
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/**
 * The one UDP port of all browsers. Checks find their transport by user name fragment, everything else by the address that
 * such a check came from; whatever fits neither is dropped.
 */
export class UdpPort implements AsyncDisposable {
  readonly #socket: Socket
  readonly #byFragment = new Map<string, PortUser>()
  readonly #byPath = new Map<string, Readonly<{ user: PortUser; path: Path }>>()
  readonly counters = { dropped: 0, sendErrors: 0 }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (datagram, remote) => this.#onMessage(datagram, remote))
    // A socket that cannot send one packet can send the next; who is gone is found by consent.
    socket.on('error', () => this.counters.sendErrors++)
  }

  static async open(address: string, port: number): Promise<UdpPort> {
    const socket = createSocket({
      type: address.includes(':') ? 'udp6' : 'udp4',
      // Destinations are always addresses: nothing is looked up, and the packet leaves in the same turn.
      lookup: (hostname, _options, callback) => callback(null, hostname, 4)
    })
    const listening = once(socket, 'listening')
    socket.bind(port, address)
    await listening
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
    return new UdpPort(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  addFragment(fragment: string, user: PortUser): void {
    this.#byFragment.set(fragment, user)
  }

  removeFragment(fragment: string): void {
    this.#byFragment.delete(fragment)
  }

  /** An address that two browsers share in turn belongs to the one that checked last. */
  addPath(path: Path, user: PortUser): void {
    this.#byPath.set(path.key, { user, path })
  }

  removePath(path: Path, user: PortUser): void {
    if (this.#byPath.get(path.key)?.user === user) this.#byPath.delete(path.key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #onMessage(datagram: Buffer, remote: RemoteInfo): void {
    const first = datagram[0] ?? 0xff
    const key = `${remote.address}:${remote.port}`
    const known = this.#byPath.get(key)
    // RFC 7983 §7: 0–3 is STUN.
    if (first > 3) {
      if (known === undefined) this.counters.dropped++
      else known.user.onDatagram(datagram, known.path)
      return
    }
    const message = parseStun(datagram)
    const fragment = localFragment(message?.username)
    const user = fragment === undefined ? undefined : this.#byFragment.get(fragment)
    if (message === undefined || user === undefined) {
      this.counters.dropped++
      return
    }
    user.onCheck(message, known?.user === user ? known.path : this.#newPath(key, remote.address, remote.port))
  }

  #newPath(key: string, address: string, port: number): Path {
    return { key, address, port, send: datagram => this.#socket.send(datagram, port, address) }
  }
}
