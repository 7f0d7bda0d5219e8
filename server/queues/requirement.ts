import { spokenLanguage } from '../agents/profile.ts'
import { type Demand, demandsOf, firstMet, skillScore } from './eligibility.ts'
import { Heap } from './heap.ts'
import type { Queue, Tier } from './queue.ts'
import type { Candidate, Waiting } from './snapshot.ts'

/** An agent in the index, with what ranks it; `stamp` changes whenever the agent becomes free or stops being so. */
export type IndexedAgent = {
  candidate: Candidate
  isFree: boolean
  stamp: number
  readonly requirements: Set<Requirement>
}

type Ranked = Readonly<{ agent: IndexedAgent; stamp: number; tier: number; order: number; idleSinceMs: number }>

/**
 * Who may answer one kind of waiting caller: same queue, tier, skills, language and work. Knows all agents who are good
 * enough, and of the free ones the best after the queue's strategy.
 */
export class Requirement {
  readonly key: string
  readonly queue: Queue
  readonly tiers: readonly Tier[]
  readonly asked: readonly string[]
  readonly language: string
  readonly kind: Waiting['kind']
  /** The first tier whose demands each agent meets. */
  readonly eligible = new Map<IndexedAgent, number>()
  readonly #demands: readonly Demand[]
  readonly #free = new Heap<Ranked>(isBetter)
  freeCount = 0
  /** Groups of waiting callers that need it. */
  users = 0

  constructor(key: string, queue: Queue, tiers: readonly Tier[], entry: Waiting) {
    this.key = key
    this.queue = queue
    this.tiers = tiers
    this.asked = entry.skills
    this.language = entry.language
    this.kind = entry.kind
    this.#demands = demandsOf(tiers, entry.skills, entry.language)
  }

  /** Looks at an agent whose profile is new; the agent must not be counted as free here. */
  judge(agent: IndexedAgent): void {
    const { profile, work } = agent.candidate
    const tier = work.includes(this.kind) ? firstMet(profile, this.#demands) : -1
    if (tier === -1) {
      if (this.eligible.delete(agent)) agent.requirements.delete(this)
    } else {
      this.eligible.set(agent, tier)
      agent.requirements.add(this)
    }
  }

  addFree(agent: IndexedAgent): void {
    const tier = this.eligible.get(agent) ?? 0
    this.freeCount += 1
    // What is stale goes when it outweighs what is not.
    if (this.#free.size > 2 * this.freeCount + 64)
      this.#free.retain(ranked => ranked.agent.isFree && ranked.stamp === ranked.agent.stamp)
    const { idleSinceMs } = agent.candidate
    this.#free.push({ agent, stamp: agent.stamp, tier, order: this.#orderOf(agent.candidate, tier), idleSinceMs })
  }

  removeFree(): void {
    this.freeCount -= 1
  }

  /** The best free agents, at most so many; they stay counted until the index takes them out. */
  takeBest(count: number): readonly IndexedAgent[] {
    const best: IndexedAgent[] = []
    while (best.length < count) {
      const ranked = this.#free.pop()
      if (ranked === undefined) break
      if (ranked.agent.isFree && ranked.stamp === ranked.agent.stamp) best.push(ranked.agent)
    }
    return best
  }

  #orderOf(candidate: Candidate, tier: number): number {
    switch (this.queue.strategy) {
      case 'longestIdle':
      case 'stickyAgent':
      case 'ringAll':
        return candidate.idleSinceMs
      case 'roundRobin':
        return candidate.lastOfferedMs
      case 'leastOccupied':
        return candidate.occupiedMs
      case 'bestSkill':
        return -skillScore(candidate.profile, this.tiers[tier] as Tier, this.asked, this.language)
      default:
        return this.queue.strategy satisfies never
    }
  }
}

/** Agents of an earlier tier first, then by the strategy, then who waits longest; the id makes it total. */
function isBetter(one: Ranked, other: Ranked): boolean {
  if (one.tier !== other.tier) return one.tier < other.tier
  if (one.order !== other.order) return one.order < other.order
  if (one.idleSinceMs !== other.idleSinceMs) return one.idleSinceMs < other.idleSinceMs
  return one.agent.candidate.id < other.agent.candidate.id
}

/** Callers with the same key can be answered by the same agents. */
export function requirementKey(queue: Queue, tiers: readonly Tier[], tier: number, entry: Waiting): string {
  const isLanguageAsked = tiers.slice(0, tier + 1).some(one => one.languageLevel !== null)
  const language = isLanguageAsked ? spokenLanguage(entry.language) : ''
  return JSON.stringify([queue.id, tier, entry.kind, language, ...entry.skills.toSorted()])
}
