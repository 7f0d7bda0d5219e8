import type { ProducedSource } from './microphone.ts'
import { asOnlyCapability, asParameters, type LegCodec } from './leg-codec.ts'
import type { SfuConsumer, SfuPlainTransport } from './router-api.ts'
import { asSoftphoneError } from './softphone-connection.ts'
import {
  type AudioSource,
  type LinkAddress,
  type LinkedStream,
  type SfuLink,
  SoftphoneMediaError
} from './softphone-media.ts'

export type SfuLinkOptions = Readonly<{
  transport: SfuPlainTransport
  /** Both ends have the same. */
  codec: LegCodec
  /** The router's producer behind a source of this SFU; undefined for strangers. */
  producedSource(source: AudioSource): ProducedSource | undefined
  onSource(source: ProducedSource): void
}>

/** One end of a link between two SFUs: a plain transport that carries any number of voices both ways. */
export class RouterLink implements SfuLink {
  readonly #options: SfuLinkOptions
  readonly #sent = new Map<number, SfuConsumer>()

  constructor(options: SfuLinkOptions) {
    this.#options = options
  }

  get address(): LinkAddress {
    const { address, port, rtcpPort } = this.#options.transport
    return { address, port, rtcpPort }
  }

  async connect(remote: LinkAddress): Promise<void> {
    await asSoftphoneError(this.#options.transport.connect(remote))
  }

  async send(source: AudioSource): Promise<LinkedStream> {
    const produced = this.#options.producedSource(source)
    if (produced === undefined || produced.closed.aborted)
      throw new SoftphoneMediaError('SOURCE_GONE', 'nothing will come from this source any more')
    const consumer = await asSoftphoneError(
      this.#options.transport.consume({
        producerId: produced.producer.id,
        rtpCapabilities: asOnlyCapability(this.#options.codec)
      })
    )
    const [encoding] = consumer.rtpParameters['encodings'] as readonly Readonly<{ ssrc?: number }>[]
    const ssrc = encoding?.ssrc
    if (ssrc === undefined) throw new SoftphoneMediaError('SFU_REFUSED', 'the SFU names no stream')
    this.#sent.set(ssrc, consumer)
    await asSoftphoneError(consumer.resume())
    return { ssrc }
  }

  async receive({ ssrc }: LinkedStream): Promise<AudioSource> {
    const producer = await asSoftphoneError(
      this.#options.transport.produce({
        rtpParameters: { codecs: [asParameters(this.#options.codec)], encodings: [{ ssrc }] }
      })
    )
    const source = { id: producer.id, closed: producer.closed, producer }
    this.#options.onSource(source)
    return source
  }

  stop({ ssrc }: LinkedStream): void {
    this.#sent.get(ssrc)?.close()
    this.#sent.delete(ssrc)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.transport.close()
  }
}
