import type { AgentService } from '../agents/agent-service.ts'
import { AppError } from '../errors.ts'
import type { PlaneLink } from '../planes/plane-link.ts'
import type { Recordings } from '../recordings/recordings.ts'
import { AgentDesk } from './agent-desk.ts'
import type { ToldByPage } from './plane-protocol.ts'
import { RemotePhone } from './remote-phone.ts'

export type RemoteDesk = AgentDesk<RemotePhone>

export type RemoteDeskParts = Readonly<{ agents: AgentService; recordings: Recordings; link: PlaneLink }>

/** Desks of agents whose pages are on other control planes, as far as calls of this one ring or run there. */
export class RemoteDesks {
  readonly #parts: RemoteDeskParts
  readonly #desks = new Map<string, RemoteDesk>()

  constructor(parts: RemoteDeskParts, signal: AbortSignal) {
    this.#parts = parts
    parts.agents.onChange(view => this.#desks.get(view.id)?.softphone.presenceMayHaveChanged(), signal)
  }

  /** The desk of an agent whose page is elsewhere, or who has a call of ours there; undefined for all others. */
  find(agentId: string): RemoteDesk | undefined {
    const { agents, link } = this.#parts
    const known = this.#desks.get(agentId)
    if (known?.isInUse === true) return known
    const view = agents.view(agentId)
    const planeId = view?.controlPlaneId ?? null
    if (planeId === null || planeId === link.id || view?.detachedAt !== null) {
      this.#desks.delete(agentId)
      return undefined
    }
    return known?.softphone.planeId === planeId ? known : this.#open(agentId, planeId)
  }

  /** The desk of somebody whose page is on this other control plane, as that one says itself. */
  at(agentId: string, planeId: string): RemoteDesk {
    const known = this.#desks.get(agentId)
    return known?.softphone.planeId === planeId ? known : this.#open(agentId, planeId)
  }

  values(): IterableIterator<RemoteDesk> {
    return this.#desks.values()
  }

  /** Whether a message was for this side. */
  told(from: string, message: ToldByPage): void {
    switch (message.kind) {
      case 'phone': {
        const phone = this.#desks.get(message.agentId)?.softphone
        if (phone?.planeId === from) phone.told(message.isPresent)
        break
      }
      case 'leg.gone':
        for (const desk of this.#desks.values())
          if (desk.softphone.planeId === from) desk.softphone.legGone(message.legId)
        break
      default:
        message satisfies never
    }
  }

  /** The desk that a page of another control plane asks for; throws for one that has no page there. */
  asked(from: string, { agentId }: Readonly<{ agentId: string }>): RemoteDesk {
    const desk = this.#desks.get(agentId)
    if (desk?.softphone.planeId !== from) throw new AppError('NOT_FOUND', 'This call is not yours any more.')
    return desk
  }

  #open(agentId: string, planeId: string): RemoteDesk {
    const { agents, recordings, link } = this.#parts
    const phone = new RemotePhone(agentId, planeId, link, () => agents.view(agentId))
    const desk: RemoteDesk = new AgentDesk<RemotePhone>({
      agentId,
      name: agents.view(agentId)?.profile.displayName || agentId,
      role: () => phone.role,
      softphone: phone,
      view: () => agents.view(agentId),
      // The page's control plane shows them itself.
      queues: () => [],
      recordingOf: callId => recordings.find(callId)
    })
    phone.onRole = () => desk.changed()
    this.#desks.set(agentId, desk)
    return desk
  }
}
