import { buildRtp } from '../audio/rtp.ts'
import type {
  ListenInfo,
  MediasoupConsumer,
  MediasoupModule,
  MediasoupPlainTransport,
  MediasoupProducer,
  MediasoupRouter,
  MediasoupTransport,
  MediasoupWebRtcTransport,
  MediasoupWorker
} from './mediasoup-types.ts'
import {
  RouterError,
  type RouterOptions,
  type SfuConsumer,
  type SfuPlainTransport,
  type SfuProducer,
  type SfuRouter,
  type SfuTransport,
  type SfuWebRtcTransport,
  type WebRtcState
} from './router-api.ts'
import { asParameters, LEG_CODECS } from './leg-codec.ts'
import { startSilenceClock } from './silence-clock.ts'
import type { OrtcDocument } from './softphone-media.ts'

/** Not a literal, so that neither Node nor the compiler looks for a package that may not be installed. */
const PACKAGE: string = 'mediasoup'
const START_LIMIT_MS = 10_000
const SILENCE_SSRC = 0x5117e4ce

export type MediasoupOutcome =
  | Readonly<{ kind: 'open'; router: SfuRouter }>
  | Readonly<{ kind: 'not-available'; reason: string; cause: unknown }>

/**
 * Starts mediasoup's worker (MEDIASOUP_WORKER_BIN, or the package's own) with one router. Where the package is not
 * installed or its worker does not start, that is the outcome; only a port that cannot be had rejects.
 */
export async function openMediasoupRouter(options: RouterOptions): Promise<MediasoupOutcome> {
  let worker: MediasoupWorker
  try {
    const { createWorker } = (await import(PACKAGE)) as MediasoupModule
    worker = await startedInTime(createWorker({ logLevel: 'warn', logTags: ['info', 'ice', 'dtls'] }))
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const reason = isMissing ? 'mediasoup is not installed' : 'the mediasoup worker does not start'
    return { kind: 'not-available', reason, cause }
  }
  try {
    return { kind: 'open', router: await openRouter(worker, options) }
  } catch (cause) {
    worker.close()
    throw new RouterError('SFU_REFUSED', 'mediasoup cannot listen', { cause })
  }
}

async function startedInTime(starting: Promise<MediasoupWorker>): Promise<MediasoupWorker> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const limit = setTimeout(() => {
    reject(new Error(`the worker was not ready within ${START_LIMIT_MS} ms`))
    // It may still come: then nobody wants it any more. If it fails instead, nobody waits for the reason.
    starting.then(
      worker => worker.close(),
      () => {}
    )
  }, START_LIMIT_MS)
  try {
    return await Promise.race([starting, tooLate])
  } finally {
    clearTimeout(limit)
  }
}

async function openRouter(worker: MediasoupWorker, options: RouterOptions): Promise<SfuRouter> {
  const { listenAddress: ip, announcedAddress, udpPort, tcp } = options.webRtc
  const listenInfo = (protocol: 'udp' | 'tcp', port: number): ListenInfo => ({
    protocol,
    ip,
    // Port 0 is mediasoup's own word for "any", but only by leaving it out.
    ...(port === 0 ? {} : { port }),
    ...(announcedAddress === undefined ? {} : { announcedAddress })
  })
  const listenInfos = [listenInfo('udp', udpPort), ...(tcp ? [listenInfo('tcp', udpPort)] : [])]
  const server = await worker.createWebRtcServer({ listenInfos })
  const { udpSockets } = await server.dump()
  const router = await worker.createRouter({ mediaCodecs: options.mediaCodecs.map(codec => ({ ...codec })) })
  const direct = await router.createDirectTransport()
  const silence = await direct.produce({
    kind: 'audio',
    rtpParameters: { codecs: [asParameters(LEG_CODECS[options.legCodec])], encodings: [{ ssrc: SILENCE_SSRC }] },
    paused: false
  })
  return new MediasoupSfuRouter({ worker, server, router, silence, options, udpPort: udpSockets[0]?.port ?? udpPort })
}

type Parts = Readonly<{
  worker: MediasoupWorker
  server: unknown
  router: MediasoupRouter
  silence: MediasoupProducer
  options: RouterOptions
  udpPort: number
}>

class MediasoupSfuRouter implements SfuRouter {
  readonly udpPort: number
  readonly silence: SfuProducer
  readonly #parts: Parts
  readonly #context: Context
  readonly #died = new AbortController()
  readonly #stopSilence: () => void
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.udpPort = parts.udpPort
    this.#context = { router: parts.router, died: this.#died.signal, producerIds: new Set([parts.silence.id]) }
    this.silence = producerOf(this.#context, parts.silence)
    const { payloadType, frameTicks, silentFrame } = LEG_CODECS[parts.options.legCodec]
    this.#stopSilence = startSilenceClock(frameTicks, (sequenceNumber, timestamp) => {
      const header = { payloadType, marker: false, sequenceNumber, timestamp, ssrc: SILENCE_SSRC }
      parts.silence.send(buildRtp({ ...header, payload: silentFrame }))
    })
    parts.worker.on('died', cause => {
      this.#stopSilence()
      this.#died.abort(new RouterError('SFU_LOST', 'the mediasoup worker has died', { cause }))
    })
  }

  get rtpCapabilities(): OrtcDocument {
    return this.#parts.router.rtpCapabilities
  }

  get died(): AbortSignal {
    return this.#died.signal
  }

  async createWebRtcTransport(): Promise<SfuWebRtcTransport> {
    const { router, server, options } = this.#parts
    const transport = await answered(
      this.#context,
      router.createWebRtcTransport({
        webRtcServer: server,
        enableUdp: true,
        enableTcp: options.webRtc.tcp,
        preferUdp: true,
        // mediasoup takes 10 to 60 s and corrects anything else.
        iceConsentTimeout: Math.min(60, Math.max(10, Math.round(options.consentTimeoutMs / 1000)))
      })
    )
    return new MediasoupSfuWebRtcTransport(this.#context, transport)
  }

  async createPlainTransport(): Promise<SfuPlainTransport> {
    const { listenAddress, ports } = this.#parts.options.plain
    const listenInfo = { protocol: 'udp', ip: listenAddress, portRange: { min: ports[0], max: ports[1] } }
    const transport = await answered(
      this.#context,
      this.#parts.router.createPlainTransport({
        listenInfo,
        rtcpListenInfo: listenInfo,
        rtcpMux: false,
        comedia: false
      })
    )
    return plainTransportOf(this.#context, transport, listenAddress)
  }

  async usage(): Promise<Readonly<{ cpuMs: number; memoryBytes: number | null }>> {
    const { ru_utime, ru_stime, ru_maxrss } = await answered(this.#context, this.#parts.worker.getResourceUsage())
    return { cpuMs: ru_utime + ru_stime, memoryBytes: ru_maxrss * 1024 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopSilence()
    this.#parts.worker.close()
  }
}

type Context = Readonly<{ router: MediasoupRouter; died: AbortSignal; producerIds: Set<string> }>

/** mediasoup's errors as {@link RouterError}. */
async function answered<Result>(context: Context, promise: Promise<Result>): Promise<Result> {
  try {
    return await promise
  } catch (cause) {
    if (context.died.aborted) throw new RouterError('SFU_LOST', 'the mediasoup worker has died', { cause })
    const { name, message } = cause as Error
    throw new RouterError(name === 'UnsupportedError' ? 'CODEC_NOT_SHARED' : 'SFU_REFUSED', message, { cause })
  }
}

function closedSignal(observed: MediasoupTransport | MediasoupProducer | MediasoupConsumer): AbortSignal {
  const controller = new AbortController()
  observed.observer.once('close', () => controller.abort())
  return controller.signal
}

class MediasoupSfuWebRtcTransport implements SfuWebRtcTransport {
  readonly id: string
  readonly iceParameters: OrtcDocument
  readonly iceCandidates: readonly OrtcDocument[]
  readonly dtlsParameters: OrtcDocument
  readonly closed: AbortSignal
  readonly produce: SfuTransport['produce']
  readonly consume: SfuTransport['consume']
  readonly figures: SfuTransport['figures']
  readonly close: () => void
  readonly #context: Context
  readonly #transport: MediasoupWebRtcTransport
  readonly #listeners = new Set<(state: WebRtcState) => void>()
  #state: WebRtcState = 'new'
  #isConnectAsked = false

  constructor(context: Context, transport: MediasoupWebRtcTransport) {
    const base = transportOf(context, transport)
    this.id = base.id
    this.closed = base.closed
    this.produce = base.produce
    this.consume = base.consume
    this.figures = base.figures
    this.close = base.close
    this.iceParameters = transport.iceParameters
    this.iceCandidates = transport.iceCandidates
    this.dtlsParameters = transport.dtlsParameters
    this.#context = context
    this.#transport = transport
    transport.on('icestatechange', () => this.#update())
    transport.on('dtlsstatechange', () => this.#update())
  }

  get state(): WebRtcState {
    return this.#state
  }

  onState(listener: (state: WebRtcState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async connect(dtlsParameters: OrtcDocument): Promise<void> {
    if (this.#isConnectAsked) throw new RouterError('ALREADY_CONNECTED', 'this transport was connected before')
    this.#isConnectAsked = true
    await answered(this.#context, this.#transport.connect({ dtlsParameters: structuredClone(dtlsParameters) }))
  }

  restartIce(): Promise<OrtcDocument> {
    return answered(this.#context, this.#transport.restartIce())
  }

  #update(): void {
    const next = stateOf(this.#transport, this.#state)
    if (next === this.#state) return
    this.#state = next
    for (const listener of this.#listeners) listener(next)
  }
}

/** One state out of ICE's and DTLS's: connected is both, and DTLS's end is final. */
function stateOf({ iceState, dtlsState }: MediasoupWebRtcTransport, before: WebRtcState): WebRtcState {
  if (before === 'failed' || before === 'closed') return before
  if (dtlsState === 'failed' || dtlsState === 'closed') return dtlsState
  if (dtlsState !== 'connected') return before
  return iceState === 'connected' || iceState === 'completed' ? 'connected' : 'disconnected'
}

function plainTransportOf(context: Context, transport: MediasoupPlainTransport, address: string): SfuPlainTransport {
  let isConnectAsked = false
  return {
    ...transportOf(context, transport),
    address,
    port: transport.tuple.localPort,
    rtcpPort: transport.rtcpTuple?.localPort ?? transport.tuple.localPort,
    async connect({ address: ip, port, rtcpPort }) {
      if (isConnectAsked) throw new RouterError('ALREADY_CONNECTED', 'this transport was connected before')
      isConnectAsked = true
      await answered(context, transport.connect({ ip, port, rtcpPort }))
    }
  }
}

function transportOf(context: Context, transport: MediasoupTransport): SfuTransport {
  return {
    id: transport.id,
    closed: closedSignal(transport),
    async produce({ rtpParameters, isPaused }) {
      // mediasoup fills in what is missing, in the given object.
      const options = {
        kind: 'audio',
        rtpParameters: structuredClone(rtpParameters),
        paused: isPaused ?? false
      } as const
      const producer = await answered(context, transport.produce(options))
      context.producerIds.add(producer.id)
      producer.observer.once('close', () => context.producerIds.delete(producer.id))
      return producerOf(context, producer)
    },
    async consume({ producerId, rtpCapabilities }) {
      if (!context.producerIds.has(producerId)) throw new RouterError('SOURCE_GONE', 'there is no such producer')
      const options = { producerId, rtpCapabilities: structuredClone(rtpCapabilities) }
      if (!context.router.canConsume(options)) {
        throw new RouterError('CODEC_NOT_SHARED', 'the hearing side does not take the codec')
      }
      return consumerOf(context, await answered(context, transport.consume({ ...options, paused: true })))
    },
    async figures() {
      const [stats] = await answered(context, transport.getStats())
      return { bytesReceived: stats?.bytesReceived ?? 0, bytesSent: stats?.bytesSent ?? 0 }
    },
    close: () => transport.close()
  }
}

function producerOf(context: Context, producer: MediasoupProducer): SfuProducer {
  const clockRate = producer.rtpParameters.codecs[0]?.clockRate ?? 8000
  return {
    id: producer.id,
    closed: closedSignal(producer),
    pause: () => answered(context, producer.pause()),
    resume: () => answered(context, producer.resume()),
    async figures() {
      const [stats] = await answered(context, producer.getStats())
      return {
        packetsReceived: stats?.packetCount ?? 0,
        packetsLost: Math.max(0, stats?.packetsLost ?? 0),
        jitterMs: ((stats?.jitter ?? 0) * 1000) / clockRate
      }
    },
    close: () => producer.close()
  }
}

function consumerOf(context: Context, consumer: MediasoupConsumer): SfuConsumer {
  return {
    id: consumer.id,
    producerId: consumer.producerId,
    rtpParameters: consumer.rtpParameters,
    closed: closedSignal(consumer),
    pause: () => answered(context, consumer.pause()),
    resume: () => answered(context, consumer.resume()),
    async figures() {
      const stats = (await answered(context, consumer.getStats())).find(({ type }) => type === 'outbound-rtp')
      return { packetsSent: stats?.packetCount ?? 0, roundTripMs: stats?.roundTripTime ?? null }
    },
    close: () => consumer.close()
  }
}
