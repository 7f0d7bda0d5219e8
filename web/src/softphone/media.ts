import { Device } from 'mediasoup-client'
import type { types } from 'mediasoup-client'
import type { ReplyData, SoftphonePush } from '../../../server/softphone/protocol.ts'
import { applyOutput } from './audio-output.ts'
import type { IceState } from './media-types.ts'
import { SoftphoneError } from './softphone-error.ts'
import type { DataOf, FieldsOf } from './socket.ts'

type Hello = Extract<SoftphonePush, { kind: 'hello' }>
export type HearPush = Extract<SoftphonePush, { kind: 'media.hear' }>
type MediaRequest = 'media.open' | 'media.connect' | 'media.speak' | 'media.restartIce' | 'media.hearing'
type Ask = <K extends MediaRequest>(kind: K, fields: FieldsOf<K>) => Promise<DataOf<K>>
type Way = 'send' | 'receive'

export type MediaFigures = Readonly<{ roundTripMs: number | null; lossShare: number }>

export type MediaOptions = Readonly<{
  hello: Hello
  ask: Ask
  onIce(state: IceState): void
  /** Called once, when ICE cannot be mended and everything must be opened anew. */
  onBeyondRepair(): void
  /** The browser plays nothing before the person has clicked somewhere. */
  onSoundBlocked(): void
  output: Readonly<{ deviceId: string | null; volume: number }>
}>

/** How long a broken way may heal by itself before ICE is restarted (RFC 8445 §9). */
const HEAL_MS = 700
/** How long a restart may take before everything is opened anew. */
const RESTART_MS = 4_000

/**
 * The audio of one page, open for the whole shift: one transport for what the agent says and one for what is heard.
 */
export class MediaConnection {
  readonly #ask: Ask
  readonly #device: Device
  readonly #send: types.Transport
  readonly #receive: types.Transport
  readonly #hearings = new Map<string, Readonly<{ consumer: types.Consumer; element: HTMLAudioElement }>>()
  readonly #onIce: (state: IceState) => void
  readonly #onBeyondRepair: () => void
  readonly #onSoundBlocked: () => void
  readonly #healing = new Map<Way, ReturnType<typeof setTimeout>>()
  #sender: RTCRtpSender | null = null
  #wanted: MediaStreamTrack | null = null
  #replacing: Promise<void> = Promise.resolve()
  #consuming: Promise<unknown> = Promise.resolve()
  #output: Readonly<{ deviceId: string | null; volume: number }>
  #isClosed = false

  private constructor(device: Device, offers: ReplyData['media.open'], options: MediaOptions) {
    this.#device = device
    this.#ask = options.ask
    this.#onIce = options.onIce
    this.#onBeyondRepair = options.onBeyondRepair
    this.#onSoundBlocked = options.onSoundBlocked
    this.#output = options.output
    const iceServers = options.hello.iceServers.map(server => ({ ...server }))
    this.#send = device.createSendTransport(transportOptions(offers.send, iceServers))
    this.#receive = device.createRecvTransport(transportOptions(offers.receive, iceServers))
    for (const way of ['send', 'receive'] as const) this.#watch(way)
  }

  /** Asks the server for the transports. Rejects with SoftphoneError; `MEDIA_FAILED` when this browser cannot. */
  static async open(options: MediaOptions): Promise<MediaConnection> {
    try {
      const device = new Device()
      await device.load({ routerRtpCapabilities: { ...options.hello.routerRtpCapabilities } as types.RtpCapabilities })
      const offers = await options.ask('media.open', { rtpCapabilities: { ...device.recvRtpCapabilities } })
      return new MediaConnection(device, offers, options)
    } catch (err) {
      throw err instanceof SoftphoneError ? err : new SoftphoneError('MEDIA_FAILED', String(err), { cause: err })
    }
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get ice(): IceState {
    const state = this.#send.connectionState
    return state === 'closed' ? 'failed' : state
  }

  get hasMicrophone(): boolean {
    return this.#sender !== null
  }

  /** Brings the microphone to the server. It sends nothing until `sendTrack` says so. */
  async speak(track: MediaStreamTrack): Promise<void> {
    const codecs = this.#device.sendRtpCapabilities.codecs ?? []
    const pcmu = codecs.find(codec => codec.mimeType.toLowerCase() === 'audio/pcmu')
    let sender: RTCRtpSender | null = null
    await this.#send.produce({
      // The agent's own track stays with the level meter, whatever happens to the sending.
      track: track.clone(),
      ...(pcmu !== undefined && { codec: pcmu }),
      codecOptions: { opusFec: true, opusDtx: false, opusStereo: false },
      disableTrackOnPause: false,
      onRtpSender: one => {
        sender = one
      }
    })
    this.#sender = sender
    this.#apply()
  }

  /** What leaves this browser from now on; null sends nothing at all. Takes effect in order. */
  sendTrack(track: MediaStreamTrack | null): void {
    if (track === this.#wanted) return
    this.#wanted = track
    this.#apply()
  }

  /** Whether the microphone's sound leaves this browser now. */
  get isSending(): boolean {
    return this.#sender?.track != null
  }

  async hear(push: HearPush): Promise<void> {
    const { id, producerId, kind, rtpParameters } = push.hearing
    // One after the other: an SFU that names no MID (RFC 8843 §15) leaves that to mediasoup-client, which counts the
    // media that are already there and would give two at once the same.
    const consuming = this.#consuming.then(() =>
      this.#receive.consume({ id, producerId, kind, rtpParameters: { ...rtpParameters } as types.RtpParameters })
    )
    this.#consuming = consuming.catch(() => undefined)
    const consumer = await consuming
    const element = new Audio()
    element.srcObject = new MediaStream([consumer.track])
    element.volume = this.#output.volume
    this.#hearings.set(id, { consumer, element })
    await applyOutput(element, this.#output.deviceId)
    await element.play().catch(() => this.#onSoundBlocked())
    await this.#ask('media.hearing', { hearingId: id })
  }

  /** Plays what the browser kept silent; call it in a click. */
  async playAgain(): Promise<void> {
    await Promise.all([...this.#hearings.values()].map(({ element }) => element.play()))
  }

  unhear(hearingId: string): void {
    const hearing = this.#hearings.get(hearingId)
    if (hearing === undefined) return
    this.#hearings.delete(hearingId)
    hearing.element.srcObject = null
    hearing.consumer.close()
  }

  setOutput(output: Readonly<{ deviceId: string | null; volume: number }>): void {
    this.#output = output
    for (const { element } of this.#hearings.values()) {
      element.volume = output.volume
      void applyOutput(element, output.deviceId)
    }
  }

  /** Round trip and loss as the browser measured them, in both ways. */
  async figures(): Promise<MediaFigures> {
    let roundTripMs: number | null = null
    let lossShare = 0
    for (const report of await Promise.all([this.#send.getStats(), this.#receive.getStats()]))
      for (const stats of report.values() as IterableIterator<Record<string, unknown>>) {
        if (stats['type'] === 'candidate-pair' && typeof stats['currentRoundTripTime'] === 'number')
          roundTripMs = Math.max(roundTripMs ?? 0, stats['currentRoundTripTime'] * 1000)
        if (stats['type'] === 'remote-inbound-rtp' && typeof stats['fractionLost'] === 'number')
          lossShare = Math.max(lossShare, Math.min(1, Math.max(0, stats['fractionLost'])))
      }
    return { roundTripMs, lossShare }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#healing.values()) clearTimeout(timer)
    for (const id of [...this.#hearings.keys()]) this.unhear(id)
    this.#send.close()
    this.#receive.close()
  }

  #watch(way: Way): void {
    const transport = way === 'send' ? this.#send : this.#receive
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      this.#ask('media.connect', { way, dtlsParameters: { ...dtlsParameters } }).then(() => done(), failed)
    })
    if (way === 'send')
      transport.on('produce', ({ rtpParameters }, done, failed) => {
        this.#ask('media.speak', { rtpParameters: { ...rtpParameters } }).then(
          ({ microphoneId }) => done({ id: microphoneId }),
          failed
        )
      })
    transport.on('connectionstatechange', state => {
      if (this.#isClosed) return
      if (way === 'send') this.#onIce(this.ice)
      if (state === 'connected') {
        clearTimeout(this.#healing.get(way))
        this.#healing.delete(way)
      }
      if ((state === 'disconnected' || state === 'failed') && !this.#healing.has(way))
        this.#healing.set(
          way,
          setTimeout(() => void this.#restart(way), state === 'failed' ? 0 : HEAL_MS)
        )
    })
  }

  async #restart(way: Way): Promise<void> {
    const transport = way === 'send' ? this.#send : this.#receive
    const giveUp = setTimeout(() => {
      if (!this.#isClosed && transport.connectionState !== 'connected') this.#onBeyondRepair()
    }, RESTART_MS)
    this.#healing.set(way, giveUp)
    try {
      const { iceParameters } = await this.#ask('media.restartIce', { way })
      if (!this.#isClosed) await transport.restartIce({ iceParameters: iceParameters as types.IceParameters })
    } catch {
      // The server has forgotten these transports, or cannot be reached: opening anew covers both.
      clearTimeout(giveUp)
      if (!this.#isClosed) this.#onBeyondRepair()
    }
  }

  #apply(): void {
    const sender = this.#sender
    if (sender === null) return
    const track = this.#wanted
    this.#replacing = this.#replacing
      .then(() => sender.replaceTrack(track))
      .catch(err => {
        // The sender of a closed transport takes no track any more; nothing is sent then, which is what was to be ensured.
        if (!this.#isClosed) throw err
      })
  }
}

function transportOptions(offer: ReplyData['media.open']['send'], iceServers: RTCIceServer[]): types.TransportOptions {
  return {
    id: offer.id,
    iceParameters: offer.iceParameters as types.IceParameters,
    iceCandidates: offer.iceCandidates as unknown as types.IceCandidate[],
    dtlsParameters: offer.dtlsParameters as unknown as types.DtlsParameters,
    iceServers
  }
}
