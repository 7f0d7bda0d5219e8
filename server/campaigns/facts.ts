import type { Question } from '../compliance/compliance-service.ts'
import { analyzeNumber } from '../compliance/numbers/analyze.ts'
import type { Mode } from '../compliance/codes.ts'
import { locationsOf } from '../contacts/places.ts'
import type { Pacing } from '../../sql/campaign-tables.ts'
import type { CampaignSettings } from './settings.ts'

/** What a contact's row says that a decision rests on. */
export type ContactFacts = Readonly<{
  country: string | null
  region: string | null
  zone: string | null
  party: 'consumer' | 'business' | 'unknown'
  isCustomer: boolean | null
}>

/** The mode of a campaign's calls as laws name it. */
export function modeOf(pacing: Pacing, settings: Pick<CampaignSettings, 'isAi'>): Mode {
  switch (pacing) {
    case 'preview':
      return 'human_manual'
    case 'progressive':
    case 'predictive':
      return 'human_dialer'
    case 'agentless':
      return settings.isAi === true ? 'ai_voice' : 'prerecorded'
    default:
      return pacing satisfies never
  }
}

/** The part of a question about a call that comes from campaign and contact, in planning and in dialling. */
export function questionOf(
  pacing: Pacing,
  settings: CampaignSettings,
  contact: ContactFacts,
  number: string
): Question {
  const analysis = analyzeNumber(number)
  const locations = analysis.kind === 'number' ? locationsOf(contact, analysis.country) : undefined
  const party = contact.party === 'unknown' ? settings.party : contact.party
  return {
    number,
    mode: modeOf(pacing, settings),
    purpose: settings.purpose,
    seller: settings.seller,
    ...(settings.subject !== undefined && { subject: settings.subject }),
    ...(settings.sector !== undefined && { sector: settings.sector }),
    ...(party !== undefined && { party }),
    ...(locations !== undefined && { locations }),
    ...(contact.isCustomer !== null && { relationship: { isCustomer: contact.isCustomer } }),
    registrations: settings.registrations ?? []
  }
}
