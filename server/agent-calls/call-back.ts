import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { endReasonOf } from '../calls/caller-leg.ts'
import { dial, wasAnswered } from '../calls/dial.ts'
import { endReasonForStatus } from '../calls/end-reasons.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import type { LawfulAttempt } from '../calls/outbound-law.ts'
import type { CallbackDue, CallbackOutcome } from '../queues/callbacks.ts'
import { routeOutbound } from '../routing/route-outbound.ts'
import type { AgentCalls } from './agent-calls.ts'
import type { DeskCallFacts } from './agent-desk.ts'
import { openCard } from './customer-card.ts'
import { ringAgent } from './ring-agent.ts'
import { talkToCalled } from './talk-to-called.ts'

const RING_MS = 30_000
/** So long no agent is taken again for a customer for whom the trunk had no room. */
const TRUNK_FULL_MS = 60_000
const RINGBACK = 'tone_stream://%(2000,4000,440,480)'

/**
 * Calls a customer back who kept the place in a queue: the agent whose turn it is answers first, so that the customer
 * never answers to nobody. The rules for outbound calls are asked like for any other call.
 * @param requestedAt when the customer asked to be called back
 */
export async function callBack(
  calls: AgentCalls,
  due: CallbackDue,
  requestedAt: Date,
  signal: AbortSignal
): Promise<CallbackOutcome> {
  const { parts } = calls
  const { liveCalls, maxCalls } = parts
  if (liveCalls.isDraining || liveCalls.size >= maxCalls) return { kind: 'notNow', until: null }
  const route = routeOutbound(due.number, null, await parts.routing.tables())
  const call = parts.newCall(due.newCallId)
  if (route.kind === 'refuse') {
    call.log.error({ callbackId: due.callbackId, code: route.code }, 'no trunk may call a customer back')
    return { kind: 'failed' }
  }
  const callerNumber = route.trunks[0]?.callerNumber ?? null
  const ruling = await parts.law.rule({
    callId: call.id,
    number: due.number,
    mode: 'human_manual',
    purpose: 'callback_requested',
    callerNumber,
    callbackRequestedAt: requestedAt
  })
  if (ruling.kind === 'refused') {
    // The decision says why. What only has to wait is no try of the customer's.
    const { outcome, nextAt } = ruling.decision
    if (outcome !== 'DEFER') return { kind: 'tryLater' }
    return { kind: 'notNow', until: nextAt === null ? null : new Date(nextAt) }
  }
  const { attempt } = ruling
  liveCalls.add(call)
  try {
    await using _call = call
    call.record({
      kind: 'started',
      direction: 'outbound',
      callerNumber,
      calledNumber: due.number,
      sipCallId: null,
      trunkId: null,
      numberId: null,
      sourceAddress: null,
      controlPlaneId: parts.controlPlaneId,
      requestedBy: `callback ${due.callbackId}`
    })
    onAbort(signal, () => call.end('draining'))
    try {
      return await serve(calls, due, call, attempt, callerNumber)
    } catch (err) {
      if (!call.signal.aborted) {
        call.log.error({ err }, 'a callback failed')
        call.end('internalError')
      }
      await attempt.outcome('failed')
      return { kind: 'tryLater' }
    }
  } finally {
    liveCalls.remove(call)
  }
}

async function serve(
  calls: AgentCalls,
  due: CallbackDue,
  call: Call,
  attempt: LawfulAttempt,
  callerNumber: string | null
): Promise<CallbackOutcome> {
  const { offer, queue, visit } = due
  const serveParts = calls.serveParts()
  const card = openCard(
    calls.parts.cards,
    { callId: call.id, number: due.number, name: null, language: due.language, reason: null, answers: [] },
    call.signal
  )
  const ringing = await ringAgent(
    serveParts,
    call,
    {
      agentId: offer.agentId,
      ringMs: offer.ringMs,
      card,
      offer: {
        id: offer.id,
        callId: call.id,
        kind: 'queue',
        queue: { id: queue.id, name: queue.name },
        from: null,
        language: due.language,
        waitedMs: 0,
        isAutoAnswered: offer.isAutoAnswered,
        expiresAt: new Date(Date.now() + offer.ringMs).toISOString()
      }
    },
    AbortSignal.any([call.signal, offer.withdrawn])
  )
  if (ringing.kind !== 'answered') {
    await visit.settle(offer.id, { kind: ringing.kind })
    await attempt.outcome('not_placed')
    call.end('noAnswer', { detail: `agent: ${ringing.kind}` })
    // Nobody was dialled: it comes with the next agent, like any caller who waits.
    return { kind: 'notNow', until: null }
  }
  const { leg } = ringing
  const desk = calls.desk(offer.agentId)
  const facts: DeskCallFacts = {
    callId: call.id,
    direction: 'outbound',
    queue: { id: queue.id, name: queue.name, script: queue.script || null },
    language: due.language,
    card
  }
  desk?.beginCall(facts, null, () => call.end('agentHungUp'))
  let isTalking = false
  try {
    using ownAudio = new LegAudio(leg.endpoint)
    const stopRingback = ownAudio.loop(RINGBACK)
    const startedAtMs = performance.now()
    const outcome = await dial(
      calls.parts,
      call,
      {
        destination: { kind: 'number', value: due.number, attempt },
        callerNumber,
        ringMs: RING_MS,
        onRinging: () => call.record({ kind: 'ringing' })
      },
      call.signal
    )
    if (outcome.kind === 'notAllowed') {
      await attempt.outcome('not_placed')
      call.end(outcome.code === 'TRUNK_LIMIT' ? 'trunkLimit' : 'unreachable', { detail: outcome.reason })
      if (outcome.code === 'TRUNK_LIMIT') return { kind: 'notNow', until: new Date(Date.now() + TRUNK_FULL_MS) }
      const hasToWait = outcome.code === 'CLOCK_IN_DOUBT' || outcome.code === 'NOT_LAWFUL'
      return hasToWait ? { kind: 'notNow', until: null } : { kind: 'tryLater' }
    }
    if (outcome.kind !== 'answered') {
      const missed = outcome.kind === 'busy' ? 'busy' : outcome.kind === 'noAnswer' ? 'no_answer' : 'failed'
      await attempt.outcome(wasAnswered(outcome) ? 'abandoned' : missed)
      if (outcome.kind === 'refused') call.end(endReasonForStatus(outcome.status), { detail: outcome.reason })
      else call.end(outcome.kind === 'busy' ? 'busy' : 'noAnswer')
      return { kind: 'tryLater' }
    }
    await attempt.outcome('conversation')
    const { endpoint, dialog } = outcome.leg
    onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'calleeHungUp')))
    call.customerAnswered(endpoint, performance.now() - startedAtMs)
    if (!(await visit.settle(offer.id, { kind: 'answered' }))) {
      call.end('internalError', { detail: 'the offer was over before the customer answered' })
      return { kind: 'tryLater' }
    }
    isTalking = true
    const { number, language } = due
    await talkToCalled(
      calls,
      call,
      { endpoint, number, shown: callerNumber, language, isInHaste: false, card },
      { leg, agentId: offer.agentId, answerMs: ringing.answerMs, waitedMs: null },
      queue,
      stopRingback
    )
    call.end('agentHungUp')
    return { kind: 'done' }
  } finally {
    if (!isTalking) {
      await leg[Symbol.asyncDispose]()
      desk?.endCall(call.id)
    }
  }
}
