import { AppError } from '../errors.ts'
import type { ReplyData, SoftphoneRequest } from '../softphone/protocol.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { AgentCalls } from './agent-calls.ts'
import { dialFromDesk } from './dial-from-desk.ts'
import type { AgentDesk } from './agent-desk.ts'
import { handleCallRequest } from './call-requests.ts'
import { isAbout } from './lent-phones.ts'
import { stopSupervising, supervise } from './supervise.ts'

/** Who asks, for the audit log. */
export type AuditActor = Readonly<{
  id: string
  username: string
  role: ApiKeyRole
  ip: string
  requestId: string
}>

/**
 * Does what a page asks for and returns the data of its reply. Rejects with AppError for what cannot be now. The screen
 * changes by the state that is pushed afterwards, not by the reply.
 */
export async function handleDeskRequest(
  calls: AgentCalls,
  actor: AuditActor,
  desk: AgentDesk,
  tabId: string,
  request: SoftphoneRequest
): Promise<object> {
  const { agents } = calls.parts
  const { agentId, softphone } = desk
  switch (request.kind) {
    case 'media.open':
      return (await softphone.open(tabId, request.rtpCapabilities)) satisfies ReplyData['media.open']
    case 'media.connect':
      await softphone.connect(tabId, request.way, request.dtlsParameters)
      return {}
    case 'media.speak':
      return { microphoneId: await softphone.speak(tabId, request.rtpParameters) } satisfies ReplyData['media.speak']
    case 'media.restartIce':
      return { iceParameters: await softphone.restartIce(tabId, request.way) } satisfies ReplyData['media.restartIce']
    case 'media.hearing':
      softphone.hearingReady(tabId, request.hearingId)
      return {}
    case 'proof': {
      softphone.prove(tabId, request.proof)
      await calls.prove(desk)
      const reasons = softphone.notRoutable
      return { isRoutable: reasons.length === 0, reasons } satisfies ReplyData['proof']
    }
    case 'claim':
      await calls.claim(desk, tabId)
      return {}
    case 'status':
      await agents.setStatus(agentId, request.status, request.reason ?? null)
      return {}
    case 'back':
      await agents.back(agentId)
      return {}
    case 'mute':
      await softphone.mute(request.isMuted)
      desk.changed()
      return {}
    case 'dial':
      return { callId: await dialFromDesk(calls, desk, request) } satisfies ReplyData['dial']
    case 'note':
      await agents.saveNote(agentId, request.callId, request.text)
      if (agents.view(agentId)?.state === 'wrapUp') await agents.typing(agentId)
      desk.setNote(request.text)
      return {}
    case 'wrapUp.extend':
      await agents.extendWrapUp(agentId)
      return {}
    case 'wrapUp.finish':
      await agents.finishWrapUp(agentId, {
        callId: request.callId,
        disposition: request.disposition,
        note: request.note
      })
      return {}
    case 'supervise':
      await supervise(calls, actor, desk, request)
      return {}
    case 'supervise.stop':
      await stopSupervising(calls, desk)
      await desk.guest?.stopSupervising()
      return {}
    case 'ringMe':
      return { callId: await ringMe(calls, desk, request.language) } satisfies ReplyData['ringMe']
    default: {
      const { guest } = desk
      if (guest !== undefined && isAbout(guest.shown, request)) return await guest.request(request)
      return await handleCallRequest(calls, desk, request)
    }
  }
}

/** Starts the demo call of the first minute: the browser is the customer first. */
async function ringMe(calls: AgentCalls, desk: AgentDesk, language: string): Promise<string> {
  const { parts } = calls
  if (!desk.softphone.isPresent) throw new AppError('CONFLICT', 'Your browser’s audio is not connected yet.')
  if (desk.callId !== null || desk.supervision !== undefined) throw new AppError('CONFLICT', 'End your call first.')
  if (parts.liveCalls.isDraining) throw new AppError('DRAINING', 'Try another server.')
  if (parts.liveCalls.size >= parts.maxCalls) throw new AppError('OVERLOADED', 'Try again in a moment.')
  // The queue at the end of the demo can only find an agent who is there.
  if (parts.agents.view(desk.agentId)?.status !== 'available')
    await parts.agents.setStatus(desk.agentId, 'available', null)
  const call = parts.newCall()
  parts.liveCalls.add(call)
  call.record({
    kind: 'started',
    direction: 'outbound',
    callerNumber: null,
    calledNumber: null,
    sipCallId: null,
    trunkId: null,
    numberId: null,
    sourceAddress: null,
    controlPlaneId: parts.controlPlaneId,
    requestedBy: desk.agentId
  })
  void parts.serveDemo(call, { desk, language })
  return call.id
}
