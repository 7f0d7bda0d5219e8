/**
 * How many calls may still go wrong before a law on abandoned calls is broken. Pure. The denominator is what the laws
 * name: calls that a person answered, of one campaign, in one period.
 */

/** What one period of one law has seen so far. */
export type AbandonWindow = Readonly<{
  /** `P30D`, `calendar-month` or `PT24H`, as rule packs name it. */
  per: string
  capPercent: number
  /** When the period began and ends. */
  fromMs: number
  untilMs: number
  /** Calls that counted as answered by a person. */
  live: number
  /** Of these, calls that met no agent within two seconds. */
  abandoned: number
  /** Calls that were taken for machines and not put through. */
  machines: number
  /** Of these, calls of which a listener has said that it was a person. */
  provedPersons: number
}>

/** How wrong the detector may be at most; measured ones come from reviewed calls. */
export type DetectorErrors = Readonly<{
  /** Share of calls taken for machines that were persons. */
  personsTakenForMachines: number
  /** Share of calls taken for persons that were machines. */
  machinesTakenForPersons: number
}>

export const DETECTOR_ERRORS: DetectorErrors = { personsTakenForMachines: 0.015, machinesTakenForPersons: 0.05 }

/** So long a call that is dialled now may take until it is abandoned or not: ringing, greeting, two seconds. */
const CALL_LIFE_MS = 60_000

/**
 * Abandoned calls as a law would count them if the detector errs as much as it may: an upper bound (three standard
 * deviations), because nobody knows which of the calls it was.
 */
export function abandonedAtMost(window: AbandonWindow, errors: DetectorErrors): number {
  return window.abandoned + window.provedPersons + hiddenAtMost(window, errors)
}

/** Persons among those taken for machines whom nobody has found yet. */
function hiddenAtMost({ machines, provedPersons }: AbandonWindow, errors: DetectorErrors): number {
  const unknown = Math.max(0, machines - provedPersons)
  const expected = unknown * errors.personsTakenForMachines
  return expected === 0 ? 0 : Math.min(unknown, expected + 3 * Math.sqrt(expected) + 1)
}

/** Of what the cap allows, how much the detector's errors may use up; the rest is for agents who come too late. */
const DETECTOR_PART = 0.4

/**
 * Whether calls that the detector takes for machines may be ended without an agent. When its possible errors have used up
 * their part, such calls go to agents too, who hear for themselves.
 */
export function mayActOnMachines(windows: readonly AbandonWindow[], errors: DetectorErrors, nowMs: number): boolean {
  return windows.every(
    window =>
      headroomIn(window, errors, nowMs) >= 1 &&
      hiddenAtMost({ ...window, machines: window.machines + 1 }, errors) + window.provedPersons <=
        DETECTOR_PART * (window.capPercent / 100) * liveAtLeast(window, errors)
  )
}

/** Persons who answered, if some of those taken for persons were machines. */
export function liveAtLeast(window: AbandonWindow, errors: DetectorErrors): number {
  const { live, abandoned, provedPersons } = window
  // Who was abandoned is in both figures whatever it was: that is the strict side.
  return abandoned + Math.max(0, live - abandoned) * (1 - errors.machinesTakenForPersons) + provedPersons
}

/** How many more calls could all be abandoned without breaking the law of this window, whatever else happens. */
export function headroomIn(window: AbandonWindow, errors: DetectorErrors, nowMs: number): number {
  // A call that is dialled now may be abandoned in the next period, which has no answers yet.
  if (nowMs + CALL_LIFE_MS >= window.untilMs) return 0
  const cap = window.capPercent / 100
  const room = (cap * liveAtLeast(window, errors) - abandonedAtMost(window, errors)) / (1 - cap)
  return Math.max(0, Math.floor(room + 1e-9))
}

export function headroom(windows: readonly AbandonWindow[], errors: DetectorErrors, nowMs: number): number {
  return windows.reduce((least, window) => Math.min(least, headroomIn(window, errors, nowMs)), Number.POSITIVE_INFINITY)
}

/** Share of abandoned calls as the screen shows it: what was counted, of the window that is nearest to its cap. */
export function worstWindow(windows: readonly AbandonWindow[], errors: DetectorErrors): AbandonWindow | null {
  const fullness = (window: AbandonWindow) =>
    abandonedAtMost(window, errors) / Math.max(1, (window.capPercent / 100) * liveAtLeast(window, errors))
  return windows.reduce<AbandonWindow | null>(
    (worst, window) => (worst === null || fullness(window) > fullness(worst) ? window : worst),
    null
  )
}

const DAY_MS = 86_400_000

/**
 * The period of a law that an instant falls into. Thirty days are counted in blocks from the campaign's first day, one
 * after the other; 24 hours are a day from midnight to midnight (Ofcom, statement of 2010, A1.15), here in UTC.
 */
export function periodAt(per: string, startedMs: number, atMs: number): Readonly<{ fromMs: number; untilMs: number }> {
  const today = Math.floor(atMs / DAY_MS) * DAY_MS
  if (per === 'calendar-month') {
    const at = new Date(atMs)
    return {
      fromMs: Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1),
      untilMs: Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)
    }
  }
  const days = /^P(\d+)D$/.exec(per)
  const length = days === null ? 1 : Number(days[1])
  const first = Math.floor(Math.min(startedMs, atMs) / DAY_MS) * DAY_MS
  const block = length === 1 ? today : first + Math.floor((today - first) / (length * DAY_MS)) * length * DAY_MS
  return { fromMs: block, untilMs: block + length * DAY_MS }
}
