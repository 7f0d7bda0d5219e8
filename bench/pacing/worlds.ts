import { DETECTOR_ERRORS } from '../../server/campaigns/abandonment.ts'
import type { World } from './simulate.ts'

const CAPS = [
  { per: 'P30D', capPercent: 3 },
  { per: 'PT24H', capPercent: 3 }
] as const

/** Where no law counts by the day, what was kept on one day serves the next. */
const MONTH_ONLY = CAPS.slice(0, 1)

const COMMON = {
  shiftMs: 9 * 3_600_000,
  talkMs: 150_000,
  wrapUpMs: 20_000,
  errors: { personsTakenForMachines: 0.006, machinesTakenForPersons: 0.03 },
  assumedErrors: DETECTOR_ERRORS,
  awayEveryMs: 2 * 3_600_000,
  awayMs: 15 * 60_000,
  caps: CAPS
} as const

/** Answer rates from good to bad, steady and by time of day, with agents coming and going. */
export function worlds(calls: number, seed: number): Readonly<Record<string, World>> {
  return {
    'people answer often': { ...COMMON, agents: 40, calls, liveShare: [0.42], machineShare: 0.2, seed },
    'people answer sometimes': { ...COMMON, agents: 40, calls, liveShare: [0.25], machineShare: 0.3, seed: seed + 1 },
    'people hardly answer': { ...COMMON, agents: 40, calls, liveShare: [0.12], machineShare: 0.35, seed: seed + 2 },
    'answers by time of day': {
      ...COMMON,
      agents: 40,
      calls,
      liveShare: [0.18, 0.2, 0.24, 0.3, 0.28, 0.22, 0.2, 0.32, 0.4],
      machineShare: 0.28,
      seed: seed + 3
    },
    'a bad detector': {
      ...COMMON,
      agents: 40,
      calls,
      liveShare: [0.3],
      machineShare: 0.3,
      errors: { personsTakenForMachines: 0.013, machinesTakenForPersons: 0.05 },
      seed: seed + 4
    },
    'few agents': { ...COMMON, agents: 10, calls, liveShare: [0.3], machineShare: 0.25, seed: seed + 5 },
    'hardly, 30 days only': {
      ...COMMON,
      agents: 40,
      calls,
      liveShare: [0.12],
      machineShare: 0.35,
      caps: MONTH_ONLY,
      seed: seed + 6
    },
    'few agents, 30 days only': {
      ...COMMON,
      agents: 10,
      calls,
      liveShare: [0.3],
      machineShare: 0.25,
      caps: MONTH_ONLY,
      seed: seed + 7
    }
  }
}
