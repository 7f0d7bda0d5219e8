import { EventEmitter } from 'node:events'
import type { Insertable } from 'kysely'
import type { Db } from '../../sql/database.ts'
import { listLiveControlPlanes } from '../../sql/queries/control-planes.ts'
import {
  assignCall,
  deleteLeftEntries,
  type EntryRow,
  insertEntry,
  listOffersOfDeadOwners,
  listStaleOffers,
  type Proposal,
  type Reserved,
  reserve
} from '../../sql/queries/queue-entries.ts'
import type { QueueEntriesTable, VisitOutcome } from '../../sql/queue-tables.ts'
import type { WakeUps } from '../../sql/wake-ups.ts'
import type { AgentService } from '../agents/agent-service.ts'
import { Refresher } from '../agents/refresher.ts'
import { Sweeper } from '../agents/sweeper.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { Board } from './board.ts'
import { firstTierFor } from './eligibility.ts'
import { CallbackDesk, type CallbackHandler, type CallbackSettings } from './callbacks.ts'
import { type DeskQueueFacts, deskQueues } from './explain.ts'
import { type Changed, leaveQueue, requeueEntry, settleQueueOffer } from './outcomes.ts'
import { Places } from './places.ts'
import { QueueMirror } from './queue-mirror.ts'
import type { Entering, QueueVisitRequest } from './queue-request.ts'
import { toCandidate, toWaiting } from './queue-rows.ts'
import { QueueVisit, type SettleOutcome } from './queue-visit.ts'
import { type Queue, tiersOf } from './queue.ts'
import type { Match } from './snapshot.ts'

export type QueueServiceParts = Readonly<{
  db: Db
  wakeUps: WakeUps
  agents: AgentService
  /** Its row in `control_planes` must be kept alive by a heartbeat: that is the lease of what it owns. */
  controlPlaneId: string
  log: Logger
  now?: () => Date
}>

/** Decisions that are carried out in one transaction. */
const BATCH = 128
const POLL_MS = 1_000
/** An offer that nobody settled is over this long after its time. */
const OFFER_GRACE_MS = 3_000
/** After decisions that somebody else was about to change, the next try comes so soon. */
const RETRY_MS = 20
const KEEP_LEFT_MS = 600_000

/**
 * Who waits, and who gets whom. Keeps the board fresh from what the tables say, decides, and carries out the decisions
 * about callers of this control plane in one locking transaction each round. Several control planes may do so on one
 * database: all see all callers, so that the order is one, and each serves its own.
 */
export class QueueService implements AsyncDisposable {
  readonly #db: Db
  readonly #wakeUps: WakeUps
  readonly #agents: AgentService
  readonly #controlPlaneId: string
  readonly #log: Logger
  readonly #now: () => Date
  readonly #board = new Board()
  readonly #mirror: QueueMirror
  readonly #visits = new Map<string, QueueVisit>()
  /** What each agent rings for, of our visits. */
  readonly #ringing = new Map<string, Readonly<{ visit: QueueVisit; offerId: string; agentVersion: number }>>()
  /** Entries whose end is still to be stored. */
  readonly #leaving = new Set<string>()
  readonly #places: Places
  /** What has changed and was not read yet. */
  readonly #stale = new Set<'queues' | 'entries'>()
  readonly #emitter = new EventEmitter()
  readonly #ended = new AbortController()
  readonly #pump = new Refresher(() => this.#distribute())
  readonly #sweeper: Sweeper
  #alarm: NodeJS.Timeout | undefined
  #hasFailed = false

  private constructor(parts: QueueServiceParts) {
    this.#db = parts.db
    this.#wakeUps = parts.wakeUps
    this.#agents = parts.agents
    this.#controlPlaneId = parts.controlPlaneId
    this.#log = parts.log
    this.#now = parts.now ?? (() => new Date())
    this.#emitter.setMaxListeners(0)
    this.#places = new Places(parts.db, this.#board, parts.agents, () => this.#nowMs())
    this.#mirror = new QueueMirror(parts.db, {
      queueChanged: queue => {
        this.#board.setQueue(queue, this.#nowMs())
        this.#emit()
      },
      queueRemoved: queueId => {
        this.#board.removeQueue(queueId)
        this.#emit()
      },
      entryChanged: (entry, before) => this.#entryChanged(entry, before)
    })
    this.#sweeper = new Sweeper(
      parts.db,
      POLL_MS,
      deadSince => this.#sweep(deadSince),
      parts.log,
      'queues cannot be looked after'
    )
  }

  static async start(parts: QueueServiceParts): Promise<QueueService> {
    const service = new QueueService(parts)
    const { signal } = service.#ended
    parts.agents.onChange(agent => {
      const candidate = toCandidate(agent, service.#now())
      service.#board.setAgent(candidate, service.#nowMs())
      const ringing = service.#ringing.get(agent.id)
      // A reading from before the offer says nothing about it.
      if (ringing !== undefined && agent.version >= ringing.agentVersion && agent.offerId !== ringing.offerId) {
        service.#ringing.delete(agent.id)
        ringing.visit.withdraw(ringing.offerId)
      }
      // A caller may have waited for somebody who has just gone.
      if (candidate.isFree || agent.status === 'offline') service.#pumpSoon()
    }, signal)
    for (const agent of parts.agents.views())
      service.#board.setAgent(toCandidate(agent, service.#now()), service.#nowMs())
    await Promise.all([service.#mirror.refreshQueues(), service.#mirror.refreshEntries()])
    await service.#places.refresh()
    parts.wakeUps.listen(topic => {
      if (topic !== 'queues' && topic !== 'entries') return
      service.#stale.add(topic)
      service.#pumpSoon()
    }, signal)
    service.#sweeper.start()
    service.#pumpSoon()
    return service
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#alarm)
    await this.#sweeper[Symbol.asyncDispose]()
    await this.#pump.idle()
    await this.#mirror.idle()
  }

  /**
   * Lets a caller into a queue, or says why not. The visit must be disposed; the caller's place is held until then.
   * Rejects when the database cannot be reached.
   */
  async enter(request: QueueVisitRequest): Promise<Entering> {
    const queue = await this.#find(request.queue)
    if (queue === undefined) return { kind: 'unknownQueue' }
    const now = this.#now()
    if (!this.#mirror.isOpen(queue, now)) return { kind: 'closed', overflow: queue.afterHours ?? queue.overflow }
    if (!queue.waitsWithoutAgents && !this.#hasAgentFor(queue, request))
      return { kind: 'noAgents', overflow: queue.overflow }
    const { visit, row } = this.prepare(queue, request)
    try {
      const inserted = await insertEntry(this.#db, row, queue.maxSize)
      if (inserted === undefined) {
        this.forget(visit)
        return { kind: 'full', overflow: queue.overflow }
      }
      this.#mirror.take(inserted)
    } catch (err) {
      this.forget(visit)
      throw err
    }
    this.#wakeUps.wake('entries')
    return { kind: 'waiting', visit }
  }

  /** A visit whose row the caller inserts in a transaction of its own; `forget` it when that fails. */
  prepare(
    queue: Queue,
    request: QueueVisitRequest
  ): Readonly<{ visit: QueueVisit; row: Insertable<QueueEntriesTable> }> {
    const now = this.#now()
    const id = newId(now.getTime())
    const row = {
      id,
      call_id: request.callId,
      queue_id: queue.id,
      kind: request.kind ?? 'inbound',
      control_plane_id: this.#controlPlaneId,
      language: request.language,
      skills: [...new Set(request.skills)],
      priority: request.priority,
      is_head: request.isHead ?? false,
      called_number: request.calledNumber,
      entered_at: now,
      place_from_at: request.placeFromAt ?? now,
      max_wait_ms: request.maxWaitMs ?? null,
      sticky_agent_id: request.stickyAgentId ?? null,
      tier: null,
      outcome: null,
      left_at: null
    }
    return { visit: this.#open(id, queue, request, now), row }
  }

  /** Says which call an agent who is held for a visit will get; false when the hold is over. */
  async assignCall(
    visit: QueueVisit,
    offer: Readonly<{ id: string; agentId: string }>,
    callId: string
  ): Promise<boolean> {
    const held = { entryId: visit.entryId, offerId: offer.id, agentId: offer.agentId, callId }
    if (!(await assignCall(this.#db, held))) return false
    this.#wakeUps.wake('agents')
    this.#wakeUps.wake('entries')
    return true
  }

  /** Takes back what `prepare` made. */
  forget(visit: QueueVisit): void {
    this.#visits.delete(visit.entryId)
  }

  /** Place among those who wait (1 is next), or null for who does not. A second old at most. */
  position(entryId: string): number | null {
    const entry = this.#mirror.entry(entryId)
    return entry === undefined ? null : this.#places.position(entry)
  }

  /** A prediction in milliseconds, or null when there is nothing to base one on. See estimate.ts. */
  estimatedWaitMs(entryId: string): number | null {
    const entry = this.#mirror.entry(entryId)
    const queue = entry === undefined ? undefined : this.#mirror.queue(entry.queue_id)
    return entry === undefined || queue === undefined ? null : this.#places.estimatedWaitMs(entry, queue)
  }

  queues(): readonly Queue[] {
    return this.#mirror.queues()
  }

  findQueue(nameOrId: string): Queue | undefined {
    return this.#mirror.findQueue(nameOrId)
  }

  isOpen(queue: Queue): boolean {
    return this.#mirror.isOpen(queue, this.#now())
  }

  /** Callers who wait in a queue, also those for whom an agent rings. */
  waitingIn(queueId: string): readonly EntryRow[] {
    return [...this.#mirror.waitingIn(queueId)]
  }

  /** How many wait in a queue, and the longest wait in milliseconds (0 when nobody waits). */
  load(queueId: string): Readonly<{ waiting: number; longestWaitMs: number }> {
    const nowMs = this.#nowMs()
    let waiting = 0
    let longestWaitMs = 0
    for (const entry of this.#mirror.waitingIn(queueId)) {
      waiting += 1
      longestWaitMs = Math.max(longestWaitMs, nowMs - entry.entered_at.getTime())
    }
    return { waiting, longestWaitMs }
  }

  /** The queues on an agent's desk, each with the answer to "Why no calls?". */
  deskQueues(agentId: string): readonly DeskQueueFacts[] {
    const agent = this.#agents.view(agentId)
    if (agent === undefined) return []
    const now = this.#now()
    return deskQueues(agent, this.queues(), now, {
      isOpen: queue => this.#mirror.isOpen(queue, now),
      load: queue => this.load(queue.id),
      needs: queue => this.#board.needs(queue.id)
    })
  }

  /**
   * Hands callbacks to a dialler when their turn comes, each with the agent who is held for it, until what is returned is
   * disposed.
   */
  onCallbackDue(handler: CallbackHandler, settings: Partial<CallbackSettings> = {}): AsyncDisposable {
    const parts = { db: this.#db, queues: this, wakeUps: this.#wakeUps, log: this.#log, now: this.#now, settings }
    return new CallbackDesk(parts, handler)
  }

  /** Hears that callers, queues or agents have changed, until the signal is aborted; many changes may be one call. */
  onChange(listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#emitter.on('change', listener)
    signal.addEventListener('abort', () => this.#emitter.off('change', listener), { once: true })
  }

  /** Resolves when everything that is committed now has been read and decided on. */
  async settled(): Promise<void> {
    await this.#agents.refresh()
    this.#stale.add('queues').add('entries')
    await this.#pump.run()
  }

  #open(id: string, queue: Queue, request: QueueVisitRequest, now: Date): QueueVisit {
    const limits = [request.maxWaitMs, queue.maxWaitMs].filter(limit => typeof limit === 'number')
    const isOnLine = (request.kind ?? 'inbound') === 'inbound'
    const visit = new QueueVisit({
      entryId: id,
      queue,
      enteredAtMs: now.getTime(),
      maxWaitMs: limits.length === 0 || !isOnLine ? null : Math.min(...limits),
      announceEveryMs: isOnLine ? (request.announceEveryMs ?? queue.announce?.everyMs ?? null) : null,
      offersCallback: isOnLine,
      holdMs: request.holdMs ?? null,
      nowMs: () => this.#nowMs(),
      settle: (offerId, outcome) => this.#settle(offerId, outcome),
      leave: outcome => this.#leave(id, outcome),
      requeue: () => this.#requeue(id),
      place: () => {
        const position = this.position(id)
        return position === null ? null : { position, estimatedWaitMs: this.estimatedWaitMs(id) }
      }
    })
    this.#visits.set(id, visit)
    return visit
  }

  async #find(nameOrId: string): Promise<Queue | undefined> {
    const known = this.#mirror.findQueue(nameOrId)
    if (known !== undefined) return known
    // It may have been made a moment ago.
    await this.#mirror.refreshQueues()
    return this.#mirror.findQueue(nameOrId)
  }

  #hasAgentFor(queue: Queue, request: QueueVisitRequest): boolean {
    const tiers = tiersOf(queue)
    const { kind = 'inbound', skills, language } = request
    return this.#agents
      .views()
      .some(
        agent =>
          agent.status !== 'offline' &&
          !agent.notRoutable.includes('connectionLost') &&
          agent.work.includes(kind) &&
          firstTierFor(agent.profile, tiers, skills, language) !== -1
      )
  }

  async #settle(offerId: string, outcome: SettleOutcome['kind'], toHead = false): Promise<boolean> {
    const changed = await settleQueueOffer(this.#db, offerId, outcome, { ...this.#storing(), toHead })
    this.#changed(changed)
    return changed !== null && (outcome !== 'answered' || changed.entry.state === 'connected')
  }

  /** What a caller's end means must not be lost when the database is away: it is stored once it is back. */
  async #leave(entryId: string, outcome: VisitOutcome): Promise<void> {
    const storing = this.#storing()
    this.#leaving.add(entryId)
    this.#visits.delete(entryId)
    const store = async () => {
      this.#changed(await leaveQueue(this.#db, entryId, outcome, storing))
      this.#leaving.delete(entryId)
    }
    await storeSurely(store, this.#log, 'the end of a wait in a queue')
  }

  async #requeue(entryId: string): Promise<boolean> {
    const row = await requeueEntry(this.#db, entryId, this.#now())
    if (row === null) return false
    this.#mirror.take(row)
    this.#wakeUps.wake('entries')
    return true
  }

  #storing() {
    return {
      now: this.#now(),
      settings: this.#agents.settings,
      thresholdMs: (queueId: string) => this.#mirror.queue(queueId)?.thresholdMs ?? 0
    }
  }

  #changed(changed: Changed): void {
    if (changed === null) return
    this.#agents.apply(changed.agents)
    this.#mirror.take(changed.entry)
    this.#wakeUps.wake('entries')
  }

  #entryChanged(entry: EntryRow, before: EntryRow | undefined): void {
    if (entry.state === 'waiting') this.#board.setEntry(toWaiting(entry), this.#nowMs())
    else this.#board.removeEntry(entry.id)
    const visit = this.#visits.get(entry.id)
    if (visit !== undefined && entry.state === 'left' && !visit.isOver) this.#keepPlace(entry.id, visit)
    if (before?.state !== entry.state) this.#emit()
  }

  /** Another control plane took us for dead; the caller is still here. */
  #keepPlace(entryId: string, visit: QueueVisit): void {
    this.#log.warn({ entryId }, 'a caller of ours was taken out of the queue and goes back to its head')
    visit.withdrawAll()
    this.#requeue(entryId).then(
      isBack => {
        if (!isBack && !visit.isOver && this.#mirror.entry(entryId) === undefined) visit.lose()
      },
      err => {
        this.#log.error({ err, entryId }, 'a caller has lost the place in the queue')
        visit.lose()
      }
    )
  }

  #pumpSoon(): void {
    if (this.#ended.signal.aborted) return
    this.#pump.run().then(
      () => {
        this.#hasFailed = false
      },
      err => {
        // The sweep tries again every second.
        if (!this.#hasFailed) this.#log.warn({ err }, 'callers cannot be given to agents')
        this.#hasFailed = true
      }
    )
  }

  /** Reads what has changed, decides and carries out, until nothing is left to decide. */
  async #distribute(): Promise<void> {
    const isOurs = (entryId: string) => this.#visits.has(entryId)
    for (;;) {
      await this.#readStale()
      const now = this.#now()
      const matches = this.#board.match(now.getTime(), BATCH, isOurs)
      const ours = matches.filter(match => isOurs(match.entryId))
      let made: readonly Reserved[] = []
      try {
        if (ours.length > 0) made = await this.#carryOut(ours, now)
      } finally {
        this.#putBack(matches, made)
      }
      if (new Set(made.map(one => one.entryId)).size < ours.length) this.#pumpAt(now.getTime() + RETRY_MS)
      if (ours.length < BATCH) break
    }
    const alarmMs = this.#board.nextAlarmMs()
    if (alarmMs !== null) this.#pumpAt(alarmMs)
  }

  /** Reads what wake-ups named. Agents are read by their own service, which tells of each change. */
  async #readStale(): Promise<void> {
    const stale = [...this.#stale]
    this.#stale.clear()
    const read = { queues: () => this.#mirror.refreshQueues(), entries: () => this.#mirror.refreshEntries() }
    try {
      await Promise.all(stale.map(topic => read[topic]()))
    } catch (err) {
      for (const topic of stale) this.#stale.add(topic)
      throw err
    }
  }

  async #carryOut(matches: readonly Match[], now: Date): Promise<readonly Reserved[]> {
    const proposals = matches.flatMap(({ entryId, queueId, agentIds, tier, reason }): Proposal[] => {
      const ringMs = this.#visits.get(entryId)?.holdMs ?? this.#mirror.queue(queueId)?.ringMs ?? 0
      return agentIds.map(agentId => ({ offerId: newId(now.getTime()), entryId, agentId, tier, reason, ringMs }))
    })
    const made = await reserve(this.#db, proposals, this.#controlPlaneId, now)
    const reasons = new Map(proposals.map(proposal => [proposal.offerId, proposal]))
    for (const { offerId, entryId, agentId, agentControlPlaneId, agentVersion } of made) {
      const { ringMs = 0, reason = '' } = reasons.get(offerId) ?? {}
      const visit = this.#visits.get(entryId)
      if (visit === undefined || visit.isOver) {
        // The caller left while this was written; leaving has seen to the offer or the sweep will.
        void this.#settle(offerId, 'withdrawn').catch(err => this.#log.warn({ err, offerId }, 'an offer stays open'))
        continue
      }
      const { isAutoAnswered } = visit.queue
      this.#ringing.set(agentId, { visit, offerId, agentVersion: Number(agentVersion) })
      visit.offer({ id: offerId, agentId, agentControlPlaneId, ringMs, isAutoAnswered, reason })
    }
    // What was just written is read before the next decision, here and by whoever shares the database.
    if (made.length > 0) this.#wakeUps.wake('agents')
    if (made.length > 0) this.#wakeUps.wake('entries')
    return made
  }

  /** Decisions that somebody else carries out, or that could not be: callers and agents are as they were. */
  #putBack(matches: readonly Match[], made: readonly Reserved[]): void {
    const now = this.#now()
    const entriesHeld = new Set(made.map(one => one.entryId))
    const agentsHeld = new Set(made.map(one => one.agentId))
    for (const { entryId, agentIds } of matches) {
      const entry = this.#mirror.entry(entryId)
      if (entry?.state === 'waiting' && !entriesHeld.has(entryId)) this.#board.setEntry(toWaiting(entry), now.getTime())
      for (const agentId of agentIds) {
        if (agentsHeld.has(agentId)) continue
        const agent = this.#agents.view(agentId)
        if (agent !== undefined) this.#board.setAgent(toCandidate(agent, now), now.getTime())
      }
    }
  }

  #pumpAt(atMs: number): void {
    clearTimeout(this.#alarm)
    if (this.#ended.signal.aborted || this.#visits.size === 0) return
    const delayMs = Math.min(Math.max(atMs - this.#nowMs(), RETRY_MS), POLL_MS)
    this.#alarm = setTimeout(() => this.#pumpSoon(), delayMs)
  }

  /** What nobody else does: offers that nobody settled, callers and agents of control planes that died. */
  async #sweep(deadSince: Date | null): Promise<void> {
    await this.settled()
    const now = this.#now()
    this.#mirror.forgetOld()
    for (const offer of await listStaleOffers(this.#db, new Date(now.getTime() - OFFER_GRACE_MS)))
      await this.#settle(offer.id, 'missed')
    // Callers of ours who are not here any more: their end could not be stored.
    const own = this.#mirror.ownedBy(this.#controlPlaneId)
    if (own.size > this.#visits.size)
      for (const id of [...own]) if (!this.#visits.has(id) && !this.#leaving.has(id)) await this.#leave(id, 'lost')
    if (await this.#places.refresh()) await deleteLeftEntries(this.#db, new Date(now.getTime() - KEEP_LEFT_MS))
    if (deadSince === null) return
    for (const offer of await listOffersOfDeadOwners(this.#db, deadSince)) await this.#settle(offer.id, 'network', true)
    const live = await listLiveControlPlanes(this.#db, deadSince)
    for (const owner of this.#mirror.owners())
      if (owner !== this.#controlPlaneId && !live.has(owner))
        for (const id of [...this.#mirror.ownedBy(owner)]) await this.#leave(id, 'lost')
  }

  #emit(): void {
    for (const listener of this.#emitter.listeners('change')) {
      try {
        listener()
      } catch (err) {
        this.#log.error({ err }, 'a listener of queues failed')
      }
    }
  }

  #nowMs(): number {
    return this.#now().getTime()
  }
}
