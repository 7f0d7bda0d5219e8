import type { Field, Values } from './fields.ts'

export const STRATEGIES = ['longestIdle', 'roundRobin', 'leastOccupied', 'bestSkill', 'stickyAgent', 'ringAll'] as const
export const LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'] as const

/** Who may answer from `afterMs` of waiting on; `languageLevel` null: the language does not matter. */
export type Tier = Readonly<{
  afterMs: number
  skills: readonly Readonly<{ skill: string; minLevel: number }>[]
  languageLevel: (typeof LEVELS)[number] | null
}>

/** A queue as `GET /queues/:id` gives it; times in milliseconds. */
export type QueueSettings = Values &
  Readonly<{
    id: string
    name: string
    labels: Readonly<Record<string, string>>
    strategy: (typeof STRATEGIES)[number]
    tiers: readonly Tier[]
    thresholdMs: number
    goalPercent: number | null
    wrapUpMs: number
    version: number
  }>

/** `GET /queues/:id/reach`. */
export type Reach = Readonly<{
  tiers: readonly Readonly<{
    afterMs: number
    free: number
    added: readonly Readonly<{ id: string; name: string; isFree: boolean }>[]
  }>[]
  uses: Readonly<{
    flows: readonly string[]
    numbers: readonly string[]
    queues: readonly string[]
    agents: number
    waiting: number
    callbacks: number
  }>
}>

const HOUR_MS = 3_600_000

/** In the order of the form; who answers comes before them. */
export const QUEUE_FIELDS: readonly Field[] = [
  { name: 'name', kind: 'text', isRequired: true },
  { name: 'labels', kind: 'labels' },
  { name: 'strategy', kind: 'choice' },
  { name: 'thresholdMs', kind: 'seconds', min: 1000, max: HOUR_MS },
  { name: 'goalPercent', kind: 'number', isNullable: true, min: 1, max: 100 },
  { name: 'priority', kind: 'number', min: -100, max: 1000 },
  { name: 'ageingPerMinute', kind: 'number', min: 0, max: 1000 },
  { name: 'ringMs', kind: 'seconds', min: 3000, max: 300_000 },
  { name: 'wrapUpMs', kind: 'seconds', min: 0, max: HOUR_MS },
  { name: 'wrapUpLimitMs', kind: 'seconds', min: 0, max: 4 * HOUR_MS },
  { name: 'isAutoAnswered', kind: 'switch' },
  { name: 'stickyWaitMs', kind: 'seconds', min: 0, max: HOUR_MS },
  { name: 'ringAllMax', kind: 'number', min: 1, max: 50 },
  { name: 'keepFree', kind: 'number', min: 0, max: 1000 },
  { name: 'waitsWithoutAgents', kind: 'switch' },
  { name: 'maxSize', kind: 'number', isNullable: true, min: 1, max: 100_000 },
  { name: 'maxWaitMs', kind: 'seconds', isNullable: true, min: 1000, max: 24 * HOUR_MS },
  { name: 'overflow', kind: 'destination' },
  { name: 'afterHours', kind: 'destination' },
  { name: 'callbackAfterMs', kind: 'seconds', isNullable: true, min: 5000, max: 24 * HOUR_MS },
  { name: 'music', kind: 'text', isNullable: true },
  { name: 'script', kind: 'longText' }
]
