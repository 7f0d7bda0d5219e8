import { pacePredictive, paceProgressive } from '../../server/campaigns/pacing.ts'
import type { Strategy } from './simulate.ts'

export const predictive: Strategy = state => pacePredictive(state)

export const progressive: Strategy = state => paceProgressive(state)

/** So many lines for each free agent, whatever happens. */
export function fixedRatio(lines: number): Strategy {
  return state => {
    const calls = Math.max(0, Math.round(state.idle * lines) - state.open.length)
    return { hold: 0, dial: Math.min(calls, state.lines), reason: 'dialling', actsOnMachines: true, headroom: 0 }
  }
}

/**
 * An adaptive dialler as VICIdial's manual describes ADAPT_HARD_LIMIT: lines for each agent who is logged in and free or
 * about to be; the level goes up while agents wait and the drop share of the day is below the limit, and back to 1 as
 * soon as it is above. Looked at every 15 seconds.
 */
export function adaptive(dropLimitPercent: number, maxLevel = 3): Strategy {
  return (state, memory) => {
    if (state.nowMs - memory.checkedAtMs >= 15_000) {
      memory.checkedAtMs = state.nowMs
      const day = state.windows.find(window => window.per === 'PT24H') ?? state.windows[0]
      const dropPercent = day === undefined || day.live === 0 ? 0 : (100 * day.abandoned) / day.live
      const agents = state.idle + state.busy.length + state.held
      if (dropPercent > dropLimitPercent) memory.level = 1
      else if (state.idle > 0) memory.level = Math.min(maxLevel, memory.level * (1 + state.idle / Math.max(1, agents)))
      else memory.level = Math.max(1, memory.level * 0.95)
    }
    const calls = Math.max(0, Math.floor(state.idle * memory.level) - state.open.length)
    return { hold: 0, dial: Math.min(calls, state.lines), reason: 'dialling', actsOnMachines: true, headroom: 0 }
  }
}
