import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import { newId } from '../ids.ts'
import type { BrowserLeg } from './desk-phone.ts'
import type { SfuKeeper } from './sfu-keeper.ts'
import { SoftphoneSide } from './softphone-side.ts'
import type { Softphone } from './softphone.ts'

/**
 * A softphone's part of one call: an endpoint of the media server and the SFU's side of it. It is made while the phone
 * rings, so that answering only opens it, and it outlives the page: a softphone that comes back is put through again.
 */
export class SoftphoneLeg implements BrowserLeg {
  readonly id = newId()
  readonly endpoint: Endpoint
  readonly softphone: Softphone
  readonly gone: AbortSignal
  readonly #side: SoftphoneSide

  private constructor(endpoint: Endpoint, side: SoftphoneSide) {
    this.endpoint = endpoint
    this.softphone = side.softphone
    this.gone = AbortSignal.any([endpoint.lost, side.lost])
    this.#side = side
  }

  static async create(softphone: Softphone, sfu: SfuKeeper, media: MediaServer): Promise<SoftphoneLeg> {
    const side = await SoftphoneSide.create(softphone, sfu)
    let endpoint: Endpoint | undefined
    try {
      endpoint = await media.createEndpoint(side.offerSdp)
      await side.connect(endpoint.localSdp, side.needsSsrc ? await endpoint.voiceSsrc() : null)
      return new SoftphoneLeg(endpoint, side)
    } catch (err) {
      await endpoint?.[Symbol.asyncDispose]()
      await side[Symbol.asyncDispose]()
      throw err
    }
  }

  /** What this leg lets its softphone hear; a supervisor may hear it too. */
  get source() {
    return this.#side.source
  }

  async open(): Promise<void> {
    await this.#side.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#side[Symbol.asyncDispose](), this.endpoint[Symbol.asyncDispose]()])
  }
}
