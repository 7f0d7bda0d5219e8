import { setTimeout as delay } from 'node:timers/promises'
import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import type { CallAudio } from './call-audio.ts'
import type { Party, PartyLeg } from './party.ts'

const REJOIN_MS = 300

export type PartyLegsParts = Readonly<{
  call: Call
  audio: CallAudio
  /** How long a softphone may be away before its party is lost. */
  reconnectMs: number
  /** Aborted when the conversation is over. */
  over: AbortSignal
  isIn(party: Party): boolean
  /** A leg to where an agent's page is now. */
  legAgain(agentId: string): Promise<PartyLeg>
  /** Arranges anew who hears whom. */
  rearrange(): Promise<void>
  /** A leg hung up, or was lost and does not come back. */
  gone(party: Party): Promise<void>
  /** A page was away for too long. */
  lost(party: Party): Promise<void>
}>

/**
 * The legs of a conversation's parties: hears of their ends, notices pages that are away and come back, and puts a new leg
 * in the place of one that was lost or whose page has moved to another server.
 */
export class PartyLegs {
  readonly #parts: PartyLegsParts
  readonly #awaySinceMs = new Map<string, number>()
  readonly #awayTimers = new Map<string, NodeJS.Timeout>()
  /** Parties whose new leg is being made; true when it has to be made once more, because the page has moved again. */
  readonly #rejoining = new Map<string, boolean>()
  readonly #listeners = new Set<(agentId: string) => void>()

  constructor(parts: PartyLegsParts) {
    this.#parts = parts
    onAbort(parts.over, () => {
      for (const timer of this.#awayTimers.values()) clearTimeout(timer)
    })
  }

  /** Whether a party's phone is away at the moment. */
  isAway(partyId: string): boolean {
    return this.#awaySinceMs.has(partyId)
  }

  /** Hears of each new leg that an agent gets. */
  onLegAgain(listener: (agentId: string) => void): void {
    this.#listeners.add(listener)
  }

  connect(party: Party, leg: PartyLeg): void {
    party.leg = leg
    this.#parts.audio.add(party.id, leg.endpoint)
    onAbort(leg.gone, () => this.#legGone(party, leg))
    const { softphoneLeg } = leg
    if (softphoneLeg !== null && party.kind !== 'customer') this.#watchPresence(party, leg, softphoneLeg.softphone)
  }

  /** The page of a party is elsewhere now: a leg to there takes the place of the old one. */
  pageMoved(party: Party): void {
    // Whether the new page can be heard already says its own leg.
    this.#wentAway(party)
    this.#rejoin(party)
    this.#rearrangeSoon()
  }

  /** The party has left the conversation. */
  forget(partyId: string): void {
    clearTimeout(this.#awayTimers.get(partyId))
    this.#awayTimers.delete(partyId)
    this.#awaySinceMs.delete(partyId)
  }

  get #isOver(): boolean {
    return this.#parts.over.aborted
  }

  #legGone(party: Party, leg: PartyLeg): void {
    if (party.leg !== leg || this.#isOver || party.state === 'gone') return
    // The SFU was lost, and not the media server: the page comes back to another one, and the customer hears music.
    if (leg.softphoneLeg !== null && party.agentId !== null && !leg.endpoint.lost.aborted) {
      this.#wentAway(party)
      if (leg.softphoneLeg.softphone.isPresent) this.#rejoin(party)
      this.#rearrangeSoon()
    } else this.#logged(this.#parts.gone(party), 'a party could not be let go')
  }

  /** Makes a new leg and puts it in the place of the old one; tried again for as long as the agent may be away. */
  #rejoin(party: Party): void {
    const { agentId } = party
    if (agentId === null) return
    if (this.#rejoining.has(party.id)) {
      this.#rejoining.set(party.id, true)
      return
    }
    this.#rejoining.set(party.id, false)
    this.#replaceLeg(party, agentId)
      .then(
        () => this.#rejoining.get(party.id) === true,
        err => {
          this.#parts.call.log.warn({ err, agentId }, 'an agent could not be put through again')
          return delay(REJOIN_MS, true)
        }
      )
      .then(isAgain => {
        this.#rejoining.delete(party.id)
        if (isAgain && !this.#isOver && this.#parts.isIn(party)) this.#rejoin(party)
      })
  }

  async #replaceLeg(party: Party, agentId: string): Promise<void> {
    const { audio, isIn, legAgain, rearrange } = this.#parts
    const leg = await legAgain(agentId)
    const before = party.leg
    await audio.remove(party.id)
    if (this.#isOver || !isIn(party)) return await leg[Symbol.asyncDispose]()
    this.connect(party, leg)
    await before?.[Symbol.asyncDispose]()
    if (leg.softphoneLeg?.softphone.isPresent === true) this.#cameBack(party)
    await rearrange()
    for (const listener of this.#listeners) listener(agentId)
  }

  #watchPresence(
    party: Party,
    leg: PartyLeg,
    softphone: Readonly<{ isPresent: boolean; onPresence(listener: (isPresent: boolean) => void): () => void }>
  ): void {
    const changed = (isPresent: boolean) => {
      if (this.#isOver || party.state === 'gone' || party.leg !== leg) return
      if (!isPresent) this.#wentAway(party)
      else if (leg.gone.aborted) this.#rejoin(party)
      else this.#cameBack(party)
      this.#rearrangeSoon()
    }
    const forget = softphone.onPresence(changed)
    this.#parts.over.addEventListener('abort', forget, { once: true })
    if (!softphone.isPresent) changed(false)
  }

  #wentAway(party: Party): void {
    if (this.#awaySinceMs.has(party.id)) return
    const { call, lost, reconnectMs } = this.#parts
    this.#awaySinceMs.set(party.id, performance.now())
    call.record({ kind: 'agentAway', agentId: party.agentId ?? '' })
    this.#awayTimers.set(
      party.id,
      setTimeout(() => this.#logged(lost(party), 'a party whose page is away could not be let go'), reconnectMs)
    )
  }

  #cameBack(party: Party): void {
    const since = this.#awaySinceMs.get(party.id)
    if (since === undefined) return
    this.forget(party.id)
    const awayMs = Math.round(performance.now() - since)
    this.#parts.call.record({ kind: 'agentBack', agentId: party.agentId ?? '', awayMs })
  }

  #rearrangeSoon(): void {
    this.#logged(this.#parts.rearrange(), 'the audio of a call could not be arranged')
  }

  #logged(done: Promise<void>, complaint: string): void {
    done.catch(err => this.#parts.call.log.error({ err }, complaint))
  }
}
