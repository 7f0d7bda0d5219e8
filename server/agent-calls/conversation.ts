import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { DeskDestination } from '../softphone/protocol.ts'
import { type AudioPlan, type ConversationMode, heardBy, planAudio } from './audio-plan.ts'
import { CallAudio } from './call-audio.ts'
import type { Party, PartyKind, PartyLeg } from './party.ts'
import { PartyLegs } from './party-legs.ts'

/** North American ringback (ITU-T E.180 supplement 2), while somebody who is consulted is rung. */
const RINGBACK = 'tone_stream://%(2000,4000,440,480)'
/** More voices than this nobody follows. */
const MAX_PARTIES = 6

/** How the agents' part of a call ended, and what is to become of the customer. */
export type ConversationEnd =
  /** The last agent hung up: the flow goes on. */
  | Readonly<{ kind: 'served' }>
  | Readonly<{ kind: 'transfer'; destination: DeskDestination; by: string }>
  /** The agent's phone did not come back in time: the customer waits again, at the head. */
  | Readonly<{ kind: 'agentLost'; agentId: string }>

export type ConsultOutcome =
  | Readonly<{
      kind: 'answered'
      leg: PartyLeg
      agentId: string | null
      name: string
      number: string | null
      /** Whether somebody outside was told that the call is recorded, and may be recorded. */
      isTold?: boolean
    }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type ConversationParts = Readonly<{
  /** A source of music for whoever is on hold. */
  music: string
  /** How long a softphone may be away before its call goes to somebody else. */
  reconnectMs: number
  /** Rings somebody to consult; the outcome's leg belongs to the conversation. */
  reach(destination: DeskDestination, by: string, signal: AbortSignal): Promise<ConsultOutcome>
  /** A leg to where an agent's page is now, for one whose leg was lost or whose page has moved. */
  legAgain(agentId: string): Promise<PartyLeg>
  /** An agent has left the call, for the books and for wrap-up. */
  agentLeft(agentId: string, why: string, facts: Readonly<{ holdMs: number; isTransferred: boolean }>): void
  /** An agent came in by a consultation or by taking over. */
  agentJoined(agentId: string): void
  /** The customer is about to hear somebody who was not told that the call is recorded. */
  unaskedJoins(): void
  changed(): void
}>

/**
 * A customer and the agents who talk to them: who hears whom, hold, consultation, conference and the way out of each.
 * What an agent asks for is refused with AppError when it makes no sense now; nothing is left half done.
 */
export class Conversation {
  readonly id = newId()
  readonly call: Call
  readonly #parts: ConversationParts
  readonly #audio: CallAudio
  readonly #parties = new Map<string, Party>()
  readonly #customer: Party
  readonly #ending = Promise.withResolvers<ConversationEnd>()
  readonly #over = new AbortController()
  #primaryId: string
  #consultedId: string | null = null
  #consultAbort: AbortController | undefined
  #mode: ConversationMode = 'talking'
  #isWithCustomer = true
  #heldSinceMs: number | null = null
  #holdMs = 0
  /** Parties that were told, before they could be heard, that the call is recorded. */
  readonly #told = new Set<string>()
  readonly #legs: PartyLegs
  #stopRingback: (() => Promise<void>) | undefined

  constructor(
    parts: ConversationParts,
    call: Call,
    customer: Readonly<{ leg: PartyLeg; name: string; number: string | null }>,
    agent: Readonly<{ leg: PartyLeg; agentId: string; name: string }>
  ) {
    this.#parts = parts
    this.call = call
    this.#audio = new CallAudio({ name: `call-${call.id}`, music: parts.music, log: call.log })
    this.#legs = new PartyLegs({
      call,
      audio: this.#audio,
      reconnectMs: parts.reconnectMs,
      over: this.#over.signal,
      isIn: party => this.#parties.has(party.id),
      legAgain: agentId => parts.legAgain(agentId),
      rearrange: () => this.#apply(),
      gone: party => this.#partyGone(party.id),
      lost: party => this.#lost(party)
    })
    this.#customer = this.#add('customer', customer)
    this.#primaryId = this.#add('agent', agent).id
    onAbort(call.signal, () => this.#finish({ kind: 'served' }))
  }

  get mode(): ConversationMode {
    return this.#mode
  }

  get parties(): readonly Readonly<Party>[] {
    return [...this.#parties.values()]
  }

  get primaryAgentId(): string | null {
    return this.#parties.get(this.#primaryId)?.agentId ?? null
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** Whose voice a party hears, by the ids of parties. */
  heardBy(partyId: string): readonly string[] {
    return heardBy(this.#plan(), partyId)
  }

  /** Whether the customer hears somebody who is none of our people and was not told of the recording. */
  get hearsUnasked(): boolean {
    return this.heardBy(this.#customer.id).some(id => {
      const party = this.#parties.get(id)
      return party?.kind === 'external' && !this.#told.has(id)
    })
  }

  partyOf(agentId: string): Readonly<Party> | undefined {
    return this.parties.find(party => party.agentId === agentId && party.state !== 'gone')
  }

  /** Whether an agent's phone is away at the moment. */
  isAway(agentId: string): boolean {
    const party = this.partyOf(agentId)
    return party !== undefined && this.#legs.isAway(party.id)
  }

  /** Connects everybody; resolves when the agents' part is over. The customer's leg then is the caller's again. */
  async run(): Promise<ConversationEnd> {
    await this.#apply()
    const end = await this.#ending.promise
    this.#over.abort()
    this.#consultAbort?.abort()
    await this.#stopRinging()
    for (const party of this.parties) if (party.kind !== 'customer') await this.#release(party.id, 'callEnded')
    await this.#audio.remove(this.#customer.id)
    return end
  }

  /** Puts the customer on hold or takes them back. */
  async hold(agentId: string, isOnHold: boolean): Promise<void> {
    this.#mustLead(agentId)
    if (isOnHold && this.#mode !== 'talking')
      throw new AppError('CONFLICT', 'Only a talk with the customer can be held.')
    if (!isOnHold && this.#mode !== 'onHold') throw new AppError('CONFLICT', 'The customer is not on hold.')
    this.#setMode(isOnHold ? 'onHold' : 'talking')
    this.call.record({ kind: isOnHold ? 'held' : 'resumed', agentId })
    await this.#apply()
  }

  /** Sends the customer on and leaves. */
  transferBlind(agentId: string, destination: DeskDestination): void {
    this.#mustLead(agentId)
    if (this.#consultedId !== null) throw new AppError('CONFLICT', 'End the consultation first, or hand over.')
    this.call.record({ kind: 'transferredByAgent', agentId, how: 'blind', destination: nameOf(destination) })
    this.#finish({ kind: 'transfer', destination, by: agentId })
  }

  /** Puts the customer on hold and rings somebody; resolves when that has begun. */
  async consult(agentId: string, destination: DeskDestination): Promise<void> {
    const lead = this.#mustLead(agentId)
    if (this.#consultedId !== null || this.#consultAbort !== undefined)
      throw new AppError('CONFLICT', 'Somebody is being consulted already.')
    if (this.#parties.size >= MAX_PARTIES) throw new AppError('CONFLICT', 'The call is full.')
    const wasConference = this.#mode === 'conference'
    const abort = new AbortController()
    this.#consultAbort = abort
    const ringing = this.#addParty('external', nameOf(destination), null, null, 'ringing')
    this.#consultedId = ringing.id
    this.#isWithCustomer = false
    this.#setMode('consulting')
    this.call.record({ kind: 'consultStarted', agentId, destination: nameOf(destination) })
    await this.#apply()
    this.#stopRingback = lead.leg === null ? undefined : this.#audio.loop(lead.id, RINGBACK)
    const reaching = this.#parts.reach(destination, agentId, AbortSignal.any([abort.signal, this.#over.signal]))
    void reaching.then(
      outcome => this.#reached(agentId, ringing, outcome, abort, wasConference),
      err => {
        if (!abort.signal.aborted && !this.isOver) this.call.log.error({ err }, 'a consultation failed')
        return this.#consultOver(agentId, ringing.id, 'failed')
      }
    )
  }

  /** Talks to the other one of customer and consulted party. */
  async swap(agentId: string): Promise<void> {
    this.#mustLead(agentId)
    this.#mustConsult()
    this.#isWithCustomer = !this.#isWithCustomer
    await this.#apply()
  }

  /** Gives the customer to the consulted party and leaves. */
  async handOver(agentId: string): Promise<void> {
    const lead = this.#mustLead(agentId)
    const consulted = this.#mustConsult()
    this.call.record({ kind: 'transferredByAgent', agentId, how: 'attended', destination: consulted.name })
    this.#consultedId = null
    this.#setMode('talking')
    this.#primaryId = consulted.id
    await this.#leave(lead, 'transferred', true)
    await this.#apply()
  }

  /** Makes a conference of everybody. */
  async join(agentId: string): Promise<void> {
    this.#mustLead(agentId)
    this.#mustConsult()
    this.#consultedId = null
    this.#setMode('conference')
    this.call.record({ kind: 'conferenceStarted', agentId, parties: this.#parties.size })
    await this.#apply()
  }

  /** Lets the consulted party go and takes the customer back. */
  async cancelConsult(agentId: string): Promise<void> {
    this.#mustLead(agentId)
    if (this.#consultedId === null) throw new AppError('CONFLICT', 'Nobody is being consulted.')
    await this.#consultOver(agentId, this.#consultedId, 'cancelled')
    if (this.#mode === 'onHold') this.#setMode('talking')
    await this.#apply()
  }

  /** Takes one party out of a conference. */
  async drop(agentId: string, partyId: string): Promise<void> {
    const lead = this.#mustLead(agentId)
    const party = this.#parties.get(partyId)
    if (party === undefined || party.id === lead.id || this.#mode !== 'conference')
      throw new AppError('NOT_FOUND', 'No such party is in this conference.')
    if (party.kind === 'customer') return this.call.end('agentHungUp')
    await this.#leave(party, 'dropped', false)
    this.#afterLeaving()
    await this.#apply()
  }

  /** Leaves a conference; the others go on talking. */
  async leave(agentId: string): Promise<void> {
    const lead = this.#mustLead(agentId)
    if (this.#mode !== 'conference') throw new AppError('CONFLICT', 'This is no conference.')
    await this.#leave(lead, 'left', true)
    this.#afterLeaving()
    await this.#apply()
  }

  /** The agent hangs up: one who leads ends the call for everybody in it, one who was consulted only leaves. */
  async hangUp(agentId: string): Promise<void> {
    const party = this.partyOf(agentId)
    if (party === undefined) throw new AppError('NOT_FOUND', 'You are not in this call.')
    if (party.id === this.#primaryId) return this.#finish({ kind: 'served' })
    await this.#partyGone(party.id)
  }

  /** The page of an agent is elsewhere now: a leg to there takes the place of the old one. */
  pageMoved(agentId: string): void {
    const party = this.#agentParty(agentId)
    if (party !== undefined) this.#legs.pageMoved(party)
  }

  /** Hears of each new leg that an agent of this call gets. */
  onLegAgain(listener: (agentId: string) => void): void {
    this.#legs.onLegAgain(listener)
  }

  /** Hears of the end, once. */
  onOver(listener: () => void): void {
    onAbort(this.#over.signal, listener)
  }

  /** Ends it for everybody: the call is over, or what it was part of. */
  hangUpAll(): void {
    this.#finish({ kind: 'served' })
  }

  /** Sends keys to whoever the agent talks to. */
  async sendDigits(agentId: string, digits: string): Promise<void> {
    const party = this.partyOf(agentId)
    if (party === undefined) throw new AppError('NOT_FOUND', 'You are not in this call.')
    for (const id of this.heardBy(party.id)) {
      const other = this.#parties.get(id)
      if (other !== undefined && other.kind !== 'agent') await other.leg?.endpoint.sendDigits(digits)
    }
  }

  /** Lets a supervisor in, heard by everybody. */
  async barge(supervisor: Readonly<{ leg: PartyLeg; agentId: string; name: string }>): Promise<void> {
    if (this.#mode === 'consulting' || this.#consultedId !== null)
      throw new AppError('CONFLICT', 'The agent is consulting somebody; try again afterwards.')
    this.#add('supervisor', supervisor)
    this.#setMode('conference')
    await this.#apply()
  }

  /** Lets a supervisor who had joined out again. */
  async unbarge(supervisorId: string): Promise<void> {
    const party = this.partyOf(supervisorId)
    if (party === undefined) return
    await this.#leave(party, 'left', false)
    this.#afterLeaving()
    await this.#apply()
  }

  /** Gives the call to a supervisor; the agent who had it leaves. */
  async takeOver(supervisor: Readonly<{ leg: PartyLeg; agentId: string; name: string }>): Promise<void> {
    const lead = this.#parties.get(this.#primaryId)
    const present = this.partyOf(supervisor.agentId)
    if (present !== undefined) await this.#leave(present, 'left', false)
    const party = this.#add('agent', supervisor)
    this.#primaryId = party.id
    this.#parts.agentJoined(supervisor.agentId)
    if (this.#consultedId !== null) await this.#consultOver(supervisor.agentId, this.#consultedId, 'cancelled')
    if (this.#mode !== 'conference') this.#setMode('talking')
    if (lead !== undefined) await this.#leave(lead, 'takenOver', true)
    this.#afterLeaving()
    await this.#apply()
  }

  #plan(): AudioPlan {
    const connected = (id: string | null) => {
      const party = id === null ? undefined : this.#parties.get(id)
      return party?.leg != null && !this.#legs.isAway(party.id) ? party.id : null
    }
    const customer = this.#customer.state === 'gone' ? null : this.#customer.id
    const agent = connected(this.#primaryId)
    const consulted = connected(this.#consultedId)
    const named = new Set([customer, this.#primaryId, this.#consultedId])
    const others = [...this.#parties.keys()].filter(id => !named.has(id) && connected(id) !== null)
    return planAudio({ mode: this.#mode, customer, agent, consulted, others, isWithCustomer: this.#isWithCustomer })
  }

  async #apply(): Promise<void> {
    const plan = this.#plan()
    const now = new Date()
    for (const party of this.#parties.values()) {
      if (party.state === 'ringing' || party.state === 'gone') continue
      const state = plan.groups.some(group => group.includes(party.id)) ? 'talking' : 'onHold'
      if (party.state !== state) {
        party.state = state
        party.since = now
      }
    }
    // The recording stops before anybody who was not told can be heard, and goes on after.
    if (this.hearsUnasked) this.#parts.unaskedJoins()
    await this.#audio.apply(plan)
    this.#parts.changed()
  }

  async #reached(
    agentId: string,
    ringing: Party,
    outcome: ConsultOutcome,
    abort: AbortController,
    wasConference: boolean
  ): Promise<void> {
    if (this.#consultAbort === abort) this.#consultAbort = undefined
    await this.#stopRinging()
    if (abort.signal.aborted || this.isOver || this.#consultedId !== ringing.id) {
      if (outcome.kind === 'answered') await outcome.leg[Symbol.asyncDispose]()
      return
    }
    if (outcome.kind === 'failed') {
      await this.#consultOver(agentId, ringing.id, outcome.code)
      if (wasConference) this.#setMode('conference')
      return await this.#apply()
    }
    this.#parties.delete(ringing.id)
    const party = this.#add(outcome.agentId === null ? 'external' : 'agent', outcome)
    this.#consultedId = party.id
    if (outcome.isTold === true) this.#told.add(party.id)
    if (outcome.agentId !== null) this.#parts.agentJoined(outcome.agentId)
    await this.#apply()
  }

  /** The consulted party is gone or was never reached; the customer stays on hold until the agent comes back. */
  async #consultOver(agentId: string, partyId: string, outcome: string): Promise<void> {
    if (this.#consultedId !== partyId) return
    this.#consultedId = null
    this.#consultAbort?.abort()
    this.#consultAbort = undefined
    await this.#stopRinging()
    const party = this.#parties.get(partyId)
    this.call.record({ kind: 'consultEnded', agentId, destination: party?.name ?? '', outcome })
    if (party !== undefined) await this.#leave(party, outcome, false)
    this.#isWithCustomer = true
    if (this.#mode === 'consulting') this.#setMode(this.#parties.size > 2 ? 'conference' : 'onHold')
    await this.#apply()
  }

  async #stopRinging(): Promise<void> {
    const stop = this.#stopRingback
    this.#stopRingback = undefined
    await stop?.()
  }

  /** Somebody hung up or was lost. */
  async #partyGone(partyId: string): Promise<void> {
    const party = this.#parties.get(partyId)
    if (party === undefined || this.isOver || party.state === 'gone') return
    if (party.kind === 'customer') return
    if (party.id === this.#consultedId) return await this.#consultOver(this.primaryAgentId ?? '', partyId, 'hungUp')
    if (party.id === this.#primaryId && this.#mode !== 'conference') {
      // A browser does not hang up by itself: its leg was lost on our side, and the customer waits for somebody else.
      if (party.leg?.softphoneLeg != null) return this.#finish({ kind: 'agentLost', agentId: party.agentId ?? '' })
      // An external who was given the customer, or an agent's desk phone.
      await this.#leave(party, 'hungUp', false)
      return this.#finish({ kind: 'served' })
    }
    await this.#leave(party, 'hungUp', false)
    this.#afterLeaving()
    await this.#apply()
  }

  /** Finds out what a conference is after somebody left it. */
  #afterLeaving(): void {
    if (this.isOver) return
    const others = this.parties.filter(party => party.kind !== 'customer')
    if (!this.#parties.has(this.#primaryId)) {
      const heir =
        others.find(party => party.kind === 'agent') ?? others.find(party => party.kind === 'supervisor') ?? others[0]
      if (heir === undefined) {
        this.#finish({ kind: 'served' })
        return
      }
      this.#primaryId = heir.id
    }
    if (this.#mode === 'conference' && others.length < 2) this.#setMode('talking')
  }

  async #leave(party: Readonly<Party>, why: string, isTransferred: boolean): Promise<void> {
    await this.#release(party.id, why, isTransferred)
  }

  async #release(partyId: string, why: string, isTransferred = false): Promise<void> {
    const party = this.#parties.get(partyId)
    if (party === undefined || party.state === 'gone') return
    party.state = 'gone'
    this.#parties.delete(partyId)
    this.#legs.forget(partyId)
    await this.#audio.remove(partyId)
    await party.leg?.[Symbol.asyncDispose]()
    if (party.agentId === null) return
    if (party.leg !== null) this.call.record({ kind: 'agentLeft', agentId: party.agentId, why })
    this.#parts.agentLeft(party.agentId, why, { holdMs: this.#heldMs(), isTransferred })
    this.#parts.changed()
  }

  #heldMs(): number {
    return Math.round(this.#holdMs + (this.#heldSinceMs === null ? 0 : performance.now() - this.#heldSinceMs))
  }

  #setMode(mode: ConversationMode): void {
    const isHolding = mode === 'onHold' || (mode === 'consulting' && !this.#isWithCustomer)
    if (isHolding) this.#heldSinceMs ??= performance.now()
    else if (this.#heldSinceMs !== null) {
      this.#holdMs += performance.now() - this.#heldSinceMs
      this.#heldSinceMs = null
    }
    this.#mode = mode
  }

  #add(
    kind: PartyKind,
    who: Readonly<{ leg: PartyLeg; name: string; number?: string | null; agentId?: string | null }>
  ): Party {
    const party = this.#addParty(kind, who.name, who.number ?? null, who.agentId ?? null, 'talking')
    this.#legs.connect(party, who.leg)
    return party
  }

  #agentParty(agentId: string): Party | undefined {
    return [...this.#parties.values()].find(
      party => party.agentId === agentId && party.state !== 'gone' && party.leg?.softphoneLeg != null
    )
  }

  #addParty(
    kind: PartyKind,
    name: string,
    number: string | null,
    agentId: string | null,
    state: Party['state']
  ): Party {
    const party: Party = { id: newId(), kind, name, number, agentId, state, since: new Date(), leg: null }
    this.#parties.set(party.id, party)
    return party
  }

  async #lost(party: Party): Promise<void> {
    if (this.isOver || party.state === 'gone') return
    if (party.id === this.#primaryId && this.#mode !== 'conference')
      return this.#finish({ kind: 'agentLost', agentId: party.agentId ?? '' })
    await this.#partyGone(party.id)
  }

  #finish(end: ConversationEnd): void {
    this.#ending.resolve(end)
  }

  #mustLead(agentId: string): Party {
    const party = this.#parties.get(this.#primaryId)
    if (this.isOver || party === undefined) throw new AppError('CONFLICT', 'The call is over.')
    if (party.agentId !== agentId) throw new AppError('FORBIDDEN', 'The agent whose call it is decides that.')
    return party
  }

  #mustConsult(): Party {
    const party = this.#consultedId === null ? undefined : this.#parties.get(this.#consultedId)
    if (party === undefined) throw new AppError('CONFLICT', 'Nobody is being consulted.')
    if (party.leg === null) throw new AppError('CONFLICT', 'The consulted party has not answered yet.')
    return party
  }
}

/** A destination as the story names it; numbers are in the leg's own event. */
function nameOf(destination: DeskDestination): string {
  switch (destination.kind) {
    case 'agent':
      return `agent ${destination.agentId}`
    case 'queue':
      return `queue ${destination.queueId}`
    case 'number':
      return 'number'
    case 'extension':
      return `extension ${destination.extension}`
    default:
      return destination satisfies never
  }
}
