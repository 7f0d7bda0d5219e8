import type { ProducedSource } from './microphone.ts'
import { Microphone } from './microphone.ts'
import { asOnlyCapability, asParameters, type LegCodec } from './leg-codec.ts'
import { buildPlainOffer, parsePlainAnswer } from './plain-sdp.ts'
import type { SfuConsumer, SfuLog, SfuPlainTransport, SfuProducer } from './router-api.ts'
import { asSoftphoneError } from './softphone-connection.ts'
import { type AudioSource, type PlainSide, SoftphoneMediaError } from './softphone-media.ts'

export type PlainSideOptions = Readonly<{
  transport: SfuPlainTransport
  silence: SfuProducer
  codec: LegCodec
  log: SfuLog
  /** Whether the engine must know the SSRC before it takes a packet. */
  needsSsrc: boolean
  producedSource(source: AudioSource): ProducedSource | undefined
  onSource(source: ProducedSource): void
}>

/**
 * One FreeSWITCH endpoint. Something is always sent to it, 50 packets a second: the microphone while it is live, else
 * silence, so that FreeSWITCH never takes a muted or lost agent for a dead leg, and what it records has no holes.
 */
export class RouterPlainSide implements PlainSide {
  readonly offerSdp: string
  readonly #options: PlainSideOptions
  #source: ProducedSource | undefined
  #silent: SfuConsumer | undefined
  #spoken: Readonly<{ microphone: Microphone; consumer: SfuConsumer; stopWatching: () => void }> | undefined
  #packetsSentBefore = 0
  // Switches run one after another, in the order in which they were asked for.
  #switching: Promise<void> = Promise.resolve()

  constructor(options: PlainSideOptions) {
    this.#options = options
    this.offerSdp = buildPlainOffer(options.transport, options.codec)
  }

  get needsSsrc(): boolean {
    return this.#options.needsSsrc
  }

  get source(): AudioSource {
    if (this.#source === undefined) {
      throw new SoftphoneMediaError('SOURCE_GONE', 'nothing is heard from FreeSWITCH before its answer')
    }
    return this.#source
  }

  async connect(answerSdp: string, remoteSsrc?: number): Promise<void> {
    const { transport, silence, needsSsrc, codec } = this.#options
    const { ssrc = remoteSsrc, ...remote } = parsePlainAnswer(answerSdp, codec)
    if (ssrc === undefined && needsSsrc) {
      throw new SoftphoneMediaError('SDP_REFUSED', 'this SFU needs the SSRC of what FreeSWITCH sends')
    }
    await asSoftphoneError(transport.connect(remote))
    const producer = await asSoftphoneError(
      transport.produce({
        rtpParameters: {
          codecs: [asParameters(codec)],
          encodings: ssrc === undefined ? [] : [{ ssrc }]
        }
      })
    )
    this.#source = { id: producer.id, closed: producer.closed, producer }
    this.#options.onSource(this.#source)
    this.#silent = await asSoftphoneError(
      transport.consume({ producerId: silence.id, rtpCapabilities: asOnlyCapability(codec) })
    )
    await this.#enqueue(() => this.#chooseStream())
  }

  send(microphone: AudioSource | null): Promise<void> {
    return this.#enqueue(async () => {
      const produced = microphone === null ? null : this.#options.producedSource(microphone)
      if (produced === null) this.#stopSpeaking()
      else if (!(produced instanceof Microphone) || produced.closed.aborted) {
        throw new SoftphoneMediaError('SOURCE_GONE', 'this is no microphone of this SFU')
      } else if (produced !== this.#spoken?.microphone) await this.#startSpeaking(produced)
      await this.#chooseStream()
    })
  }

  async figures(): Promise<Readonly<{ packetsReceived: number; packetsSent: number }>> {
    const consumers = [this.#spoken?.consumer, this.#silent].filter(consumer => consumer !== undefined)
    const [received, ...sent] = await asSoftphoneError(
      Promise.all([this.#source?.producer.figures(), ...consumers.map(consumer => consumer.figures())])
    )
    return {
      packetsReceived: received?.packetsReceived ?? 0,
      packetsSent: this.#packetsSentBefore + sent.reduce((sum, { packetsSent }) => sum + packetsSent, 0)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#spoken?.stopWatching()
    this.#spoken = undefined
    this.#options.transport.close()
  }

  async #startSpeaking(microphone: Microphone): Promise<void> {
    const consumer = await asSoftphoneError(
      this.#options.transport.consume({
        producerId: microphone.id,
        rtpCapabilities: asOnlyCapability(this.#options.codec)
      })
    )
    this.#stopSpeaking()
    const onChange = () => this.#enqueueQuietly(() => this.#chooseStream())
    const unwatch = microphone.onLive(onChange)
    consumer.closed.addEventListener('abort', onChange, { once: true })
    this.#spoken = { microphone, consumer, stopWatching: unwatch }
  }

  #stopSpeaking(): void {
    const spoken = this.#spoken
    if (spoken === undefined) return
    this.#spoken = undefined
    spoken.stopWatching()
    // The figures go with the consumer, so they are asked for before it is closed.
    void spoken.consumer
      .figures()
      .then(({ packetsSent }) => {
        this.#packetsSentBefore += packetsSent
      })
      .catch(err => this.#options.log.debug({ err }, 'a microphone closed before its figures were read'))
    spoken.consumer.close()
  }

  /** Lets exactly one of microphone and silence through. */
  async #chooseStream(): Promise<void> {
    if (this.#spoken?.consumer.closed.aborted) {
      this.#spoken.stopWatching()
      this.#spoken = undefined
    }
    if (this.#options.transport.closed.aborted) return
    const isSpeaking = this.#spoken?.microphone.isLive === true
    await asSoftphoneError(
      Promise.all([
        isSpeaking ? this.#silent?.pause() : this.#silent?.resume(),
        isSpeaking ? this.#spoken?.consumer.resume() : this.#spoken?.consumer.pause()
      ])
    )
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const done = this.#switching.then(step)
    this.#switching = done.catch(() => {})
    return done
  }

  #enqueueQuietly(step: () => Promise<void>): void {
    this.#enqueue(step).catch(err => {
      // When the whole SFU goes, its own signal says so; each side need not.
      if (err instanceof SoftphoneMediaError && err.code === 'SFU_LOST') return
      this.#options.log.warn({ err }, 'a FreeSWITCH side could not change its stream')
    })
  }
}
