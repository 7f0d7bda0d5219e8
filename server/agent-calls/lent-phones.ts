import type { AgentService, AgentView } from '../agents/agent-service.ts'
import { onAbort } from '../calls/aborted.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { PlaneLink } from '../planes/plane-link.ts'
import type { PlaneWatch } from '../planes/plane-watch.ts'
import type { SfuKeeper } from '../softphone/sfu-keeper.ts'
import { SoftphoneLink } from '../softphone/softphone-link.ts'
import { SoftphoneSide } from '../softphone/softphone-side.ts'
import type { AgentDesk, Guest, GuestShown } from './agent-desk.ts'
import type { CallRequest } from './call-requests.ts'
import type { AskedByCall, AskedByPage, LegMade, LinkMade, ToldByCall, ToldByPage } from './plane-protocol.ts'

const NOTHING: GuestShown = { offer: null, call: null, supervising: null }

/** A last word that comes at all has come by then. */
const WORDLESS_MS = 30_000

type LentLeg = {
  readonly planeId: string
  readonly agentId: string
  readonly side: SoftphoneSide
  readonly forget: () => void
}

type LentLink = Readonly<{
  planeId: string
  link: SoftphoneLink
  /** What the softphone hears over it, by SSRC. */
  heard: Map<number, () => Promise<void>>
}>

export type LentPhoneParts = Readonly<{
  agents: AgentService
  sfu: SfuKeeper
  link: PlaneLink
  watch: Pick<PlaneWatch, 'onLook'>
  log: Logger
  desk(agentId: string): AgentDesk | undefined
}>

/** Softphones of this control plane in offers and calls of others. */
export class LentPhones {
  readonly #parts: LentPhoneParts
  readonly #legs = new Map<string, LentLeg>()
  readonly #links = new Map<string, LentLink>()
  /** What other control planes show, by agent and control plane. */
  readonly #shown = new Map<string, Map<string, GuestShown>>()
  /** Whose call the tables have ended without a last word of its control plane: that one may be dead. */
  readonly #wordless = new Map<string, Readonly<{ agentId: string; planeId: string; atMs: number }>>()
  /** Agents whom the tables have shown in the offer or the call of another control plane. */
  readonly #busy = new Set<string>()

  constructor(parts: LentPhoneParts, signal: AbortSignal) {
    this.#parts = parts
    parts.agents.onChange(view => this.#agentChanged(view), signal)
    parts.watch.onLook(live => this.#planesLive(live), signal)
  }

  async asked(from: string, message: AskedByCall): Promise<object> {
    switch (message.kind) {
      case 'leg.make':
        return (await this.#make(from, message)) satisfies LegMade
      case 'leg.connect':
        await this.#leg(from, message.legId).side.connect(message.answerSdp, message.ssrc)
        return {}
      case 'leg.open':
        await this.#leg(from, message.legId).side.open()
        return {}
      case 'link.make':
        return (await this.#makeLink(from, message)) satisfies LinkMade
      case 'link.connect':
        await this.#link(from, message.linkId).link.connect(message.remote)
        return {}
      case 'link.send':
        return await this.#link(from, message.linkId).link.send(message.voice)
      case 'link.stop':
        await this.#link(from, message.linkId).link.stop(message.stream)
        return {}
      case 'link.hear': {
        const { link, heard } = this.#link(from, message.linkId)
        heard.set(message.stream.ssrc, await link.hear(message.stream, message.role))
        return {}
      }
      case 'link.unhear': {
        const { heard } = this.#link(from, message.linkId)
        await heard.get(message.stream.ssrc)?.()
        heard.delete(message.stream.ssrc)
        return {}
      }
      default:
        return message satisfies never
    }
  }

  told(from: string, message: ToldByCall): void {
    switch (message.kind) {
      case 'leg.close':
        if (this.#legs.get(message.legId)?.planeId === from) this.#close(message.legId)
        break
      case 'link.close':
        if (this.#links.get(message.linkId)?.planeId === from) this.#closeLink(message.linkId)
        break
      case 'desk.show':
        this.#show(from, message.agentId, message.shown)
        break
      case 'desk.push': {
        const softphone = this.#parts.desk(message.agentId)?.softphone
        if (message.push.kind === 'ring') softphone?.activeTab?.send(message.push)
        else for (const tab of softphone?.tabs ?? []) tab.send(message.push)
        break
      }
      default:
        message satisfies never
    }
  }

  async #make(planeId: string, asked: Extract<AskedByCall, { kind: 'leg.make' }>): Promise<LegMade> {
    const { agentId, legId, isReturning } = asked
    const desk = this.#parts.desk(agentId)
    if (desk === undefined || (!isReturning && !desk.softphone.isPresent)) throw notThere()
    const side = await SoftphoneSide.create(desk.softphone, this.#parts.sfu)
    const forget = desk.softphone.onPresence(isPresent => this.#tell(planeId, { kind: 'phone', agentId, isPresent }))
    this.#sawBusy(agentId)
    this.#legs.set(legId, { planeId, agentId, side, forget })
    onAbort(side.lost, () => {
      if (this.#legs.has(legId)) this.#tell(planeId, { kind: 'leg.gone', legId })
    })
    const { offerSdp, needsSsrc } = side
    return { offerSdp, needsSsrc, role: desk.role, isPresent: desk.softphone.isPresent }
  }

  async #makeLink(planeId: string, asked: Extract<AskedByCall, { kind: 'link.make' }>): Promise<LinkMade> {
    const { agentId, linkId, legId } = asked
    const desk = this.#parts.desk(agentId)
    if (desk === undefined) throw notThere()
    const source = legId === null ? null : this.#leg(planeId, legId).side.source
    const link = await SoftphoneLink.create(desk.softphone, this.#parts.sfu, source)
    this.#links.set(linkId, { planeId, link, heard: new Map() })
    return { address: link.address, role: desk.role }
  }

  #link(planeId: string, linkId: string): LentLink {
    const lent = this.#links.get(linkId)
    if (lent?.planeId !== planeId) throw new AppError('NOT_FOUND', 'This link is not there any more.')
    return lent
  }

  #closeLink(linkId: string): void {
    const lent = this.#links.get(linkId)
    if (lent === undefined) return
    this.#links.delete(linkId)
    lent.link[Symbol.asyncDispose]().catch(err =>
      this.#parts.log.warn({ err, linkId }, 'a link of a softphone could not be closed')
    )
  }

  #sawBusy(agentId: string): void {
    const state = this.#parts.agents.view(agentId)?.state ?? 'idle'
    if (state !== 'idle' && state !== 'wrapUp') this.#busy.add(agentId)
  }

  #leg(planeId: string, legId: string): LentLeg {
    const leg = this.#legs.get(legId)
    if (leg?.planeId !== planeId) throw new AppError('NOT_FOUND', 'This leg is not there any more.')
    return leg
  }

  #close(legId: string): void {
    const leg = this.#legs.get(legId)
    if (leg === undefined) return
    this.#legs.delete(legId)
    leg.forget()
    leg.side[Symbol.asyncDispose]().catch(err =>
      this.#parts.log.warn({ err, legId }, 'a lent softphone could not be let go')
    )
  }

  #show(planeId: string, agentId: string, shown: GuestShown): void {
    const desk = this.#parts.desk(agentId)
    if (desk === undefined) return
    this.#wordless.delete(`${agentId} ${planeId}`)
    const before = desk.guest?.shown.call?.callId
    if (shown.offer !== null || shown.call !== null) this.#sawBusy(agentId)
    this.#store(agentId, planeId, shown)
    const callId = desk.guest?.shown.call?.callId
    if (callId === undefined || callId === before) return
    // The page may have moved here in the middle of the call.
    this.#parts.agents.noteOf(agentId, callId).then(
      ({ note }) => {
        if (desk.guest?.shown.call?.callId === callId) desk.setNote(note)
      },
      err => this.#parts.log.warn({ err, agentId }, 'the note of a call could not be read')
    )
  }

  #store(agentId: string, planeId: string, shown: GuestShown): void {
    const byPlane = this.#shown.get(agentId) ?? new Map<string, GuestShown>()
    if (shown.offer === null && shown.call === null && shown.supervising === null) byPlane.delete(planeId)
    else byPlane.set(planeId, shown)
    if (byPlane.size === 0) this.#shown.delete(agentId)
    else this.#shown.set(agentId, byPlane)
    this.#parts.desk(agentId)?.setGuest(this.#guest(agentId, byPlane))
  }

  /** A supervisor may be rung by one control plane while listening to a call of another. */
  #guest(agentId: string, byPlane: ReadonlyMap<string, GuestShown>): Guest | undefined {
    if (byPlane.size === 0) return undefined
    const all = [...byPlane]
    const askOne = async (isMeant: (shown: GuestShown) => boolean, message: AskedByPage) => {
      const planeId = all.find(([, shown]) => isMeant(shown))?.[0]
      if (planeId === undefined) throw new AppError('NOT_FOUND', 'This is not on your desk any more.')
      return await this.#parts.link.ask(planeId, message)
    }
    return {
      shown: {
        offer: all.find(([, shown]) => shown.offer !== null)?.[1].offer ?? null,
        call: all.find(([, shown]) => shown.call !== null)?.[1].call ?? null,
        supervising: all.find(([, shown]) => shown.supervising !== null)?.[1].supervising ?? null
      },
      request: request => askOne(shown => isAbout(shown, request), { kind: 'desk.request', agentId, request }),
      stopSupervising: async () => {
        await askOne(shown => shown.supervising !== null, { kind: 'supervise.stop', agentId })
      }
    }
  }

  /** A control plane that died takes what it had borrowed with it, and whoever talked there is told. */
  #planesLive(live: ReadonlySet<string>): void {
    for (const [linkId, { planeId }] of this.#links) if (!live.has(planeId)) this.#closeLink(linkId)
    for (const [legId, { planeId }] of this.#legs) if (!live.has(planeId)) this.#close(legId)
    for (const [agentId, byPlane] of this.#shown)
      for (const [planeId, { offer, call }] of byPlane) {
        if (live.has(planeId)) continue
        this.#store(agentId, planeId, NOTHING)
        if (offer !== null || call !== null) this.#tellOfLoss(agentId)
      }
    for (const [key, { agentId, planeId, atMs }] of this.#wordless) {
      if (!live.has(planeId)) this.#tellOfLoss(agentId)
      if (!live.has(planeId) || atMs < performance.now() - WORDLESS_MS) this.#wordless.delete(key)
    }
  }

  #tellOfLoss(agentId: string): void {
    // The page has the words, in its language.
    this.#parts.desk(agentId)?.notify('CALL_SERVER_LOST', '')
  }

  /** When the tables say that the agent has no call any more, it is over: a control plane that died tells nobody. */
  #agentChanged({ id, state }: AgentView): void {
    const isBusy = state !== 'idle' && state !== 'wrapUp'
    const legIds = [...this.#legs].flatMap(([legId, leg]) => (leg.agentId === id ? [legId] : []))
    const shown = [...(this.#shown.get(id) ?? [])]
    if (isBusy) {
      if (legIds.length > 0 || shown.length > 0) this.#busy.add(id)
      return
    }
    if (!this.#busy.delete(id)) return
    for (const legId of legIds) this.#close(legId)
    for (const [planeId, { offer, call, supervising }] of shown) {
      if (offer !== null || call !== null)
        this.#wordless.set(`${id} ${planeId}`, { agentId: id, planeId, atMs: performance.now() })
      this.#store(id, planeId, { ...NOTHING, supervising })
    }
  }

  #tell(planeId: string, message: ToldByPage): void {
    this.#parts.link.tell(planeId, message)
  }
}

/** Whether a request is about what a control plane shows on the desk. */
export function isAbout(shown: GuestShown, request: CallRequest): boolean {
  return 'offerId' in request ? shown.offer?.id === request.offerId : shown.call?.callId === request.callId
}

function notThere(): AppError {
  return new AppError('CONFLICT', 'The page is not there.')
}
