import type { ApiKeyRole } from '../../sql/tables.ts'
import { onAbort } from '../calls/aborted.ts'
import type { AgentView } from '../agents/agent-service.ts'
import type { MissReason } from '../agents/agent-state.ts'
import type { CallRecording } from '../recordings/call-recording.ts'
import type {
  DeskCall,
  DeskParty,
  DeskQueue,
  DeskRecording,
  DeskState,
  DeskWrapUp,
  Offer
} from '../softphone/protocol.ts'
import type { Softphone } from '../softphone/softphone.ts'
import type { DeskPhone } from '../softphone/desk-phone.ts'
import { numberFor } from '../number-mask.ts'
import type { CallRequest } from './call-requests.ts'
import type { Conversation } from './conversation.ts'
import type { LiveCard } from './customer-card.ts'
import type { Supervision } from './supervision.ts'

export type QueueName = Readonly<{ id: string; name: string; script: string | null }>

/** What the desk shows about the call that the agent is in, besides who hears whom. */
export type DeskCallFacts = Readonly<{
  callId: string
  direction: 'inbound' | 'outbound'
  queue: QueueName | null
  language: string | null
  card: LiveCard
}>

/** The offer, the call and the supervision of this person that another control plane has, as a page shows them. */
export type GuestShown = Readonly<{
  offer: Offer | null
  call: DeskCall | null
  supervising: DeskState['supervising']
}>

export type Guest = Readonly<{
  shown: GuestShown
  /** Has the other control plane do what the page asks for; rejects with AppError when it refuses. */
  request(request: CallRequest): Promise<object>
  /** Ends the supervision that is shown. */
  stopSupervising(): Promise<void>
}>

type LiveOffer = {
  readonly facts: Omit<Offer, 'customer'>
  readonly card: LiveCard
  answer(outcome: 'answered' | 'rejected'): void
}

/** A call in which the agent plays the customer. */
type Demo = Readonly<{ facts: DeskCallFacts; press(digit: string): void; hangUp(): void; since: Date }>

type Current = {
  readonly facts: DeskCallFacts
  /** Null while the far end of the agent's own call rings. */
  conversation: Conversation | null
  connectedAt: Date | null
  /** Ends an outgoing call that was not answered yet. */
  giveUp: (() => void) | null
}

const NO_SERVER_MS = 1_000

/**
 * Everything that one agent's desk shows and rings with: the softphone, the offer, the call, the wrap-up. It pushes the
 * whole state after each change, once for all changes of the same moment.
 */
export class AgentDesk<Phone extends DeskPhone = Softphone> {
  readonly agentId: string
  readonly softphone: Phone
  readonly name: string
  readonly #role: () => ApiKeyRole
  readonly #view: () => AgentView | undefined
  readonly #queues: () => readonly DeskQueue[]
  readonly #recordingOf: (callId: string) => CallRecording | undefined
  #offer: LiveOffer | undefined
  #current: Current | undefined
  #wrapUpFacts: DeskCallFacts | undefined
  #supervision: Supervision | undefined
  #demo: Demo | undefined
  #guest: Guest | undefined
  #note = ''
  #version = 0
  #isPushDue = false
  readonly #forgetCard: (() => void)[] = []

  constructor(
    options: Readonly<{
      agentId: string
      name: string
      role: () => ApiKeyRole
      softphone: Phone
      view: () => AgentView | undefined
      queues: () => readonly DeskQueue[]
      recordingOf: (callId: string) => CallRecording | undefined
    }>
  ) {
    this.agentId = options.agentId
    this.name = options.name
    this.#role = options.role
    this.softphone = options.softphone
    this.#view = options.view
    this.#queues = options.queues
    this.#recordingOf = options.recordingOf
    this.softphone.onPresence(() => this.changed())
  }

  get role(): ApiKeyRole {
    return this.#role()
  }

  get offer(): Readonly<{ id: string; callId: string }> | undefined {
    const facts = this.#offer?.facts
    return facts === undefined ? undefined : { id: facts.id, callId: facts.callId }
  }

  get conversation(): Conversation | null {
    return this.#current?.conversation ?? null
  }

  get callId(): string | null {
    return this.#current?.facts.callId ?? this.#guest?.shown.call?.callId ?? null
  }

  /** Whether anything of this control plane rings, runs or is listened to here. */
  get isInUse(): boolean {
    return this.#current !== undefined || this.#offer !== undefined || this.#supervision !== undefined
  }

  /** What another control plane shows and rings with on this desk. */
  get guest(): Guest | undefined {
    return this.#guest
  }

  setGuest(guest: Guest | undefined): void {
    this.#guest = guest
    this.changed()
  }

  /** Whether this desk knows what the wrap-up of a call is about. */
  knowsWrapUp(callId: string): boolean {
    return this.#wrapUpFacts?.callId === callId
  }

  get callFacts(): DeskCallFacts | undefined {
    return this.#current?.facts
  }

  get supervision(): Supervision | undefined {
    return this.#supervision
  }

  get note(): string {
    return this.#note
  }

  setNote(note: string): void {
    this.#note = note
    this.changed()
  }

  setSupervision(supervision: Supervision | undefined): void {
    this.#supervision = supervision
    this.changed()
  }

  /**
   * Rings until the agent answers or rejects, or the signal is aborted. A softphone that goes away while it rings has
   * not missed the call: that was the network, or the head-set.
   */
  async ring(facts: Omit<Offer, 'customer'>, card: LiveCard, signal: AbortSignal): Promise<'answered' | MissReason> {
    if (!this.softphone.isPresent) return this.#whyAbsent()
    const done = Promise.withResolvers<'answered' | MissReason>()
    this.#offer = { facts, card, answer: outcome => done.resolve(outcome) }
    const forgetCard = card.onChange(() => this.changed())
    const forgetPresence = this.softphone.onPresence(isPresent => {
      if (!isPresent) done.resolve(this.#whyAbsent())
    })
    const beat = setInterval(() => this.#beat(facts.id), NO_SERVER_MS)
    onAbort(signal, () => done.resolve('missed'))
    this.#beat(facts.id)
    this.changed()
    if (facts.isAutoAnswered) done.resolve('answered')
    try {
      const outcome = await done.promise
      if (outcome !== 'missed') return outcome
      // A head-set that was unplugged while it rang is no answer refused.
      const reasons = this.softphone.notRoutable
      if (reasons.some(reason => reason.startsWith('microphone'))) return 'device'
      return reasons.includes('connectionLost') ? 'network' : 'missed'
    } finally {
      clearInterval(beat)
      forgetPresence()
      forgetCard()
      this.#offer = undefined
      this.changed()
    }
  }

  /** What the agent says to the offer; false when it is over. */
  answerOffer(offerId: string, outcome: 'answered' | 'rejected', reason: string | null = null): boolean {
    if (this.#offer?.facts.id !== offerId) return false
    this.#rejection = outcome === 'rejected' ? { offerId, reason } : undefined
    this.#offer.answer(outcome)
    return true
  }

  /** What the agent said when rejecting an offer; null when nothing. */
  whyRejected(offerId: string): string | null {
    return this.#rejection?.offerId === offerId ? this.#rejection.reason : null
  }

  /** The agent is in a call now. `conversation` may come later, when the far end answers. */
  beginCall(facts: DeskCallFacts, conversation: Conversation | null, giveUp: (() => void) | null = null): void {
    this.#current = { facts, conversation, connectedAt: conversation === null ? null : new Date(), giveUp }
    this.#note = ''
    this.#forgetCard.push(facts.card.onChange(() => this.changed()))
    this.changed()
  }

  connected(conversation: Conversation): void {
    if (this.#current === undefined) return
    this.#current.conversation = conversation
    this.#current.connectedAt = new Date()
    this.#current.giveUp = null
    this.changed()
  }

  /** Ends an outgoing call that still rings; false when there is none. */
  giveUp(callId: string): boolean {
    if (this.#current?.facts.callId !== callId || this.#current.giveUp === null) return false
    this.#current.giveUp()
    return true
  }

  /** The page of this agent is elsewhere now: the call shows on the desk there. */
  moveCallTo(next: AgentDesk<DeskPhone>): void {
    if (this.#current === undefined) return
    next.#current = this.#current
    next.#watchedBy = this.#watchedBy
    next.#forgetCard.push(this.#current.facts.card.onChange(() => next.changed()))
    this.#current = undefined
    this.#watchedBy = null
    for (const forget of this.#forgetCard.splice(0)) forget()
    this.changed()
    next.changed()
  }

  endCall(callId: string): void {
    if (this.#current?.facts.callId !== callId) return
    this.#wrapUpFacts = this.#current.facts
    this.#current = undefined
    for (const forget of this.#forgetCard.splice(0)) forget()
    this.changed()
  }

  /** The agent comes back to the wrap-up of a call that ended while no page was open. */
  restoreWrapUp(facts: DeskCallFacts, note: string): void {
    this.#wrapUpFacts = facts
    this.#note = note
    this.#forgetCard.push(facts.card.onChange(() => this.changed()))
    this.changed()
  }

  /** The agent plays the customer of a demo call; a real call shows before it. */
  beginDemo(facts: DeskCallFacts, controls: Readonly<{ press(digit: string): void; hangUp(): void }>): void {
    this.#demo = { facts, since: new Date(), ...controls }
    this.changed()
  }

  endDemo(callId: string): void {
    if (this.#demo?.facts.callId !== callId) return
    this.#demo = undefined
    this.changed()
  }

  /** The demo call with this id, while no real call hides it. */
  demo(callId: string): Demo | undefined {
    return this.#current === undefined && this.#demo?.facts.callId === callId ? this.#demo : undefined
  }

  /** Says that something of the state is new; it is pushed at the end of this turn of the event loop. */
  changed(): void {
    if (this.#isPushDue) return
    this.#isPushDue = true
    setImmediate(() => {
      this.#isPushDue = false
      this.push()
    })
  }

  push(): void {
    this.#version += 1
    for (const tab of this.softphone.tabs) {
      const state = this.state(tab.id)
      if (state !== null) tab.send({ kind: 'state', state })
    }
  }

  notify(code: string, text: string): void {
    for (const tab of this.softphone.tabs) tab.send({ kind: 'notice', code, text })
  }

  state(tabId: string): DeskState | null {
    const view = this.#view()
    if (view === undefined) return null
    const reasons = view.notRoutable
    const supervision = this.#supervision
    return {
      version: this.#version,
      serverTime: new Date().toISOString(),
      status: view.status,
      statusReason: view.statusReason,
      statusSince: view.statusSince.toISOString(),
      nextStatus: view.nextStatus,
      state: view.state,
      stateSince: view.stateSince.toISOString(),
      isActiveTab: this.softphone.isActiveTab(tabId),
      routable: { isRoutable: view.isRoutable, reasons },
      queues: this.#queues(),
      offer: this.#shownOffer(),
      call: this.#call(),
      wrapUp: this.#wrapUp(view),
      missed:
        view.missed === null
          ? null
          : {
              reason: view.missed.reason,
              at: view.missed.at.toISOString(),
              callId: view.missed.callId,
              queue: view.missed.queueId
            },
      supervising:
        supervision === undefined
          ? (this.#guest?.shown.supervising ?? null)
          : {
              callId: supervision.callId,
              agent: supervision.agentName,
              mode: supervision.mode,
              since: supervision.since.toISOString(),
              hears: supervision.hears()
            }
    }
  }

  #shownOffer(): Offer | null {
    if (this.#offer === undefined) return this.#guest?.shown.offer ?? null
    return { ...this.#offer.facts, customer: this.#offer.card.as(this.role) }
  }

  #call(): DeskCall | null {
    const current = this.#current
    const guestCall = this.#guest?.shown.call
    if (current === undefined && guestCall != null)
      return { ...guestCall, isMuted: this.softphone.isMuted, note: this.#note }
    // A real offer shows before the call in which the agent plays the customer.
    if (current === undefined)
      return this.#demo === undefined || this.#offer !== undefined ? null : this.#demoCall(this.#demo)
    const { facts, conversation, connectedAt } = current
    const self = conversation?.partyOf(this.agentId)
    return {
      callId: facts.callId,
      direction: facts.direction,
      queue: facts.queue === null ? null : { id: facts.queue.id, name: facts.queue.name },
      language: facts.language,
      connectedAt: connectedAt?.toISOString() ?? null,
      mode: conversation === null ? 'ringing' : conversation.mode,
      audio: conversation === null ? 'connecting' : conversation.isAway(this.agentId) ? 'reconnecting' : 'connected',
      isMuted: this.softphone.isMuted,
      parties: conversation === null ? [] : conversation.parties.map(party => this.#party(conversation, party, facts)),
      recording: this.#recording(facts.callId, connectedAt ?? new Date()),
      supervisor: self === undefined ? null : this.#watchedBy,
      customer: facts.card.as(this.role),
      note: this.#note,
      script: facts.queue?.script ?? null
    }
  }

  #demoCall({ facts, since }: Demo): DeskCall {
    const at = since.toISOString()
    const party = (id: string, kind: DeskParty['kind'], name: string, hears: string): DeskParty => ({
      id,
      kind,
      name,
      number: null,
      state: 'talking',
      since: at,
      hears: [hears]
    })
    return {
      callId: facts.callId,
      direction: facts.direction,
      queue: null,
      language: facts.language,
      connectedAt: at,
      mode: 'talking',
      audio: this.softphone.isPresent ? 'connected' : 'reconnecting',
      isMuted: this.softphone.isMuted,
      parties: [party('self', 'self', this.name, 'parley'), party('parley', 'external', 'Parley', 'self')],
      recording: this.#recording(facts.callId, since),
      supervisor: null,
      customer: facts.card.as(this.role),
      note: '',
      script: null
    }
  }

  #recording(callId: string, since: Date): DeskRecording {
    const view = this.#recordingOf(callId)?.view
    if (view === undefined) return { state: 'notRecorded', reason: 'unasked', since: since.toISOString(), card: null }
    const card = view.card === null ? null : { endsAt: view.card.endsAt.toISOString(), keys: view.card.keys }
    return { state: view.state, reason: view.reason, since: view.since.toISOString(), card }
  }

  #watchedBy: DeskCall['supervisor'] = null
  #rejection: Readonly<{ offerId: string; reason: string | null }> | undefined

  /** Somebody supervises this agent now; null when nobody does any more. */
  setWatchedBy(supervisor: DeskCall['supervisor']): void {
    this.#watchedBy = supervisor
    this.changed()
  }

  #party(conversation: Conversation, party: Conversation['parties'][number], facts: DeskCallFacts): DeskParty {
    const isSelf = party.agentId === this.agentId
    return {
      id: party.id,
      kind: isSelf ? 'self' : party.kind,
      name: party.kind === 'customer' ? (facts.card.name ?? party.name) : party.name,
      number: numberFor(this.role, party.number),
      state: party.state,
      since: party.since.toISOString(),
      hears: conversation.heardBy(party.id)
    }
  }

  #wrapUp(view: AgentView): DeskWrapUp | null {
    const { wrapUp, callId } = view
    if (wrapUp === null || callId === null) return null
    const facts = this.#wrapUpFacts?.callId === callId ? this.#wrapUpFacts : undefined
    if (facts === undefined) return null
    return {
      callId,
      endedBy: wrapUp.endedBy,
      startedAt: wrapUp.startedAt.toISOString(),
      endsAt: wrapUp.endsAt.toISOString(),
      limitAt: wrapUp.limitAt.toISOString(),
      note: this.#note,
      customer: facts.card.as(this.role),
      queue: facts.queue === null ? null : { id: facts.queue.id, name: facts.queue.name }
    }
  }

  #beat(offerId: string): void {
    this.softphone.activeTab?.send({ kind: 'ring', offerId })
  }

  #whyAbsent(): MissReason {
    const proof = this.softphone.lastProof
    return proof !== null && proof.microphone !== 'live' ? 'device' : 'network'
  }
}
