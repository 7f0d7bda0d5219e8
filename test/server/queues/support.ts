import type { Candidate, Match, Snapshot, Waiting } from '../../../server/queues/snapshot.ts'
import { type Queue, type Tier, tierAt, tiersOf } from '../../../server/queues/queue.ts'

/** A queue for anybody, first come, first served. */
export function queueOf(change: Partial<Queue> & { id: string }): Queue {
  return {
    name: change.id,
    labels: {},
    strategy: 'longestIdle',
    tiers: [],
    thresholdMs: 20_000,
    goalPercent: 80,
    priority: 0,
    ageingPerMinute: 1,
    maxSize: null,
    maxWaitMs: null,
    calendar: null,
    wrapUpMs: 30_000,
    wrapUpLimitMs: 300_000,
    ringMs: 20_000,
    isAutoAnswered: false,
    stickyWaitMs: 30_000,
    ringAllMax: 3,
    keepFree: 0,
    waitsWithoutAgents: true,
    overflow: null,
    afterHours: null,
    announce: null,
    music: null,
    script: '',
    callbackAfterMs: null,
    ...change
  }
}

export function agentOf(
  id: string,
  change: Partial<Omit<Candidate, 'profile'>> & {
    skills?: Record<string, number>
    languages?: Record<string, number>
  } = {}
): Candidate {
  const { skills = {}, languages = {}, ...rest } = change
  return {
    id,
    profile: { skills: new Map(Object.entries(skills)), languages: new Map(Object.entries(languages)) },
    isFree: true,
    isPresent: true,
    pausedUntilMs: null,
    work: ['inbound', 'callback', 'campaign'],
    idleSinceMs: 0,
    lastOfferedMs: 0,
    occupiedMs: 0,
    ...rest
  }
}

export function callerOf(id: string, queueId: string, change: Partial<Waiting> = {}): Waiting {
  return {
    id,
    queueId,
    kind: 'inbound',
    language: 'en',
    skills: [],
    priority: 0,
    isHead: false,
    placeFromMs: 0,
    stickyAgentId: null,
    ...change
  }
}

/**
 * Distribution as the guide describes it, by trying everything: written from the words, without any index, to judge the
 * real one by.
 */
export function bruteForce({ queues, agents, entries }: Snapshot, nowMs: number): Omit<Match, 'reason'>[] {
  const matches: Omit<Match, 'reason'>[] = []
  const free = new Set(agents.filter(one => one.isFree && (one.pausedUntilMs === null || one.pausedUntilMs <= nowMs)))
  const waiting = new Set(entries)
  for (;;) {
    const options = [...waiting].flatMap(entry => {
      const queue = queues.find(one => one.id === entry.queueId)
      if (queue === undefined) return []
      const choice = choices(queue, entry, free, agents, nowMs)
      return choice.length === 0 ? [] : [{ entry, queue, choice }]
    })
    const [first] = options.sort(
      (one, other) =>
        points(other, nowMs) - points(one, nowMs) ||
        one.entry.placeFromMs - other.entry.placeFromMs ||
        (one.entry.id < other.entry.id ? -1 : 1)
    )
    if (first === undefined) return matches
    const { entry, queue, choice } = first
    const isAll = queue.strategy === 'ringAll' && entry.kind === 'inbound'
    const taken = choice.slice(0, isAll ? queue.ringAllMax : 1)
    for (const agent of taken) free.delete(agent)
    waiting.delete(entry)
    const tier = tierAt(tiersOf(queue), nowMs - entry.placeFromMs)
    matches.push({ entryId: entry.id, queueId: queue.id, agentIds: taken.map(one => one.id), tier })
  }
}

function points({ entry, queue }: { entry: Waiting; queue: Queue }, nowMs: number): number {
  return (
    (queue.priority + entry.priority + (entry.isHead ? 1_000_000 : 0)) * 60_000 +
    queue.ageingPerMinute * (nowMs - entry.placeFromMs)
  )
}

function choices(
  queue: Queue,
  entry: Waiting,
  free: ReadonlySet<Candidate>,
  all: readonly Candidate[],
  nowMs: number
): Candidate[] {
  const waitedMs = nowMs - entry.placeFromMs
  const tiers = tiersOf(queue).slice(0, tierAt(tiersOf(queue), waitedMs) + 1)
  const tierOf = (agent: Candidate) =>
    agent.work.includes(entry.kind) ? tiers.findIndex(tier => meets(agent, tier, entry)) : -1
  const able = [...free].filter(agent => tierOf(agent) !== -1)
  if (entry.kind !== 'inbound' && able.length <= queue.keepFree) return []
  const known = queue.strategy === 'stickyAgent' ? all.find(one => one.id === entry.stickyAgentId) : undefined
  if (known !== undefined && tierOf(known) !== -1) {
    if (free.has(known)) return [known]
    if (waitedMs < queue.stickyWaitMs && known.isPresent) return []
  }
  const order = (agent: Candidate): number => {
    switch (queue.strategy) {
      case 'roundRobin':
        return agent.lastOfferedMs
      case 'leastOccupied':
        return agent.occupiedMs
      case 'bestSkill': {
        const tier = tiers[tierOf(agent)] as Tier
        const names = new Set([...tier.skills.map(one => one.skill), ...entry.skills])
        const language = tier.languageLevel === null ? 0 : (agent.profile.languages.get(entry.language) ?? 0)
        return -[...names].reduce((sum, name) => sum + (agent.profile.skills.get(name) ?? 0), language)
      }
      default:
        return agent.idleSinceMs
    }
  }
  return able.sort(
    (one, other) =>
      tierOf(one) - tierOf(other) ||
      order(one) - order(other) ||
      one.idleSinceMs - other.idleSinceMs ||
      (one.id < other.id ? -1 : 1)
  )
}

const LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2']

function meets(agent: Candidate, tier: Tier, entry: Waiting): boolean {
  return (
    tier.skills.every(one => (agent.profile.skills.get(one.skill) ?? 0) >= one.minLevel) &&
    entry.skills.every(skill => agent.profile.skills.has(skill)) &&
    (tier.languageLevel === null ||
      (agent.profile.languages.get(entry.language) ?? 0) > LEVELS.indexOf(tier.languageLevel))
  )
}
