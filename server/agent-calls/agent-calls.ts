import type { Prompt, QueueOptions, QueueOutcome } from '../../ivr-flows/host.ts'
import { findCdr } from '../../sql/queries/calls.ts'
import { findSipAccountOfUser } from '../../sql/queries/telephony.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { AgentService, AgentView } from '../agents/agent-service.ts'
import type { Call } from '../calls/call.ts'
import type { DialParts } from '../calls/dial.ts'
import { dialParty } from '../calls/dial-party.ts'
import type { OutboundLaw } from '../calls/outbound-law.ts'
import type { LiveCalls } from '../calls/live-calls.ts'
import type { Metrics } from '../metrics.ts'
import type { QueueService } from '../queues/queue-service.ts'
import { MAY_NOT_JOIN } from '../recordings/joining-party.ts'
import type { Recordings } from '../recordings/recordings.ts'
import type { CardField, DeskDestination } from '../softphone/protocol.ts'
import type { PlaneLink } from '../planes/plane-link.ts'
import type { PlaneWatch } from '../planes/plane-watch.ts'
import type { DeskPhone } from '../softphone/desk-phone.ts'
import type { SfuKeeper } from '../softphone/sfu-keeper.ts'
import { Softphone, type Tab } from '../softphone/softphone.ts'
import { AgentDesk, type DeskCallFacts } from './agent-desk.ts'
import { handleCallRequest } from './call-requests.ts'
import type { ConsultOutcome } from './conversation.ts'
import { type CardParts, openCard } from './customer-card.ts'
import { LentPhones } from './lent-phones.ts'
import type { AskedByCall, AskedByPage, ToldByCall, ToldByPage } from './plane-protocol.ts'
import { RemoteDesks } from './remote-desks.ts'
import { RemotePhone } from './remote-phone.ts'
import { phoneLeg, ringAgent } from './ring-agent.ts'
import { serveCaller, type ServeParts, type WaitingCustomer } from './serve-caller.ts'
import { stopSupervising, superviseHere } from './supervise.ts'

export type Person = Readonly<{ id: string; username: string; displayName: string; role: ApiKeyRole; language: string }>

export type AgentCallsParts = DialParts &
  Readonly<{
    agents: AgentService
    queues: QueueService
    sfu: SfuKeeper
    metrics: Metrics
    cards: CardParts
    law: OutboundLaw
    liveCalls: LiveCalls
    recordings: Recordings
    link: PlaneLink
    watch: PlaneWatch
    maxCalls: number
    controlPlaneId: string
    /** How long a softphone may be away before its call goes to somebody else, in milliseconds. */
    reconnectMs: number
    newCall(id?: string): Call
    holdMusic(language: string): Promise<string>
    prepare(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[]>
    /** Runs a flow for a softphone that plays the customer, for the first minute. */
    serveDemo(call: Call, customer: DemoCustomer): Promise<void>
  }>

export type DemoCustomer = Readonly<{ desk: AgentDesk; language: string }>

const CONSULT_RING_MS = 30_000

/**
 * The desks of all agents whose pages are open here, and the way from a waiting caller to one of them. What agents ask
 * for on their desks is in desk-requests.ts.
 */
export class AgentCalls {
  readonly parts: AgentCallsParts
  readonly #desks = new Map<string, AgentDesk>()
  readonly #people = new Map<string, Person>()
  readonly #closing = new Map<string, NodeJS.Timeout>()
  /** What is being stored about the pages of an agent. */
  readonly #storing = new Map<string, Promise<void>>()
  readonly #ended = new AbortController()
  readonly #remote: RemoteDesks
  readonly #lent: LentPhones

  constructor(parts: AgentCallsParts) {
    this.parts = parts
    const ended = this.#ended.signal
    this.#remote = new RemoteDesks(parts, ended)
    this.#lent = new LentPhones({ ...parts, desk: agentId => this.#desks.get(agentId) }, ended)
    this.#listen(parts.link)
    parts.agents.onChange(view => this.#agentChanged(view), ended)
    parts.queues.onChange(() => this.#queuesChanged(), ended)
    parts.sfu.onRestart(() => {
      for (const desk of this.#desks.values()) desk.softphone.activeTab?.send({ kind: 'media.lost' })
    }, ended)
  }

  /** Where an agent is rung: a page of this control plane, or of another. */
  desk(agentId: string): AgentDesk<DeskPhone> | undefined {
    return this.#remote.find(agentId) ?? this.#desks.get(agentId)
  }

  /** The desk of an agent who talks in a call of this control plane. */
  deskTalkingIn(callId: string, exceptAgentId: string): AgentDesk<DeskPhone> | undefined {
    return this.#talking().find(desk => desk.conversation?.call.id === callId && desk.agentId !== exceptAgentId)
  }

  /** The desk of a person whose page is open on this other control plane, which says so itself. */
  deskAt(agentId: string, planeId: string): AgentDesk<DeskPhone> {
    return this.#remote.at(agentId, planeId)
  }

  nameOf(agentId: string): string {
    return this.#people.get(agentId)?.displayName ?? (this.parts.agents.view(agentId)?.profile.displayName || agentId)
  }

  /** A page of a person's desk is open. */
  async addTab(person: Person, tab: Tab): Promise<AgentDesk> {
    this.#people.set(person.id, person)
    clearTimeout(this.#closing.get(person.id))
    this.#closing.delete(person.id)
    let desk = this.#desks.get(person.id)
    if (desk === undefined) {
      const { agents, queues, sfu, log } = this.parts
      desk = new AgentDesk({
        agentId: person.id,
        name: person.displayName,
        role: () => person.role,
        softphone: new Softphone(person.id, sfu, log),
        view: () => agents.view(person.id),
        queues: () => queues.deskQueues(person.id),
        recordingOf: callId => this.parts.recordings.find(callId)
      })
      this.#desks.set(person.id, desk)
      const { state, callId } = await agents.signIn(person.id)
      if (state === 'wrapUp' && callId !== null) await this.#restoreWrapUp(desk, callId)
    }
    const isFirst = desk.softphone.activeTab === null
    desk.softphone.addTab(tab)
    if (isFirst) await this.#inTurn(person.id, () => this.parts.agents.attach(person.id))
    desk.changed()
    return desk
  }

  /** Makes a page the one in which calls ring, wherever they rang before. */
  async claim(desk: AgentDesk, tabId: string): Promise<void> {
    await this.#inTurn(desk.agentId, async () => {
      await desk.softphone.claim(tabId)
      await this.parts.agents.attach(desk.agentId)
    })
    desk.changed()
  }

  async removeTab(agentId: string, tab: Tab): Promise<void> {
    const desk = this.#desks.get(agentId)
    if (desk === undefined) return
    await desk.softphone.removeTab(tab)
    desk.changed()
    if (desk.softphone.activeTab !== null) return
    if (this.#ended.signal.aborted) return
    await this.#inTurn(agentId, async () => {
      if (desk.softphone.activeTab === null) await this.parts.agents.detached(agentId)
    })
    // A shutdown may have begun meanwhile, or the page have come back.
    if (this.#ended.signal.aborted || desk.softphone.activeTab !== null) return
    // A reload comes back within moments; whoever is gone for good leaves nothing behind.
    this.#closing.set(
      agentId,
      setTimeout(() => this.#close(agentId), this.parts.reconnectMs * 2)
    )
  }

  /** What the softphone's last proof and connection mean for routing. */
  async prove(desk: AgentDesk): Promise<void> {
    const reasons = desk.softphone.notRoutable
    await this.parts.agents.proof(desk.agentId, { isRoutable: reasons.length === 0, reasons })
  }

  /** Serves a caller from a queue; see {@link serveCaller}. */
  serve(
    call: Call,
    customer: WaitingCustomer,
    options: QueueOptions & Readonly<{ reason?: string; answers?: readonly CardField[] }>,
    signal: AbortSignal
  ): Promise<QueueOutcome> {
    return serveCaller(this.serveParts(), call, customer, options, signal)
  }

  serveParts(): ServeParts {
    const { holdMusic } = this.parts
    return {
      ...this.parts,
      desk: agentId => this.desk(agentId),
      nameOf: agentId => this.nameOf(agentId),
      music: holdMusic,
      phoneOf: agentId => this.#phoneOf(agentId),
      reach: (...args) => this.#reach(...args)
    }
  }

  /** Ends every desk's pages, for a shutdown. */
  async close(code: number, reason: string): Promise<void> {
    this.#ended.abort()
    for (const timer of this.#closing.values()) clearTimeout(timer)
    this.#closing.clear()
    await Promise.all([...this.#desks.values()].map(desk => desk.softphone.close(code, reason)))
  }

  async #reach(
    call: Call,
    destination: DeskDestination,
    facts: DeskCallFacts,
    by: string,
    signal: AbortSignal
  ): Promise<ConsultOutcome> {
    switch (destination.kind) {
      case 'agent':
        return await this.#reachAgent(call, destination.agentId, facts, by, signal)
      case 'queue':
        return await this.#reachQueue(call, destination.queueId, facts, by, signal)
      case 'number':
      case 'extension': {
        const value = destination.kind === 'number' ? destination.number : destination.extension
        const outcome = await dialParty(
          this.parts,
          call,
          { kind: destination.kind, value, isOwnPlace: false },
          { callerNumber: null, ringMs: CONSULT_RING_MS },
          signal
        )
        if (outcome.kind === 'answered') {
          const { leg } = outcome
          // A phone of ours belongs to our own people.
          const party = { id: leg.id, number: value, language: facts.language ?? 'en' }
          const joining =
            destination.kind === 'extension'
              ? 'told'
              : await this.parts.recordings.tell(call, leg.endpoint, party, this.parts.prepare, signal)
          if (joining === 'mayNotJoin') {
            await leg[Symbol.asyncDispose]()
            return { kind: 'failed', code: 'RECORDING_REFUSED', reason: MAY_NOT_JOIN }
          }
          const isTold = joining === 'told'
          return { kind: 'answered', leg: phoneLeg(leg), agentId: null, name: value, number: value, isTold }
        }
        return { kind: 'failed', code: outcome.kind, reason: 'reason' in outcome ? outcome.reason : '' }
      }
      default:
        return destination satisfies never
    }
  }

  async #reachAgent(
    call: Call,
    agentId: string,
    facts: DeskCallFacts,
    by: string,
    signal: AbortSignal
  ): Promise<ConsultOutcome> {
    const { agents } = this.parts
    const reserved = await agents.reserveDirect(agentId, call.id, { ringMs: CONSULT_RING_MS })
    if (reserved.kind === 'notFree') return { kind: 'failed', code: reserved.why, reason: 'The agent is not free.' }
    try {
      const outcome = await ringAgent(
        this.serveParts(),
        call,
        {
          agentId,
          ringMs: CONSULT_RING_MS,
          card: facts.card,
          offer: {
            id: reserved.offerId,
            callId: call.id,
            kind: 'consult',
            queue: facts.queue === null ? null : { id: facts.queue.id, name: facts.queue.name },
            from: this.nameOf(by),
            language: facts.language,
            waitedMs: 0,
            isAutoAnswered: false,
            expiresAt: new Date(Date.now() + CONSULT_RING_MS).toISOString()
          }
        },
        signal
      )
      if (outcome.kind !== 'answered') {
        await agents.settleDirect(reserved.offerId, { kind: outcome.kind })
        return { kind: 'failed', code: outcome.kind, reason: 'The agent did not answer.' }
      }
      if (!(await agents.settleDirect(reserved.offerId, { kind: 'answered' }))) {
        await outcome.leg[Symbol.asyncDispose]()
        return { kind: 'failed', code: 'withdrawn', reason: 'The offer was over.' }
      }
      return { kind: 'answered', leg: outcome.leg, agentId, name: this.nameOf(agentId), number: null }
    } catch (err) {
      await agents.settleDirect(reserved.offerId, { kind: 'withdrawn' })
      throw err
    }
  }

  /** The first agent of a queue who is free, for an agent who consults it. */
  async #reachQueue(
    call: Call,
    queueId: string,
    facts: DeskCallFacts,
    by: string,
    signal: AbortSignal
  ): Promise<ConsultOutcome> {
    const entering = await this.parts.queues.enter({
      callId: call.id,
      queue: queueId,
      language: facts.language ?? 'en',
      priority: 100,
      skills: [],
      maxWaitMs: CONSULT_RING_MS,
      calledNumber: null,
      kind: 'inbound'
    })
    if (entering.kind !== 'waiting')
      return { kind: 'failed', code: entering.kind, reason: 'The queue takes nobody now.' }
    await using visit = entering.visit
    for (;;) {
      const event = await visit.next(signal)
      if (event.kind === 'maxWait' || event.kind === 'lost')
        return { kind: 'failed', code: event.kind, reason: 'Nobody of the queue was free.' }
      if (event.kind !== 'offer') continue
      const { offer } = event
      const outcome = await ringAgent(
        this.serveParts(),
        call,
        {
          agentId: offer.agentId,
          ringMs: offer.ringMs,
          card: facts.card,
          offer: {
            id: offer.id,
            callId: call.id,
            kind: 'consult',
            queue: { id: visit.queue.id, name: visit.queue.name },
            from: this.nameOf(by),
            language: facts.language,
            waitedMs: 0,
            isAutoAnswered: offer.isAutoAnswered,
            expiresAt: new Date(Date.now() + offer.ringMs).toISOString()
          }
        },
        AbortSignal.any([signal, offer.withdrawn])
      )
      const isSettled = await visit.settle(offer.id, { kind: outcome.kind })
      if (outcome.kind !== 'answered') continue
      if (isSettled)
        return {
          kind: 'answered',
          leg: outcome.leg,
          agentId: offer.agentId,
          name: this.nameOf(offer.agentId),
          number: null
        }
      await outcome.leg[Symbol.asyncDispose]()
    }
  }

  /** From what is stored: the page, or this control plane, was not there when the call ended. */
  async #restoreWrapUp(desk: AgentDesk, callId: string): Promise<void> {
    const { db, agents, queues, cards } = this.parts
    const [cdr, { note }] = await Promise.all([findCdr(db, callId), agents.noteOf(desk.agentId, callId)])
    const number = cdr === undefined ? null : cdr.direction === 'inbound' ? cdr.caller_number : cdr.called_number
    const language = cdr?.language ?? null
    const queueId = agents.view(desk.agentId)?.queueId ?? null
    const queue = queueId === null ? undefined : queues.findQueue(queueId)
    const card = openCard(
      cards,
      { callId, number, name: null, language, reason: null, answers: [] },
      new AbortController().signal
    )
    desk.restoreWrapUp(
      {
        callId,
        direction: cdr?.direction ?? 'inbound',
        queue: queue === undefined ? null : { id: queue.id, name: queue.name, script: queue.script || null },
        language,
        card
      },
      note
    )
  }

  /** The account of the agent's desk phone; null when there is none. */
  async #phoneOf(agentId: string): Promise<string | null> {
    return (await findSipAccountOfUser(this.parts.db, agentId))?.username ?? null
  }

  #listen(link: PlaneLink): void {
    link.onAsked = async (from, message) => {
      const asked = message as AskedByCall | AskedByPage
      switch (asked.kind) {
        case 'desk.request':
          return await handleCallRequest(this, this.#remote.asked(from, asked), asked.request)
        case 'supervise':
          await superviseHere(this, asked.actor, this.deskAt(asked.actor.id, from), asked.request)
          return {}
        case 'supervise.stop':
          await stopSupervising(this, this.#remote.asked(from, asked))
          return {}
        default:
          return await this.#lent.asked(from, asked)
      }
    }
    link.onTold = (from, message) => {
      const told = message as ToldByCall | ToldByPage
      if (told.kind === 'phone' || told.kind === 'leg.gone') this.#remote.told(from, told)
      else this.#lent.told(from, told)
    }
  }

  #talking(): readonly AgentDesk<DeskPhone>[] {
    return [...this.#desks.values(), ...this.#remote.values()].filter(desk => desk.conversation !== null)
  }

  /** When the page of an agent who talks here is on another control plane than before, the call follows it. */
  #followPage({ id, controlPlaneId, detachedAt }: AgentView): void {
    if (controlPlaneId === null || detachedAt !== null) return
    const desk = this.#talking().find(one => one.agentId === id)
    const conversation = desk?.conversation
    if (desk === undefined || conversation == null) return
    const own = this.parts.controlPlaneId
    if ((desk.softphone instanceof RemotePhone ? desk.softphone.planeId : own) === controlPlaneId) return
    const next = controlPlaneId === own ? this.#desks.get(id) : this.#remote.at(id, controlPlaneId)
    if (next === undefined) return
    desk.moveCallTo(next)
    conversation.pageMoved(id)
    this.parts.agents.noteOf(id, conversation.call.id).then(
      ({ note }) => next.setNote(note),
      err => this.parts.log.warn({ err, agentId: id }, 'the note of a call could not be read')
    )
  }

  #agentChanged(view: AgentView): void {
    this.#followPage(view)
    const desk = this.#desks.get(view.id)
    if (desk === undefined) return
    desk.changed()
    this.#leaveCallsToOnePage(desk)
    // The call was another control plane's, which knows what it was about.
    if (view.state === 'wrapUp' && view.callId !== null && desk.callId === null && !desk.knowsWrapUp(view.callId))
      this.#restoreWrapUp(desk, view.callId).catch(err =>
        this.parts.log.warn({ err, agentId: view.id }, 'the wrap-up of a call could not be shown')
      )
  }

  /**
   * Calls ring in one page, also where an agent has pages open on several control planes: in the one that came last. When
   * that one has gone, a page here takes its place, as the next tab does on one control plane.
   */
  #leaveCallsToOnePage(desk: AgentDesk): void {
    const { agentId, softphone } = desk
    const wanted = () => {
      const view = this.parts.agents.view(agentId)
      if (view === undefined || view.controlPlaneId === null || view.controlPlaneId === this.parts.controlPlaneId)
        return null
      if (view.detachedAt === null) return softphone.activeTab === null ? null : 'give up'
      return softphone.activeTab === null && softphone.tabs.length > 0 ? 'take' : null
    }
    if (wanted() === null || this.#ended.signal.aborted) return
    this.#inTurn(agentId, async () => {
      // What was stored meanwhile may have settled it.
      const move = wanted()
      const [next] = softphone.tabs
      if (move === 'give up') await softphone.giveUpCalls()
      else if (move === 'take' && next !== undefined) {
        await softphone.claim(next.id)
        await this.parts.agents.attach(agentId)
      }
      if (move !== null) desk.changed()
    }).catch(err => softphone.complain(err))
  }

  /** A page that comes and one that goes at the same time are stored in the order in which they did. */
  async #inTurn(agentId: string, store: () => Promise<unknown>): Promise<void> {
    const before = this.#storing.get(agentId)
    const storing = (async () => {
      await before?.catch(() => {
        // Whoever asked for it was told.
      })
      await store()
    })()
    this.#storing.set(agentId, storing)
    try {
      await storing
    } finally {
      if (this.#storing.get(agentId) === storing) this.#storing.delete(agentId)
    }
  }

  #queuesChanged(): void {
    for (const desk of this.#desks.values()) desk.changed()
  }

  #close(agentId: string): void {
    this.#closing.delete(agentId)
    const desk = this.#desks.get(agentId)
    // A call on a desk phone may outlive the page.
    if (desk === undefined || desk.softphone.activeTab !== null || desk.callId !== null) return
    this.#desks.delete(agentId)
    stopSupervising(this, desk).catch(err => desk.softphone.complain(err))
  }
}
