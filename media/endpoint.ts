/** What can be played: a path or URL that the media server understands, or several of them that come one after the other. */
export type PlaySource = string | AsyncIterable<string>

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
  /**
   * Starts playing sources one after the other. A source that comes in pieces is asked for the next when one begins, and may
   * be waited for; an error of its own ends the playback.
   */
  play(sources: readonly PlaySource[]): Playback
  /** Plays `source` again and again until stopped: hold music, ringback. */
  loop(source: string): Playback
  /** Stops whatever plays to the far end, and what would play again and again. */
  hush(): Promise<void>
  /** Sends keys to the far end as RFC 4733 telephone-events. */
  sendDigits(digits: string): Promise<void>
  /** From now on keys of whoever this leg is connected with are not passed on to it. */
  refuseKeys(): Promise<void>
  /** The SSRC of what the media server sends to the far end (RFC 3550 §8.1); null when it does not say. */
  voiceSsrc(): Promise<number | null>
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
  /**
   * Ends a leg that nobody serves any more; false when the media server has no leg with this id.
   * Rejects with MEDIA_UNAVAILABLE when it cannot be asked.
   */
  endLeg(endpointId: string): Promise<boolean>
  /** Leaves a note at the media server for whoever else uses it; null takes it away. Rejects as `endLeg`. */
  leaveNote(name: string, text: string | null): Promise<void>
  /** A note that somebody has left; null when there is none. Rejects as `endLeg`. */
  readNote(name: string): Promise<string | null>
}
