import { randomUUID } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import {
  type ConsumerFigures,
  type MediaCodec,
  type ProducerFigures,
  RouterError,
  type TransportFigures,
  type WebRtcState
} from '../router-api.ts'
import { asParameters, LEG_CODECS, type LegCodecName } from '../leg-codec.ts'
import { startSilenceClock } from '../silence-clock.ts'
import type { OrtcDocument } from '../softphone-media.ts'
import { Consumer } from './consumer.ts'
import { type Certificate, createCertificate } from './dtls/certificate.ts'
import { type Codec, consumerParametersOf, productionOf, routerCodecs, rtpCapabilitiesOf } from './ortc.ts'
import { PlainPorts } from './plain-ports.ts'
import { PlainTransport } from './plain-transport.ts'
import { Producer } from './producer.ts'
import { UdpPort } from './udp-port.ts'
import { WebRtcTransport } from './webrtc-transport.ts'

const TICK_MS = 500
/** Reports go out every two seconds. */
const TICKS_PER_REPORT = 4
const MAX_TRANSPORTS = 10_000
const SILENCE_SSRC = 0x5117e4ce

/** Plain data, because it crosses a thread boundary. */
export type CoreOptions = Readonly<{
  mediaCodecs: readonly MediaCodec[]
  legCodec: LegCodecName
  webRtc: Readonly<{ listenAddress: string; announcedAddress?: string; udpPort: number }>
  plain: Readonly<{ listenAddress: string; ports: readonly [first: number, last: number] }>
  consentTimeoutMs: number
}>

export type CoreEvents = Readonly<{
  onState(transportId: string, state: WebRtcState): void
  onRefused(transportId: string, reason: string): void
  /** A transport, producer or consumer has closed, by itself or with its parent. */
  onClosed(id: string): void
}>

export type WebRtcOffer = Readonly<{
  id: string
  iceParameters: OrtcDocument
  iceCandidates: readonly OrtcDocument[]
  dtlsParameters: OrtcDocument
}>

type Transport = WebRtcTransport | PlainTransport

/** The stand-in itself: a router with its transports, producers and consumers, each known by its id. */
export class Core implements AsyncDisposable {
  readonly #options: CoreOptions
  readonly #events: CoreEvents
  readonly #codecs: readonly Codec[]
  readonly #port: UdpPort
  readonly #plainPorts: PlainPorts
  readonly #certificate: Certificate = createCertificate(Date.now())
  readonly #transports = new Map<string, Transport>()
  readonly #producers = new Map<string, Readonly<{ producer: Producer; transport: Transport | undefined }>>()
  readonly #consumers = new Map<string, Readonly<{ consumer: Consumer; transport: Transport }>>()
  readonly #nextMids = new Map<string, number>()
  readonly #silence: Producer
  readonly #stopSilence: () => void
  readonly #ticker: NodeJS.Timeout
  #ticks = 0

  private constructor(options: CoreOptions, events: CoreEvents, port: UdpPort) {
    this.#options = options
    this.#events = events
    this.#port = port
    this.#codecs = routerCodecs(options.mediaCodecs)
    this.#plainPorts = new PlainPorts(options.plain.listenAddress, options.plain.ports)
    const legCodec = LEG_CODECS[options.legCodec]
    const silent = { codecs: [asParameters(legCodec)] }
    this.#silence = new Producer(randomUUID(), productionOf(silent, this.#codecs), false)
    this.#producers.set(this.#silence.id, { producer: this.#silence, transport: undefined })
    this.#stopSilence = startSilenceClock(legCodec.frameTicks, (sequence, timestamp) => {
      this.#silence.onPacket(SILENCE_SSRC, sequence, timestamp, false, legCodec.silentFrame, performance.now())
    })
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
  }

  static async start(options: CoreOptions, events: CoreEvents): Promise<Core> {
    return new Core(options, events, await UdpPort.open(options.webRtc.listenAddress, options.webRtc.udpPort))
  }

  get ready(): Readonly<{ rtpCapabilities: OrtcDocument; udpPort: number; silenceId: string }> {
    return {
      rtpCapabilities: rtpCapabilitiesOf(this.#codecs),
      udpPort: this.#port.port,
      silenceId: this.#silence.id
    }
  }

  createWebRtcTransport(): WebRtcOffer {
    this.#checkRoom()
    const id = randomUUID()
    const transport = new WebRtcTransport({
      id,
      port: this.#port,
      certificate: this.#certificate,
      consentTimeoutMs: this.#options.consentTimeoutMs,
      onState: state => this.#events.onState(id, state),
      onRefused: reason => this.#events.onRefused(id, reason)
    })
    this.#transports.set(id, transport)
    return {
      id,
      iceParameters: transport.iceParameters,
      iceCandidates: [this.#candidate()],
      dtlsParameters: transport.dtlsParameters
    }
  }

  async createPlainTransport(): Promise<Readonly<{ id: string; address: string; port: number; rtcpPort: number }>> {
    this.#checkRoom()
    const id = randomUUID()
    const pair = await this.#plainPorts.acquire()
    this.#transports.set(id, new PlainTransport(id, pair, () => this.#plainPorts.release(pair)))
    return { id, address: this.#options.plain.listenAddress, port: pair.port, rtcpPort: pair.port + 1 }
  }

  connectWebRtc(transportId: string, dtlsParameters: OrtcDocument): void {
    this.#webRtc(transportId).connect(dtlsParameters)
  }

  restartIce(transportId: string): OrtcDocument {
    return this.#webRtc(transportId).restartIce()
  }

  async connectPlain(
    transportId: string,
    remote: Readonly<{ address: string; port: number; rtcpPort: number }>
  ): Promise<void> {
    const transport = this.#transport(transportId)
    if (!(transport instanceof PlainTransport)) throw new RouterError('SFU_REFUSED', 'this is no plain transport')
    await transport.connect(remote)
  }

  produce(transportId: string, rtpParameters: OrtcDocument, isPaused: boolean): string {
    const transport = this.#transport(transportId)
    const producer = new Producer(randomUUID(), productionOf(rtpParameters, this.#codecs), isPaused)
    transport.streams.addProducer(producer)
    this.#producers.set(producer.id, { producer, transport })
    return producer.id
  }

  consume(
    transportId: string,
    producerId: string,
    rtpCapabilities: OrtcDocument
  ): Readonly<{ id: string; rtpParameters: OrtcDocument }> {
    const transport = this.#transport(transportId)
    const producer = this.#producers.get(producerId)?.producer
    if (producer === undefined) throw new RouterError('SOURCE_GONE', 'there is no such producer')
    const { rtpParameters, ...stream } = consumerParametersOf(producer.production, rtpCapabilities, this.#codecs)
    const id = randomUUID()
    const consumer = new Consumer({ id, producer, ...stream, send: packet => transport.sendRtp(packet) })
    transport.streams.addConsumer(consumer)
    producer.consumers.add(consumer)
    this.#consumers.set(id, { consumer, transport })
    // The media section of the browser's answer that this consumer gets (RFC 5888 §9.1): one after the other.
    const mid = String(this.#nextMids.get(transportId) ?? 0)
    this.#nextMids.set(transportId, Number(mid) + 1)
    return { id, rtpParameters: { ...rtpParameters, mid } }
  }

  /** What closed just before the call came is left alone. */
  setProducerPaused(id: string, isPaused: boolean): void {
    this.#producers.get(id)?.producer.setPaused(isPaused)
  }

  setConsumerPaused(id: string, isPaused: boolean): void {
    this.#consumers.get(id)?.consumer.setPaused(isPaused)
  }

  transportFigures(id: string): TransportFigures {
    return this.#transport(id).figures()
  }

  producerFigures(id: string): ProducerFigures {
    const found = this.#producers.get(id)
    if (found === undefined) throw new RouterError('SOURCE_GONE', 'there is no such producer')
    return found.producer.figures()
  }

  consumerFigures(id: string): ConsumerFigures {
    const found = this.#consumers.get(id)
    if (found === undefined) throw new RouterError('SOURCE_GONE', 'there is no such consumer')
    return found.consumer.figures()
  }

  closeTransport(id: string): void {
    const transport = this.#transports.get(id)
    if (transport === undefined) return
    for (const producer of transport.streams.producers) this.closeProducer(producer.id)
    for (const consumer of [...transport.streams.consumers]) this.closeConsumer(consumer.id)
    this.#transports.delete(id)
    this.#nextMids.delete(id)
    transport.close()
    this.#events.onClosed(id)
  }

  closeProducer(id: string): void {
    const found = this.#producers.get(id)
    if (found?.transport === undefined) return
    for (const consumer of found.producer.consumers) this.closeConsumer(consumer.id)
    this.#producers.delete(id)
    found.transport.streams.removeProducer(found.producer)
    this.#events.onClosed(id)
  }

  closeConsumer(id: string): void {
    const found = this.#consumers.get(id)
    if (found === undefined) return
    this.#consumers.delete(id)
    found.transport.streams.removeConsumer(found.consumer)
    found.consumer.producer.consumers.delete(found.consumer)
    this.#events.onClosed(id)
  }

  /** Bytes that this thread's own heap and buffers hold. */
  memoryBytes(): number {
    const { total_physical_size, external_memory } = getHeapStatistics()
    return total_physical_size + external_memory
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticker)
    this.#stopSilence()
    for (const id of this.#transports.keys()) this.closeTransport(id)
    await this.#port[Symbol.asyncDispose]()
  }

  #tick(): void {
    const nowMs = performance.now()
    this.#ticks++
    let place = 0
    // Reports are spread over the ticks, so that not all go out in one turn.
    for (const transport of this.#transports.values()) {
      transport.tick(nowMs, (this.#ticks + place++) % TICKS_PER_REPORT === 0)
    }
  }

  #checkRoom(): void {
    if (this.#transports.size >= MAX_TRANSPORTS) throw new RouterError('SFU_REFUSED', 'too many transports')
  }

  #transport(id: string): Transport {
    const transport = this.#transports.get(id)
    if (transport === undefined) throw new RouterError('SFU_REFUSED', 'there is no such transport')
    return transport
  }

  #webRtc(id: string): WebRtcTransport {
    const transport = this.#transport(id)
    if (!(transport instanceof WebRtcTransport)) throw new RouterError('SFU_REFUSED', 'this is no WebRTC transport')
    return transport
  }

  #candidate(): OrtcDocument {
    const address = this.#options.webRtc.announcedAddress ?? this.#options.webRtc.listenAddress
    return {
      foundation: 'udpcandidate',
      priority: 1_076_302_079,
      ip: address,
      address,
      protocol: 'udp',
      port: this.#port.port,
      type: 'host'
    }
  }
}
