import { OUTCOMES, type Outcome } from '../codes.ts'
import { decide } from '../decide.ts'
import type { Facts } from '../facts.ts'
import type { PackSet } from '../packs/compile.ts'

/** How many calls had one outcome under the old packs and another under the new ones. */
export type Matrix = Readonly<Record<Outcome, Readonly<Record<Outcome, number>>>>

export type Simulation = Readonly<{
  calls: number
  matrix: Matrix
  /** By rule: calls that it stops under the new packs and did not stop before, and the other way round. */
  rules: readonly Readonly<{ rule: string; newlyStopped: number; newlyPassed: number }>[]
  byJurisdiction: Readonly<Record<string, Readonly<{ calls: number; lost: number; gained: number }>>>
  /** Samples of calls that were allowed and would not be, and that were not and would be; by their keys. */
  newlyUnlawful: readonly string[]
  newlyLawful: readonly string[]
}>

const MAX_SAMPLES = 20

/** Decides stored facts under the packs in force and under candidates. `key` names a call in the samples. */
export async function simulate(
  calls: AsyncIterable<Readonly<{ key: string; facts: Facts }>> | Iterable<Readonly<{ key: string; facts: Facts }>>,
  before: PackSet,
  after: PackSet
): Promise<Simulation> {
  const matrix = Object.fromEntries(
    OUTCOMES.map(old => [old, Object.fromEntries(OUTCOMES.map(one => [one, 0]))])
  ) as Record<Outcome, Record<Outcome, number>>
  const rules = new Map<string, { newlyStopped: number; newlyPassed: number }>()
  const byJurisdiction: Record<string, { calls: number; lost: number; gained: number }> = {}
  const newlyUnlawful: string[] = []
  const newlyLawful: string[] = []
  let count = 0
  const ruleOf = (rule: string) => {
    let found = rules.get(rule)
    if (found === undefined) {
      found = { newlyStopped: 0, newlyPassed: 0 }
      rules.set(rule, found)
    }
    return found
  }
  for await (const { key, facts } of calls) {
    const old = decide(facts, before)
    const now = decide(facts, after)
    count += 1
    matrix[old.outcome][now.outcome] += 1
    const stoppedBefore = new Set(old.results.filter(one => !one.ok).map(one => one.rule))
    const stoppedNow = new Set(now.results.filter(one => !one.ok).map(one => one.rule))
    for (const rule of stoppedNow) if (!stoppedBefore.has(rule)) ruleOf(rule).newlyStopped += 1
    for (const rule of stoppedBefore) if (!stoppedNow.has(rule)) ruleOf(rule).newlyPassed += 1
    const isLost = old.outcome === 'ALLOW' && now.outcome !== 'ALLOW'
    const isGained = old.outcome !== 'ALLOW' && now.outcome === 'ALLOW'
    for (const jurisdiction of old.jurisdictions) {
      const row = (byJurisdiction[jurisdiction] ??= { calls: 0, lost: 0, gained: 0 })
      row.calls += 1
      if (isLost) row.lost += 1
      if (isGained) row.gained += 1
    }
    if (isLost && newlyUnlawful.length < MAX_SAMPLES) newlyUnlawful.push(key)
    if (isGained && newlyLawful.length < MAX_SAMPLES) newlyLawful.push(key)
  }
  return {
    calls: count,
    matrix,
    rules: [...rules]
      .map(([rule, counts]) => ({ rule, ...counts }))
      .sort((a, b) => b.newlyStopped + b.newlyPassed - a.newlyStopped - a.newlyPassed),
    byJurisdiction,
    newlyUnlawful,
    newlyLawful
  }
}
