import {
  type AbandonWindow,
  abandonedAtMost,
  type DetectorErrors,
  headroom,
  liveAtLeast,
  mayActOnMachines
} from './abandonment.ts'

/** An agent of the campaign who is in a call or in wrap-up, and since when. */
export type BusyAgent = Readonly<{ elapsedMs: number }>

/** What is known at one instant; everything that the pace depends on. */
export type PacingState = Readonly<{
  nowMs: number
  /** Agents who could take a call now and are held for none. */
  idle: number
  /** Agents who are held for this campaign: they get the next person who answers, and cannot leave before. */
  held: number
  busy: readonly BusyAgent[]
  /** Calls on their way: dialled, ringing, or being listened to by the detector. */
  open: number
  /** Persons who have answered and wait for an agent. */
  waiting: number
  figures: CallFigures
  windows: readonly AbandonWindow[]
  errors: DetectorErrors
  /** Lines that may be used at once, less those in use. */
  lines: number
}>

/** What calls of this campaign were like lately. */
export type CallFigures = Readonly<{
  /** Share of dialled calls that a person answers. */
  liveShare: number
  /** From dialling until a person is known to be there. */
  answerMs: number
  /** Durations of talk and wrap-up together, ascending; empty while none is known. */
  handleMs: readonly number[]
}>

export type PaceReason =
  | 'dialling'
  /** The law on abandoned calls allows no more than one call for each agent who is held. */
  | 'cap'
  | 'noAgents'
  | 'allBusy'
  | 'enoughUnderWay'
  | 'noLines'
  /** As many calls are under way as conversations are wanted still. */
  | 'goal'
  /** Whose turn it is waits for the agent who has promised the call, or is being called by another campaign. */
  | 'promised'

/** How many agents to hold and how many calls to begin now. `reason` explains it in the live view. */
export type Pace = Readonly<{
  hold: number
  dial: number
  reason: PaceReason
  /** Whether a call that the detector takes for a machine may be ended: it could have been a person. */
  actsOnMachines: boolean
  /** Calls that could all go wrong and still keep the law. */
  headroom: number
}>

/** Of the cap, how much is aimed at; the rest is for what the model does not see. */
const AIM = 0.85
/** Of answers, how many may be abandoned while there is no room yet, and how many more with as much room as is needed. */
const SAVING = { least: 0.002, more: 0.03 } as const
const DEFAULT_HANDLE_MS = 180_000
const MAX_STEP = 50

/** One call for each agent, who is held for it first: nobody can be abandoned. */
export function paceProgressive(state: PacingState): Pace {
  const { idle, held, busy, open, lines, windows, errors, nowMs } = state
  const dial = Math.max(0, Math.min(idle + held - open, lines))
  const hold = Math.max(0, Math.min(idle, open + dial - held))
  return {
    hold,
    dial,
    reason: dial > 0 ? 'dialling' : reasonFor(idle + held, open, busy.length, lines),
    actsOnMachines: mayActOnMachines(windows, errors, nowMs),
    headroom: headroom(windows, errors, nowMs)
  }
}

/**
 * The predictive pace. Two things bound it. The model: as many calls as keep the expected share of abandoned ones at
 * what is aimed at, from the shares of answers and how soon agents will be free. The law: calls beyond the agents who
 * are held for the campaign are never more than could all be abandoned at once without breaking the cap. Without such
 * room it is progressive dialling with a pool of agents. Room lets calls be under way all day as long as it is kept, and
 * each abandoned person takes of it for good: little is spent of it before there is as much as is needed.
 */
export function pacePredictive(state: PacingState): Pace {
  const { idle, held, busy, open, waiting, lines, windows, errors, nowMs } = state
  const room = headroom(windows, errors, nowMs)
  const needed = neededCalls(state)
  // What the detector may get wrong takes from the room: not before there is enough of it.
  const actsOnMachines = room >= needed && mayActOnMachines(windows, errors, nowMs)
  const under = open + waiting
  const lawful = Math.max(0, idle + held + room - under)
  const limit = Math.max(0, Math.min(lawful, lines, MAX_STEP))
  const wanted =
    limit === 0 || idle + held + busy.length === 0
      ? 0
      : wantedCalls(state, limit, SAVING.least + (SAVING.more * room) / needed)
  // One call for each agent is always lawful and never too many.
  const dial = Math.max(wanted, Math.min(limit, idle + held - under))
  const hold = Math.max(0, Math.min(idle, under + dial - room - held))
  const reason: PaceReason =
    dial > 0
      ? 'dialling'
      : limit === 0 && lines > 0 && busy.length > 0
        ? 'cap'
        : reasonFor(idle + held, open, busy.length, lines)
  return { hold, dial, reason, actsOnMachines, headroom: room }
}

function reasonFor(agents: number, open: number, busy: number, lines: number): PaceReason {
  if (agents + busy === 0) return 'noAgents'
  if (lines <= 0) return 'noLines'
  return open > 0 ? 'enoughUnderWay' : 'allBusy'
}

/** Calls that are under way on average when every agent has the next person at once (Little's law). */
function neededCalls({ idle, held, busy, figures }: PacingState): number {
  const { liveShare, answerMs, handleMs } = figures
  return ((idle + held + busy.length) * answerMs) / middleOf(handleMs) / Math.max(0.02, liveShare) + 1e-9
}

/**
 * The most calls, up to `limit`, that keep the expected share of abandoned ones at what is aimed at, or at `affordable`
 * where that is less.
 */
function wantedCalls(state: PacingState, limit: number, affordable: number): number {
  const { idle, held, busy, open, waiting, figures, windows, errors } = state
  const { liveShare, answerMs, handleMs } = figures
  const aim = Math.min(affordable, aimedShare(windows, errors))
  let meanFree = idle + held
  let spreadFree = 0
  for (const { elapsedMs } of busy) {
    const chance = freeWithin(handleMs, elapsedMs, answerMs)
    meanFree += chance
    spreadFree += chance * (1 - chance)
  }
  let wanted = 0
  for (let more = 1; more <= limit; more += 1) {
    const calls = open + more
    const answers = calls * liveShare + waiting
    const spread = Math.sqrt(calls * liveShare * (1 - liveShare) + spreadFree + 1e-9)
    if (expectedExcess(answers - meanFree, spread) > aim * Math.max(answers, 1e-9)) break
    wanted = more
  }
  return wanted
}

/**
 * Share of answers that may be abandoned from now on, so that the windows end below their caps: more while they are
 * emptier than aimed at, less when fuller.
 */
function aimedShare(windows: readonly AbandonWindow[], errors: DetectorErrors): number {
  let aim = 0.15
  for (const window of windows) {
    const cap = (window.capPercent / 100) * AIM
    const live = liveAtLeast(window, errors)
    const now = live === 0 ? cap : abandonedAtMost(window, errors) / live
    aim = Math.min(aim, Math.max(0, cap + 6 * (cap - now)))
  }
  return aim
}

/** Chance that a call that has lasted `elapsedMs` is over within `withinMs`, from how long earlier ones lasted. */
export function freeWithin(handleMs: readonly number[], elapsedMs: number, withinMs: number): number {
  const usual = 1 - Math.exp(-withinMs / middleOf(handleMs))
  const longer = handleMs.length - countUpTo(handleMs, elapsedMs)
  const soon = countUpTo(handleMs, elapsedMs + withinMs) - countUpTo(handleMs, elapsedMs)
  // Ten imagined calls of the usual kind, so that few samples do not speak too loudly.
  return (soon + 10 * usual) / (longer + 10)
}

function middleOf(ascending: readonly number[]): number {
  return ascending[ascending.length >> 1] ?? DEFAULT_HANDLE_MS
}

function countUpTo(ascending: readonly number[], limit: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] ?? 0) <= limit) low = middle + 1
    else high = middle
  }
  return low
}

/** Mean of the positive part of a normal variable. */
function expectedExcess(mean: number, spread: number): number {
  const z = mean / spread
  return spread * density(z) + mean * below(z)
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
}

/** The normal distribution by Abramowitz and Stegun 26.2.17, exact to 7.5e-8. */
function below(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const tail =
    density(z) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z >= 0 ? 1 - tail : tail
}
