import { AppError } from '../errors.ts'
import { SoftphoneLeg } from '../softphone/softphone-leg.ts'
import type { SoftphoneRequest } from '../softphone/protocol.ts'
import type { AgentCalls, Person } from './agent-calls.ts'
import type { AgentDesk } from './agent-desk.ts'
import type { AuditNote } from './desk-requests.ts'
import { browserLeg } from './ring-agent.ts'
import { Supervision } from './supervision.ts'

const SUPERVISORS: ReadonlySet<string> = new Set(['supervisor', 'admin'])

/**
 * Listens to, whispers into, joins or takes over another agent's call. Each use is in the audit log, with its reason,
 * before anything is heard.
 */
export async function supervise(
  calls: AgentCalls,
  person: Person,
  desk: AgentDesk,
  request: Extract<SoftphoneRequest, { kind: 'supervise' }>,
  audit: AuditNote
): Promise<void> {
  if (!SUPERVISORS.has(person.role)) throw new AppError('FORBIDDEN', `The role ${person.role} may not listen to calls.`)
  const { callId, mode, reason } = request
  const watched = [...calls.desks()].find(other => other.callId === callId && other.agentId !== desk.agentId)
  const conversation = watched?.conversation
  if (watched === undefined || conversation == null) throw new AppError('NOT_FOUND', 'No agent talks in this call now.')
  const party = conversation.partyOf(watched.agentId)
  const agentLeg = party?.leg?.softphoneLeg
  if (agentLeg == null)
    throw new AppError('CONFLICT', 'The agent uses a desk phone; only calls in a browser can be listened to.')
  const isNew = desk.supervision?.callId !== callId
  if (isNew && desk.supervision !== undefined) await stopSupervising(calls, desk)
  if (isNew && desk.callId !== null) throw new AppError('CONFLICT', 'End your own call first.')
  await audit(`call.${mode}`, { kind: 'call', id: callId }, { agentId: watched.agentId, reason })
  conversation.call.record({ kind: 'supervised', supervisorId: desk.agentId, mode, reason })
  let { supervision } = desk
  if (supervision === undefined) {
    const begun = new Supervision(desk.softphone, watched.softphone, agentLeg, conversation, watched.name)
    supervision = begun
    desk.setSupervision(begun)
    const recording = calls.parts.recordings.of(conversation.call)
    const forget = recording.onChange(() => {
      begun.hideCard(recording.isCardEntry).catch(err => desk.softphone.complain(err))
    })
    conversation.onOver(forget)
    await begun.hideCard(recording.isCardEntry)
    conversation.onOver(() => {
      if (desk.supervision === begun) stopSupervising(calls, desk).catch(err => desk.softphone.complain(err))
    })
  }
  switch (mode) {
    case 'listen':
      if (supervision.mode === 'barge') await conversation.unbarge(desk.agentId)
      await supervision.listen()
      break
    case 'whisper':
      if (supervision.mode === 'barge') await conversation.unbarge(desk.agentId)
      await supervision.whisper()
      break
    case 'barge':
      if (supervision.mode !== 'barge') await conversation.barge(await ownLeg(calls, desk))
      await supervision.joined()
      break
    case 'takeOver': {
      const own = await ownLeg(calls, desk)
      await stopSupervising(calls, desk)
      const { agents } = calls.parts
      const held = await agents.reserveDirect(desk.agentId, callId, { isOwnWish: true })
      if (held.kind === 'notFree') {
        await own.leg[Symbol.asyncDispose]()
        throw new AppError('CONFLICT', 'You are busy with something else.')
      }
      await agents.settleDirect(held.offerId, { kind: 'answered' })
      await conversation.takeOver(own)
      return
    }
    default:
      mode satisfies never
  }
  watched.setWatchedBy({ name: desk.name, mode: supervision.mode })
  desk.changed()
}

export async function stopSupervising(calls: AgentCalls, desk: AgentDesk): Promise<void> {
  const { supervision } = desk
  if (supervision === undefined) return
  desk.setSupervision(undefined)
  calls.desk(supervision.agentId)?.setWatchedBy(null)
  await supervision[Symbol.asyncDispose]()
}

/** A leg of the supervisor's own, open both ways. */
async function ownLeg(calls: AgentCalls, desk: AgentDesk) {
  if (!desk.softphone.isPresent) throw new AppError('CONFLICT', 'Your browser’s audio is not connected.')
  const { sfu, media } = calls.parts
  const softphoneLeg = await SoftphoneLeg.create(desk.softphone, sfu, media)
  await softphoneLeg.open()
  return { leg: browserLeg(softphoneLeg), agentId: desk.agentId, name: desk.name }
}
