import { onAbort } from './calls/aborted.ts'
import type { Call } from './calls/call.ts'
import { type ConnectedLeg, type CustomerLeg, endReasonOf, endWithMedia } from './calls/caller-leg.ts'
import { dial, type DialOutcome, wasAnswered } from './calls/dial.ts'
import { endReasonForStatus } from './calls/end-reasons.ts'
import { LegAudio } from './calls/leg-audio.ts'
import type { LiveCalls } from './calls/live-calls.ts'
import type { AttemptOutcome, LawfulAttempt } from './calls/outbound-law.ts'
import { AppError } from './errors.ts'
import type { RunnableFlow } from './flow-library.ts'
import type { StartCallRequest } from './http/parts.ts'
import type { InboundParts } from './inbound-call.ts'
import { isDialable } from './routing/numbers.ts'
import { routeOutbound } from './routing/route-outbound.ts'
import { endByError, runCallFlow } from './run-call-flow.ts'

export type OutboundParts = InboundParts & Readonly<{ liveCalls: LiveCalls; maxCalls: number; newCall(): Call }>

const DEFAULT_RING_MS = 30_000

const ATTEMPT_OUTCOMES = {
  answered: 'answered',
  busy: 'busy',
  noAnswer: 'no_answer',
  refused: 'failed',
  notAllowed: 'not_placed'
} as const satisfies Record<DialOutcome['kind'], AttemptOutcome>

type Plan = Readonly<{
  destination: Readonly<{ kind: 'number' | 'extension'; value: string }>
  runnable: RunnableFlow
  callerNumber: string | null
  numberId: string | null
  language: string
  ringMs: number
  variables: Readonly<Record<string, string>>
}>

/**
 * Begins a call that Parley places: to a number through a trunk, or to the phone with an extension. Refuses at once
 * what can never work (AppError); everything after that is in the call's story.
 */
export async function startOutboundCall(
  parts: OutboundParts,
  request: StartCallRequest,
  requestedBy: string
): Promise<Call> {
  refuseWithoutRoom(parts)
  if (!parts.media.isConnected || !parts.sip.isConnected)
    throw new AppError('ENGINE_UNAVAILABLE', 'The telephony engines are not connected.', { retryAfterSeconds: 5 })
  const plan = await planCall(parts, request)
  // Others may have taken the last place, or a shutdown begun, while the database was asked.
  refuseWithoutRoom(parts)
  const call = parts.newCall()
  const { destination } = plan
  // Written before the INVITE, and used up by this call; a phone of our own needs nobody's leave.
  const attempt =
    destination.kind === 'number'
      ? await parts.law.permit({
          callId: call.id,
          number: destination.value,
          mode: 'prerecorded',
          purpose: request.purpose ?? 'service',
          ...(request.party !== undefined && { party: request.party }),
          callerNumber: plan.callerNumber
        })
      : null
  refuseWithoutRoom(parts)
  parts.liveCalls.add(call)
  call.record({
    kind: 'started',
    direction: 'outbound',
    callerNumber: plan.callerNumber,
    calledNumber: plan.destination.value,
    sipCallId: null,
    trunkId: null,
    numberId: plan.numberId,
    sourceAddress: null,
    controlPlaneId: parts.controlPlaneId,
    requestedBy
  })
  void serveOutboundCall(parts, call, plan, attempt)
  return call
}

function refuseWithoutRoom({ liveCalls, maxCalls }: OutboundParts): void {
  if (liveCalls.isDraining) throw new AppError('DRAINING', 'Try another server.')
  if (liveCalls.size >= maxCalls) throw new AppError('OVERLOADED', 'Try again in a moment.', { retryAfterSeconds: 5 })
}

/** The story of a call that goes out. Never throws. */
async function serveOutboundCall(
  parts: OutboundParts,
  call: Call,
  plan: Plan,
  attempt: LawfulAttempt | null
): Promise<void> {
  const startedAtMs = performance.now()
  try {
    await using _call = call
    try {
      const outcome = await dial(
        parts,
        call,
        {
          destination:
            attempt === null
              ? { kind: 'extension', value: plan.destination.value }
              : { kind: 'number', value: plan.destination.value, attempt },
          callerNumber: plan.callerNumber,
          ringMs: plan.ringMs,
          onRinging: () => call.record({ kind: 'ringing' })
        },
        call.signal
      )
      await attempt?.outcome(wasAnswered(outcome) ? 'abandoned' : ATTEMPT_OUTCOMES[outcome.kind])
      switch (outcome.kind) {
        case 'answered': {
          const { endpoint, dialog } = outcome.leg
          onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'calleeHungUp')))
          endWithMedia(call, endpoint)
          using audio = new LegAudio(endpoint)
          call.customerAnswered(endpoint, performance.now() - startedAtMs)
          await runCallFlow(parts, call, answeredLeg({ endpoint, audio, dialog }), plan.runnable, {
            callerNumber: plan.callerNumber,
            calledNumber: plan.destination.value,
            language: plan.language,
            variables: plan.variables
          })
          break
        }
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
    } catch (err) {
      if (!call.signal.aborted) {
        await attempt?.outcome('failed')
        endByError(call, err)
      }
    }
  } finally {
    parts.liveCalls.remove(call)
  }
}

function answeredLeg(leg: ConnectedLeg): CustomerLeg {
  return { isAnswered: true, connected: async () => leg }
}

async function planCall(parts: OutboundParts, request: StartCallRequest): Promise<Plan> {
  const tables = await parts.routing.tables()
  const from = request.from === undefined ? null : tables.numbers.get(request.from)
  if (from === undefined) throw new AppError('NUMBER_INVALID', `${request.from} is not one of our numbers.`)
  const isExtension = !request.to.startsWith('+')
  if (!isExtension) {
    if (!isDialable(request.to))
      throw new AppError('NUMBER_INVALID', `${request.to} cannot exist in its country’s numbering plan.`)
    const route = routeOutbound(request.to, from?.number ?? null, tables)
    if (route.kind === 'refuse') throw new AppError(route.code, route.reason)
  }
  const flowId = request.flowId ?? from?.flowId ?? null
  if (flowId === null) throw new AppError('VALIDATION_FAILED', 'Name a flow, or call from a number that has one.')
  const runnable = await parts.flows.published(flowId)
  if (runnable === null) throw new AppError('VALIDATION_FAILED', `No version of the flow ${flowId} is published.`)
  return {
    destination: { kind: isExtension ? 'extension' : 'number', value: request.to },
    runnable,
    callerNumber: from?.number ?? null,
    numberId: from?.id ?? null,
    language: request.language ?? from?.language ?? runnable.flow.defaultLanguage,
    ringMs: request.ringMs ?? DEFAULT_RING_MS,
    variables: request.variables ?? {}
  }
}
