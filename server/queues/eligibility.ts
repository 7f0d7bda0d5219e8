import { languageRank, type Profile, spokenLanguage } from '../agents/profile.ts'
import type { Tier } from './queue.ts'
import type { Waiting } from './snapshot.ts'

type Skilled = Pick<Profile, 'skills' | 'languages'>

/** Whether an agent's skills are enough for a tier and for what the flow asked for beyond it. */
export function hasSkills(profile: Skilled, tier: Tier, asked: readonly string[]): boolean {
  return (
    tier.skills.every(({ skill, minLevel }) => (profile.skills.get(skill) ?? 0) >= minLevel) &&
    asked.every(skill => (profile.skills.get(skill) ?? 0) >= 1)
  )
}

/** Whether an agent speaks well enough for a tier; with no language given, any one language counts. */
export function speaks(profile: Skilled, tier: Tier, language: string | null): boolean {
  if (tier.languageLevel === null) return true
  const wanted = languageRank(tier.languageLevel)
  if (language !== null) return (profile.languages.get(spokenLanguage(language)) ?? 0) >= wanted
  return profile.languages.values().some(level => level >= wanted)
}

/**
 * The first tier (from 0) whose demands the agent meets, or -1. Tiers widen: who is good enough for an earlier one stays
 * so.
 */
export function firstTierFor(
  profile: Skilled,
  tiers: readonly Tier[],
  asked: readonly string[],
  language: string | null
): number {
  return tiers.findIndex(tier => hasSkills(profile, tier, asked) && speaks(profile, tier, language))
}

/** What a tier asks of an agent for one kind of caller, ready to be compared with many agents. */
export type Demand = Readonly<{
  skills: readonly (readonly [name: string, minLevel: number])[]
  language: string
  rank: number
}>

/** The demands of tiers, in their order, for callers who speak `language` and need the skills `asked`. */
export function demandsOf(tiers: readonly Tier[], asked: readonly string[], language: string): readonly Demand[] {
  return tiers.map(tier => {
    const skills = new Map(asked.map(skill => [skill, 1]))
    for (const { skill, minLevel } of tier.skills) skills.set(skill, Math.max(minLevel, skills.get(skill) ?? 0))
    return {
      skills: [...skills],
      language: spokenLanguage(language),
      rank: tier.languageLevel === null ? 0 : languageRank(tier.languageLevel)
    }
  })
}

/** The first demand that an agent meets, or -1: the same as `firstTierFor`, for loops over thousands of agents. */
export function firstMet({ skills, languages }: Skilled, demands: readonly Demand[]): number {
  search: for (let at = 0; at < demands.length; at += 1) {
    const demand = demands[at] as Demand
    if (demand.rank > 0 && (languages.get(demand.language) ?? 0) < demand.rank) continue
    for (const [name, minLevel] of demand.skills) if ((skills.get(name) ?? 0) < minLevel) continue search
    return at
  }
  return -1
}

/** How good an agent is at what a tier and the flow ask for: the sum of levels, with the language's 1 to 6. */
export function skillScore(profile: Skilled, tier: Tier, asked: readonly string[], language: string): number {
  const names = new Set([...tier.skills.map(one => one.skill), ...asked])
  let score = tier.languageLevel === null ? 0 : (profile.languages.get(spokenLanguage(language)) ?? 0)
  for (const name of names) score += profile.skills.get(name) ?? 0
  return score
}

/** A head start over everybody else, beyond what priorities and ageing reach in practice. */
const HEAD_POINTS = 1_000_000
const MINUTE_MS = 60_000

/**
 * What a caller's turn is decided by, in points × 60,000 so that all is integer: higher goes first.
 * points = queue priority + own priority + ageing × minutes waited.
 */
export function effectivePriority(
  entry: Pick<Waiting, 'priority' | 'isHead' | 'placeFromMs'>,
  queue: Readonly<{ priority: number; ageingPerMinute: number }>,
  nowMs: number
): number {
  const points = queue.priority + entry.priority + (entry.isHead ? HEAD_POINTS : 0)
  return points * MINUTE_MS + queue.ageingPerMinute * (nowMs - entry.placeFromMs)
}
