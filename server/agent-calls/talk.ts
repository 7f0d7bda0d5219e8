import type { AgentService } from '../agents/agent-service.ts'
import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { END_REASONS, type EndedBy } from '../calls/end-reasons.ts'
import { AppError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { Recordings } from '../recordings/recordings.ts'
import type { Queue } from '../queues/queue.ts'
import type { DeskPhone } from '../softphone/desk-phone.ts'
import type { DeskDestination } from '../softphone/protocol.ts'
import type { AgentDesk, DeskCallFacts } from './agent-desk.ts'
import { Conversation, type ConsultOutcome, type ConversationEnd } from './conversation.ts'
import type { LiveCard } from './customer-card.ts'
import type { PartyLeg } from './party.ts'
import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import { browserLeg } from './ring-agent.ts'

export type TalkParts = Readonly<{
  media: MediaServer
  agents: AgentService
  metrics: Metrics
  recordings: Recordings
  reconnectMs: number
  desk(agentId: string): AgentDesk<DeskPhone> | undefined
  nameOf(agentId: string): string
  music(language: string): Promise<string>
  /** Rings somebody whom an agent of this call wants to consult. */
  reach(
    call: Call,
    destination: DeskDestination,
    facts: DeskCallFacts,
    by: string,
    signal: AbortSignal
  ): Promise<ConsultOutcome>
}>

export type TalkingCustomer = Readonly<{
  endpoint: Endpoint
  number: string | null
  language: string
  card: LiveCard
}>

export type TalkingAgent = Readonly<{ leg: PartyLeg; agentId: string; answerMs: number; waitedMs: number | null }>

/** One agent and one customer begin to talk; resolves when no agent is in the call any more. */
export async function talk(
  parts: TalkParts,
  call: Call,
  customer: TalkingCustomer,
  agent: TalkingAgent,
  queue: Queue | null,
  signal: AbortSignal
): Promise<ConversationEnd> {
  const facts: DeskCallFacts = {
    callId: call.id,
    direction: call.direction,
    queue:
      queue === null ? null : { id: queue.id, name: queue.name, script: queue.script === '' ? null : queue.script },
    language: customer.language,
    card: customer.card
  }
  const inCall = new Set<string>([agent.agentId])
  const desksChanged = () => {
    for (const agentId of inCall) parts.desk(agentId)?.changed()
  }
  const recording = parts.recordings.of(call)
  const forgetRecording = recording.onChange(desksChanged)
  const forgetEnd = recording.onMustEnd(notice => {
    for (const agentId of inCall) parts.desk(agentId)?.notify(notice, '')
  })
  const endedBy = () => (call.ended === undefined ? 'agent' : endOf(END_REASONS[call.ended.reason].endedBy))
  const conversation = new Conversation(
    {
      music: await parts.music(customer.language),
      reconnectMs: parts.reconnectMs,
      legAgain: async agentId => {
        const desk = parts.desk(agentId)
        if (desk === undefined) throw new AppError('CONFLICT', 'The agent has no page any more.')
        const leg = await desk.softphone.createLeg(parts.media, { isReturning: true })
        await leg.open()
        return browserLeg(leg)
      },
      reach: (destination, by, abort) => parts.reach(call, destination, facts, by, abort),
      agentJoined: agentId => {
        inCall.add(agentId)
        parts.desk(agentId)?.beginCall(facts, conversation)
      },
      agentLeft: (agentId, why, { holdMs, isTransferred }) => {
        inCall.delete(agentId)
        parts.desk(agentId)?.endCall(call.id)
        parts.agents
          .callEnded(agentId, call.id, {
            queueId: queue?.id ?? null,
            endedBy: why === 'callEnded' ? endedBy() : why,
            holdMs,
            isTransferred
          })
          .catch(err => call.log.error({ err, agentId }, 'the end of an agent’s call could not be stored'))
      },
      unaskedJoins: () => recording.unaskedParty(true),
      changed: () => {
        recording.unaskedParty(conversation.hearsUnasked)
        desksChanged()
      }
    },
    call,
    { leg: customerLeg(customer.endpoint), name: customer.card.name ?? '', number: customer.number },
    { leg: agent.leg, agentId: agent.agentId, name: parts.nameOf(agent.agentId) }
  )
  parts.desk(agent.agentId)?.beginCall(facts, conversation)
  call.record({
    kind: 'agentJoined',
    agentId: agent.agentId,
    queue: queue?.name ?? null,
    waitedMs: agent.waitedMs,
    answerMs: agent.answerMs
  })
  // A call that ends takes the conversation with it; a signal of the flow alone does not.
  onAbort(signal, () => conversation.hangUpAll())
  try {
    return await conversation.run()
  } finally {
    forgetRecording()
    forgetEnd()
    recording.unaskedParty(false)
  }
}

/** Whom the wrap-up names; what broke on our side is nobody's hanging up. */
function endOf(endedBy: EndedBy): 'customer' | 'agent' | 'system' {
  switch (endedBy) {
    case 'caller':
    case 'callee':
    case 'flow':
      return 'customer'
    case 'agent':
      return 'agent'
    case 'operator':
    case 'server':
    case 'network':
      return 'system'
    default:
      return endedBy satisfies never
  }
}

/** The customer's leg belongs to the call: nobody here releases it. */
function customerLeg(endpoint: Endpoint): PartyLeg {
  return { endpoint, gone: endpoint.lost, softphoneLeg: null, [Symbol.asyncDispose]: async () => {} }
}
