import type { Expectations } from '../../ivr-flows/testing/test-file.ts'
import type { Scenario } from '../../ivr-flows/testing/scenario-file.ts'
import { wordErrors } from '../../media/speech/compare-words.ts'
import type { CallerTurn, Failure, Latency, Score, Turn, WordErrors } from './report.ts'

/** A speech turn's words against what was heard; nothing heard is every word lost. Pure. */
export function wordsWrong(said: string, heard: string | null, language: string): WordErrors {
  return wordErrors(said, heard ?? '', language)
}

/** How many goals a scenario declares: one for each property of `expect`, and one for each variable. */
export function goalsOf(expect: Expectations): number {
  const { variables, ...others } = expect
  return Object.keys(others).length + Object.keys(variables ?? {}).length
}

/** Judges a call by its turns and by the goals that were missed. Pure. */
export function scoreOf(
  { expect, limits = {} }: Pick<Scenario, 'expect' | 'limits'>,
  turns: readonly Turn[],
  unmet: readonly Failure[],
  durationMs: number
): Readonly<{ score: Score; failures: readonly Failure[] }> {
  const own = turns.filter((turn): turn is CallerTurn => turn.who === 'caller')
  const latency = latencyOf(own.map(turn => turn.latencyMs))
  const interrupt = latencyOf(own.map(turn => turn.interruptMs))
  const words = own.flatMap(turn => (turn.kind === 'speech' ? [turn.words] : []))
  const wrong = words.reduce((sum, one) => sum + one.wrong, 0)
  const of = words.reduce((sum, one) => sum + one.of, 0)
  const rate = of === 0 ? null : Math.round((1_000 * wrong) / of) / 1_000
  const measured: Readonly<Record<keyof typeof limits, number | null>> = {
    turns: own.length,
    latencyMs: latency.maxMs,
    medianLatencyMs: latency.medianMs,
    interruptMs: interrupt.maxMs,
    wordErrorRate: rate,
    durationMs
  }
  const passed = (Object.keys(measured) as (keyof typeof measured)[]).flatMap((name): Failure[] => {
    const [limit, is] = [limits[name], measured[name]]
    if (limit === undefined) return []
    // What was never measured cannot be within its limit.
    if (is === null) return [{ path: ['limits', name], message: `${name} could not be measured` }]
    return is <= limit ? [] : [{ path: ['limits', name], message: `${name} is ${is}, above ${limit}` }]
  })
  const goals = goalsOf(expect)
  const missed = new Set(
    unmet.flatMap(({ path }) =>
      path[0] === 'expect' ? [path.slice(0, path[1] === 'variables' ? 3 : 2).join('.')] : []
    )
  ).size
  const failures = [...unmet, ...passed]
  return {
    failures,
    score: {
      isSuccess: failures.length === 0,
      goals: { met: Math.max(0, goals - missed), of: goals },
      turns: own.length,
      latency,
      interrupt,
      words: { wrong, of, rate },
      durationMs
    }
  }
}

function latencyOf(given: readonly (number | null)[]): Latency {
  const times = given.filter(one => one !== null).toSorted((one, other) => one - other)
  return { medianMs: times[(times.length - 1) >> 1] ?? null, maxMs: times.at(-1) ?? null, turns: times.length }
}
