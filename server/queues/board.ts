import { effectivePriority } from './eligibility.ts'
import { Heap } from './heap.ts'
import { type Queue, type Tier, tierAt, tiersOf } from './queue.ts'
import { type IndexedAgent, Requirement, requirementKey } from './requirement.ts'
import type { Candidate, Match, Waiting } from './snapshot.ts'

type IndexedQueue = { queue: Queue; tiers: readonly Tier[] }

/** Callers of one queue who can be answered by the same agents. Their order among each other never changes. */
type Group = {
  readonly key: string
  readonly requirement: Requirement
  /** Set while these callers wait for the agent they know. */
  readonly onlyAgentId: string | null
  readonly tier: number
  readonly heap: Heap<IndexedEntry>
  size: number
}

type IndexedEntry = {
  waiting: Waiting
  order: number
  group: Group | null
  /** Changes whenever the entry is placed anew, so that what the clock holds about it goes stale. */
  stamp: number
}

type Alarm = Readonly<{ atMs: number; entry: IndexedEntry | null; agent: IndexedAgent | null; stamp: number }>

/** Requirements that nobody needs now are kept for the next caller of their kind, up to this many. */
const SPARE_REQUIREMENTS = 256

/**
 * The waiting callers and the agents, indexed so that one decision costs no more with 50,000 callers than with 50.
 * It holds no truth of its own: whatever order changes come in, it decides as `distribute` does on the same facts.
 */
export class Board {
  readonly #queues = new Map<string, IndexedQueue>()
  readonly #agents = new Map<string, IndexedAgent>()
  readonly #entries = new Map<string, IndexedEntry>()
  readonly #requirements = new Map<string, Requirement>()
  readonly #groups = new Map<string, Group>()
  /** Entries by the agent that they know. */
  readonly #knowing = new Map<string, Set<IndexedEntry>>()
  readonly #clock = new Heap<Alarm>((one, other) => one.atMs < other.atMs)

  get waitingCount(): number {
    return this.#entries.size
  }

  /** Sets up a queue, or changes it: everybody in it is placed anew. */
  setQueue(queue: Queue, nowMs: number): void {
    this.#queues.set(queue.id, { queue, tiers: tiersOf(queue) })
    this.#forgetRequirements(queue.id)
    for (const entry of this.#entries.values()) if (entry.waiting.queueId === queue.id) this.#place(entry, nowMs)
  }

  removeQueue(queueId: string): void {
    this.#queues.delete(queueId)
    for (const entry of this.#entries.values()) if (entry.waiting.queueId === queueId) this.#unplace(entry)
    this.#forgetRequirements(queueId)
  }

  setAgent(candidate: Candidate, nowMs: number): void {
    let agent = this.#agents.get(candidate.id)
    const before = agent?.candidate
    if (agent === undefined) {
      agent = { candidate, isFree: false, stamp: 0, requirements: new Set() }
      this.#agents.set(candidate.id, agent)
    }
    this.#unfree(agent)
    agent.candidate = candidate
    const isNewProfile = before?.profile !== candidate.profile || !sameWork(before.work, candidate.work)
    if (isNewProfile) for (const requirement of this.#requirements.values()) requirement.judge(agent)
    this.#freeIfTime(agent, nowMs)
    if (isNewProfile || before?.isPresent !== candidate.isPresent)
      for (const entry of [...(this.#knowing.get(candidate.id) ?? [])]) this.#place(entry, nowMs)
  }

  removeAgent(agentId: string, nowMs: number): void {
    const agent = this.#agents.get(agentId)
    if (agent === undefined) return
    this.#unfree(agent)
    for (const requirement of agent.requirements) requirement.eligible.delete(agent)
    this.#agents.delete(agentId)
    for (const entry of [...(this.#knowing.get(agentId) ?? [])]) this.#place(entry, nowMs)
  }

  setEntry(waiting: Waiting, nowMs: number): void {
    this.removeEntry(waiting.id)
    const entry: IndexedEntry = { waiting, order: 0, group: null, stamp: 0 }
    this.#entries.set(waiting.id, entry)
    if (waiting.stickyAgentId !== null) {
      const known = this.#knowing.get(waiting.stickyAgentId) ?? new Set()
      known.add(entry)
      this.#knowing.set(waiting.stickyAgentId, known)
    }
    this.#place(entry, nowMs)
  }

  removeEntry(entryId: string): void {
    const entry = this.#entries.get(entryId)
    if (entry === undefined) return
    this.#entries.delete(entryId)
    this.#unplace(entry)
    const { stickyAgentId } = entry.waiting
    if (stickyAgentId === null) return
    const known = this.#knowing.get(stickyAgentId)
    known?.delete(entry)
    if (known?.size === 0) this.#knowing.delete(stickyAgentId)
  }

  /**
   * The next decisions at an instant, best first. Whoever is in one leaves the board: what could not be carried out
   * must be set again. Ends after `limit` decisions about entries that `isOurs` names; all others count for nothing
   * here, but take their agents.
   */
  match(nowMs: number, limit = Number.POSITIVE_INFINITY, isOurs: (entryId: string) => boolean = () => true): Match[] {
    this.#ring(nowMs)
    const matches: Match[] = []
    let ours = 0
    while (ours < limit) {
      const group = this.#nextGroup(nowMs)
      if (group === null) break
      const entry = headOf(group)
      if (entry === undefined) break
      const agents = this.#choose(group, entry)
      for (const agent of agents) this.#unfree(agent)
      this.removeEntry(entry.waiting.id)
      if (isOurs(entry.waiting.id)) ours += 1
      matches.push({
        entryId: entry.waiting.id,
        queueId: entry.waiting.queueId,
        agentIds: agents.map(agent => agent.candidate.id),
        tier: group.tier,
        reason: reasonOf(group, entry, agents)
      })
    }
    return matches
  }

  /** When time alone may make a decision possible; null when never. */
  nextAlarmMs(): number | null {
    for (;;) {
      const alarm = this.#clock.peek()
      if (alarm === undefined) return null
      if (!isStale(alarm)) return alarm.atMs
      this.#clock.pop()
    }
  }

  /** Ids of a queue's waiting callers in the order of their turns. */
  ranking(queueId: string): readonly string[] {
    return [...this.#entries.values()]
      .filter(entry => entry.waiting.queueId === queueId)
      .sort((one, other) => (isSooner(one, other) ? -1 : 1))
      .map(entry => entry.waiting.id)
  }

  /** Waiting callers of a queue by what they need, for "Why no calls?". */
  *needs(queueId: string): Iterable<{ waiting: Waiting; tier: number; onlyAgentId: string | null; freeCount: number }> {
    for (const group of this.#groups.values()) {
      if (group.requirement.queue.id !== queueId) continue
      const entry = headOf(group)
      if (entry === undefined) continue
      const { tier, onlyAgentId, requirement } = group
      yield { waiting: entry.waiting, tier, onlyAgentId, freeCount: requirement.freeCount }
    }
  }

  #place(entry: IndexedEntry, nowMs: number): void {
    this.#unplace(entry)
    const { waiting } = entry
    const indexed = this.#queues.get(waiting.queueId)
    if (indexed === undefined) return
    const { queue, tiers } = indexed
    entry.order = effectivePriority(waiting, queue, 0)
    const waitedMs = nowMs - waiting.placeFromMs
    const tier = tierAt(tiers, waitedMs)
    const requirement = this.#requirementFor(queue, tiers, tier, waiting)
    const onlyAgentId = this.#waitsForOne(queue, requirement, waiting, waitedMs) ? waiting.stickyAgentId : null
    const key = onlyAgentId === null ? requirement.key : `${requirement.key}@${onlyAgentId}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { key, requirement, onlyAgentId, tier, heap: new Heap(isSooner), size: 0 }
      this.#groups.set(key, group)
      requirement.users += 1
    }
    group.size += 1
    if (group.heap.size > 2 * group.size + 64) {
      const own = group
      // An entry that left and came back stands there twice.
      const seen = new Set<IndexedEntry>()
      group.heap.retain(one => one.group === own && !seen.has(one) && seen.add(one).has(one))
    }
    entry.group = group
    // The heap may still hold this entry from an earlier stay: then it is in its place already.
    group.heap.push(entry)
    const next = tiers[tier + 1]
    if (next !== undefined) this.#wake(waiting.placeFromMs + next.afterMs, entry, null)
    if (onlyAgentId !== null) this.#wake(waiting.placeFromMs + queue.stickyWaitMs, entry, null)
  }

  #unplace(entry: IndexedEntry): void {
    entry.stamp += 1
    const { group } = entry
    if (group === null) return
    entry.group = null
    group.size -= 1
    if (group.size > 0) return
    this.#groups.delete(group.key)
    group.requirement.users -= 1
    if (this.#requirements.size > SPARE_REQUIREMENTS) this.#dropSpare()
  }

  /** Whether a caller waits for the agent of last time alone: not for long, and only for one who is there. */
  #waitsForOne(queue: Queue, requirement: Requirement, waiting: Waiting, waitedMs: number): boolean {
    if (queue.strategy !== 'stickyAgent' || waiting.stickyAgentId === null || waitedMs >= queue.stickyWaitMs)
      return false
    const agent = this.#agents.get(waiting.stickyAgentId)
    return agent?.candidate.isPresent === true && requirement.eligible.has(agent)
  }

  #requirementFor(queue: Queue, tiers: readonly Tier[], tier: number, waiting: Waiting): Requirement {
    const key = requirementKey(queue, tiers, tier, waiting)
    const known = this.#requirements.get(key)
    if (known !== undefined) return known
    const requirement = new Requirement(key, queue, tiers.slice(0, tier + 1), waiting)
    this.#requirements.set(key, requirement)
    for (const agent of this.#agents.values()) {
      requirement.judge(agent)
      if (agent.isFree && requirement.eligible.has(agent)) requirement.addFree(agent)
    }
    return requirement
  }

  #forgetRequirements(queueId: string): void {
    for (const entry of this.#entries.values()) if (entry.waiting.queueId === queueId) this.#unplace(entry)
    for (const requirement of [...this.#requirements.values()])
      if (requirement.queue.id === queueId) this.#drop(requirement)
  }

  #dropSpare(): void {
    for (const requirement of [...this.#requirements.values()]) if (requirement.users === 0) this.#drop(requirement)
  }

  #drop(requirement: Requirement): void {
    this.#requirements.delete(requirement.key)
    for (const agent of requirement.eligible.keys()) agent.requirements.delete(requirement)
  }

  #freeIfTime(agent: IndexedAgent, nowMs: number): void {
    const { isFree, pausedUntilMs } = agent.candidate
    if (!isFree) return
    if (pausedUntilMs !== null && pausedUntilMs > nowMs) {
      this.#wake(pausedUntilMs, null, agent)
      return
    }
    agent.isFree = true
    agent.stamp += 1
    for (const requirement of agent.requirements) requirement.addFree(agent)
  }

  #unfree(agent: IndexedAgent): void {
    agent.stamp += 1
    if (!agent.isFree) return
    agent.isFree = false
    for (const requirement of agent.requirements) requirement.removeFree()
  }

  #wake(atMs: number, entry: IndexedEntry | null, agent: IndexedAgent | null): void {
    this.#clock.push({ atMs, entry, agent, stamp: (entry ?? agent)?.stamp ?? 0 })
  }

  /** Does what was due by now: callers reach their next tier, pauses end. */
  #ring(nowMs: number): void {
    for (let alarm = this.#clock.peek(); alarm !== undefined && alarm.atMs <= nowMs; alarm = this.#clock.peek()) {
      this.#clock.pop()
      if (isStale(alarm)) continue
      if (alarm.entry !== null) this.#place(alarm.entry, nowMs)
      if (alarm.agent !== null) this.#freeIfTime(alarm.agent, nowMs)
    }
  }

  #nextGroup(nowMs: number): Group | null {
    let best: Group | null = null
    let bestEntry: IndexedEntry | undefined
    let bestPriority = 0
    for (const group of this.#groups.values()) {
      if (!this.#hasAgent(group)) continue
      const entry = headOf(group)
      if (entry === undefined) continue
      const priority = effectivePriority(entry.waiting, group.requirement.queue, nowMs)
      if (
        bestEntry !== undefined &&
        (priority < bestPriority || (priority === bestPriority && !isOlder(entry.waiting, bestEntry.waiting)))
      )
        continue
      best = group
      bestEntry = entry
      bestPriority = priority
    }
    return best
  }

  #hasAgent({ requirement, onlyAgentId }: Group): boolean {
    const kept = requirement.kind === 'inbound' ? 0 : requirement.queue.keepFree
    if (requirement.freeCount <= kept) return false
    if (onlyAgentId === null) return true
    const agent = this.#agents.get(onlyAgentId)
    return agent?.isFree === true && requirement.eligible.has(agent)
  }

  #choose({ requirement, onlyAgentId }: Group, { waiting }: IndexedEntry): readonly IndexedAgent[] {
    const { queue } = requirement
    const known =
      queue.strategy === 'stickyAgent' ? this.#agents.get(onlyAgentId ?? waiting.stickyAgentId ?? '') : undefined
    if (known?.isFree === true && requirement.eligible.has(known)) return [known]
    return requirement.takeBest(queue.strategy === 'ringAll' && requirement.kind === 'inbound' ? queue.ringAllMax : 1)
  }
}

function headOf(group: Group): IndexedEntry | undefined {
  for (;;) {
    const entry = group.heap.peek()
    if (entry === undefined || entry.group === group) return entry
    group.heap.pop()
  }
}

/** Within one queue priority and ageing are the same for all, so that this order holds at any time. */
function isSooner(one: IndexedEntry, other: IndexedEntry): boolean {
  if (one.order !== other.order) return one.order > other.order
  return isOlder(one.waiting, other.waiting)
}

function isOlder(one: Waiting, other: Waiting): boolean {
  return one.placeFromMs === other.placeFromMs ? one.id < other.id : one.placeFromMs < other.placeFromMs
}

function isStale({ entry, agent, stamp }: Alarm): boolean {
  return (entry ?? agent)?.stamp !== stamp
}

function sameWork(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every(kind => other.includes(kind)))
}

function reasonOf({ tier, requirement }: Group, { waiting }: IndexedEntry, agents: readonly IndexedAgent[]): string {
  const { strategy } = requirement.queue
  const isKnown = strategy === 'stickyAgent' && agents[0]?.candidate.id === waiting.stickyAgentId
  return `${isKnown ? 'same agent as last time' : REASONS[strategy]}${tier === 0 ? '' : `, tier ${tier + 1}`}`
}

const REASONS = {
  longestIdle: 'waited longest',
  roundRobin: 'next in turn',
  leastOccupied: 'had the least to do today',
  bestSkill: 'knows it best',
  stickyAgent: 'waited longest',
  ringAll: 'rings with others'
} as const
