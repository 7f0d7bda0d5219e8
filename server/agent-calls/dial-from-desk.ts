import { MediaError } from '../../media/endpoint.ts'
import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { endReasonOf } from '../calls/caller-leg.ts'
import { type Destination, dial, type DialOutcome, wasAnswered } from '../calls/dial.ts'
import { endReasonForStatus } from '../calls/end-reasons.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import type { AttemptOutcome, LawfulAttempt } from '../calls/outbound-law.ts'
import { AppError } from '../errors.ts'
import { routeOutbound } from '../routing/route-outbound.ts'
import { isDialable } from '../routing/numbers.ts'
import type { DeskDestination, SoftphoneRequest } from '../softphone/protocol.ts'
import type { SoftphoneLeg } from '../softphone/softphone-leg.ts'
import type { AgentCalls } from './agent-calls.ts'
import type { AgentDesk, DeskCallFacts } from './agent-desk.ts'
import { openCard } from './customer-card.ts'
import { browserLeg, ringAgent } from './ring-agent.ts'
import { talk } from './talk.ts'
import { talkToCalled } from './talk-to-called.ts'

const RING_MS = 45_000
const RINGBACK = 'tone_stream://%(2000,4000,440,480)'

type DialRequest = Extract<SoftphoneRequest, { kind: 'dial' }>

/**
 * An agent calls somebody: a customer over a trunk, when the rules for outbound calls allow it, a colleague, or a desk
 * phone. Resolves to the call's id once it is under way; how it goes is in the agent's state and the call's story.
 */
export async function dialFromDesk(calls: AgentCalls, desk: AgentDesk, request: DialRequest): Promise<string> {
  const { parts } = calls
  const { destination } = request
  if (destination.kind === 'queue')
    throw new AppError('VALIDATION_FAILED', 'Calls go to people, numbers and extensions.')
  if (!desk.softphone.isPresent) throw new AppError('CONFLICT', 'Your browser’s audio is not connected.')
  if (parts.liveCalls.isDraining) throw new AppError('DRAINING', 'Try another server.')
  if (parts.liveCalls.size >= parts.maxCalls) throw new AppError('OVERLOADED', 'Try again in a moment.')
  const number = destination.kind === 'number' ? destination.number : null
  let callerNumber: string | null = null
  if (number !== null) {
    if (!isDialable(number)) throw new AppError('NUMBER_INVALID', `${number} cannot exist in its country’s plan.`)
    const tables = await parts.routing.tables()
    const route = routeOutbound(number, null, tables)
    if (route.kind === 'refuse') throw new AppError(route.code, route.reason)
    callerNumber = route.trunks[0]?.callerNumber ?? null
  }
  const call = parts.newCall()
  // Before anything is reserved or rung: what is not lawful leaves no trace but its decision.
  const attempt =
    number === null
      ? null
      : await parts.law.permit({
          callId: call.id,
          number,
          mode: 'human_manual',
          purpose: request.purpose === 'marketing' ? 'marketing' : 'service',
          callerNumber
        })
  const held = await parts.agents.reserveDirect(desk.agentId, call.id, { isOwnWish: true, ringMs: RING_MS })
  if (held.kind === 'notFree') {
    await attempt?.outcome('failed')
    throw new AppError('CONFLICT', 'You are in a call already.')
  }
  parts.liveCalls.add(call)
  call.record({
    kind: 'started',
    direction: 'outbound',
    callerNumber,
    calledNumber: number ?? (destination.kind === 'extension' ? destination.extension : null),
    sipCallId: null,
    trunkId: null,
    numberId: null,
    sourceAddress: null,
    controlPlaneId: parts.controlPlaneId,
    requestedBy: desk.agentId
  })
  void serve(calls, desk, call, request, attempt, held.offerId, callerNumber)
  return call.id
}

/** The story of an agent's own call. Never throws. */
async function serve(
  calls: AgentCalls,
  desk: AgentDesk,
  call: Call,
  { destination }: DialRequest,
  attempt: LawfulAttempt | null,
  offerId: string,
  callerNumber: string | null
): Promise<void> {
  const { parts } = calls
  const startedAtMs = performance.now()
  let isTalking = false
  try {
    await using _call = call
    try {
      const number = destination.kind === 'number' ? destination.number : null
      const card = openCard(
        parts.cards,
        { callId: call.id, number, name: null, language: null, reason: null, answers: [] },
        call.signal
      )
      const facts: DeskCallFacts = { callId: call.id, direction: 'outbound', queue: null, language: null, card }
      desk.beginCall(facts, null, () => call.end('callerCancelled'))
      const softphoneLeg = await desk.softphone.createLeg(parts.media)
      call.defer(() => softphoneLeg[Symbol.asyncDispose]())
      await softphoneLeg.open()
      using ownAudio = new LegAudio(softphoneLeg.endpoint)
      const stopRingback = ownAudio.loop(RINGBACK)
      if (destination.kind === 'agent') {
        await callColleague(calls, desk, call, destination.agentId, facts, softphoneLeg, offerId, stopRingback)
        return
      }
      const outcome = await dial(
        parts,
        call,
        {
          destination: phoneOf(destination, attempt),
          callerNumber,
          ringMs: RING_MS,
          onRinging: () => call.record({ kind: 'ringing' })
        },
        call.signal
      )
      await attempt?.outcome(attemptOutcome(outcome))
      if (outcome.kind !== 'answered') return endBy(call, outcome)
      const { endpoint, dialog } = outcome.leg
      onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'calleeHungUp')))
      call.customerAnswered(endpoint, performance.now() - startedAtMs)
      if (!(await parts.agents.settleDirect(offerId, { kind: 'answered' }))) return call.end('internalError')
      isTalking = true
      const agent = { leg: browserLeg(softphoneLeg), agentId: desk.agentId, answerMs: 0, waitedMs: null }
      if (number !== null) {
        const customer = { endpoint, number, shown: callerNumber, language: null, isInHaste: false, card }
        await talkToCalled(calls, call, customer, agent, null, stopRingback)
      } else {
        // A phone of ours belongs to our own people.
        await stopRingback()
        await talk(calls.serveParts(), call, { endpoint, number, language: 'en', card }, agent, null, call.signal)
      }
      call.end('agentHungUp')
    } catch (err) {
      if (call.signal.aborted) return
      call.log.error({ err }, 'an agent’s call failed')
      call.end(err instanceof MediaError ? 'mediaUnavailable' : 'internalError')
    }
  } finally {
    if (!isTalking) {
      await parts.agents
        .settleDirect(offerId, { kind: 'withdrawn' })
        .catch(err => call.log.error({ err }, 'an agent could not be freed'))
      await attempt?.outcome('failed').catch(() => {})
    }
    desk.endCall(call.id)
    parts.liveCalls.remove(call)
  }
}

/** A phone of ours, or a number outside with the decision that allows it. */
function phoneOf(destination: DeskDestination, attempt: LawfulAttempt | null): Destination {
  if (destination.kind === 'number' && attempt !== null) return { kind: 'number', value: destination.number, attempt }
  if (destination.kind === 'extension') return { kind: 'extension', value: destination.extension }
  throw new TypeError(`a ${destination.kind} is not dialled this way`)
}

/** One agent calls another. */
async function callColleague(
  calls: AgentCalls,
  desk: AgentDesk,
  call: Call,
  agentId: string,
  facts: DeskCallFacts,
  own: SoftphoneLeg,
  ownOfferId: string,
  stopRingback: () => Promise<void>
): Promise<void> {
  const { agents } = calls.parts
  const reserved = await agents.reserveDirect(agentId, call.id, { ringMs: RING_MS })
  if (reserved.kind === 'notFree') return call.end('busy')
  const outcome = await ringAgent(
    calls.serveParts(),
    call,
    {
      agentId,
      ringMs: RING_MS,
      card: facts.card,
      offer: {
        id: reserved.offerId,
        callId: call.id,
        kind: 'direct',
        queue: null,
        from: desk.name,
        language: null,
        waitedMs: 0,
        isAutoAnswered: false,
        expiresAt: new Date(Date.now() + RING_MS).toISOString()
      }
    },
    call.signal
  )
  await agents.settleDirect(reserved.offerId, { kind: outcome.kind })
  if (outcome.kind !== 'answered') return call.end(outcome.kind === 'rejected' ? 'rejected' : 'noAnswer')
  await agents.settleDirect(ownOfferId, { kind: 'answered' })
  call.customerAnswered(own.endpoint, 0)
  await stopRingback()
  await talk(
    calls.serveParts(),
    call,
    { endpoint: own.endpoint, number: null, language: 'en', card: facts.card },
    { leg: outcome.leg, agentId, answerMs: outcome.answerMs, waitedMs: null },
    null,
    call.signal
  )
  await agents.callEnded(desk.agentId, call.id, { queueId: null, endedBy: 'agent', wrapUpMs: 0 })
  call.end('agentHungUp')
}

function endBy(call: Call, outcome: Exclude<DialOutcome, { kind: 'answered' }>): void {
  switch (outcome.kind) {
    case 'busy':
      call.end('busy')
      break
    case 'noAnswer':
      call.end('noAnswer')
      break
    case 'refused':
      call.end(endReasonForStatus(outcome.status), { hangupCause: String(outcome.status), detail: outcome.reason })
      break
    case 'notAllowed':
      call.end(outcome.code === 'TRUNK_LIMIT' ? 'trunkLimit' : 'unreachable', { detail: outcome.reason })
      break
    default:
      outcome satisfies never
  }
}

function attemptOutcome(outcome: DialOutcome): AttemptOutcome {
  if (wasAnswered(outcome)) return 'abandoned'
  switch (outcome.kind) {
    case 'answered':
      return 'conversation'
    case 'busy':
      return 'busy'
    case 'noAnswer':
      return 'no_answer'
    case 'refused':
      return 'failed'
    case 'notAllowed':
      return 'not_placed'
    default:
      return outcome satisfies never
  }
}
