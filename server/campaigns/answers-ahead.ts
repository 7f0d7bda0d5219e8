/**
 * How many persons may meet no agent, as far as what was seen lately tells: when calls that are under way are answered,
 * and when agents who talk will be free. Pure.
 */

/** An agent of the campaign who is in a call or in wrap-up, and since when in either. */
export type BusyAgent = Readonly<{ isInWrapUp: boolean; elapsedMs: number }>

/** A call of which it is not known yet whether somebody is there for an agent, and since when it is dialled. */
export type OpenCall = Readonly<{ elapsedMs: number }>

/** What calls of this campaign were like lately. */
export type CallFigures = Readonly<{
  /** Share of dialled calls that an agent is wanted for. */
  liveShare: number
  /** From dialling until a person was known to be there, ascending; empty while none is known. */
  personMs: readonly number[]
  /** From dialling until it was known that nobody is there, ascending; empty while none is known. */
  otherMs: readonly number[]
  /** Durations of talk and wrap-up together, ascending; empty while none is known. */
  handleMs: readonly number[]
  /** Durations of wrap-up alone, ascending; empty while none is known. */
  wrapUpMs: readonly number[]
}>

export type Outlook = Readonly<{
  /** Agents who could take a call now and are held for none. */
  idle: number
  /** Agents who are held for this campaign: they get the next person who answers, and cannot leave before. */
  held: number
  busy: readonly BusyAgent[]
  /** Calls on their way: dialled, ringing, or being listened to by the detector. */
  open: readonly OpenCall[]
  /** Persons who have answered and wait for an agent. */
  waiting: number
  figures: CallFigures
}>

/** Persons beyond free agents at one moment: what is known already, and what one more call adds. */
type Moment = Readonly<{ mean: number; variance: number; chance: number }>

export type Ahead = Readonly<{ moments: readonly Moment[]; answers: number; liveShare: number }>

/** So long a person waits without being abandoned: an agent who is free by then takes them. */
const PATIENCE_MS = 2_000
/** When it is looked whether too many have answered by then; later calls see to what comes later. */
const MOMENTS_MS = [2_000, 4_000, 6_000, 9_000, 12_000, 16_000, 20_000, 25_000, 30_000] as const
/** What is usual while little is known. */
const USUAL_PERSON_MS = [4_000, 5_000, 7_000, 9_000, 12_000, 16_000, 22_000] as const
const USUAL_OTHER_MS = [2_000, 12_000, 18_000, 22_000, 25_000, 30_000] as const
const USUAL_HANDLE_MS = 180_000
const USUAL_WRAP_UP_MS = 30_000
/** So many imagined calls of the usual kind, so that few samples do not speak too loudly. */
const IMAGINED = 10

/** What is to be expected of the calls that are under way, moment by moment. */
export function lookAhead({ idle, held, busy, open, waiting, figures }: Outlook): Ahead {
  const { liveShare, handleMs, wrapUpMs } = figures
  const person = lasting(figures.personMs, USUAL_PERSON_MS)
  const other = lasting(figures.otherMs, USUAL_OTHER_MS)
  // Who answers does so soon: a call that has rung for long is hardly answered any more.
  const calls = open.map(({ elapsedMs }) => {
    const unanswered = liveShare * longerThan(person, elapsedMs)
    const isPerson = unanswered / (unanswered + (1 - liveShare) * longerThan(other, elapsedMs))
    return { elapsedMs, isPerson, stillOut: longerThan(person, elapsedMs) }
  })
  const moments = MOMENTS_MS.map((laterMs): Moment => {
    let mean = waiting - idle - held
    let variance = 1e-9
    for (const { elapsedMs, isPerson, stillOut } of calls) {
      const chance = isPerson * (1 - longerThan(person, elapsedMs + laterMs) / stillOut)
      mean += chance
      variance += chance * (1 - chance)
    }
    for (const { isInWrapUp, elapsedMs } of busy) {
      const [seenMs, usualMs] = isInWrapUp ? [wrapUpMs, USUAL_WRAP_UP_MS] : [handleMs, USUAL_HANDLE_MS]
      const chance = freeWithin(seenMs, usualMs, elapsedMs, laterMs + PATIENCE_MS)
      mean -= chance
      variance += chance * (1 - chance)
    }
    return { mean, variance, chance: liveShare * (1 - longerThan(person, laterMs)) }
  })
  return { moments, answers: waiting + calls.reduce((sum, { isPerson }) => sum + isPerson, 0), liveShare }
}

/** Persons expected to meet no agent if so many more calls begin now: at the moment at which it is worst. */
export function abandonedOf({ moments }: Ahead, more: number): number {
  let worst = 0
  for (const { mean, variance, chance } of moments) {
    const spread = Math.sqrt(variance + more * chance * (1 - chance))
    worst = Math.max(worst, expectedExcess(mean + more * chance, spread))
  }
  return worst
}

/** Persons expected to answer if so many more calls begin now. */
export function answersOf({ answers, liveShare }: Ahead, more: number): number {
  return answers + more * liveShare
}

/** How long a call is under way on average until it is known what has become of it. */
export function openMsOf({ liveShare, personMs, otherMs }: CallFigures): number {
  return liveShare * meanOf(personMs, USUAL_PERSON_MS) + (1 - liveShare) * meanOf(otherMs, USUAL_OTHER_MS)
}

/** How long talk and wrap-up usually take together. */
export function handleMsOf({ handleMs }: CallFigures): number {
  return middleOf(handleMs, USUAL_HANDLE_MS)
}

/** Chance that what has lasted `elapsedMs` is over within `withinMs`, from how long it lasted earlier, or usually does. */
export function freeWithin(seenMs: readonly number[], usualMs: number, elapsedMs: number, withinMs: number): number {
  const usual = 1 - Math.exp(-withinMs / middleOf(seenMs, usualMs))
  const longer = seenMs.length - countUpTo(seenMs, elapsedMs)
  const soon = countUpTo(seenMs, elapsedMs + withinMs) - countUpTo(seenMs, elapsedMs)
  return (soon + IMAGINED * usual) / (longer + IMAGINED)
}

/** Share of calls that last longer than 0, 0.5, 1 … 120 s. */
type Lasting = Float64Array

const STEP_MS = 500
const STEPS = 240
/** By the array they are of, which stays the same from one reading of figures to the next. */
const known = new WeakMap<readonly number[], Lasting>()

function lasting(seenMs: readonly number[], usualMs: readonly number[]): Lasting {
  const found = known.get(seenMs)
  if (found !== undefined) return found
  const made = Float64Array.from({ length: STEPS + 1 }, (_, step) => {
    const ms = step * STEP_MS
    // Never none: what has not been seen is rare, not impossible.
    const usual = Math.max(1e-3, 1 - countUpTo(usualMs, ms) / usualMs.length)
    return (seenMs.length - countUpTo(seenMs, ms) + IMAGINED * usual) / (seenMs.length + IMAGINED)
  })
  known.set(seenMs, made)
  return made
}

function longerThan(table: Lasting, ms: number): number {
  return table[Math.min(STEPS, Math.max(0, Math.round(ms / STEP_MS)))] ?? 0
}

function meanOf(seenMs: readonly number[], usualMs: readonly number[]): number {
  const all = seenMs.length < IMAGINED ? usualMs : seenMs
  return all.reduce((sum, ms) => sum + ms, 0) / all.length
}

function middleOf(ascending: readonly number[], usual: number): number {
  return ascending[ascending.length >> 1] ?? usual
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
