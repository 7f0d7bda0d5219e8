import { AppError } from '../errors.ts'
import type { DeskPhone } from '../softphone/desk-phone.ts'
import type { SoftphoneRequest } from '../softphone/protocol.ts'
import type { AgentCalls } from './agent-calls.ts'
import type { AgentDesk } from './agent-desk.ts'
import type { Conversation } from './conversation.ts'

/** What a page may ask for about an offer or a call, wherever the page is. */
export type CallRequestKind =
  | 'answer'
  | 'reject'
  | 'hangUp'
  | 'hold'
  | 'digits'
  | 'recording'
  | `transfer.${string}`
  | `consult.${string}`
  | `conference.${string}`

export type CallRequest = Extract<SoftphoneRequest, { kind: CallRequestKind }>

/**
 * Does what a page asks for about the offer or the call on this desk and returns the data of its reply. Rejects with
 * AppError for what cannot be now.
 */
export async function handleCallRequest(
  calls: AgentCalls,
  desk: AgentDesk<DeskPhone>,
  request: CallRequest
): Promise<object> {
  const { agentId } = desk
  switch (request.kind) {
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
    default:
      return request satisfies never
  }
}

function conversationOf(desk: AgentDesk<DeskPhone>, callId: string): Conversation {
  const { conversation } = desk
  if (conversation === null || desk.callId !== callId) throw new AppError('NOT_FOUND', 'You are not in this call.')
  return conversation
}

async function changeRecording(
  calls: AgentCalls,
  desk: AgentDesk<DeskPhone>,
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
