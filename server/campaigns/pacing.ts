import {
  type AbandonWindow,
  abandonedAtMost,
  type DetectorErrors,
  headroom,
  liveAtLeast,
  mayActOnMachines
} from './abandonment.ts'
import { abandonedOf, answersOf, handleMsOf, lookAhead, openMsOf, type Outlook } from './answers-ahead.ts'

/** What is known at one instant; everything that the pace depends on. */
export type PacingState = Outlook &
  Readonly<{
    nowMs: number
    windows: readonly AbandonWindow[]
    errors: DetectorErrors
    /** Lines that may be used at once, less those in use. */
    lines: number
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
const AIM = 0.8
/** Of answers, how many may be abandoned while there is no room yet, and how many more with as much room as is needed. */
const SAVING = { least: 0.001, more: 0.01 } as const
const MAX_STEP = 50

/** One call for each agent, who is held for it first: nobody can be abandoned. */
export function paceProgressive(state: PacingState): Pace {
  const { idle, held, busy, open, lines, windows, errors, nowMs } = state
  const dial = Math.max(0, Math.min(idle + held - open.length, lines))
  const hold = Math.max(0, Math.min(idle, open.length + dial - held))
  return {
    hold,
    dial,
    reason: dial > 0 ? 'dialling' : reasonFor(idle + held, open.length, busy.length, lines),
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
  const under = open.length + waiting
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
        : reasonFor(idle + held, open.length, busy.length, lines)
  return { hold, dial, reason, actsOnMachines, headroom: room }
}

function reasonFor(agents: number, open: number, busy: number, lines: number): PaceReason {
  if (agents + busy === 0) return 'noAgents'
  if (lines <= 0) return 'noLines'
  return open > 0 ? 'enoughUnderWay' : 'allBusy'
}

/** Calls that are under way on average when every agent has the next person at once (Little's law). */
function neededCalls({ idle, held, busy, figures }: PacingState): number {
  return (
    ((idle + held + busy.length) * openMsOf(figures)) / handleMsOf(figures) / Math.max(0.02, figures.liveShare) + 1e-9
  )
}

/**
 * The most calls, up to `limit`, that keep the expected share of abandoned ones at what is aimed at, or at `affordable`
 * where that is less.
 */
function wantedCalls(state: PacingState, limit: number, affordable: number): number {
  const aim = Math.min(affordable, aimedShare(state.windows, state.errors))
  const ahead = lookAhead(state)
  let wanted = 0
  while (wanted < limit && abandonedOf(ahead, wanted + 1) <= aim * answersOf(ahead, wanted + 1)) wanted += 1
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
