import type { ReservedLead } from '../../sql/queries/campaigns/attempts.ts'
import { findContact, type ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import { onAbort } from '../calls/aborted.ts'
import { runAgentFirst } from './agent-first.ts'
import type { AgentPool, HeldAgent } from './agent-pool.ts'
import { Attempt, type CampaignCallParts, type PaceFacts, sipCallIdOf } from './attempt.ts'
import type { Campaign } from './campaign.ts'
import { permit, type Permitted } from './permit.ts'
import { runPersonFirst } from './person-first.ts'

const REMOVED_MS = 3_600_000

/**
 * One dial of a campaign from the reserved lead to what is written about it. Never rejects: whatever happens, the attempt
 * has an end. `held` is the agent who gets this very call, in preview and progressive dialling.
 */
export async function runCampaignCall(
  parts: CampaignCallParts,
  campaign: Campaign,
  lead: ReservedLead,
  pool: AgentPool | null,
  pace: () => PaceFacts,
  held: HeldAgent | null,
  signal: AbortSignal
): Promise<void> {
  const { log } = parts
  const callId = lead.id
  const attempt = new Attempt(parts, campaign, lead, pool, pace)
  try {
    await parts.step('reserved', lead)
    const contact = await findContact(parts.db, lead.contactId)
    if (contact === undefined) await attempt.release('the contact was removed', REMOVED_MS)
    const permitted = contact === undefined ? null : await permit(attempt, contact, held)
    if (contact !== undefined && permitted !== null) await callContact(attempt, contact, permitted, held, signal)
  } catch (err) {
    log.error({ err, callId }, 'an attempt of a campaign failed')
  } finally {
    if (held !== null) await pool?.giveBack(held)
    if (!attempt.isFinished)
      await (attempt.isDialling
        ? // It may have rung; whether it did is in the call's story, and nobody dials again for that.
          attempt.finish('unknown', { detail: 'the server made an error' })
        : attempt.release('not dialled', 30_000)
      ).catch(err => log.error({ err, callId }, 'the end of an attempt could not be written'))
    await parts.step('ended', lead)
  }
}

async function callContact(
  attempt: Attempt,
  contact: ContactRow,
  permitted: Permitted,
  held: HeldAgent | null,
  signal: AbortSignal
): Promise<void> {
  const { parts, lead, campaign } = attempt
  const { calls, log } = parts
  const call = calls.parts.newCall(lead.id)
  calls.parts.liveCalls.add(call)
  try {
    await using _call = call
    onAbort(signal, () => call.end('draining'))
    call.record({
      kind: 'started',
      direction: 'outbound',
      callerNumber: permitted.callerId.number,
      calledNumber: lead.number,
      sipCallId: sipCallIdOf(lead.id),
      trunkId: null,
      numberId: null,
      sourceAddress: null,
      controlPlaneId: calls.parts.controlPlaneId,
      requestedBy: `campaign ${campaign.id}`
    })
    try {
      if (held === null) await runPersonFirst(attempt, call, contact, permitted)
      else await runAgentFirst(attempt, call, contact, held, permitted)
    } catch (err) {
      if (!call.signal.aborted) {
        log.error({ err, callId: call.id }, 'a call of a campaign failed')
        call.end('internalError', { detail: err instanceof Error ? err.message : String(err) })
      }
    } finally {
      if (!attempt.isDialling) await permitted.lawful.outcome('not_placed')
    }
  } finally {
    calls.parts.liveCalls.remove(call)
  }
}
