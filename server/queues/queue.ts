import type { Calendar } from '../../ivr-flows/calendar/schema.ts'
import type { QueueStrategy } from '../../sql/queue-tables.ts'
import type { LanguageLevel } from '../agents/profile.ts'

/** Who may answer, from `afterMs` of waiting on. Skills need at least `minLevel` (1 to 5). */
export type Tier = Readonly<{
  afterMs: number
  skills: readonly Readonly<{ skill: string; minLevel: number }>[]
  /** The caller's language at least so well; null: the language does not matter. */
  languageLevel: LanguageLevel | null
}>

/** Where a caller goes whom the queue does not serve. */
export type OverflowDestination = Readonly<{
  kind: 'queue' | 'number' | 'extension' | 'agent' | 'voicemail' | 'flow'
  value: string
}>

/** A queue as it is set up. Times are milliseconds. */
export type Queue = Readonly<{
  id: string
  name: string
  labels: Readonly<Record<string, string>>
  strategy: QueueStrategy
  /** Each tier adds agents to those before it. */
  tiers: readonly Tier[]
  /** Answered within this time counts for the service level. */
  thresholdMs: number
  goalPercent: number | null
  priority: number
  /** Points of priority that a minute of waiting adds. */
  ageingPerMinute: number
  maxSize: number | null
  maxWaitMs: number | null
  calendar: Calendar | null
  wrapUpMs: number
  wrapUpLimitMs: number
  ringMs: number
  isAutoAnswered: boolean
  /** How long a caller waits for the same agent alone, with strategy stickyAgent. */
  stickyWaitMs: number
  /** How many agents ring at once, with strategy ringAll. */
  ringAllMax: number
  /** Free agents that callbacks and campaigns leave to callers on the line. */
  keepFree: number
  /** Whether callers wait although nobody who could answer is signed in. */
  waitsWithoutAgents: boolean
  overflow: OverflowDestination | null
  afterHours: OverflowDestination | null
  announce: Readonly<{ position: boolean; wait: boolean; everyMs: number }> | null
  music: string | null
  script: string
  callbackAfterMs: number | null
}>

/** What is asked of agents when a queue names nothing: anybody. */
export const ANYBODY: Tier = { afterMs: 0, skills: [], languageLevel: null }

/** The tiers in order of time, the first from 0 on. */
export function tiersOf(queue: Pick<Queue, 'tiers'>): readonly Tier[] {
  const tiers = queue.tiers.toSorted((one, other) => one.afterMs - other.afterMs)
  const [first] = tiers
  if (first === undefined) return [ANYBODY]
  return first.afterMs === 0 ? tiers : [{ ...first, afterMs: 0 }, ...tiers.slice(1)]
}

/** Which tier a caller has reached who has waited so long; counts from 0. */
export function tierAt(tiers: readonly Tier[], waitedMs: number): number {
  const beyond = tiers.findIndex(tier => tier.afterMs > waitedMs)
  return Math.max(0, (beyond === -1 ? tiers.length : beyond) - 1)
}
