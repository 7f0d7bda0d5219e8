import { firstTierFor } from '../queues/eligibility.ts'
import type { QueueService } from '../queues/queue-service.ts'
import { type Queue, tiersOf } from '../queues/queue.ts'
import type { OfferFacts, QueueVisit } from '../queues/queue-visit.ts'
import type { AgentService, AgentView } from '../agents/agent-service.ts'
import { isFree } from '../agents/agent.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import type { BusyAgent } from './answers-ahead.ts'

/** An agent who is held for the next person of a campaign. Dispose the visit when it is over. */
export type HeldAgent = Readonly<{ visit: QueueVisit; offer: OfferFacts; since: number }>

export type Agents = Readonly<{
  free: number
  busy: readonly BusyAgent[]
  onBreak: number
  offline: number
  unreachable: number
}>

/** An agent is given back before the hold runs out, and may be held anew. */
const HOLD_MS = 180_000
const GIVE_BACK_MS = 120_000
const FIND_LIMIT_MS = 3_000

/**
 * Agents of one campaign's queue: who there is, and those held for its calls. Agents are held through the queue, like
 * for any caller, so that nobody is given two calls and callers on the line keep their turn.
 */
export class AgentPool implements AsyncDisposable {
  readonly #queues: QueueService
  readonly #agents: AgentService
  readonly #log: Logger
  readonly #queue: Queue
  readonly #language: string
  readonly #held: HeldAgent[] = []
  readonly #waiters: ((held: HeldAgent) => void)[] = []
  readonly #watchers = new Set<() => void>()
  readonly #ended = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #finding = 0

  constructor(
    parts: Readonly<{ queues: QueueService; agents: AgentService; log: Logger }>,
    queue: Queue,
    language: string
  ) {
    this.#queues = parts.queues
    this.#agents = parts.agents
    this.#log = parts.log
    this.#queue = queue
    this.#language = language
  }

  get queue(): Queue {
    return this.#queue
  }

  get held(): number {
    return this.#held.length + this.#finding
  }

  /** Agents who are held and free for a lead now. */
  get ready(): number {
    return this.#held.length
  }

  /** The agents who could take calls of this campaign, by what they do now. */
  count(now: Date): Agents {
    const able = this.#able()
    const free = able.filter(view => isFree(view, now)).length
    return {
      free: Math.max(0, free - this.#queue.keepFree - this.#finding),
      busy: able
        .filter(view => (view.state === 'talking' || view.state === 'wrapUp') && view.status === 'available')
        .map(view => ({ isInWrapUp: view.state === 'wrapUp', elapsedMs: now.getTime() - busySince(view) })),
      onBreak: able.filter(view => view.status === 'onBreak').length,
      offline: able.filter(view => view.status === 'offline').length,
      unreachable: able.filter(view => view.status === 'available' && !view.isRoutable).length
    }
  }

  /** Looks for so many more agents to hold; they come within moments or not at all. */
  hold(agents: number): void {
    for (let index = 0; index < agents; index += 1) {
      this.#finding += 1
      const finding = this.#find()
        .catch(err => {
          if (!this.#ended.signal.aborted) this.#log.warn({ err }, 'an agent could not be held for a campaign')
        })
        .finally(() => {
          this.#running.delete(finding)
          for (const tell of this.#watchers) tell()
        })
      this.#running.add(finding)
    }
  }

  /** The agent held longest, or the wanted one when they are held; null when none is. */
  take(wantedAgentId: string | null = null): HeldAgent | null {
    for (;;) {
      const at = this.#held.findIndex(one => one.offer.agentId === wantedAgentId)
      const [held] = this.#held.splice(Math.max(0, at), 1)
      if (held === undefined) return null
      if (!held.offer.withdrawn.aborted && !held.visit.isOver) return held
      void this.#release(held)
    }
  }

  /** Agents who are held and free for a lead, or could be held now. */
  reachable(now: Date): readonly string[] {
    const free = this.#able().filter(view => isFree(view, now))
    return [...this.#held.map(one => one.offer.agentId), ...free.map(view => view.id)]
  }

  /**
   * This agent and nobody else, within the limit; null when they are not free. The queue decides whom it gives, so everybody
   * who is free is held until it is the right one; the others are given back with the next {@link trim}.
   */
  async only(agentId: string, limitMs: number, now: () => Date): Promise<HeldAgent | null> {
    const limit = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(limitMs)])
    for (;;) {
      if (this.#held.some(one => one.offer.agentId === agentId)) return this.take(agentId)
      if (limit.aborted || !this.reachable(now()).includes(agentId)) return null
      this.hold(Math.max(0, this.count(now()).free))
      await this.#change(limit)
    }
  }

  /** The next agent who is held or can be, within the limit; null when there is none by then. */
  async next(limitMs: number, signal: AbortSignal): Promise<HeldAgent | null> {
    const held = this.take()
    if (held !== null) return held
    this.hold(1)
    const { promise, resolve } = Promise.withResolvers<HeldAgent | null>()
    const waiter = (one: HeldAgent) => resolve(one)
    this.#waiters.push(waiter)
    const giveUp = () => {
      const at = this.#waiters.indexOf(waiter)
      if (at !== -1) this.#waiters.splice(at, 1)
      resolve(null)
    }
    const timer = setTimeout(giveUp, limitMs)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** Gives an agent back who was taken and got no call. */
  async giveBack(held: HeldAgent): Promise<void> {
    await this.#release(held)
  }

  /** Gives back those beyond `wanted`, and those held for so long that the hold would run out. */
  trim(wanted: number, nowMs: number): void {
    while (this.#held.length > Math.max(0, wanted)) {
      const held = this.#held.pop()
      if (held !== undefined) void this.#release(held)
    }
    for (const held of [...this.#held])
      if (nowMs - held.since > GIVE_BACK_MS) {
        this.#held.splice(this.#held.indexOf(held), 1)
        void this.#release(held)
      }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    this.trim(0, Date.now())
    await Promise.allSettled(this.#running)
  }

  #able(): readonly AgentView[] {
    const tiers = tiersOf(this.#queue)
    return this.#agents
      .views()
      .filter(view => view.work.includes('campaign') && firstTierFor(view.profile, tiers, [], this.#language) !== -1)
  }

  /** Resolves when somebody has been found or is not to be, or with the signal. */
  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#watchers.add(resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    try {
      await promise
    } finally {
      this.#watchers.delete(resolve)
    }
  }

  async #find(): Promise<void> {
    let isCounted = true
    const found = () => {
      if (isCounted) this.#finding -= 1
      isCounted = false
    }
    try {
      const entering = await this.#queues.enter({
        // The id of the call that the agent gets comes later.
        callId: newId(),
        queue: this.#queue.id,
        language: this.#language,
        priority: 0,
        skills: [],
        calledNumber: null,
        kind: 'campaign',
        holdMs: HOLD_MS
      })
      if (entering.kind !== 'waiting') return
      const { visit } = entering
      let isKept = false
      try {
        const offer = await nextOffer(visit, AbortSignal.any([this.#ended.signal, AbortSignal.timeout(FIND_LIMIT_MS)]))
        if (offer === null) return
        isKept = true
        found()
        this.#give({ visit, offer, since: Date.now() })
      } finally {
        if (!isKept) await visit.leave('transferred')
      }
    } finally {
      found()
    }
  }

  #give(held: HeldAgent): void {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) {
      waiter(held)
      return
    }
    this.#held.push(held)
    held.offer.withdrawn.addEventListener(
      'abort',
      () => {
        const at = this.#held.indexOf(held)
        if (at === -1) return
        this.#held.splice(at, 1)
        void this.#release(held)
      },
      { once: true }
    )
    if (this.#ended.signal.aborted) this.trim(0, Date.now())
  }

  async #release(held: HeldAgent): Promise<void> {
    try {
      await held.visit.settle(held.offer.id, { kind: 'withdrawn' })
      await held.visit.leave('transferred')
    } catch (err) {
      // The sweep of the queues ends what could not be ended now.
      this.#log.warn({ err }, 'an agent who was held could not be given back at once')
    }
  }
}

async function nextOffer(visit: QueueVisit, signal: AbortSignal): Promise<OfferFacts | null> {
  try {
    for (;;) {
      const event = await visit.next(signal)
      if (event.kind === 'offer') return event.offer
      if (event.kind === 'lost' || event.kind === 'maxWait') return null
    }
  } catch (err) {
    if (signal.aborted) return null
    throw err
  }
}

function busySince(view: AgentView): number {
  return (view.wrapUp?.startedAt ?? view.stateSince).getTime()
}
