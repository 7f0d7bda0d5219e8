import { randomUUID } from 'node:crypto'
import { FigureWindow } from './figure-window.ts'
import { Microphone, type ProducedSource } from './microphone.ts'
import { RouterError, type SfuConsumer, type SfuLog, type SfuWebRtcTransport } from './router-api.ts'
import {
  type AudioSource,
  type ConnectionFigures,
  type ConnectionState,
  type Hearing,
  type OrtcDocument,
  type SoftphoneConnection,
  SoftphoneMediaError,
  type TransportOffer,
  type Way
} from './softphone-media.ts'

export type ConnectionOptions = Readonly<{
  send: SfuWebRtcTransport
  receive: SfuWebRtcTransport
  log: SfuLog
  /** The router's producer behind a source of this SFU; undefined for strangers. */
  producedSource(source: AudioSource): ProducedSource | undefined
}>

/** Two transports of one browser, seen as one connection. */
export class RouterConnection implements SoftphoneConnection {
  readonly id = randomUUID()
  readonly offers: Readonly<Record<Way, TransportOffer>>
  readonly #options: ConnectionOptions
  readonly #listeners = new Set<(state: ConnectionState) => void>()
  readonly #hearings = new Map<string, SfuConsumer>()
  readonly #window = new FigureWindow()
  #microphone: Microphone | null = null
  #isMuted = false
  #state: ConnectionState = 'new'

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.offers = { send: offerOf(options.send), receive: offerOf(options.receive) }
    for (const transport of [options.send, options.receive]) {
      transport.onState(() => this.#onTransportState())
      transport.closed.addEventListener('abort', () => this.#close(), { once: true })
    }
  }

  get state(): ConnectionState {
    return this.#state
  }

  get microphone(): Microphone | null {
    return this.#microphone
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  connect(way: Way, dtlsParameters: OrtcDocument): Promise<void> {
    return asSoftphoneError(this.#options[way].connect(dtlsParameters))
  }

  restartIce(way: Way): Promise<OrtcDocument> {
    return asSoftphoneError(this.#options[way].restartIce())
  }

  async speak(rtpParameters: OrtcDocument): Promise<AudioSource> {
    // First, because the same microphone comes back with the same SSRC.
    this.#microphone?.producer.close()
    this.#microphone = null
    const producer = await asSoftphoneError(this.#options.send.produce({ rtpParameters, isPaused: this.#isMuted }))
    const microphone = new Microphone(producer, this.#isMuted)
    microphone.setReachable(this.#state !== 'disconnected')
    this.#microphone = microphone
    producer.closed.addEventListener(
      'abort',
      () => {
        if (this.#microphone === microphone) this.#microphone = null
      },
      { once: true }
    )
    return microphone
  }

  async mute(isMuted: boolean): Promise<void> {
    this.#isMuted = isMuted
    if (this.#microphone !== null) await asSoftphoneError(this.#microphone.mute(isMuted))
  }

  async hear(source: AudioSource, rtpCapabilities: OrtcDocument): Promise<Hearing> {
    const producer = this.#options.producedSource(source)?.producer
    if (producer === undefined || producer.closed.aborted) {
      throw new SoftphoneMediaError('SOURCE_GONE', 'nothing will come from this source any more')
    }
    const consumer = await asSoftphoneError(this.#options.receive.consume({ producerId: producer.id, rtpCapabilities }))
    this.#hearings.set(consumer.id, consumer)
    consumer.closed.addEventListener('abort', () => this.#hearings.delete(consumer.id), { once: true })
    return {
      offer: {
        id: consumer.id,
        producerId: consumer.producerId,
        kind: 'audio',
        rtpParameters: consumer.rtpParameters
      },
      closed: consumer.closed,
      resume: () => asSoftphoneError(consumer.resume()),
      pause: () => asSoftphoneError(consumer.pause()),
      [Symbol.dispose]: () => consumer.close()
    }
  }

  async figures(): Promise<ConnectionFigures> {
    const { send, receive } = this.#options
    const consumers = [...this.#hearings.values()]
    const [up, down, microphone, ...heard] = await asSoftphoneError(
      Promise.all([
        send.figures(),
        receive.figures(),
        this.#microphone?.producer.figures(),
        ...consumers.map(consumer => consumer.figures())
      ])
    )
    const roundTrips = heard.flatMap(({ roundTripMs }) => (roundTripMs === null ? [] : [roundTripMs]))
    return {
      roundTripMs: roundTrips.length === 0 ? null : Math.min(...roundTrips),
      lossShare: microphone === undefined ? 0 : this.#window.lossShare(microphone, performance.now()),
      jitterMs: microphone?.jitterMs ?? 0,
      bytesReceived: up.bytesReceived + down.bytesReceived,
      bytesSent: up.bytesSent + down.bytesSent
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  #onTransportState(): void {
    const states = [this.#options.send.state, this.#options.receive.state]
    if (states.some(state => state === 'failed' || state === 'closed')) {
      // DTLS cannot begin again: the browser has left or is not who it said, and needs a new connection.
      this.#options.log.info({ connectionId: this.id, states }, 'softphone connection ended by the browser')
      this.#close()
    } else if (states.includes('disconnected')) this.#setState('disconnected')
    else if (states.includes('connected')) this.#setState('connected')
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#setState('closed')
    this.#listeners.clear()
    this.#options.send.close()
    this.#options.receive.close()
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return
    this.#state = state
    this.#microphone?.setReachable(state !== 'disconnected')
    for (const listener of this.#listeners) {
      try {
        listener(state)
      } catch (err) {
        // One listener's mistake must not keep the others from hearing it.
        this.#options.log.error({ err, connectionId: this.id }, 'a listener of a softphone connection failed')
      }
    }
  }
}

function offerOf(transport: SfuWebRtcTransport): TransportOffer {
  const { id, iceParameters, iceCandidates, dtlsParameters } = transport
  return { id, iceParameters, iceCandidates, dtlsParameters }
}

/** The router's refusals in the words of this folder's callers. */
export async function asSoftphoneError<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise
  } catch (err) {
    if (err instanceof RouterError) throw new SoftphoneMediaError(err.code, err.message, { cause: err })
    throw err
  }
}
