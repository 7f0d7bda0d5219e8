import type { Slot } from '../../sql/queries/campaigns/attempts.ts'
import type { AbandonWindow } from './abandonment.ts'
import type { AgentPool } from './agent-pool.ts'
import type { PaceFacts } from './attempt.ts'
import type { Campaign } from './campaign.ts'
import type { CallFigures } from './answers-ahead.ts'
import type { AbandonCap } from './laws.ts'
import type { Pace } from './pacing.ts'

/** What one control plane knows of a campaign that it dials. Times are of `performance.now()`. */
export type RunningCampaign = {
  campaign: Campaign
  pool: AgentPool | null
  pace: Pace | null
  /** The caps on abandoned calls of the places where somebody waits, and what each has seen when calls were begun last. */
  caps: readonly AbandonCap[]
  windows: readonly AbandonWindow[]
  windowsAtMs: number
  figures: CallFigures
  figuresAtMs: number
  /** Where somebody waits, and at which of these places now is a time to call. */
  slots: readonly Slot[]
  slotsAtMs: number
  loadedAtMs: number
  lastLoadedId: string
  calls: Set<Promise<void>>
  turn: number
  /** Whoever waits for longer than they should because a clock was wrong has been found since it was right. */
  isBroughtForward: boolean
  /** How often the clocks had been set when somebody started the campaign, and so said that the time is right. */
  believedSets: number
  isTicking: boolean
  /** It could not be dialled the last time, and the log says why. */
  hasFailed: boolean
}

export function runningCampaign(campaign: Campaign, believedSets: number): RunningCampaign {
  return {
    campaign,
    pool: null,
    pace: null,
    caps: [],
    windows: [],
    windowsAtMs: Number.NEGATIVE_INFINITY,
    figures: { liveShare: 0.25, personMs: [], otherMs: [], handleMs: [], wrapUpMs: [] },
    figuresAtMs: Number.NEGATIVE_INFINITY,
    slots: [],
    slotsAtMs: Number.NEGATIVE_INFINITY,
    loadedAtMs: Number.NEGATIVE_INFINITY,
    lastLoadedId: '0',
    calls: new Set(),
    turn: 0,
    isBroughtForward: false,
    believedSets,
    isTicking: false,
    hasFailed: false
  }
}

/** What the law's counters say of it: the window in which one more abandoned person would weigh most. */
export function paceFactsOf({ campaign, pace, windows }: RunningCampaign): PaceFacts {
  const worst = windows.reduce<AbandonWindow | null>(
    (found, one) =>
      found === null || (one.abandoned + 1) / (one.live + 1) > (found.abandoned + 1) / (found.live + 1) ? one : found,
    null
  )
  const isAhead = campaign.pacing === 'predictive' && (pace?.headroom ?? 0) >= 1
  return {
    pacing: isAhead ? 'predictive' : campaign.pacing === 'preview' ? 'preview' : 'progressive',
    live: worst?.live ?? 0,
    abandoned: worst?.abandoned ?? 0,
    actsOnMachines: pace?.actsOnMachines ?? false
  }
}
