import { EventEmitter } from 'node:events'
import type { Db } from '../../sql/database.ts'
import { addVisits, NO_VISITS, type VisitCounts, visitFigures } from '../../sql/reports/definitions.ts'
import { readVisits } from '../../sql/reports/visit-report.ts'
import type { AgentService, AgentView } from '../agents/agent-service.ts'
import type { AgentState, AgentStatus, NotRoutableReason } from '../agents/agent-state.ts'
import type { Profile } from '../agents/profile.ts'
import type { Logger } from '../log.ts'
import { firstTierFor } from './eligibility.ts'
import type { QueueService } from './queue-service.ts'
import { type Queue, tiersOf } from './queue.ts'

/** Figures of one queue (or of all). Shares are 0 to 1; null is unknown. Times are milliseconds. */
export type WallboardQueue = Readonly<{
  id: string
  name: string
  isOpen: boolean
  waiting: number
  longestWaitMs: number
  /** When the one who waits longest came; null when nobody waits. */
  longestSince: Date | null
  thresholdMs: number
  goalPercent: number | null
  /** Of the window. */
  offered: number
  serviceLevel: number | null
  abandonment: number | null
  meanAnswerWaitMs: number | null
  meanHandleMs: number | null
  /** Agents who could serve this queue, by what they do now. */
  free: number
  ringing: number
  talking: number
  wrapUp: number
  onBreak: number
  /** Available, but calls cannot reach them. */
  unreachable: number
}>

export type WallboardAgent = Readonly<{
  id: string
  name: string
  status: AgentStatus
  statusReason: string | null
  nextStatus: AgentStatus | null
  state: AgentState
  /** Since when this status and state. */
  since: Date
  isRoutable: boolean
  notRoutable: readonly NotRoutableReason[]
  queueId: string | null
  callId: string | null
  missed: string | null
}>

export type WallboardView = Readonly<{
  asOf: Date
  /** The time that service level, abandonment and means are of. */
  windowFrom: Date
  windowMs: number
  total: Omit<WallboardQueue, 'id' | 'name' | 'isOpen' | 'thresholdMs' | 'goalPercent'>
  queues: readonly WallboardQueue[]
  /** Everybody but who is offline. */
  agents: readonly WallboardAgent[]
}>

const WINDOW_MS = 30 * 60_000
/** At most four times a second, and at least every second, because the window moves. */
const SPACING_MS = 250
const IDLE_MS = 1_000
/** The window's counts are read again after this time; what waits and who does what is always of now. */
const COUNTS_MS = 1_000

type Counted = Readonly<{ atMs: number; from: Date; byQueue: ReadonlyMap<string, VisitCounts> }>

/** What supervisors see: the present from the mirrors, the last half hour from the tables. */
export class Wallboard implements AsyncDisposable {
  readonly #db: Db
  readonly #queues: QueueService
  readonly #agents: AgentService
  readonly #log: Logger
  readonly #now: () => Date
  readonly #emitter = new EventEmitter()
  readonly #ended = new AbortController()
  readonly #ability = new WeakMap<Profile, WeakMap<Queue, boolean>>()
  #counted: Counted | undefined
  #counting: Promise<Counted> | undefined
  #timer: NodeJS.Timeout | undefined
  #isNear = false
  #emitting: Promise<void> | undefined
  #lastEmitMs = Number.NEGATIVE_INFINITY

  constructor(parts: Readonly<{ db: Db; queues: QueueService; agents: AgentService; log: Logger; now?: () => Date }>) {
    this.#db = parts.db
    this.#queues = parts.queues
    this.#agents = parts.agents
    this.#log = parts.log
    this.#now = parts.now ?? (() => new Date())
    this.#emitter.setMaxListeners(0)
    parts.agents.onChange(() => this.#soon(SPACING_MS), this.#ended.signal)
    parts.queues.onChange(() => this.#soon(SPACING_MS), this.#ended.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#timer)
    await this.#emitting
    await this.#counting?.catch(() => {})
  }

  /** Hears the whole board after changes, at most four times a second, until the signal is aborted. */
  onWallboard(listener: (view: WallboardView) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#emitter.on('view', listener)
    signal.addEventListener('abort', () => this.#emitter.off('view', listener), { once: true })
    this.#soon(0)
  }

  async view(): Promise<WallboardView> {
    const counted = await this.#counts()
    const now = this.#now()
    const present = this.#agents.views().filter(agent => agent.status !== 'offline' || agent.state !== 'idle')
    const queues = this.#queues.queues().map(queue => this.#queueView(queue, present, counted, now))
    queues.sort((one, other) => other.longestWaitMs - one.longestWaitMs || one.name.localeCompare(other.name))
    const all = [...counted.byQueue.values()].reduce(addVisits, NO_VISITS)
    const waits = queues.flatMap(queue => (queue.longestSince === null ? [] : [queue.longestSince.getTime()]))
    const longestSince = waits.length === 0 ? null : new Date(Math.min(...waits))
    return {
      asOf: now,
      windowFrom: counted.from,
      windowMs: WINDOW_MS,
      total: {
        waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0),
        longestWaitMs: longestSince === null ? 0 : now.getTime() - longestSince.getTime(),
        longestSince,
        ...windowFigures(all),
        ...doing(present)
      },
      queues,
      agents: present.map(toWallboardAgent)
    }
  }

  #queueView(queue: Queue, present: readonly AgentView[], counted: Counted, now: Date): WallboardQueue {
    let waiting = 0
    let longestSince: Date | null = null
    for (const entry of this.#queues.waitingIn(queue.id)) {
      if (entry.kind !== 'inbound') continue
      waiting += 1
      if (longestSince === null || entry.entered_at < longestSince) longestSince = entry.entered_at
    }
    return {
      id: queue.id,
      name: queue.name,
      isOpen: this.#queues.isOpen(queue),
      waiting,
      longestWaitMs: longestSince === null ? 0 : now.getTime() - longestSince.getTime(),
      longestSince,
      thresholdMs: queue.thresholdMs,
      goalPercent: queue.goalPercent,
      ...windowFigures(counted.byQueue.get(queue.id) ?? NO_VISITS),
      ...doing(present.filter(agent => this.#canServe(agent.profile, queue)))
    }
  }

  #canServe(profile: Profile, queue: Queue): boolean {
    let known = this.#ability.get(profile)
    if (known === undefined) {
      known = new WeakMap()
      this.#ability.set(profile, known)
    }
    let can = known.get(queue)
    if (can === undefined) {
      can = firstTierFor(profile, tiersOf(queue), [], null) !== -1
      known.set(queue, can)
    }
    return can
  }

  async #counts(): Promise<Counted> {
    const nowMs = this.#now().getTime()
    if (this.#counted !== undefined && Math.abs(nowMs - this.#counted.atMs) < COUNTS_MS) return this.#counted
    this.#counting ??= this.#count(nowMs).finally(() => {
      this.#counting = undefined
    })
    return await this.#counting
  }

  async #count(nowMs: number): Promise<Counted> {
    const from = new Date(nowMs - WINDOW_MS)
    // The present instant belongs to the window.
    const rows = await readVisits(this.#db, [{ from, until: new Date(nowMs + 1) }], 'queue')
    this.#counted = { atMs: nowMs, from, byQueue: new Map(rows.map(row => [row.key ?? '', row])) }
    return this.#counted
  }

  #soon(delayMs: number): void {
    if (this.#ended.signal.aborted || this.#emitter.listenerCount('view') === 0) return
    const dueMs = Math.max(this.#lastEmitMs + SPACING_MS - performance.now(), delayMs, 0)
    // A timer that waits for the idle round gives way to a change; one that is near is kept.
    if (this.#timer !== undefined && this.#isNear) return
    clearTimeout(this.#timer)
    this.#isNear = delayMs < IDLE_MS
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#emitting ??= this.#emit().finally(() => {
        this.#emitting = undefined
        this.#soon(IDLE_MS)
      })
    }, dueMs)
  }

  async #emit(): Promise<void> {
    this.#lastEmitMs = performance.now()
    let view: WallboardView
    try {
      view = await this.view()
    } catch (err) {
      // Screens show how old their figures are; the next round tries again.
      this.#log.warn({ err }, 'the wallboard cannot be counted')
      return
    }
    for (const listener of this.#emitter.listeners('view')) {
      try {
        listener(view)
      } catch (err) {
        this.#log.error({ err }, 'a listener of the wallboard failed')
      }
    }
  }
}

function windowFigures(counts: VisitCounts) {
  const { serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs } = visitFigures(counts)
  return { offered: counts.offered, serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs }
}

/** How many do what; each agent counts once. */
function doing(agents: readonly AgentView[]) {
  const counts = { free: 0, ringing: 0, talking: 0, wrapUp: 0, onBreak: 0, unreachable: 0 }
  for (const agent of agents) {
    if (agent.state === 'reserved' || agent.state === 'ringing') counts.ringing += 1
    else if (agent.state === 'talking') counts.talking += 1
    else if (agent.state === 'wrapUp') counts.wrapUp += 1
    else if (agent.status === 'onBreak') counts.onBreak += 1
    else if (agent.status === 'available' && agent.isRoutable) counts.free += 1
    else if (agent.status === 'available') counts.unreachable += 1
  }
  return counts
}

function toWallboardAgent(agent: AgentView): WallboardAgent {
  return {
    id: agent.id,
    name: agent.profile.displayName,
    status: agent.status,
    statusReason: agent.statusReason,
    nextStatus: agent.nextStatus?.status ?? null,
    state: agent.state,
    since: agent.state === 'idle' && agent.statusSince > agent.stateSince ? agent.statusSince : agent.stateSince,
    isRoutable: agent.isRoutable,
    notRoutable: agent.notRoutable,
    queueId: agent.queueId,
    callId: agent.callId,
    missed: agent.missed?.reason ?? null
  }
}
