import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import { type LiveCard, openCard } from '../agent-calls/customer-card.ts'
import type { ringAgent } from '../agent-calls/ring-agent.ts'
import { talkToCalled } from '../agent-calls/talk-to-called.ts'
import type { Call } from '../calls/call.ts'
import type { PartyLeg } from '../agent-calls/party.ts'
import type { HeldAgent } from './agent-pool.ts'
import type { Attempt } from './attempt.ts'
import type { Dialled } from './dial-lead.ts'

/** What an agent's desk shows while it rings for a campaign. */
export function offerOf(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  held: HeldAgent,
  ringMs: number,
  isAutoAnswered: boolean
): Parameters<typeof ringAgent>[2]['offer'] {
  const { lead, campaign } = attempt
  const { queue } = held.visit
  return {
    id: held.offer.id,
    callId: call.id,
    kind: 'campaign',
    queue: { id: queue.id, name: queue.name },
    from: null,
    language: attempt.languageOf(contact),
    waitedMs: 0,
    isAutoAnswered,
    expiresAt: new Date(Date.now() + ringMs).toISOString(),
    campaign: {
      id: campaign.id,
      name: campaign.name,
      contactId: lead.contactId,
      isPreview: campaign.pacing === 'preview',
      script: campaign.settings.script ?? null,
      promise:
        lead.callbackAt === null
          ? null
          : { at: lead.callbackAt.toISOString(), note: lead.callbackNote, by: promisedByOther(attempt, held) }
    }
  }
}

/** The name of who has promised the call, when somebody else gets it. */
function promisedByOther({ lead, parts }: Attempt, held: HeldAgent): string | null {
  const { callbackAgentId: by } = lead
  if (by === null || by === held.offer.agentId) return null
  // An agent who has left the company is still who has promised it.
  return parts.calls.parts.agents.view(by)?.profile.displayName ?? '-'
}

/** What is known of the person, as it goes along with the call from desk to desk. */
export function cardOf(attempt: Attempt, call: Call, contact: ContactRow): LiveCard {
  return openCard(
    attempt.parts.calls.parts.cards,
    {
      callId: call.id,
      number: attempt.lead.number,
      name: contact.name === '' ? null : contact.name,
      language: contact.language,
      reason: attempt.campaign.name,
      answers: Object.entries(contact.custom).map(([label, value]) => ({ label, value, source: 'campaign' }))
    },
    call.signal
  )
}

export function deskQueueOf({ campaign }: Attempt, held: HeldAgent) {
  const { queue } = held.visit
  const script = campaign.settings.script ?? queue.script
  return { id: queue.id, name: queue.name, script: script === '' ? null : script }
}

/**
 * Agent and person talk until no agent is left or the person hangs up; false when they were never connected.
 * `stopRingback`: of an agent who waits already; null when the person does.
 */
export async function talkOf(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  dialled: Dialled,
  card: LiveCard,
  agent: Readonly<{ held: HeldAgent; leg: PartyLeg; answerMs: number }>,
  stopRingback: (() => Promise<void>) | null
): Promise<boolean> {
  const { held, leg, answerMs } = agent
  const { queue } = held.visit
  return await talkToCalled(
    attempt.parts.calls,
    call,
    {
      endpoint: dialled.leg.endpoint,
      number: attempt.lead.number,
      shown: dialled.callerNumber,
      language: attempt.languageOf(contact),
      // Without an agent who waits already the law allows two seconds.
      isInHaste: stopRingback === null,
      card
    },
    { leg, agentId: held.offer.agentId, answerMs, waitedMs: null },
    { ...queue, script: attempt.campaign.settings.script ?? queue.script },
    async () => {
      // From here on the agent says it.
      attempt.noticed('agent', call)
      await stopRingback?.()
    }
  ).catch(err => {
    // The person hung up: that is how talks end.
    if (!call.signal.aborted) throw err
    return true
  })
}
