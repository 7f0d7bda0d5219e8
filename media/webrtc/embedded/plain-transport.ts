import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import type { RtpSocketPair } from './plain-ports.ts'
import { RouterError, type TransportFigures } from '../router-api.ts'
import { rtpHeaderBytes, Streams, withoutPadding } from './streams.ts'

type Remote = Readonly<{ address: string; port: number; rtcpPort: number }>

/** Plain RTP and RTCP with one known peer, on a pair of ports of its own. What anybody else sends is dropped. */
export class PlainTransport {
  readonly id: string
  readonly streams = new Streams()
  readonly #pair: RtpSocketPair
  readonly #release: () => void
  #remote: Remote | undefined
  #isReady = false
  #isClosed = false
  #bytesReceived = 0
  #bytesSent = 0

  constructor(id: string, pair: RtpSocketPair, release: () => void) {
    this.id = id
    this.#pair = pair
    this.#release = release
    pair.rtp.on('message', this.#onRtp)
    pair.rtcp.on('message', this.#onRtcp)
  }

  get port(): number {
    return this.#pair.port
  }

  async connect(remote: Remote): Promise<void> {
    if (this.#remote !== undefined) throw new RouterError('ALREADY_CONNECTED', 'this transport was connected before')
    this.#remote = remote
    // The kernel then keeps strangers out, and sending needs no address.
    await Promise.all([
      connected(this.#pair.rtp, remote.port, remote.address),
      connected(this.#pair.rtcp, remote.rtcpPort, remote.address)
    ])
    this.#isReady = true
  }

  sendRtp(packet: Buffer): boolean {
    if (!this.#isReady || this.#isClosed) return false
    this.#bytesSent += packet.length
    this.#pair.rtp.send(packet)
    return true
  }

  tick(nowMs: number, isReportDue: boolean): void {
    if (!isReportDue || !this.#isReady || this.#isClosed) return
    const report = this.streams.report(nowMs)
    if (report === undefined) return
    this.#bytesSent += report.length
    this.#pair.rtcp.send(report)
  }

  figures(): TransportFigures {
    return { bytesReceived: this.#bytesReceived, bytesSent: this.#bytesSent }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pair.rtp.off('message', this.#onRtp)
    this.#pair.rtcp.off('message', this.#onRtcp)
    this.#release()
  }

  readonly #onRtp = (packet: Buffer, from: RemoteInfo): void => {
    // What came before the socket was connected may be anybody's.
    if (from.port !== this.#remote?.port || from.address !== this.#remote.address) return
    this.#bytesReceived += packet.length
    const headerBytes = rtpHeaderBytes(packet)
    const payload = headerBytes < 0 ? undefined : withoutPadding(packet, packet.subarray(headerBytes))
    if (payload !== undefined && payload.length > 0) this.streams.onRtp(packet, payload, performance.now())
  }

  readonly #onRtcp = (packet: Buffer, from: RemoteInfo): void => {
    if (from.address !== this.#remote?.address) return
    this.#bytesReceived += packet.length
    this.streams.onRtcp(packet, performance.now())
  }
}

async function connected(socket: Socket, port: number, address: string): Promise<void> {
  // With the look-up of these sockets it may be connected before connect() returns. Refused ports tell later, as errors
  // of single packets.
  const done = once(socket, 'connect')
  socket.connect(port, address)
  await done
}
