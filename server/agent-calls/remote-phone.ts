import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import { type LinkedStream, SoftphoneMediaError } from '../../media/webrtc/softphone-media.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { AgentView } from '../agents/agent-service.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { PlaneLink } from '../planes/plane-link.ts'
import type { BrowserLeg, DeskPhone, PhoneLink } from '../softphone/desk-phone.ts'
import type { NotRoutableReason, SoftphonePush } from '../softphone/protocol.ts'
import type { Tab } from '../softphone/softphone.ts'
import type { GuestShown } from './agent-desk.ts'
import type { AskedByCall, LegMade, LinkMade, ToldByCall } from './plane-protocol.ts'

/** The one page that a remote phone seems to have here. */
const TAB = 'remote'
const NOTHING: GuestShown = { offer: null, call: null, supervising: null }

/** An agent's browser phone whose page is on another control plane, as the call's control plane sees it. */
export class RemotePhone implements DeskPhone {
  readonly agentId: string
  readonly planeId: string
  readonly #link: PlaneLink
  readonly #view: () => AgentView | undefined
  readonly #legs = new Map<string, AbortController>()
  readonly #legIds = new WeakMap<BrowserLeg, string>()
  readonly #listeners = new Set<(isPresent: boolean) => void>()
  readonly #tab: Tab
  /** What the page's control plane said last; null while no leg is there to say anything about. */
  #told: boolean | null = null
  #wasPresent: boolean
  #role: ApiKeyRole = 'agent'
  #shown = JSON.stringify(NOTHING)
  /** Called when the role of the person is known, by which numbers are masked. */
  onRole: () => void = () => {}

  constructor(agentId: string, planeId: string, link: PlaneLink, view: () => AgentView | undefined) {
    this.agentId = agentId
    this.planeId = planeId
    this.#link = link
    this.#view = view
    this.#wasPresent = this.isPresent
    this.#tab = { id: TAB, send: push => this.#send(push), close: () => {} }
  }

  get tabs(): readonly Tab[] {
    return [this.#tab]
  }

  get activeTab(): Tab | null {
    return this.isPresent ? this.#tab : null
  }

  isActiveTab(tabId: string): boolean {
    return tabId === TAB
  }

  /** The least rights until the page's control plane has said more. */
  get role(): ApiKeyRole {
    return this.#role
  }

  get isPresent(): boolean {
    const view = this.#view()
    return view?.controlPlaneId === this.planeId && view.detachedAt === null && this.#told !== false
  }

  /** Muting is the page's own: what it sends is silence then. */
  get isMuted(): boolean {
    return false
  }

  get notRoutable(): readonly NotRoutableReason[] {
    return this.isPresent ? (this.#view()?.notRoutable ?? []) : ['connectionLost']
  }

  get lastProof(): null {
    return null
  }

  onPresence(listener: (isPresent: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The page's control plane says whether somebody is there. */
  told(isPresent: boolean): void {
    this.#told = isPresent
    this.presenceMayHaveChanged()
  }

  presenceMayHaveChanged(): void {
    const { isPresent } = this
    if (isPresent === this.#wasPresent) return
    this.#wasPresent = isPresent
    for (const listener of this.#listeners) listener(isPresent)
  }

  legGone(legId: string): void {
    this.#legs.get(legId)?.abort(new SoftphoneMediaError('SFU_LOST', 'the SFU of the other server has lost the leg'))
  }

  async createLeg(media: MediaServer, { isReturning = false } = {}): Promise<BrowserLeg> {
    const legId = newId()
    const lost = new AbortController()
    this.#legs.set(legId, lost)
    let endpoint: Endpoint | undefined
    try {
      const made = (await this.#ask({ kind: 'leg.make', agentId: this.agentId, legId, isReturning })) as LegMade
      this.#learnRole(made.role)
      if (!made.isPresent) this.told(false)
      endpoint = await media.createEndpoint(made.offerSdp)
      const ssrc = made.needsSsrc ? await endpoint.voiceSsrc() : null
      await this.#ask({ kind: 'leg.connect', legId, answerSdp: endpoint.localSdp, ssrc })
      const leg = this.#leg(legId, endpoint, lost.signal)
      this.#legIds.set(leg, legId)
      return leg
    } catch (err) {
      this.#closeLeg(legId)
      await endpoint?.[Symbol.asyncDispose]()
      throw err
    }
  }

  async createLink(leg: BrowserLeg | null): Promise<PhoneLink> {
    const linkId = newId()
    const legId = leg === null ? null : (this.#legIds.get(leg) ?? null)
    const asked = { kind: 'link.make', agentId: this.agentId, linkId, legId } as const
    const made = (await this.#ask(asked)) as LinkMade
    this.#learnRole(made.role)
    return {
      address: made.address,
      connect: async remote => {
        await this.#ask({ kind: 'link.connect', linkId, remote })
      },
      send: async voice => (await this.#ask({ kind: 'link.send', linkId, voice })) as LinkedStream,
      stop: async stream => {
        await this.#ask({ kind: 'link.stop', linkId, stream })
      },
      hear: async (stream, role) => {
        await this.#ask({ kind: 'link.hear', linkId, stream, role })
        return async () => {
          await this.#ask({ kind: 'link.unhear', linkId, stream })
        }
      },
      [Symbol.asyncDispose]: async () => this.#tell({ kind: 'link.close', linkId })
    }
  }

  #learnRole(role: ApiKeyRole): void {
    this.#role = role
    this.onRole()
  }

  #leg(legId: string, endpoint: Endpoint, lost: AbortSignal): BrowserLeg {
    let isReleased = false
    return {
      endpoint,
      softphone: this,
      gone: AbortSignal.any([endpoint.lost, lost]),
      open: async () => {
        await this.#ask({ kind: 'leg.open', legId })
      },
      [Symbol.asyncDispose]: async () => {
        if (isReleased) return
        isReleased = true
        this.#closeLeg(legId)
        await endpoint[Symbol.asyncDispose]()
      }
    }
  }

  #closeLeg(legId: string): void {
    this.#legs.delete(legId)
    this.#tell({ kind: 'leg.close', legId })
    if (this.#legs.size === 0) this.#told = null
  }

  /** What a page would show: of the state only what the page's control plane does not know by itself. */
  #send(push: SoftphonePush): void {
    const { agentId } = this
    if (push.kind === 'ring' || push.kind === 'notice') this.#tell({ kind: 'desk.push', agentId, push })
    if (push.kind !== 'state') return
    const { offer, call, supervising } = push.state
    const shown: GuestShown = { offer, call, supervising }
    const text = JSON.stringify(shown)
    if (text === this.#shown) return
    this.#shown = text
    this.#tell({ kind: 'desk.show', agentId, shown })
  }

  #tell(message: ToldByCall): void {
    this.#link.tell(this.planeId, message)
  }

  async #ask(message: AskedByCall): Promise<object> {
    try {
      return await this.#link.ask(this.planeId, message)
    } catch (err) {
      // For whoever rings it, a page that cannot be reached is a phone without a network.
      if (err instanceof AppError) throw new SoftphoneMediaError('SFU_LOST', err.message, { cause: err })
      throw err
    }
  }
}
