import { lastAbandonedAt, type ReservedLead, wasReached } from '../../sql/queries/campaigns/attempts.ts'
import { findCampaignNos } from '../../sql/queries/campaigns/campaigns.ts'
import { type AttemptParts, releaseLead } from './attempt-log.ts'
import type { Campaign } from './campaign.ts'
import { ABANDONED_PAUSE_MS } from './retry.ts'

const DAY_MS = 86_400_000

/**
 * Whether a lead is left alone, and is given back then: whom another campaign has reached lately, and whom nobody was there for
 * within the last three days.
 */
export async function leaveAlone(parts: AttemptParts, campaign: Campaign, lead: ReservedLead): Promise<boolean> {
  const { db } = parts
  const nowMs = parts.now().getTime()
  const { suppress } = campaign.settings
  if (suppress !== undefined && lead.callbackAt === null) {
    const since = new Date(nowMs - suppress.days * DAY_MS)
    if (await wasReached(db, lead.number, await findCampaignNos(db, suppress.campaigns), since)) {
      await releaseLead(parts, lead, { afterMs: 0, detail: 'reached by another campaign', state: 'suppressed' })
      return true
    }
  }
  if (campaign.pacing === 'predictive' || campaign.pacing === 'agentless') {
    const abandonedAt = await lastAbandonedAt(db, lead.number, new Date(nowMs - ABANDONED_PAUSE_MS))
    if (abandonedAt !== null) {
      const until = new Date(abandonedAt.getTime() + ABANDONED_PAUSE_MS)
      await releaseLead(parts, lead, { afterMs: 0, until, detail: 'abandoned within 72 hours' })
      return true
    }
  }
  return false
}
