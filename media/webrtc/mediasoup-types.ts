import type { OrtcDocument } from './softphone-media.ts'

/**
 * The parts of mediasoup's own types that `mediasoup.ts` uses (mediasoup 3.27, `node/lib/*.d.ts`), because the package is
 * optional and its types are then missing too.
 */

type Observed = Readonly<{ observer: Readonly<{ once(event: 'close', listener: () => void): void }> }>

export type MediasoupModule = Readonly<{
  createWorker(
    settings: Readonly<{ logLevel: 'debug' | 'warn' | 'error' | 'none'; logTags: readonly string[] }>
  ): Promise<MediasoupWorker>
}>

export type MediasoupWorker = Readonly<{
  pid: number
  on(event: 'died', listener: (err: Error) => void): void
  createWebRtcServer(
    options: Readonly<{ listenInfos: readonly ListenInfo[] }>
  ): Promise<Readonly<{ dump(): Promise<Readonly<{ udpSockets: readonly Readonly<{ port: number }>[] }>> }>>
  createRouter(options: Readonly<{ mediaCodecs: readonly OrtcDocument[] }>): Promise<MediasoupRouter>
  getResourceUsage(): Promise<Readonly<{ ru_utime: number; ru_stime: number; ru_maxrss: number }>>
  close(): void
}>

export type ListenInfo = Readonly<{
  protocol: 'udp' | 'tcp'
  ip: string
  announcedAddress?: string
  port?: number
  portRange?: Readonly<{ min: number; max: number }>
}>

export type MediasoupRouter = Readonly<{
  rtpCapabilities: OrtcDocument
  canConsume(options: Readonly<{ producerId: string; rtpCapabilities: OrtcDocument }>): boolean
  createWebRtcTransport(options: Readonly<Record<string, unknown>>): Promise<MediasoupWebRtcTransport>
  createPlainTransport(options: Readonly<Record<string, unknown>>): Promise<MediasoupPlainTransport>
  createDirectTransport(): Promise<MediasoupTransport>
}>

export type MediasoupTransport = Observed &
  Readonly<{
    id: string
    produce(
      options: Readonly<{ kind: 'audio'; rtpParameters: OrtcDocument; paused: boolean }>
    ): Promise<MediasoupProducer>
    consume(
      options: Readonly<{ producerId: string; rtpCapabilities: OrtcDocument; paused: boolean }>
    ): Promise<MediasoupConsumer>
    getStats(): Promise<readonly Readonly<{ bytesReceived: number; bytesSent: number }>[]>
    close(): void
  }>

export type DtlsState = 'new' | 'connecting' | 'connected' | 'failed' | 'closed'
export type IceState = 'new' | 'connected' | 'completed' | 'disconnected' | 'closed'

export type MediasoupWebRtcTransport = MediasoupTransport &
  Readonly<{
    iceParameters: OrtcDocument
    iceCandidates: readonly OrtcDocument[]
    dtlsParameters: OrtcDocument
    iceState: IceState
    dtlsState: DtlsState
    on(event: 'icestatechange' | 'dtlsstatechange', listener: () => void): void
    connect(options: Readonly<{ dtlsParameters: OrtcDocument }>): Promise<void>
    restartIce(): Promise<OrtcDocument>
  }>

export type MediasoupPlainTransport = MediasoupTransport &
  Readonly<{
    tuple: Readonly<{ localPort: number }>
    rtcpTuple?: Readonly<{ localPort: number }>
    connect(options: Readonly<{ ip: string; port: number; rtcpPort: number }>): Promise<void>
  }>

export type MediasoupProducer = Observed &
  Readonly<{
    id: string
    rtpParameters: Readonly<{ codecs: readonly Readonly<{ clockRate: number }>[] }>
    pause(): Promise<void>
    resume(): Promise<void>
    /** On direct transports only. */
    send(rtpPacket: Buffer): void
    getStats(): Promise<readonly StreamStats[]>
    close(): void
  }>

export type MediasoupConsumer = Observed &
  Readonly<{
    id: string
    producerId: string
    rtpParameters: OrtcDocument
    pause(): Promise<void>
    resume(): Promise<void>
    getStats(): Promise<readonly StreamStats[]>
    close(): void
  }>

/** `jitter` is in the codec's timestamp units, `roundTripTime` in milliseconds and absent before the first report. */
export type StreamStats = Readonly<{
  type: string
  packetCount: number
  packetsLost: number
  jitter: number
  roundTripTime?: number
}>
