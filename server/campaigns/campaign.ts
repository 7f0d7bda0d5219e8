import type { CampaignRow, Segment } from '../../sql/queries/campaigns/campaigns.ts'
import type { CampaignState, Pacing } from '../../sql/campaign-tables.ts'
import type { CampaignSettings } from './settings.ts'

/** A campaign as the dialler and the screens see it. */
export type Campaign = Readonly<{
  id: string
  no: number
  name: string
  state: CampaignState
  pacing: Pacing
  settings: CampaignSettings
  settingsHash: string
  startedAt: Date | null
  /** Since when it is in this state. */
  stateSince: Date
}>

export function toCampaign(row: CampaignRow): Campaign {
  return {
    id: row.id,
    no: row.no,
    name: row.name,
    state: row.state,
    pacing: row.pacing,
    // Written only after it was checked against the schema.
    settings: row.settings as unknown as CampaignSettings,
    settingsHash: row.settings_hash,
    startedAt: row.started_at,
    stateSince: row.state_since
  }
}

/** Who of its lists a campaign means, and in which order. */
export function segmentOf(campaign: Pick<Campaign, 'settings'>): Segment {
  const { segment, first = [] } = campaign.settings
  return {
    languages: segment?.languages ?? null,
    countries: segment?.countries ?? null,
    custom: segment?.custom ?? {},
    first
  }
}
