import { type AbandonWindow, type DetectorErrors, periodAt } from '../../server/campaigns/abandonment.ts'
import type { CallFigures } from '../../server/campaigns/answers-ahead.ts'
import type { Pace, PacingState } from '../../server/campaigns/pacing.ts'

/** What the simulated world is like. Shares are of dialled calls. Hours are of the shift, from 0. */
export type World = Readonly<{
  agents: number
  /** Dialled calls after which it ends. */
  calls: number
  shiftMs: number
  /** Share of calls that a person answers, by hour of the shift. */
  liveShare: readonly number[]
  machineShare: number
  talkMs: number
  wrapUpMs: number
  /** Truth about the detector. */
  errors: DetectorErrors
  /** What the dialler is told about it at most. */
  assumedErrors: DetectorErrors
  /** Each agent leaves for a while so often, in milliseconds; 0: never. */
  awayEveryMs: number
  awayMs: number
  caps: readonly Readonly<{ per: string; capPercent: number }>[]
  seed: number
}>

export type Strategy = (state: PacingState, memory: Memory) => Pace
/** What a strategy may keep between decisions. */
export type Memory = { level: number; checkedAtMs: number }

export type SimulatedFigures = Readonly<{
  dialled: number
  live: number
  abandoned: number
  /** Share of staffed time in talk and wrap-up. */
  occupancy: number
  /** The highest share in any period of each law, in percent. */
  worst: Readonly<Record<string, number>>
  /** Periods in which a cap was broken at their end or at any moment after their first abandoned call. */
  breaches: number
  callsPerAgentHour: number
}>

const TICK_MS = 250
const PATIENCE_MS = 2_000
const KEPT_DURATIONS = 300

type Agent = {
  state: 'idle' | 'held' | 'busy' | 'away'
  sinceMs: number
  wrapUpAtMs: number
  untilMs: number
  leavesAtMs: number
}
type Call = {
  dueMs: number
  dialledAtMs: number
  kind: 'live' | 'machine' | 'none'
  verdict: 'person' | 'machine' | 'none'
  /** Whether a verdict of a machine ends it; else an agent hears for themselves. */
  isActedOn: boolean
}
type Period = { live: number; abandoned: number; knownLive: number; knownAbandoned: number; machines: number }

/**
 * Runs a campaign in simulated time with one strategy. The dialler sees what a real one sees (verdicts of the detector);
 * the law is judged by the truth.
 */
export function simulate(world: World, strategy: Strategy): SimulatedFigures {
  const random = randomFrom(world.seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const logNormal = (meanMs: number, spread: number) => meanMs * Math.exp(spread * normal() - (spread * spread) / 2)
  const startMs = Date.UTC(2026, 0, 5, 9)
  const agents: Agent[] = Array.from({ length: world.agents }, () => ({
    state: 'idle',
    sinceMs: startMs,
    wrapUpAtMs: 0,
    untilMs: 0,
    leavesAtMs: world.awayEveryMs === 0 ? Number.POSITIVE_INFINITY : startMs + random() * world.awayEveryMs
  }))
  const memory: Memory = { level: 1, checkedAtMs: 0 }
  const periods = new Map<string, Period>()
  const handleMs: number[] = []
  const wrapUpMs: number[] = []
  let calls: Call[] = []
  let waiting: { sinceMs: number; isPerson: boolean; isTakenForMachine: boolean }[] = []
  let dialled = 0
  let live = 0
  let abandoned = 0
  let busyMs = 0
  let staffedMs = 0
  let connected = 0
  let breaches = 0
  const worst: Record<string, number> = {}
  // As a dialler learns them: starts at what is usual, follows what is seen.
  let liveShare = 0.2
  const personMs: number[] = []
  const otherMs: number[] = []
  let sorted = { personMs, otherMs, handleMs, wrapUpMs }

  const periodOf = (per: string, atMs: number): Period => {
    const { fromMs } = periodAt(per, startMs, atMs)
    const key = `${per}@${fromMs}`
    let period = periods.get(key)
    if (period === undefined) {
      period = { live: 0, abandoned: 0, knownLive: 0, knownAbandoned: 0, machines: 0 }
      periods.set(key, period)
    }
    return period
  }
  const count = (atMs: number, change: Partial<Period>) => {
    for (const { per, capPercent } of world.caps) {
      const period = periodOf(per, atMs)
      for (const [key, by] of Object.entries(change) as [keyof Period, number][]) period[key] += by
      if (change.abandoned === undefined) continue
      const share = (100 * period.abandoned) / Math.max(1, period.live)
      worst[per] = Math.max(worst[per] ?? 0, share)
      if (share > capPercent + 1e-9) breaches += 1
    }
  }
  const learn = (isServed: boolean) => {
    liveShare += 0.01 * ((isServed ? 1 : 0) - liveShare)
  }
  const serve = (agent: Agent, atMs: number, isPerson: boolean) => {
    agent.state = 'busy'
    agent.sinceMs = atMs
    agent.wrapUpAtMs = atMs + (isPerson ? Math.max(5_000, logNormal(world.talkMs, 0.6)) : 8_000 + random() * 5_000)
    agent.untilMs = agent.wrapUpAtMs + (isPerson ? Math.max(2_000, logNormal(world.wrapUpMs, 0.3)) : 0)
    if (isPerson) connected += 1
  }

  for (let day = 0; dialled < world.calls; day += 1)
    for (let inShiftMs = 0; inShiftMs < world.shiftMs && dialled < world.calls; inShiftMs += TICK_MS) {
      const nowMs = startMs + day * 86_400_000 + inShiftMs
      const isEnding = inShiftMs >= world.shiftMs - 60_000
      const hour = Math.min(world.liveShare.length - 1, Math.floor(inShiftMs / 3_600_000))
      for (const agent of agents) {
        if (agent.state === 'busy' && nowMs >= agent.untilMs) {
          keep(handleMs, agent.untilMs - agent.sinceMs)
          if (agent.untilMs > agent.wrapUpAtMs) keep(wrapUpMs, agent.untilMs - agent.wrapUpAtMs)
          agent.state = 'idle'
          agent.sinceMs = nowMs
        }
        if (agent.state === 'idle' && nowMs >= agent.leavesAtMs) {
          agent.state = 'away'
          agent.untilMs = nowMs + world.awayMs
        } else if (agent.state === 'away' && nowMs >= agent.untilMs) {
          agent.state = 'idle'
          agent.leavesAtMs = nowMs + (0.5 + random()) * world.awayEveryMs
        }
        if (agent.state !== 'away') staffedMs += TICK_MS
        if (agent.state === 'busy') busyMs += TICK_MS
      }
      const due = calls.filter(call => call.dueMs <= nowMs)
      if (due.length > 0) calls = calls.filter(call => call.dueMs > nowMs)
      for (const call of due) {
        if (call.kind === 'live') {
          live += 1
          count(nowMs, { live: 1 })
        }
        // A call that the detector takes for a machine counts when an agent is given it.
        if (call.verdict !== 'machine' || call.isActedOn) learn(call.verdict === 'person')
        keep(call.verdict === 'person' ? personMs : otherMs, nowMs - call.dialledAtMs)
        if (call.verdict === 'machine' && call.isActedOn) {
          count(nowMs, { machines: 1 })
          if (call.kind === 'live') {
            // A person who was taken for a machine: abandoned, and nobody knows.
            abandoned += 1
            count(nowMs, { abandoned: 1 })
          }
        } else if (call.verdict !== 'none') {
          // What the detector takes for a machine is no answer by a person, even when an agent takes it.
          if (call.verdict === 'person') count(nowMs, { knownLive: 1 })
          waiting.push({
            sinceMs: nowMs,
            isPerson: call.kind === 'live',
            isTakenForMachine: call.verdict === 'machine'
          })
        }
      }
      // Longest idle first; who has waited two seconds hears the announcement.
      waiting = waiting.filter(one => {
        const agent = agents
          .filter(each => each.state === 'idle' || each.state === 'held')
          .reduce<Agent | null>((best, each) => (best === null || each.sinceMs < best.sinceMs ? each : best), null)
        if (agent !== null) {
          serve(agent, nowMs, one.isPerson)
          if (one.isTakenForMachine) learn(true)
          return false
        }
        if (nowMs - one.sinceMs < PATIENCE_MS) return true
        if (one.isTakenForMachine) learn(false)
        // Nobody heard what the detector took for a machine: as far as anybody knows it was one.
        count(nowMs, {
          ...(one.isTakenForMachine ? { machines: 1 } : { knownAbandoned: 1 }),
          ...(one.isPerson && { abandoned: 1 })
        })
        if (one.isPerson) abandoned += 1
        return false
      })
      if (isEnding) continue
      if (inShiftMs % 5_000 === 0)
        sorted = {
          personMs: ascending(personMs),
          otherMs: ascending(otherMs),
          handleMs: ascending(handleMs),
          wrapUpMs: ascending(wrapUpMs)
        }
      const windows = world.caps.map(({ per, capPercent }): AbandonWindow => {
        const { knownLive, knownAbandoned, machines } = periodOf(per, nowMs)
        const { fromMs, untilMs } = periodAt(per, startMs, nowMs)
        return {
          per,
          capPercent,
          fromMs,
          untilMs,
          live: knownLive,
          abandoned: knownAbandoned,
          machines,
          provedPersons: 0
        }
      })
      const figures: CallFigures = { liveShare, ...sorted }
      const idle = agents.filter(agent => agent.state === 'idle')
      const pace = strategy(
        {
          nowMs,
          idle: idle.length,
          held: agents.filter(agent => agent.state === 'held').length,
          busy: agents
            .filter(agent => agent.state === 'busy')
            .map(agent => {
              const isInWrapUp = nowMs >= agent.wrapUpAtMs
              return { isInWrapUp, elapsedMs: nowMs - (isInWrapUp ? agent.wrapUpAtMs : agent.sinceMs) }
            }),
          open: calls.map(call => ({ elapsedMs: nowMs - call.dialledAtMs })),
          waiting: waiting.length,
          figures,
          windows,
          errors: world.assumedErrors,
          lines: 10 * world.agents - calls.length
        },
        memory
      )
      for (const agent of idle.slice(0, pace.hold)) agent.state = 'held'
      for (let index = 0; index < pace.dial; index += 1)
        calls.push(dial(nowMs, world.liveShare[hour] ?? 0, pace.actsOnMachines))
      dialled += pace.dial
      // Who is held for no call any more may be given back.
      if (calls.length === 0) for (const agent of agents) if (agent.state === 'held') agent.state = 'idle'
    }
  const staffedHours = staffedMs / 3_600_000
  return {
    dialled,
    live,
    abandoned,
    occupancy: busyMs / staffedMs,
    worst,
    breaches,
    callsPerAgentHour: connected / staffedHours
  }

  function dial(nowMs: number, share: number, actsOnMachines: boolean): Call {
    const roll = random()
    if (roll < share) {
      const isWrong = random() < personError()
      const ringMs = 3_000 + Math.min(25_000, -Math.log(1 - random()) * 7_000)
      return {
        kind: 'live',
        dialledAtMs: nowMs,
        dueMs: nowMs + ringMs + 900,
        verdict: isWrong ? 'machine' : 'person',
        isActedOn: actsOnMachines
      }
    }
    if (roll < share + world.machineShare) {
      const isWrong = random() < machineError()
      return {
        kind: 'machine',
        dialledAtMs: nowMs,
        dueMs: nowMs + 18_000 + random() * 6_000 + 2_200,
        verdict: isWrong ? 'person' : 'machine',
        isActedOn: actsOnMachines
      }
    }
    // Busy at once, or nobody answers until the time is over.
    return {
      kind: 'none',
      dialledAtMs: nowMs,
      dueMs: nowMs + (random() < 0.25 ? 1_500 : 25_000),
      verdict: 'none',
      isActedOn: false
    }
  }

  /** The world's errors are shares of verdicts; what is rolled here are shares of the truth. */
  function personError(): number {
    const live = mean(world.liveShare)
    return Math.min(0.5, (world.errors.personsTakenForMachines * world.machineShare) / Math.max(live, 0.01))
  }

  function machineError(): number {
    const live = mean(world.liveShare)
    return Math.min(0.5, (world.errors.machinesTakenForPersons * live) / Math.max(world.machineShare, 0.01))
  }
}

function keep(durations: number[], ms: number): void {
  durations.push(ms)
  if (durations.length > KEPT_DURATIONS) durations.shift()
}

function ascending(values: readonly number[]): number[] {
  return values.toSorted((one, other) => one - other)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296
  }
}
