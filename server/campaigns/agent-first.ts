import { countLive, updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import { ringAgent } from '../agent-calls/ring-agent.ts'
import type { Call } from '../calls/call.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import { cardOf, deskQueueOf, offerOf, talkOf } from './agent-leg.ts'
import type { HeldAgent } from './agent-pool.ts'
import type { Attempt } from './attempt.ts'
import { dialLead } from './dial-lead.ts'
import type { Permitted } from './permit.ts'

const RINGBACK = 'tone_stream://%(2000,4000,440,480)'
const AGENT_RING_MS = 20_000
/** A decision holds for 60 seconds: so long an agent may look at a contact. */
const PREVIEW_MS = 45_000
const SKIPPED_FOR_MS = 4 * 3_600_000

/** Preview and progressive: the agent first, so that nobody answers to silence. */
export async function runAgentFirst(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  held: HeldAgent,
  permitted: Permitted
): Promise<void> {
  const { parts, campaign } = attempt
  const { calls } = parts
  const { offer, visit } = held
  const agentId = offer.agentId
  if (!(await calls.parts.queues.assignCall(visit, offer, call.id))) {
    call.end('noAnswer', { detail: 'agent: gone' })
    await attempt.release('agent gone', 1_000)
    return
  }
  const { callbackAgentId: promisedBy } = attempt.lead
  if (promisedBy !== null && promisedBy !== agentId)
    call.record({ kind: 'promisePassedOn', fromAgentId: promisedBy, toAgentId: agentId })
  const card = cardOf(attempt, call, contact)
  const isPreview = campaign.pacing === 'preview'
  const ringMs = isPreview ? PREVIEW_MS : AGENT_RING_MS
  const ringing = await ringAgent(
    calls.serveParts(),
    call,
    {
      agentId,
      ringMs,
      card,
      offer: offerOf(attempt, call, contact, held, ringMs, !isPreview && offer.isAutoAnswered)
    },
    AbortSignal.any([call.signal, offer.withdrawn])
  )
  if (ringing.kind !== 'answered') {
    const reason = calls.desk(agentId)?.whyRejected(offer.id) ?? ''
    const isSkip = isPreview && ringing.kind === 'rejected'
    // To skip a contact is the agent's good right: no missed call, the next one comes at once.
    await visit.settle(offer.id, { kind: isSkip ? 'withdrawn' : ringing.kind })
    call.end('noAnswer', { detail: isSkip ? 'skipped' : `agent: ${ringing.kind}` })
    await attempt.release(isSkip ? `skipped: ${reason}` : `agent: ${ringing.kind}`, isSkip ? SKIPPED_FOR_MS : 5_000)
    return
  }
  const desk = calls.desk(agentId)
  const facts = {
    callId: call.id,
    direction: 'outbound' as const,
    queue: deskQueueOf(attempt, held),
    language: contact.language,
    card
  }
  desk?.beginCall(facts, null, () => call.end('agentHungUp'))
  let isTalking = false
  try {
    using ownAudio = new LegAudio(ringing.leg.endpoint)
    const stopRingback = ownAudio.loop(RINGBACK)
    const dialled = await dialLead(attempt, call, permitted)
    if (dialled === null) return
    using listener = dialled.listener
    const background = listener?.answer(call.signal).catch((): null => null) ?? Promise.resolve(null)
    if (!(await visit.settle(offer.id, { kind: 'answered' }))) {
      call.end('internalError', { detail: 'the hold on the agent was over' })
      return
    }
    isTalking = true
    await updateOpenAttempt(parts.db, call.id, { state: 'answered', agent_id: agentId, connected_at: parts.now() })
    const agent = { held, leg: ringing.leg, answerMs: ringing.answerMs }
    const hasTalked = await talkOf(attempt, call, contact, dialled, card, agent, stopRingback)
    call.end('agentHungUp')
    await visit.leave('answered')
    const answer = await background
    if (answer?.result !== 'machine' && answer?.result !== 'fax' && answer?.result !== 'network')
      await countLive(parts.db, call.id, campaign.no, dialled.answeredAt)
    await dialled.lawful.outcome('conversation')
    await attempt.finish('person', {
      agentId,
      isConnected: hasTalked,
      ...(promisedBy !== null && promisedBy !== agentId && { detail: 'promised by an agent who was not there' }),
      waitsForAgent: true,
      answeredAt: dialled.answeredAt,
      ...(answer !== null && { amd: { result: answer.result, ms: answer.atMs } })
    })
  } finally {
    if (!isTalking) {
      await ringing.leg[Symbol.asyncDispose]()
      desk?.endCall(call.id)
      await visit.settle(offer.id, { kind: 'withdrawn' })
    }
  }
}
