import {
  countOpen,
  lockTaking,
  type ReservedLead,
  reserveLeads,
  type Slot
} from '../../sql/queries/campaigns/attempts.ts'
import { countConversations } from '../../sql/queries/campaigns/campaigns.ts'
import type { Db } from '../../sql/database.ts'
import { DETECTOR_ERRORS } from './abandonment.ts'
import type { AgentPool } from './agent-pool.ts'
import { type Campaign, segmentOf } from './campaign.ts'
import { windowsOf } from './laws.ts'
import { type Pace, pacePredictive, paceProgressive } from './pacing.ts'
import { promisesDue } from './promised-calls.ts'
import type { RunningCampaign } from './running-campaign.ts'
import { inTurn } from './turns.ts'

/** Leads that one control plane takes in one go. */
export const MAX_TAKEN = 50
/** Lines for each agentless campaign grow by so many in a tick. */
const AGENTLESS_STEP = 10

/** Locks the campaign, counts what all control planes have under way, and takes what the pace allows. */
export async function takeLeads(
  parts: Readonly<{ db: Db; controlPlaneId: string }>,
  running: RunningCampaign,
  room: Readonly<{
    /** Where somebody waits who may be called now. */
    slots: readonly Slot[]
    lines: number
    /** How many calls the trunks take now. */
    callsAtOnce(): number
    /** Of the attempts that may be made, {@link MAX_TAKEN}; known before, so that none is lost with the answer. */
    ids: readonly string[]
    now: Date
  }>
): Promise<readonly ReservedLead[]> {
  const { db, controlPlaneId } = parts
  const { campaign, pool } = running
  const { slots, lines, now } = room
  return await db.transaction().execute(async trx => {
    if (!(await lockTaking(trx, campaign.no))) return []
    // A machine that is being spoken to can abandon nobody any more.
    const { total, answered: waiting, underWayMs } = await countOpen(trx, campaign.no, now)
    // After the count: who is abandoned between both is in both, and never in neither.
    if (campaign.pacing === 'predictive') running.windows = await windowsOf(trx, campaign, running.caps, now)
    const free = pool?.count(now)
    // No more calls than conversations that are wanted still: nobody is called for nothing.
    const wantedLines = Math.min(lines, await conversationsWanted(trx, campaign))
    const state = {
      nowMs: now.getTime(),
      idle: free?.free ?? 0,
      held: pool?.held ?? 0,
      busy: free?.busy ?? [],
      open: underWayMs.map(elapsedMs => ({ elapsedMs })),
      waiting,
      figures: running.figures,
      windows: running.windows,
      errors: DETECTOR_ERRORS,
      lines: Math.max(0, wantedLines - total)
    }
    const paced: Pace =
      campaign.pacing === 'agentless'
        ? {
            hold: 0,
            dial: Math.max(0, Math.min(state.lines, AGENTLESS_STEP)),
            reason: state.lines > 0 ? 'dialling' : 'noLines',
            actsOnMachines: true,
            headroom: 0
          }
        : campaign.pacing === 'predictive'
          ? pacePredictive(state)
          : paceAgentFirst(state, pool)
    const pace: Pace = state.lines === 0 && lines > total ? { ...paced, reason: 'goal' } : paced
    running.pace = pace
    // Asked when the count is there: a call that ended before it has told of its trunk by now.
    const wanted = Math.min(pace.dial, room.ids.length, room.callsAtOnce())
    running.turn += 1
    const leads =
      wanted === 0
        ? []
        : await reserveLeads(trx, {
            campaignNo: campaign.no,
            slots: inTurn(slots, running.turn),
            lists: campaign.settings.lists,
            segment: segmentOf(campaign),
            ids: room.ids.slice(0, wanted),
            controlPlaneId,
            now,
            promises: promisesDue(campaign, pool, now)
          })
    if (wanted > 0 && leads.length === 0) running.pace = { ...pace, dial: 0, reason: 'promised' }
    // Nobody is held for leads that are not there.
    const hold = campaign.pacing === 'predictive' ? Math.max(0, pace.hold - (wanted - leads.length)) : pace.hold
    if (leads.length > 0 || campaign.pacing !== 'predictive') pool?.hold(hold)
    pool?.trim(
      campaign.pacing === 'predictive' ? underWayMs.length + leads.length + waiting : Number.MAX_SAFE_INTEGER,
      Date.now()
    )
    return leads
  })
}

async function conversationsWanted(db: Db, { no, settings: { goal } }: Campaign): Promise<number> {
  if (goal === undefined) return Number.POSITIVE_INFINITY
  const { done, inWrapUp } = await countConversations(db, no, goal)
  return Math.max(0, goal - done - inWrapUp)
}

/** Preview and progressive: an agent is held first, and each held one gets a lead. */
function paceAgentFirst(state: Parameters<typeof paceProgressive>[0], pool: AgentPool | null): Pace {
  const pace = paceProgressive(state)
  const ready = pool?.ready ?? 0
  return { ...pace, hold: Math.min(state.idle, state.lines), dial: Math.min(ready, state.lines) }
}
