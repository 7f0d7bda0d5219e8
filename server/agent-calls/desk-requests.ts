import { AppError } from '../errors.ts'
import type { ReplyData, SoftphoneRequest } from '../softphone/protocol.ts'
import type { AgentCalls, Person } from './agent-calls.ts'
import { dialFromDesk } from './dial-from-desk.ts'
import type { AgentDesk } from './agent-desk.ts'
import type { Conversation } from './conversation.ts'
import { stopSupervising, supervise } from './supervise.ts'

export type AuditNote = (
  action: string,
  subject: Readonly<{ kind: string; id: string }>,
  detail: object
) => Promise<void>

/**
 * Does what a page asks for and returns the data of its reply. Rejects with AppError for what cannot be now. The screen
 * changes by the state that is pushed afterwards, not by the reply.
 */
export async function handleDeskRequest(
  calls: AgentCalls,
  person: Person,
  desk: AgentDesk,
  tabId: string,
  request: SoftphoneRequest,
  audit: AuditNote
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
      await softphone.claim(tabId)
      await agents.attach(agentId)
      desk.changed()
      return {}
    case 'status':
      await agents.setStatus(agentId, request.status, request.reason ?? null)
      return {}
    case 'back':
      await agents.back(agentId)
      return {}
    case 'answer':
    case 'reject':
      if (
        !desk.answerOffer(
          request.offerId,
          request.kind === 'answer' ? 'answered' : 'rejected',
          request.kind === 'reject' ? (request.reason ?? null) : null
        )
      )
        throw new AppError('CONFLICT', 'This call is not offered to you any more.')
      return {}
    case 'hangUp':
      if (desk.giveUp(request.callId)) return {}
      if (desk.demo(request.callId) !== undefined) {
        desk.demo(request.callId)?.hangUp()
        return {}
      }
      await conversationOf(desk, request.callId).hangUp(agentId)
      return {}
    case 'hold':
      await conversationOf(desk, request.callId).hold(agentId, request.isOnHold)
      return {}
    case 'mute':
      await softphone.mute(request.isMuted)
      desk.changed()
      return {}
    case 'digits':
      if (desk.demo(request.callId) !== undefined) {
        for (const digit of request.digits) desk.demo(request.callId)?.press(digit)
        return {}
      }
      await conversationOf(desk, request.callId).sendDigits(agentId, request.digits)
      return {}
    case 'recording':
      await changeRecording(calls, desk, request.callId, request.action)
      return {}
    case 'transfer.blind':
      conversationOf(desk, request.callId).transferBlind(agentId, request.destination)
      return {}
    case 'consult.start':
      await conversationOf(desk, request.callId).consult(agentId, request.destination)
      return {}
    case 'consult.swap':
      await conversationOf(desk, request.callId).swap(agentId)
      return {}
    case 'consult.handOver':
      await conversationOf(desk, request.callId).handOver(agentId)
      return {}
    case 'consult.join':
      await conversationOf(desk, request.callId).join(agentId)
      return {}
    case 'consult.cancel':
      await conversationOf(desk, request.callId).cancelConsult(agentId)
      return {}
    case 'conference.drop':
      await conversationOf(desk, request.callId).drop(agentId, request.partyId)
      return {}
    case 'conference.leave':
      await conversationOf(desk, request.callId).leave(agentId)
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
      await supervise(calls, person, desk, request, audit)
      return {}
    case 'supervise.stop':
      await stopSupervising(calls, desk)
      return {}
    case 'ringMe':
      return { callId: await ringMe(calls, desk, request.language) } satisfies ReplyData['ringMe']
    default:
      return request satisfies never
  }
}

function conversationOf(desk: AgentDesk, callId: string): Conversation {
  const { conversation } = desk
  if (conversation === null || desk.callId !== callId) throw new AppError('NOT_FOUND', 'You are not in this call.')
  return conversation
}

async function changeRecording(
  calls: AgentCalls,
  desk: AgentDesk,
  callId: string,
  action: Extract<SoftphoneRequest, { kind: 'recording' }>['action']
): Promise<void> {
  const { call } = conversationOf(desk, callId)
  const recording = calls.parts.recordings.of(call)
  const { agentId } = desk
  switch (action) {
    case 'pause':
      return recording.pause(agentId)
    case 'resume':
      return recording.resume(agentId)
    case 'withdraw':
      return await recording.withdraw(agentId, 'agent')
    case 'cardStart':
      return recording.startCard(agentId)
    case 'cardEnd':
      return recording.endCard(agentId)
    default:
      return action satisfies never
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
