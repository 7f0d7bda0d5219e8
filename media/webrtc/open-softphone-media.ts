import { openEmbeddedRouter } from './embedded/embedded-router.ts'
import { LEG_CODECS, type LegCodec, type LegCodecName } from './leg-codec.ts'
import { openMediasoupRouter } from './mediasoup.ts'
import { Microphone, type ProducedSource } from './microphone.ts'
import { RouterPlainSide } from './plain-side.ts'
import type { MediaCodec, RouterOptions, SfuLog, SfuRouter } from './router-api.ts'
import { RouterLink } from './sfu-link.ts'
import { asSoftphoneError, RouterConnection } from './softphone-connection.ts'
import {
  type AudioSource,
  type OrtcDocument,
  type PlainSide,
  type SfuLink,
  type SoftphoneConnection,
  type SoftphoneMedia,
  SoftphoneMediaError
} from './softphone-media.ts'

/**
 * With PCMU nothing is transcoded on the way to telephone networks, and Opus is there for softphones among themselves. With Opus
 * browsers are offered nothing else, and FreeSWITCH makes of it what the other legs of a call need.
 */
const MEDIA_CODECS: Readonly<Record<LegCodecName, readonly MediaCodec[]>> = {
  PCMU: [asMediaCodec(LEG_CODECS.PCMU), asMediaCodec(LEG_CODECS.opus)],
  opus: [asMediaCodec(LEG_CODECS.opus)]
}
const DEFAULT_CONSENT_TIMEOUT_MS = 6_000

export type SoftphoneMediaOptions = Readonly<{
  /** `auto` takes mediasoup where it is installed and its worker starts. */
  engine: 'auto' | 'mediasoup' | 'embedded'
  /** For browsers: one UDP port for all of them, 0 for any that is free. */
  listenAddress: string
  /** What browsers are told instead of `listenAddress`, behind NAT or on all interfaces. */
  announcedAddress?: string
  udpPort: number
  /** ICE over TCP on the same port number, for networks without UDP. Default false; the embedded SFU has none. */
  iceTcp?: boolean
  /** For FreeSWITCH. Ports are inclusive; each leg takes an even one and the next. */
  plainListenAddress: string
  plainPorts: readonly [first: number, last: number]
  /** What is spoken towards FreeSWITCH, and so by browsers; default PCMU. The stand-in for FreeSWITCH has no Opus. */
  legCodec?: LegCodecName
  /** A softphone that sends no STUN check for this long is disconnected; default 6 s. */
  consentTimeoutMs?: number
  log: SfuLog
  /** Told which engine runs, and why not mediasoup where `auto` could not take it. */
  onEngine?: (engine: 'mediasoup' | 'embedded', reason: string) => void
}>

/** Starts the SFU. Rejects with SFU_REFUSED when the engine that was asked for is not there or cannot listen. */
export async function openSoftphoneMedia(options: SoftphoneMediaOptions): Promise<SoftphoneMedia> {
  const { engine, router, reason } = await asSoftphoneError(openRouter(options))
  options.onEngine?.(engine, reason)
  return new RouterSoftphoneMedia(engine, router, options)
}

type Opened = Readonly<{ engine: 'mediasoup' | 'embedded'; router: SfuRouter; reason: string }>

async function openRouter(options: SoftphoneMediaOptions): Promise<Opened> {
  const { listenAddress, announcedAddress, udpPort } = options
  const routerOptions: RouterOptions = {
    mediaCodecs: MEDIA_CODECS[options.legCodec ?? 'PCMU'],
    legCodec: options.legCodec ?? 'PCMU',
    webRtc: {
      listenAddress,
      udpPort,
      tcp: options.iceTcp ?? false,
      ...(announcedAddress === undefined ? {} : { announcedAddress })
    },
    plain: { listenAddress: options.plainListenAddress, ports: options.plainPorts },
    consentTimeoutMs: options.consentTimeoutMs ?? DEFAULT_CONSENT_TIMEOUT_MS,
    log: options.log
  }
  if (options.engine === 'embedded') {
    return { engine: 'embedded', router: await openEmbeddedRouter(routerOptions), reason: 'it was asked for' }
  }
  const outcome = await openMediasoupRouter(routerOptions)
  if (outcome.kind === 'open') return { engine: 'mediasoup', router: outcome.router, reason: 'it is installed' }
  if (options.engine === 'mediasoup') {
    throw new SoftphoneMediaError('SFU_REFUSED', outcome.reason, { cause: outcome.cause })
  }
  return { engine: 'embedded', router: await openEmbeddedRouter(routerOptions), reason: outcome.reason }
}

class RouterSoftphoneMedia implements SoftphoneMedia {
  readonly engine: 'mediasoup' | 'embedded'
  readonly lost: AbortSignal
  readonly #router: SfuRouter
  readonly #log: SfuLog
  readonly #codec: LegCodec
  // Which sources are this SFU's own.
  readonly #sources = new WeakSet<AudioSource>()

  constructor(engine: 'mediasoup' | 'embedded', router: SfuRouter, options: SoftphoneMediaOptions) {
    this.engine = engine
    this.lost = router.died
    this.#router = router
    this.#log = options.log
    this.#codec = LEG_CODECS[options.legCodec ?? 'PCMU']
  }

  get rtpCapabilities(): OrtcDocument {
    return this.#router.rtpCapabilities
  }

  async createConnection(): Promise<SoftphoneConnection> {
    const send = await asSoftphoneError(this.#router.createWebRtcTransport())
    const receive = await asSoftphoneError(this.#router.createWebRtcTransport()).catch(err => {
      send.close()
      throw err
    })
    return new RouterConnection({ send, receive, log: this.#log, producedSource: this.#producedSource })
  }

  async createPlainSide(): Promise<PlainSide> {
    return new RouterPlainSide({
      transport: await asSoftphoneError(this.#router.createPlainTransport()),
      silence: this.#router.silence,
      codec: this.#codec,
      log: this.#log,
      needsSsrc: this.engine === 'mediasoup',
      producedSource: this.#producedSource,
      onSource: source => this.#sources.add(source)
    })
  }

  async createLink(): Promise<SfuLink> {
    return new RouterLink({
      transport: await asSoftphoneError(this.#router.createPlainTransport()),
      codec: this.#codec,
      producedSource: this.#producedSource,
      onSource: source => this.#sources.add(source)
    })
  }

  usage(): Promise<Readonly<{ cpuMs: number; memoryBytes: number | null }>> {
    return asSoftphoneError(this.#router.usage())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#router[Symbol.asyncDispose]()
  }

  readonly #producedSource = (source: AudioSource): ProducedSource | undefined => {
    if (source instanceof Microphone) return source
    return this.#sources.has(source) ? (source as ProducedSource) : undefined
  }
}

function asMediaCodec({ mimeType, clockRate, channels, payloadType }: LegCodec): MediaCodec {
  return { kind: 'audio', mimeType, clockRate, channels, preferredPayloadType: payloadType }
}
