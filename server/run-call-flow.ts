import type { Flow } from '../ivr-flows/flow.ts'
import type { FlowEnd, FlowHost } from '../ivr-flows/host.ts'
import type { Json } from '../ivr-flows/json.ts'
import { runFlow } from '../ivr-flows/run.ts'
import type { FlowState } from '../ivr-flows/state.ts'
import { MediaError } from '../media/endpoint.ts'
import { callerLanguage } from '../sql/queries/calls.ts'
import { type Call, CallEndedError } from './calls/call.ts'
import type { CustomerLeg } from './calls/caller-leg.ts'
import type { EndReason } from './calls/end-reasons.ts'
import { isDatabaseUnavailable } from './errors.ts'
import { createFlowHost, type FlowHostParts } from './flow-host.ts'
import { placesOf } from './recordings/places.ts'
import type { FlowLibrary, RunnableFlow } from './flow-library.ts'

export type FlowFacts = Readonly<{
  callerNumber: string | null
  calledNumber: string | null
  language: string
  variables: Readonly<Record<string, Json>>
  /** The agent who is to get this customer from a queue, if possible. */
  stickyAgentId?: string
  /** The language that the caller chose in an earlier call; looked up when it is left out. */
  preferredLanguage?: string | null
}>

/** For who watches a flow on a call of a simulated caller. */
export type FlowWatch = Readonly<{
  /** Puts something between the flow and the call. */
  around(host: FlowHost): FlowHost
  onState(state: FlowState): void
  /** Told before the call ends by it. */
  onEnd(end: FlowEnd): void
}>

/**
 * Runs a flow on a call and ends the call with the flow's own reason. The call keeps the version it began with, its
 * subflows too, from when they are first entered.
 */
export async function runCallFlow(
  parts: FlowHostParts & Readonly<{ flows: Pick<FlowLibrary, 'published'> }>,
  call: Call,
  leg: CustomerLeg,
  runnable: RunnableFlow,
  facts: FlowFacts,
  watch: FlowWatch | null = null
): Promise<void> {
  call.record({ kind: 'flowChosen', flowId: runnable.flowId, flowVersion: runnable.version, language: facts.language })
  try {
    const own = createFlowHost(parts, call, leg, { ...facts, flowId: runnable.flowId })
    const host = watch?.around(own) ?? own
    if (parts.speech.isOutside) await restrictSpeech(parts, call, facts)
    const preferredLanguage =
      facts.preferredLanguage === undefined
        ? await earlierLanguage(parts, call, runnable.flow, facts.callerNumber)
        : facts.preferredLanguage
    const end = await runFlow(runnable.flow, host, {
      signal: call.signal,
      language: facts.language,
      ...(preferredLanguage !== null && { preferredLanguage }),
      variables: facts.variables,
      call: {
        id: call.id,
        direction: call.direction,
        callerNumber: facts.callerNumber ?? '',
        calledNumber: facts.calledNumber ?? '',
        startedAt: call.startedAt.toISOString()
      },
      resolveSubflow: async id => (await parts.flows.published(id))?.flow ?? null,
      ...(watch !== null && { observe: watch.onState })
    })
    watch?.onEnd(end)
    if (end.kind === 'failed')
      call.log.error({ code: end.code, node: end.node }, 'the flow failed and had no other way on')
    call.end(reasonOf(end), end.kind === 'failed' ? { detail: `${end.node}: ${end.code} ${end.reason}` } : {})
  } catch (err) {
    if (err instanceof CallEndedError || call.signal.aborted) return
    endByError(call, err)
  }
}

/** Who may hear the customer follows from the places of both ends, as for recordings. */
async function restrictSpeech(parts: FlowHostParts, call: Call, facts: FlowFacts): Promise<void> {
  const isInbound = call.direction === 'inbound'
  const [customer, own] = isInbound
    ? [facts.callerNumber, facts.calledNumber]
    : [facts.calledNumber, facts.callerNumber]
  const row = own === null ? undefined : (await parts.routing.tables()).numbers.get(own)
  const places = placesOf(customer, row === undefined ? null : { number: row.number, region: row.region })
  parts.speech.restrict(call, parts.recordings.mayHear(call, places))
}

/** What the caller chose in an earlier call, where the flow wants to know. Without the database the caller is asked. */
async function earlierLanguage(
  { db }: FlowHostParts,
  call: Call,
  flow: Flow,
  callerNumber: string | null
): Promise<string | null> {
  const wants = Object.values(flow.nodes).some(node => node.kind === 'language' && node.remember === true)
  if (!wants || callerNumber === null || call.direction !== 'inbound') return null
  try {
    return await callerLanguage(db, callerNumber)
  } catch (err) {
    if (!isDatabaseUnavailable(err)) throw err
    call.log.warn({ err }, 'the language of an earlier call cannot be looked up')
    return null
  }
}

/** Ends a call by what went wrong in it. */
export function endByError(call: Call, err: unknown): void {
  const reason = reasonOfError(err)
  call.log.error({ err, reason }, 'the call failed')
  call.end(reason, { detail: err instanceof Error ? err.message : String(err) })
}

function reasonOfError(err: unknown): EndReason {
  if (err instanceof MediaError) {
    switch (err.code) {
      case 'NO_COMMON_CODEC':
        return 'noCommonCodec'
      case 'SDP_REFUSED':
        return 'sdpInvalid'
      case 'MEDIA_UNAVAILABLE':
      case 'MEDIA_TIMEOUT':
        return 'mediaUnavailable'
      case 'NO_VOICE':
        return 'mediaTimeout'
      case 'MEDIA_LOST':
      case 'MEDIA_COMMAND_FAILED':
      case 'PROMPT_NOT_PLAYABLE':
        return 'mediaLost'
      default:
        return err.code satisfies never
    }
  }
  return isDatabaseUnavailable(err) ? 'databaseUnavailable' : 'internalError'
}

function reasonOf(end: FlowEnd): EndReason {
  switch (end.kind) {
    case 'hangup':
      return end.cause === 'busy' ? 'flowBusy' : end.cause === 'rejected' ? 'flowRejected' : 'flowHungUp'
    case 'transferred':
    case 'served':
      return 'transferEnded'
    case 'failed':
      return 'flowFailed'
    default:
      return end satisfies never
  }
}
