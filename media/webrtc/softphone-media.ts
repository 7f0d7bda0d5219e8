/**
 * The audio side of softphones as the control plane sees it, whichever SFU is behind it. mediasoup's words (transport,
 * producer, consumer) stay in this folder. Every object is created by its parent and closed with it; `close` twice is
 * once. Rejections are {@link SoftphoneMediaError}.
 */

/** RTP capabilities or parameters as mediasoup and mediasoup-client write them (ORTC); passed on, never looked into. */
export type OrtcDocument = Readonly<Record<string, unknown>>

/** What mediasoup-client needs to make its end of a transport. */
export type TransportOffer = Readonly<{
  id: string
  iceParameters: OrtcDocument
  iceCandidates: readonly OrtcDocument[]
  dtlsParameters: OrtcDocument
}>

/** What mediasoup-client needs to hear something. */
export type HearingOffer = Readonly<{ id: string; producerId: string; kind: 'audio'; rtpParameters: OrtcDocument }>

/** Something that can be heard: an agent's microphone, or what FreeSWITCH sends to a leg. */
export interface AudioSource {
  readonly id: string
  /** Aborted when nothing will ever come from it again. */
  readonly closed: AbortSignal
}

/** One source that one softphone hears. It begins paused: `resume` once the browser has its end. */
export interface Hearing extends Disposable {
  readonly offer: HearingOffer
  readonly closed: AbortSignal
  resume(): Promise<void>
  pause(): Promise<void>
}

export type ConnectionState = 'new' | 'connected' | 'disconnected' | 'closed'

/** Seen from the server, over the last seconds. */
export type ConnectionFigures = Readonly<{
  /** Null while nothing was measured. */
  roundTripMs: number | null
  /** Share of the microphone's packets that did not arrive, 0 to 1. */
  lossShare: number
  jitterMs: number
  bytesReceived: number
  bytesSent: number
}>

export type Way = 'send' | 'receive'

/**
 * A softphone's connection for the whole shift: one transport for its microphone and one for what it hears ("send" and
 * "receive" seen from the browser, as mediasoup-client names them).
 */
export interface SoftphoneConnection extends AsyncDisposable {
  readonly id: string
  readonly offers: Readonly<Record<Way, TransportOffer>>
  readonly state: ConnectionState
  /** Called on each change of `state`, until the returned function is called. */
  onState(listener: (state: ConnectionState) => void): () => void
  connect(way: Way, dtlsParameters: OrtcDocument): Promise<void>
  /** RFC 8445 §9; returns the new ICE parameters for the browser. */
  restartIce(way: Way): Promise<OrtcDocument>
  /** Takes the browser's microphone. A second call replaces the first. */
  speak(rtpParameters: OrtcDocument): Promise<AudioSource>
  readonly microphone: AudioSource | null
  /** Stops and starts what leaves the microphone towards everybody; the browser may stop sending as well. */
  mute(isMuted: boolean): Promise<void>
  /** Lets the softphone hear `source`. `rtpCapabilities` are the browser's (mediasoup-client `device.rtpCapabilities`). */
  hear(source: AudioSource, rtpCapabilities: OrtcDocument): Promise<Hearing>
  figures(): Promise<ConnectionFigures>
}

/**
 * The SFU's side of one FreeSWITCH endpoint: plain RTP (RFC 3550), PCMU or Opus, on loopback or the media network.
 * Make it, give `offerSdp` to FreeSWITCH, then `connect` with the answer.
 */
export interface PlainSide extends AsyncDisposable {
  readonly offerSdp: string
  /** Whether `connect` needs `remoteSsrc` for an answer that does not tell it. */
  readonly needsSsrc: boolean
  /**
   * Takes FreeSWITCH's answer. `remoteSsrc` is the SSRC of what FreeSWITCH sends (its channel variable `rtp_use_ssrc`),
   * for answers without `a=ssrc`: mediasoup drops packets of streams that were not announced. The embedded SFU takes any.
   */
  connect(answerSdp: string, remoteSsrc?: number): Promise<void>
  /** What FreeSWITCH sends; there after `connect`. */
  readonly source: AudioSource
  /** Sends `microphone` to FreeSWITCH, instead of what was sent before; null for silence. */
  send(microphone: AudioSource | null): Promise<void>
  figures(): Promise<Readonly<{ packetsReceived: number; packetsSent: number }>>
}

/** Where one end of a link takes plain RTP. */
export type LinkAddress = Readonly<{ address: string; port: number; rtcpPort: number }>

/** A voice on a link, told by its SSRC (RFC 3550 §8). */
export type LinkedStream = Readonly<{ ssrc: number }>

/**
 * One end of a link between two SFUs, plain RTP over the media network: lets a softphone of one hear what is said at the
 * other. Make both ends, connect each with the other's address, then send here and receive there.
 */
export interface SfuLink extends AsyncDisposable {
  readonly address: LinkAddress
  connect(remote: LinkAddress): Promise<void>
  /** Sends a source until it is stopped; the other end receives it by what this resolves to. */
  send(source: AudioSource): Promise<LinkedStream>
  stop(stream: LinkedStream): void
  /** What the other end sends by this name. */
  receive(stream: LinkedStream): Promise<AudioSource>
}

export interface SoftphoneMedia extends AsyncDisposable {
  readonly engine: 'mediasoup' | 'embedded'
  /** Aborted with the reason when the SFU has died; everything made by it is then closed. */
  readonly lost: AbortSignal
  /** For mediasoup-client `device.load({ routerRtpCapabilities })`. */
  readonly rtpCapabilities: OrtcDocument
  createConnection(): Promise<SoftphoneConnection>
  createPlainSide(): Promise<PlainSide>
  createLink(): Promise<SfuLink>
  /** CPU time of the SFU so far, milliseconds; memory in bytes where it can be told apart. */
  usage(): Promise<Readonly<{ cpuMs: number; memoryBytes: number | null }>>
}

export type SoftphoneMediaErrorCode =
  | 'SFU_LOST'
  | 'SFU_REFUSED'
  | 'CODEC_NOT_SHARED'
  | 'SOURCE_GONE'
  | 'ALREADY_CONNECTED'
  | 'SDP_REFUSED'

export class SoftphoneMediaError extends Error {
  override readonly name = 'SoftphoneMediaError'
  readonly code: SoftphoneMediaErrorCode

  constructor(code: SoftphoneMediaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
