/**
 * What the control plane knows of a media resource. Only media/freeswitch.ts makes one.
 * Every method rejects with {@link MediaError} when the media server has dropped the leg.
 */
export interface Endpoint extends AsyncDisposable {
  /** The media server's own id of the leg. */
  readonly id: string
  /** SDP to give to the far end. */
  readonly localSdp: string
  /** Codec that was agreed, such as PCMU; null while none is. */
  readonly codec: string | null
  /** Aborted when the media server drops the leg: it died, or no voice arrived for too long. */
  readonly lost: AbortSignal
  /** Hears each key that the far end presses, once, until the returned function is called. */
  onDigit(listener: (digit: string) => void): () => void
  /** Feeds a key that arrived by signalling (SIP INFO) instead of RTP. */
  pushDigit(digit: string): void
  /** Starts playing sources one after the other. Sources are paths or URLs that the media server understands. */
  play(sources: readonly string[]): Playback
  /** Plays `source` again and again until stopped: hold music, ringback. */
  loop(source: string): Playback
  /** Sends keys to the far end as RFC 4733 telephone-events. */
  sendDigits(digits: string): Promise<void>
  /** Takes a new offer from the far end (re-INVITE, RFC 3261 §14) and returns the answer. */
  modify(sdp: string): Promise<string>
  bridge(other: Pick<Endpoint, 'id'>): Promise<void>
  unbridge(): Promise<void>
  /** Joins everybody who named the same conference; whatever the leg was doing ends. */
  joinConference(name: string): Promise<void>
  /** Leaves the conference; the leg stays up and silent. */
  leaveConference(): Promise<void>
  /** Sends the leg's audio to a WebSocket as 16-bit PCM at 8 kHz; `stereo` has what the far end says on the left. */
  startFork(options: Readonly<{ url: string; mix: 'mono' | 'stereo'; name: string }>): Promise<void>
  stopFork(name: string): Promise<void>
}

export interface Playback {
  /** Resolves when the last source ended or playing was stopped; rejects with {@link MediaError}. */
  readonly finished: Promise<'finished' | 'stopped'>
  stop(): Promise<void>
}

export type MediaErrorCode =
  | 'MEDIA_UNAVAILABLE'
  | 'MEDIA_LOST'
  | 'NO_VOICE'
  | 'MEDIA_TIMEOUT'
  | 'NO_COMMON_CODEC'
  | 'SDP_REFUSED'
  | 'PROMPT_NOT_PLAYABLE'
  | 'MEDIA_COMMAND_FAILED'

export class MediaError extends Error {
  override readonly name = 'MediaError'
  readonly code: MediaErrorCode

  constructor(code: MediaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A connection to a media server that is made again whenever it breaks. */
export interface MediaServer extends AsyncDisposable {
  readonly isConnected: boolean
  /** Makes an endpoint that talks to the party with this SDP offer. */
  createEndpoint(remoteSdp: string): Promise<Endpoint>
  /** Makes an endpoint that offers SDP itself; `accept` is called with the far end's answer. */
  createOffer(): Promise<Endpoint>
}
