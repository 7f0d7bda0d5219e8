import { decide } from '../decide.ts'
import type { Facts } from '../facts.ts'
import { DEFAULT_SETTINGS } from '../rules/context.ts'
import { formatDay, parseDay } from '../time/calendar.ts'
import { compilePacks, type PackSet } from './compile.ts'
import type { LoadedPack, PackProblem } from './load.ts'
import type { PackRule, PackTest } from './schema.ts'

/**
 * Runs the tests that a pack carries, each against its own rule. Returns what failed, with file and line.
 * Done in CI and before a set of packs is taken into use.
 */
export function verifyPacks(packs: readonly LoadedPack[]): readonly PackProblem[] {
  const problems: PackProblem[] = []
  for (const loaded of packs) {
    const set = compilePacks([loaded], {
      ...DEFAULT_SETTINGS,
      ramadan: 'strict',
      optionalPacks: [loaded.pack.pack]
    })
    for (const [index, rule] of loaded.pack.rules.entries())
      for (const [which, test] of rule.tests.entries()) {
        const wrong = runTest(loaded, rule, test, set)
        if (wrong === null) continue
        const at = loaded.lineOf(['rules', index, 'tests', which])
        problems.push({ file: loaded.file, ...at, message: `${rule.id}: ${wrong}` })
      }
  }
  return problems
}

/** Packs and rules that should have been looked at again before `today` (`2027-03-31`), and UNVERIFIED ones. */
export function overdueReviews(packs: readonly LoadedPack[], today: string): readonly PackProblem[] {
  const day = parseDay(today) ?? 0
  const problems: PackProblem[] = []
  for (const loaded of packs) {
    const packDay = parseDay(loaded.pack.reviewBy) ?? 0
    if (packDay < day)
      problems.push({
        file: loaded.file,
        ...loaded.lineOf(['reviewBy']),
        message: `${loaded.pack.pack} should have been reviewed by ${formatDay(packDay)}`
      })
    for (const [index, rule] of loaded.pack.rules.entries())
      if (rule.reviewBy !== undefined && (parseDay(rule.reviewBy) ?? 0) < day)
        problems.push({
          file: loaded.file,
          ...loaded.lineOf(['rules', index, 'reviewBy']),
          message: `${rule.id} should have been reviewed by ${rule.reviewBy}`
        })
  }
  return problems
}

function runTest(loaded: LoadedPack, rule: PackRule, test: PackTest, set: PackSet): string | null {
  const facts: Facts = {
    at: test.at,
    number: test.number ?? loaded.pack.sample,
    mode: test.mode ?? rule.modes?.[0] ?? 'human_manual',
    purpose: test.purpose ?? rule.purposes?.[0] ?? 'marketing',
    party: rule.party?.[0] ?? 'consumer',
    ...(rule.sectors !== undefined && { sector: rule.sectors[0] }),
    ...test.given
  }
  const decision = decide(facts, set)
  if (decision.error !== null) return `${test.at}: ${decision.error}`
  const found = foundBy(rule, facts, set, decision)
  if (!found.includes(test.expect)) return `${test.at}: expected ${test.expect}, found ${found.join(', ')}`
  if (test.next === undefined) return null
  const next = decision.results.find(one => one.rule === rule.id)?.next
  return next !== null && next !== undefined && Date.parse(next) === Date.parse(test.next)
    ? null
    : `${test.at}: expected the next instant ${test.next}, found ${next ?? 'none'}`
}

function foundBy(rule: PackRule, facts: Facts, set: PackSet, decision: ReturnType<typeof decide>): readonly string[] {
  if (rule.check === 'recording') {
    const own = decision.recording?.reasons.find(one => one.rule === rule.id)
    if (own === undefined || own.what === 'one_party') return ['pass']
    if (own.what === 'never') return ['RECORDING_FORBIDDEN']
    return [own.what === 'opt_in' ? 'RECORDING_OPT_IN' : 'RECORDING_NOTICE']
  }
  if (rule.check === 'disclosure') {
    const day = parseDay(facts.at.slice(0, 10)) ?? 0
    const choice = set.choose(decision.jurisdictions, facts.mode, facts.purpose, facts.party ?? 'unknown', facts.sector)
    const own = choice.disclosures.find(one => one.id === rule.id)?.on(day)?.obligations ?? []
    return own.length === 0 ? ['pass'] : own.map(one => one.code)
  }
  const own = decision.results.find(one => one.rule === rule.id)
  return own === undefined || own.ok ? ['pass'] : own.reasons
}
