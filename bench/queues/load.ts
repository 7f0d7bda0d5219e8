import type { Candidate, Waiting } from '../../server/queues/snapshot.ts'
import type { Queue, Tier } from '../../server/queues/queue.ts'
import type { LanguageLevel } from '../../server/agents/profile.ts'

/** A small generator of the same numbers every time (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const LANGUAGES = ['en', 'es', 'de', 'zh', 'ar', 'ja'] as const
export const SKILLS = Array.from({ length: 20 }, (_, at) => `skill-${at}`)
const STRATEGIES = ['longestIdle', 'roundRobin', 'leastOccupied', 'bestSkill'] as const

export const QUEUES = 40

/** Forty queues with a skill, a language level and three tiers each, and different priorities. */
export function makeQueues(idOf: (at: number) => string): Queue[] {
  return Array.from({ length: QUEUES }, (_, at) => {
    const skill = SKILLS[at % SKILLS.length] ?? ''
    const tier = (afterMs: number, minLevel: number, languageLevel: LanguageLevel): Tier => ({
      afterMs,
      skills: [{ skill, minLevel }],
      languageLevel
    })
    return {
      id: idOf(at),
      name: `queue-${at}`,
      labels: {},
      strategy: STRATEGIES[at % STRATEGIES.length] ?? 'longestIdle',
      tiers: [tier(0, 3, 'B2'), tier(40_000, 2, 'B1'), tier(120_000, 1, 'A2')],
      thresholdMs: 20_000,
      goalPercent: 80,
      priority: at % 5,
      ageingPerMinute: 1 + (at % 3),
      maxSize: null,
      maxWaitMs: null,
      calendar: null,
      wrapUpMs: 30_000,
      wrapUpLimitMs: 300_000,
      ringMs: 60_000,
      isAutoAnswered: false,
      stickyWaitMs: 0,
      ringAllMax: 1,
      keepFree: 0,
      waitsWithoutAgents: true,
      overflow: null,
      afterHours: null,
      announce: null,
      music: null,
      script: '',
      callbackAfterMs: null
    }
  })
}

/** An agent with three to six skills and one to three languages. */
export function makeAgent(id: string, random: () => number, isFree: boolean): Candidate {
  const skills = new Map<string, number>()
  const languages = new Map<string, number>()
  for (let count = 3 + Math.floor(random() * 4); count > 0; count -= 1)
    skills.set(SKILLS[Math.floor(random() * SKILLS.length)] ?? '', 1 + Math.floor(random() * 5))
  for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1)
    languages.set(LANGUAGES[Math.floor(random() * LANGUAGES.length)] ?? 'en', 2 + Math.floor(random() * 5))
  return {
    id,
    profile: { skills, languages },
    isFree,
    isPresent: true,
    pausedUntilMs: null,
    work: ['inbound'],
    idleSinceMs: Math.floor(random() * 600_000),
    lastOfferedMs: Math.floor(random() * 600_000),
    occupiedMs: Math.floor(random() * 600_000)
  }
}

/** A caller who came within the last ten minutes before `nowMs`. */
export function makeCaller(id: string, queueIds: readonly string[], random: () => number, nowMs: number): Waiting {
  return {
    id,
    queueId: queueIds[Math.floor(random() * queueIds.length)] ?? '',
    kind: 'inbound',
    language: LANGUAGES[Math.floor(random() * LANGUAGES.length)] ?? 'en',
    skills: [],
    priority: 40 + Math.floor(random() * 20),
    isHead: false,
    placeFromMs: nowMs - Math.floor(random() * 600_000),
    stickyAgentId: null
  }
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
