import type { FlowEnd } from '../ivr-flows/host.ts'
import { runFlow } from '../ivr-flows/run.ts'
import { MediaError } from '../media/endpoint.ts'
import { type Call, CallEndedError } from './calls/call.ts'
import type { CustomerLeg } from './calls/caller-leg.ts'
import type { EndReason } from './calls/end-reasons.ts'
import { isDatabaseUnavailable } from './errors.ts'
import { createFlowHost, type FlowHostParts } from './flow-host.ts'
import type { FlowLibrary, RunnableFlow } from './flow-library.ts'

export type FlowFacts = Readonly<{
  callerNumber: string | null
  calledNumber: string | null
  language: string
  variables: Readonly<Record<string, string>>
  /** The agent who is to get this customer from a queue, if possible. */
  stickyAgentId?: string
}>

/**
 * Runs a flow on a call and ends the call with the flow's own reason. The call keeps the version it began with, its
 * subflows too, from when they are first entered.
 */
export async function runCallFlow(
  parts: FlowHostParts & Readonly<{ flows: FlowLibrary }>,
  call: Call,
  leg: CustomerLeg,
  runnable: RunnableFlow,
  facts: FlowFacts
): Promise<void> {
  call.record({ kind: 'flowChosen', flowId: runnable.flowId, flowVersion: runnable.version, language: facts.language })
  try {
    const host = createFlowHost(parts, call, leg, { ...facts, flowId: runnable.flowId })
    const end = await runFlow(runnable.flow, host, {
      signal: call.signal,
      language: facts.language,
      variables: facts.variables,
      call: {
        id: call.id,
        direction: call.direction,
        callerNumber: facts.callerNumber ?? '',
        calledNumber: facts.calledNumber ?? '',
        startedAt: call.startedAt.toISOString()
      },
      resolveSubflow: async id => (await parts.flows.published(id))?.flow ?? null
    })
    if (end.kind === 'failed')
      call.log.error({ code: end.code, node: end.node }, 'the flow failed and had no other way on')
    call.end(reasonOf(end), end.kind === 'failed' ? { detail: `${end.node}: ${end.code} ${end.reason}` } : {})
  } catch (err) {
    if (err instanceof CallEndedError || call.signal.aborted) return
    endByError(call, err)
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
