import type { AudioSource, LinkAddress, LinkedStream, SfuLink } from '../../media/webrtc/softphone-media.ts'
import { AppError } from '../errors.ts'
import type { LinkVoice, PhoneLink } from './desk-phone.ts'
import type { SfuKeeper } from './sfu-keeper.ts'
import type { Softphone } from './softphone.ts'

/** An end of a link at the SFU of this control plane. */
export class SoftphoneLink implements PhoneLink {
  readonly #softphone: Softphone
  readonly #link: SfuLink
  readonly #leg: AudioSource | null
  readonly #hearings = new Set<Disposable>()

  private constructor(softphone: Softphone, link: SfuLink, leg: AudioSource | null) {
    this.#softphone = softphone
    this.#link = link
    this.#leg = leg
  }

  static async create(softphone: Softphone, sfu: SfuKeeper, leg: AudioSource | null): Promise<SoftphoneLink> {
    return new SoftphoneLink(softphone, await sfu.createLink(), leg)
  }

  get address(): LinkAddress {
    return this.#link.address
  }

  async connect(remote: LinkAddress): Promise<void> {
    await this.#link.connect(remote)
  }

  async send(voice: LinkVoice): Promise<LinkedStream> {
    const source = voice === 'leg' ? this.#leg : this.#softphone.microphone
    if (source === null) throw new AppError('CONFLICT', 'The microphone is not connected.')
    return await this.#link.send(source)
  }

  async stop(stream: LinkedStream): Promise<void> {
    this.#link.stop(stream)
  }

  async hear(stream: LinkedStream, role: 'supervised' | 'supervisor'): Promise<() => Promise<void>> {
    const hearing = await this.#softphone.hear(await this.#link.receive(stream), role, { isOpen: true })
    this.#hearings.add(hearing)
    return async () => {
      this.#hearings.delete(hearing)
      hearing[Symbol.dispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hearing of this.#hearings) hearing[Symbol.dispose]()
    this.#hearings.clear()
    await this.#link[Symbol.asyncDispose]()
  }
}
