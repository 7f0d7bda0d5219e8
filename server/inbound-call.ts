import { onAbort } from './calls/aborted.ts'
import type { Call } from './calls/call.ts'
import { createCallerLeg } from './calls/caller-leg.ts'
import { END_REASONS } from './calls/end-reasons.ts'
import type { FlowHostParts } from './flow-host.ts'
import type { FlowLibrary } from './flow-library.ts'
import type { Metrics } from './metrics.ts'
import type { InboundRoute } from './routing/route-inbound.ts'
import { endByError, runCallFlow } from './run-call-flow.ts'
import type { IncomingInvite } from './telephony/incoming-invite.ts'
import { refusalOfOffer } from './telephony/sdp.ts'

export type InboundParts = FlowHostParts & Readonly<{ flows: FlowLibrary; metrics: Metrics; controlPlaneId: string }>

/** The story of a call that comes in, from its INVITE until everything it held is released. Never throws. */
export async function serveInboundCall(
  parts: InboundParts,
  invite: IncomingInvite,
  route: Extract<InboundRoute, { kind: 'serve' }>,
  call: Call
): Promise<void> {
  let endedAtMs = 0
  call.signal.addEventListener('abort', () => {
    endedAtMs = performance.now()
  })
  {
    await using _call = call
    call.record({
      kind: 'started',
      direction: 'inbound',
      callerNumber: route.callerNumber,
      calledNumber: route.calledNumber,
      sipCallId: invite.sipCallId,
      trunkId: route.trunk?.id ?? null,
      numberId: route.number.id,
      sourceAddress: invite.sourceAddress,
      controlPlaneId: parts.controlPlaneId
    })
    // Whatever ends the call before its answer becomes the final response, once.
    call.defer(() => {
      if (invite.isFinal() || invite.cancelled.aborted) return
      const { sip, phrase } = END_REASONS[call.ended?.reason ?? 'internalError']
      invite.reject(sip, phrase, sip === 503 ? { 'Retry-After': '5' } : {})
    })
    onAbort(invite.cancelled, () => call.end('callerCancelled'))
    try {
      // The caller may have given up while the call was being routed.
      if (!call.signal.aborted) await serve(parts, invite, route, call)
    } catch (err) {
      if (!call.signal.aborted) endByError(call, err)
    }
  }
  parts.metrics.releaseSeconds.observe((performance.now() - endedAtMs) / 1000)
}

async function serve(
  parts: InboundParts,
  invite: IncomingInvite,
  route: Extract<InboundRoute, { kind: 'serve' }>,
  call: Call
): Promise<void> {
  const refusal = refusalOfOffer(invite.sdp)
  if (refusal !== null) return call.end(refusal)
  const leg = createCallerLeg(call, invite, parts.media)
  const runnable = await parts.flows.published(route.number.flowId ?? '')
  if (runnable === null) return call.end('numberHasNoFlow')
  await runCallFlow(parts, call, leg, runnable, {
    callerNumber: route.callerNumber,
    calledNumber: route.calledNumber,
    language: route.number.language,
    variables: {}
  })
}
