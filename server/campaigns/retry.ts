import type { CampaignSettings, RetryOutcome } from './settings.ts'

/** How a dial came out. `person`: somebody was talked to. `screened`: an assistant asked who calls. `blocked`: the network or an analysis of calls refused it. */
export const OUTCOMES = [
  'person',
  'abandoned',
  'machine',
  'screened',
  'fax',
  'network',
  'busy',
  'noAnswer',
  'refused',
  'invalid',
  'blocked',
  'failed',
  'unknown'
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Whether an attempt counts as a dial: one that the rules forbade, or that no trunk carried, is none. */
export function wasDialled(outcome: string | null): outcome is Outcome {
  return (OUTCOMES as readonly (string | null)[]).includes(outcome)
}

/** What is done with a contact after an attempt. */
export type NextStep =
  | Readonly<{ state: 'waiting'; at: Date; position: number }>
  | Readonly<{ state: 'done' | 'exhausted' | 'unknown' }>

export type AttemptHistory = Readonly<{
  /** Outcomes of earlier attempts in this campaign, this one included, with the number that was tried. */
  attempts: readonly Readonly<{ outcome: Outcome; position: number }>[]
  numbers: number
}>

const MINUTE_MS = 60_000
/** An abandoned person is not called by the dialler for so long (Ofcom; house rule elsewhere). */
export const ABANDONED_PAUSE_MS = 72 * 3_600_000
const RULE_OF: Partial<Readonly<Record<Outcome, RetryOutcome>>> = {
  busy: 'busy',
  noAnswer: 'noAnswer',
  machine: 'machine',
  screened: 'machine',
  fax: 'failed',
  network: 'failed',
  refused: 'refused',
  failed: 'failed',
  abandoned: 'abandoned'
}

/** Pure: when and at which number a person is tried again after this outcome, if at all. */
export function nextStep(
  outcome: Outcome,
  position: number,
  history: AttemptHistory,
  settings: Pick<CampaignSettings, 'retries' | 'maxAttempts'>,
  now: Date
): NextStep {
  if (outcome === 'person') return { state: 'done' }
  // What has become of the call is not known: nobody is dialled again for that without a person's decision.
  if (outcome === 'unknown') return { state: 'unknown' }
  // The number is stopped by whoever analyses calls; another number of ours would be cycling (compliance of §6.2).
  if (outcome === 'blocked') return { state: 'exhausted' }
  if (history.attempts.length >= settings.maxAttempts) return { state: 'exhausted' }
  const tried = new Set(history.attempts.map(one => one.position))
  const dead = new Set(history.attempts.filter(one => isDead(one.outcome)).map(one => one.position))
  const kind = RULE_OF[outcome]
  const rule = kind === undefined ? undefined : settings.retries[kind]
  const used = history.attempts.filter(one => RULE_OF[one.outcome] === kind && kind !== undefined).length
  const mayRepeat = rule !== undefined && used <= rule.times && !isDead(outcome)
  const wantsOther = isDead(outcome) || rule?.nextNumber === true
  const other = wantsOther ? nextNumber(position, history.numbers, dead) : null
  if (other !== null && (mayRepeat || !tried.has(other))) {
    // A number that was never tried need not wait for the gap, which is there so that nobody is pestered at one.
    const gapMs = tried.has(other) ? (rule?.gapMinutes ?? 60) * MINUTE_MS : MINUTE_MS
    return { state: 'waiting', at: later(outcome, now, gapMs), position: other }
  }
  if (!mayRepeat) return { state: 'exhausted' }
  return { state: 'waiting', at: later(outcome, now, rule.gapMinutes * MINUTE_MS), position }
}

/** The number itself is of no use, whenever it is called. */
function isDead(outcome: Outcome): boolean {
  return outcome === 'invalid' || outcome === 'fax' || outcome === 'network'
}

function nextNumber(position: number, numbers: number, dead: ReadonlySet<number>): number | null {
  for (let step = 1; step < numbers; step += 1) {
    const other = (position + step) % numbers
    if (!dead.has(other)) return other
  }
  return null
}

function later(outcome: Outcome, now: Date, gapMs: number): Date {
  return new Date(now.getTime() + (outcome === 'abandoned' ? Math.max(gapMs, ABANDONED_PAUSE_MS) : gapMs))
}

/** The outcome of a final SIP answer that was no answer by a person. */
export function outcomeForStatus(status: number, isAnalyticsBlock: boolean): Outcome {
  // 608 (RFC 8688) and 603+ come from an analysis of calls, 607 (RFC 8197) from the person: nobody calls again.
  if (isAnalyticsBlock || status === 607 || status === 608) return 'blocked'
  if (status === 486 || status === 600) return 'busy'
  if (status === 408 || status === 480 || status === 487) return 'noAnswer'
  if (status === 603 || status === 403) return 'refused'
  if (status === 404 || status === 410 || status === 484 || status === 604) return 'invalid'
  return 'failed'
}
