import type { RemoteInfo } from 'node:dgram'
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

  connect(remote: Remote): void {
    if (this.#remote !== undefined) throw new RouterError('ALREADY_CONNECTED', 'this transport was connected before')
    this.#remote = remote
  }

  sendRtp(packet: Buffer): boolean {
    if (this.#remote === undefined || this.#isClosed) return false
    this.#bytesSent += packet.length
    this.#pair.rtp.send(packet, this.#remote.port, this.#remote.address)
    return true
  }

  tick(nowMs: number, isReportDue: boolean): void {
    if (!isReportDue || this.#remote === undefined) return
    const report = this.streams.report(nowMs)
    if (report === undefined) return
    this.#bytesSent += report.length
    this.#pair.rtcp.send(report, this.#remote.rtcpPort, this.#remote.address)
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
