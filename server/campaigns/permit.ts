import { updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import type { CallerIdRow } from '../../sql/queries/campaigns/campaigns.ts'
import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import type { TrunkRow } from '../../sql/queries/telephony.ts'
import type { IntendedCall, LawfulAttempt } from '../calls/outbound-law.ts'
import { routeOutbound } from '../routing/route-outbound.ts'
import type { HeldAgent } from './agent-pool.ts'
import type { Attempt } from './attempt.ts'
import { chooseCallerId } from './caller-id.ts'
import { modeOf, questionOf } from './facts.ts'
import { statementsFor } from './settings.ts'
import { missingFor } from './statements.ts'

/** `lawful` is joined to the decision that allows this call; nothing is dialled without it. */
export type Permitted = Readonly<{ lawful: LawfulAttempt; callerId: CallerIdRow; trunks: readonly TrunkRow[] }>

const CLOCK_MS = 1_000
const NO_WAY_MS = 300_000
const TRUNK_RESTS_MS = 30_000
const NO_STATEMENT_MS = 3_600_000

/** Looks for a caller ID and a trunk, decides, and writes the decision. Null when that was the end of the attempt. */
export async function permit(attempt: Attempt, contact: ContactRow, held: HeldAgent | null): Promise<Permitted | null> {
  const { parts, lead, campaign } = attempt
  const { settings } = campaign
  const telephony = parts.calls.parts
  const callerId = chooseCallerId(
    (await parts.callerIds()).filter(one => settings.callerIds.includes(one.id)),
    lead.number,
    lead.contactId,
    parts.now()
  )
  if (callerId === null) {
    await attempt.release('no caller ID may be shown', NO_WAY_MS)
    return null
  }
  const route = routeOutbound(lead.number, callerId.number, await telephony.routing.tables())
  if (route.kind === 'refuse') {
    await attempt.release(`no trunk: ${route.code}`, NO_WAY_MS)
    return null
  }
  const trunks = route.trunks.map(one => one.trunk)
  const now = parts.now()
  if (!trunks.some(one => parts.trunks.isUsable(one.id, now))) {
    await attempt.release(`trunk down: ${trunks.map(one => one.name).join(', ')}`, TRUNK_RESTS_MS)
    return null
  }
  const ruling = await telephony.law.rule(intended(attempt, contact, callerId.number))
  if (ruling.kind === 'refused') {
    // A campaign waits until the time is known, and nobody loses anything by that.
    if (ruling.code === 'CLOCK_IN_DOUBT') await attempt.release(ruling.reason, CLOCK_MS)
    else await attempt.finishUnlawful(ruling.decisionId, ruling.decision)
    return null
  }
  const lawful = ruling.attempt
  const isOurs = await updateOpenAttempt(parts.db, lead.id, {
    state: 'permitted',
    decision_id: lawful.decisionId,
    caller_number: callerId.number,
    ...(held !== null && { agent_id: held.offer.agentId })
  })
  await parts.step('permitted', lead)
  if (!isOurs) {
    await lawful.outcome('not_placed')
    attempt.takenOver()
    return null
  }
  const missing =
    campaign.pacing === 'agentless'
      ? missingFor(statementsFor(settings, contact.language).statements, lawful.decision.obligations)
      : []
  if (missing.length > 0) {
    await lawful.outcome('not_placed')
    await attempt.release(`no statement for ${missing.join(' ')}`, NO_STATEMENT_MS)
    return null
  }
  return { lawful, callerId, trunks }
}

function intended(attempt: Attempt, contact: ContactRow, callerNumber: string): IntendedCall {
  const { campaign, lead } = attempt
  const { settings, pacing, id } = campaign
  const { pacing: pace, live, abandoned } = attempt.pace()
  const question = questionOf(pacing, settings, { ...contact, isCustomer: contact.is_customer }, lead.number)
  return {
    callId: lead.id,
    number: lead.number,
    mode: modeOf(pacing, settings),
    purpose: lead.callbackAt === null ? settings.purpose : ('callback_requested' as const),
    callerNumber,
    campaignId: id,
    contactId: lead.contactId,
    isTimeVouchedFor: () => !attempt.parts.isClockInDoubt(id),
    ...(lead.callbackAt !== null && { callbackRequestedAt: lead.callbackAt }),
    more: { ...question, campaign: { pacing: pace, live, abandoned } }
  }
}
