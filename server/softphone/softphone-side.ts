import type { PlainSide } from '../../media/webrtc/softphone-media.ts'
import type { SfuKeeper } from './sfu-keeper.ts'
import type { Softphone } from './softphone.ts'

/**
 * The SFU's side of a softphone's part in one call, whichever media server is at the other end. It outlives the page: a
 * softphone that comes back is put through again.
 */
export class SoftphoneSide implements AsyncDisposable {
  readonly softphone: Softphone
  /** Aborted when the SFU has lost it. */
  readonly lost: AbortSignal
  readonly #side: PlainSide
  readonly #forget: () => void
  #hearing: Disposable | undefined
  #isConnected = false
  #isOpen = false
  #isReleased = false
  #attaching: Promise<void> = Promise.resolve()

  private constructor(softphone: Softphone, side: PlainSide, lost: AbortSignal) {
    this.softphone = softphone
    this.#side = side
    this.lost = lost
    this.#forget = softphone.onPresence(isPresent => {
      if (isPresent) this.#reattach()
    })
  }

  /** Give `offerSdp` to the media server, then `connect` with its answer. */
  static async create(softphone: Softphone, sfu: SfuKeeper): Promise<SoftphoneSide> {
    const side = await sfu.createPlainSide()
    try {
      return new SoftphoneSide(softphone, side, sfu.lost)
    } catch (err) {
      await side[Symbol.asyncDispose]()
      throw err
    }
  }

  get offerSdp(): string {
    return this.#side.offerSdp
  }

  /** Whether `connect` needs the SSRC of what the media server sends. */
  get needsSsrc(): boolean {
    return this.#side.needsSsrc
  }

  /** What the media server sends; a supervisor may hear it too. */
  get source() {
    return this.#side.source
  }

  /** Takes the media server's answer; the browser makes its end ready, and hears nothing yet. */
  async connect(answerSdp: string, ssrc: number | null): Promise<void> {
    await this.#side.connect(answerSdp, ssrc ?? undefined)
    this.#isConnected = true
    this.#reattach()
    await this.#attaching
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
    await this.#side[Symbol.asyncDispose]()
  }

  /** Puts the softphone through as it is now; again when its page was loaded anew. */
  #reattach(): void {
    this.#attaching = this.#attaching.then(async () => {
      if (this.#isReleased || !this.#isConnected || this.lost.aborted) return
      const { microphone } = this.softphone
      if (this.#isOpen) await this.#side.send(microphone)
      if (this.#hearing === undefined || this.softphone.hasForgotten(this.#hearing))
        this.#hearing = await this.softphone.hear(this.#side.source, 'call', { isOpen: this.#isOpen })
      else if (this.#isOpen) this.softphone.resume(this.#hearing)
    })
    this.#attaching = this.#attaching.catch(err => this.softphone.complain(err))
  }
}
