import fc from 'fast-check'
import t from 'tap'
import { simulate } from '../../bench/pacing/simulate.ts'
import { predictive, progressive } from '../../bench/pacing/strategies.ts'
import { worlds } from '../../bench/pacing/worlds.ts'
import {
  type AbandonWindow,
  abandonedAtMost,
  headroom,
  liveAtLeast,
  mayActOnMachines,
  periodAt
} from '../../server/campaigns/abandonment.ts'
import { abandonedOf, freeWithin, lookAhead } from '../../server/campaigns/answers-ahead.ts'
import { pacePredictive, paceProgressive, type PacingState } from '../../server/campaigns/pacing.ts'

const NOW = Date.parse('2026-11-24T12:00:00Z')
const EXACT = { personsTakenForMachines: 0, machinesTakenForPersons: 0 }

function window(live: number, abandoned: number, more: Partial<AbandonWindow> = {}): AbandonWindow {
  const { fromMs, untilMs } = periodAt('P30D', NOW, NOW)
  return { per: 'P30D', capPercent: 3, fromMs, untilMs, live, abandoned, machines: 0, provedPersons: 0, ...more }
}

/** Nothing has been learnt yet. */
const FIGURES = { liveShare: 0.25, personMs: [], otherMs: [], handleMs: [], wrapUpMs: [] }

/** So many calls that were dialled so long ago. */
function calls(count: number, elapsedMs = 0) {
  return Array.from({ length: count }, () => ({ elapsedMs }))
}

function talking(count: number, elapsedMs: number) {
  return Array.from({ length: count }, () => ({ isInWrapUp: false, elapsedMs }))
}

function state(more: Partial<PacingState>): PacingState {
  return {
    nowMs: NOW,
    idle: 0,
    held: 0,
    busy: [],
    open: [],
    waiting: 0,
    figures: FIGURES,
    windows: [window(10_000, 0)],
    errors: EXACT,
    lines: 1_000,
    ...more
  }
}

t.test('the law on abandoned calls counts answers by persons, and says no before it is broken', async t => {
  t.equal(headroom([window(1_000, 30)], EXACT, NOW), 0, 'thirty of a thousand are allowed, one more is not')
  t.equal(headroom([window(10, 0)], EXACT, NOW), 0, 'a new campaign has no room: (0 + 1) / (10 + 1) is 9 %')
  t.equal(headroom([window(32, 0)], EXACT, NOW), 0)
  t.equal(headroom([window(33, 0)], EXACT, NOW), 1, 'from 33 answers on')
  t.equal(headroom([window(1_000, 0), window(33, 0)], EXACT, NOW), 1, 'the strictest law of several')
  const last = { ...window(1_000, 0), untilMs: NOW + 30_000 }
  t.equal(headroom([last], EXACT, NOW), 0, 'what is dialled now could be abandoned in the next period')
})

t.test('persons whom the detector may have taken for machines count as abandoned', async t => {
  const errors = { personsTakenForMachines: 0.02, machinesTakenForPersons: 0 }
  t.ok(abandonedAtMost(window(1_000, 10, { machines: 500 }), errors) > 20)
  t.equal(abandonedAtMost(window(1_000, 10, { machines: 500, provedPersons: 3 }), EXACT), 13, 'and those found, surely')
  t.notOk(mayActOnMachines([window(100, 0, { machines: 300 })], errors, NOW), 'then agents hear for themselves')
  t.ok(mayActOnMachines([window(10_000, 0, { machines: 300 })], errors, NOW))
  t.ok(liveAtLeast(window(1_000, 0), { ...errors, machinesTakenForPersons: 0.05 }) < 1_000)
})

t.test('periods of the laws follow one another without gaps', async t => {
  const started = Date.parse('2026-11-10T15:00:00Z')
  t.same(periodAt('P30D', started, NOW), { fromMs: Date.UTC(2026, 10, 10), untilMs: Date.UTC(2026, 11, 10) })
  t.same(periodAt('calendar-month', started, NOW), { fromMs: Date.UTC(2026, 10, 1), untilMs: Date.UTC(2026, 11, 1) })
  t.same(periodAt('PT24H', started, NOW), { fromMs: Date.UTC(2026, 10, 24), untilMs: Date.UTC(2026, 10, 25) })
  fc.assert(
    fc.property(fc.constantFrom('P30D', 'calendar-month', 'PT24H'), fc.nat(400 * 86_400_000), (per, later) => {
      const { fromMs, untilMs } = periodAt(per, started, started + later)
      const next = periodAt(per, started, untilMs)
      return fromMs <= started + later && started + later < untilMs && next.fromMs === untilMs
    })
  )
})

t.test('progressive dialling begins one call for each agent, who is held first', async t => {
  t.match(paceProgressive(state({ idle: 3 })), { hold: 3, dial: 3, reason: 'dialling' })
  t.match(paceProgressive(state({ idle: 1, held: 2, open: calls(2) })), { hold: 1, dial: 1 })
  t.match(paceProgressive(state({ busy: talking(1, 1) })), { hold: 0, dial: 0, reason: 'allBusy' })
  t.match(paceProgressive(state({})), { hold: 0, dial: 0, reason: 'noAgents' })
  t.match(paceProgressive(state({ idle: 3, lines: 0 })), { dial: 0, reason: 'noLines' })
})

t.test('predictive dialling runs ahead where the law leaves room, and is progressive where it does not', async t => {
  const busy = talking(20, 150_000)
  const ahead = pacePredictive(state({ idle: 5, busy }))
  t.ok(ahead.dial > 10, `${ahead.dial} calls for 5 agents of whom more are about to be free`)
  t.match(pacePredictive(state({ idle: 5, busy, windows: [window(10, 0)] })), { hold: 5, dial: 5, headroom: 0 })
  t.match(pacePredictive(state({ idle: 0, held: 5, open: calls(5), busy, windows: [window(10, 0)] })), {
    dial: 0,
    reason: 'cap'
  })
  t.match(pacePredictive(state({})), { dial: 0, reason: 'noAgents' })
  t.ok(
    freeWithin([60_000, 60_000, 60_000, 61_000], 180_000, 50_000, 12_000) > freeWithin([], 180_000, 50_000, 12_000),
    'an agent whose calls last a minute is about to be free after fifty seconds'
  )
})

t.test('the pace looks ahead: at calls that have rung for long, and at agents who finish', async t => {
  const busy = talking(8, 30_000)
  const fresh = lookAhead(state({ idle: 2, busy, open: calls(12) }))
  const old = lookAhead(state({ idle: 2, busy, open: calls(12, 24_000) }))
  t.ok(
    fresh.answers > 2 * old.answers,
    `${fresh.answers} answers are expected of fresh calls, ${old.answers} of old ones`
  )
  t.ok(abandonedOf(fresh, 0) > abandonedOf(old, 0), 'so that more may be begun beside them')
  const dial = (more: Partial<PacingState>) => pacePredictive(state({ idle: 1, busy, ...more })).dial
  t.ok(dial({ open: calls(12, 24_000) }) > dial({ open: calls(12) }))
  const figures = { ...FIGURES, handleMs: Array(50).fill(170_000), wrapUpMs: Array(50).fill(20_000) }
  const finishing = Array.from({ length: 8 }, () => ({ isInWrapUp: true, elapsedMs: 18_000 }))
  const begun = Array.from({ length: 8 }, () => ({ isInWrapUp: false, elapsedMs: 18_000 }))
  t.ok(
    dial({ figures, busy: finishing }) > dial({ figures, busy: begun }),
    'eighteen seconds are the end of a wrap-up, and the beginning of a talk'
  )
  t.ok(abandonedOf(fresh, 10) > abandonedOf(fresh, 5), 'each more call is a risk')
})

t.test('never are more calls without an agent under way than could all be abandoned', async () => {
  const windows = fc
    .tuple(fc.nat(20_000), fc.double({ min: 0, max: 0.04, noNaN: true }), fc.nat(3_000))
    .map(([live, share, machines]) => window(live, Math.floor(live * share), { machines }))
  fc.assert(
    fc.property(
      fc.record({
        idle: fc.nat(60),
        held: fc.nat(60),
        open: fc.array(fc.record({ elapsedMs: fc.nat(60_000) }), { maxLength: 100 }),
        waiting: fc.nat(5),
        lines: fc.nat(200),
        windows: fc.array(windows, { minLength: 1, maxLength: 3 }),
        busy: fc.array(fc.record({ isInWrapUp: fc.boolean(), elapsedMs: fc.nat(600_000) }), { maxLength: 60 }),
        liveShare: fc.double({ min: 0.01, max: 0.9, noNaN: true })
      }),
      ({ liveShare, ...rest }) => {
        const errors = { personsTakenForMachines: 0.015, machinesTakenForPersons: 0.05 }
        const one = state({ ...rest, errors, figures: { ...FIGURES, liveShare } })
        const pace = pacePredictive(one)
        if (pace.dial === 0) return pace.hold <= one.idle
        const atRisk = Math.max(0, one.open.length + one.waiting + pace.dial - one.held - pace.hold)
        return (
          pace.hold <= one.idle &&
          pace.dial <= one.lines &&
          one.windows.every(each => {
            const cap = each.capPercent / 100
            return (
              atRisk === 0 ||
              abandonedAtMost(each, errors) + atRisk <= cap * (liveAtLeast(each, errors) + atRisk) + 1e-6
            )
          })
        )
      }
    ),
    { numRuns: 2_000, seed: 7 }
  )
})

t.test('a simulated campaign never breaks a cap, and its agents talk more than with one call each', async t => {
  for (const [name, world] of Object.entries(worlds(6_000, 11))) {
    const ahead = simulate(world, predictive)
    const each = simulate(world, progressive)
    t.equal(ahead.breaches, 0, `${name}: at no moment of any period`)
    t.equal(each.breaches, 0, `${name}: nor with one call for each agent`)
    t.ok(
      ahead.occupancy > each.occupancy,
      `${name}: busy ${(100 * ahead.occupancy).toFixed(1)} % against ${(100 * each.occupancy).toFixed(1)} %`
    )
  }
})
