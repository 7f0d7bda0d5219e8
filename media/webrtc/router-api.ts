import type { LegCodecName } from './leg-codec.ts'
import type { OrtcDocument } from './softphone-media.ts'

/**
 * The narrow part of mediasoup's Node API that Parley uses: one worker with one router and one port for all browsers.
 * Two back ends implement it (`mediasoup.ts` and `embedded/`), and one contract suite runs on both. The words and their
 * meanings are mediasoup's; events are AbortSignals and listeners. Every object is created by its parent and closes with
 * it; closing twice is once. Rejections are RouterError.
 */

/** One codec of the router (mediasoup `RouterRtpCodecCapability`). */
export type MediaCodec = Readonly<{
  kind: 'audio'
  mimeType: string
  clockRate: number
  channels?: number
  preferredPayloadType?: number
  parameters?: Readonly<Record<string, string | number>>
}>

export type RouterOptions = Readonly<{
  mediaCodecs: readonly MediaCodec[]
  /** What silence is made of, one of `mediaCodecs`. */
  legCodec: LegCodecName
  /** For all browsers. `announcedAddress` is what they are told when it differs (behind NAT). Port 0: any. */
  webRtc: Readonly<{ listenAddress: string; announcedAddress?: string; udpPort: number; tcp: boolean }>
  /** For plain RTP. Ports are inclusive. */
  plain: Readonly<{ listenAddress: string; ports: readonly [first: number, last: number] }>
  /** A transport without a STUN check for this long is disconnected (RFC 7675 §5.1); whole seconds. */
  consentTimeoutMs: number
  log: SfuLog
}>

/** The part of a pino logger that is used here. */
export type SfuLog = Readonly<{
  debug(data: object, message: string): void
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
}>

export interface SfuRouter extends AsyncDisposable {
  readonly rtpCapabilities: OrtcDocument
  /** The port that browsers reach. */
  readonly udpPort: number
  /** Aborted with the reason when the worker died of itself. */
  readonly died: AbortSignal
  /** 20 ms of silence after another, for ever; one producer for everybody. */
  readonly silence: SfuProducer
  createWebRtcTransport(): Promise<SfuWebRtcTransport>
  createPlainTransport(): Promise<SfuPlainTransport>
  /** CPU time in milliseconds, memory in bytes where it can be told apart. */
  usage(): Promise<Readonly<{ cpuMs: number; memoryBytes: number | null }>>
}

export interface SfuTransport {
  readonly id: string
  readonly closed: AbortSignal
  produce(options: Readonly<{ rtpParameters: OrtcDocument; isPaused?: boolean }>): Promise<SfuProducer>
  /** Begins paused. Rejects with CODEC_NOT_SHARED when `rtpCapabilities` cannot take the producer's codec. */
  consume(options: Readonly<{ producerId: string; rtpCapabilities: OrtcDocument }>): Promise<SfuConsumer>
  figures(): Promise<TransportFigures>
  close(): void
}

export type TransportFigures = Readonly<{ bytesReceived: number; bytesSent: number }>

/** `failed`: the DTLS handshake was refused; `closed`: the peer ended DTLS. Both are final. */
export type WebRtcState = 'new' | 'connected' | 'disconnected' | 'failed' | 'closed'

export interface SfuWebRtcTransport extends SfuTransport {
  readonly iceParameters: OrtcDocument
  readonly iceCandidates: readonly OrtcDocument[]
  readonly dtlsParameters: OrtcDocument
  readonly state: WebRtcState
  onState(listener: (state: WebRtcState) => void): () => void
  /** Takes the browser's DTLS parameters. Rejects the second time with ALREADY_CONNECTED. */
  connect(dtlsParameters: OrtcDocument): Promise<void>
  restartIce(): Promise<OrtcDocument>
}

export interface SfuPlainTransport extends SfuTransport {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Only what comes from this address is taken. Rejects the second time with ALREADY_CONNECTED. */
  connect(remote: Readonly<{ address: string; port: number; rtcpPort: number }>): Promise<void>
}

export interface SfuProducer {
  readonly id: string
  readonly closed: AbortSignal
  pause(): Promise<void>
  resume(): Promise<void>
  figures(): Promise<ProducerFigures>
  close(): void
}

export type ProducerFigures = Readonly<{
  packetsReceived: number
  packetsLost: number
  jitterMs: number
}>

export interface SfuConsumer {
  readonly id: string
  readonly producerId: string
  readonly rtpParameters: OrtcDocument
  readonly closed: AbortSignal
  pause(): Promise<void>
  resume(): Promise<void>
  figures(): Promise<ConsumerFigures>
  close(): void
}

export type ConsumerFigures = Readonly<{
  packetsSent: number
  /** From the receiver's reports; null before the first. */
  roundTripMs: number | null
}>

export type RouterErrorCode = 'SFU_LOST' | 'SFU_REFUSED' | 'CODEC_NOT_SHARED' | 'SOURCE_GONE' | 'ALREADY_CONNECTED'

export class RouterError extends Error {
  override readonly name = 'RouterError'
  readonly code: RouterErrorCode

  constructor(code: RouterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
