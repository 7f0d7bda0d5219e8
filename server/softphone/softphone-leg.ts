import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import type { PlainSide } from '../../media/webrtc/softphone-media.ts'
import { newId } from '../ids.ts'
import type { SfuKeeper } from './sfu-keeper.ts'
import type { Softphone } from './softphone.ts'

/**
 * A softphone's part of one call: an endpoint of the media server and the SFU's side of it. It is made while the phone
 * rings, so that answering only opens it, and it outlives the page: a softphone that comes back is put through again.
 */
export class SoftphoneLeg implements AsyncDisposable {
  readonly id = newId()
  readonly endpoint: Endpoint
  readonly softphone: Softphone
  /** Aborted when the leg can never be heard again: the media server or the SFU has lost it. */
  readonly gone: AbortSignal
  readonly #side: PlainSide
  readonly #forget: () => void
  #hearing: Disposable | undefined
  #isOpen = false
  #isReleased = false
  #attaching: Promise<void> = Promise.resolve()

  private constructor(softphone: Softphone, endpoint: Endpoint, side: PlainSide, sfuLost: AbortSignal) {
    this.softphone = softphone
    this.endpoint = endpoint
    this.#side = side
    this.gone = AbortSignal.any([endpoint.lost, sfuLost])
    this.#forget = softphone.onPresence(isPresent => {
      if (isPresent) this.#reattach()
    })
  }

  static async create(softphone: Softphone, sfu: SfuKeeper, media: MediaServer): Promise<SoftphoneLeg> {
    const side = await sfu.createPlainSide()
    const { lost } = sfu
    let endpoint: Endpoint | undefined
    try {
      endpoint = await media.createEndpoint(side.offerSdp)
      await side.connect(endpoint.localSdp)
      const leg = new SoftphoneLeg(softphone, endpoint, side, lost)
      leg.#reattach()
      await leg.#attaching
      return leg
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

  /** Opens the audio both ways. */
  async open(): Promise<void> {
    this.#isOpen = true
    this.#reattach()
    await this.#attaching
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#forget()
    await this.#attaching
    this.#hearing?.[Symbol.dispose]()
    await Promise.all([this.#side[Symbol.asyncDispose](), this.endpoint[Symbol.asyncDispose]()])
  }

  /** Puts the softphone through as it is now; again when its page was loaded anew. */
  #reattach(): void {
    this.#attaching = this.#attaching.then(async () => {
      if (this.#isReleased) return
      const { microphone } = this.softphone
      if (this.#isOpen) await this.#side.send(microphone)
      if (this.#hearing === undefined || this.softphone.hasForgotten(this.#hearing))
        this.#hearing = await this.softphone.hear(this.#side.source, 'call', { isOpen: this.#isOpen })
      else if (this.#isOpen) this.softphone.resume(this.#hearing)
    })
    this.#attaching = this.#attaching.catch(err => this.softphone.complain(err))
  }
}
