import { insertAudit } from '../../sql/queries/audit.ts'
import { findCdr } from '../../sql/queries/calls.ts'
import { AppError } from '../errors.ts'
import type { DeskPhone } from '../softphone/desk-phone.ts'
import type { AgentCalls } from './agent-calls.ts'
import type { AgentDesk } from './agent-desk.ts'
import type { AuditActor } from './desk-requests.ts'
import type { AskedByPage, SuperviseRequest } from './plane-protocol.ts'
import { browserLeg } from './ring-agent.ts'
import { Supervision } from './supervision.ts'

const SUPERVISORS: ReadonlySet<string> = new Set(['supervisor', 'admin'])

/** A supervisor whose page is here listens to a call, whichever control plane has it, or does more with it. */
export async function supervise(
  calls: AgentCalls,
  actor: AuditActor,
  desk: AgentDesk,
  request: SuperviseRequest
): Promise<void> {
  mustSupervise(actor)
  const { db, link, controlPlaneId } = calls.parts
  const { callId } = request
  if (desk.guest?.shown.supervising != null && desk.guest.shown.supervising.callId !== callId)
    await desk.guest.stopSupervising()
  if (calls.deskTalkingIn(callId, desk.agentId) !== undefined) return await superviseHere(calls, actor, desk, request)
  const row = await findCdr(db, callId)
  const owner = row === undefined || row.state === 'ended' ? null : row.control_plane_id
  if (owner === null || owner === controlPlaneId) throw nobodyTalks()
  if (desk.callId !== null) throw new AppError('CONFLICT', 'End your own call first.')
  await stopSupervising(calls, desk)
  const asked: AskedByPage = { kind: 'supervise', actor, request }
  await link.ask(owner, asked)
}

/**
 * Listens to, whispers into, joins or takes over an agent's call of this control plane; `desk` is the supervisor's. Each
 * use is in the audit log, with its reason, before anything is heard.
 */
export async function superviseHere(
  calls: AgentCalls,
  actor: AuditActor,
  desk: AgentDesk<DeskPhone>,
  request: SuperviseRequest
): Promise<void> {
  mustSupervise(actor)
  const { db, log, recordings } = calls.parts
  const { callId, mode, reason } = request
  const watched = calls.deskTalkingIn(callId, desk.agentId)
  const conversation = watched?.conversation
  if (watched === undefined || conversation == null) throw nobodyTalks()
  if (conversation.partyOf(watched.agentId)?.leg?.softphoneLeg == null)
    throw new AppError('CONFLICT', 'The agent uses a desk phone; only calls in a browser can be listened to.')
  const isNew = desk.supervision?.callId !== callId
  if (isNew && desk.supervision !== undefined) await stopSupervising(calls, desk)
  if (isNew && desk.callId !== null) throw new AppError('CONFLICT', 'End your own call first.')
  await insertAudit(db, {
    actorKind: 'user',
    actorId: actor.id,
    actorName: actor.username,
    action: `call.${mode}`,
    subjectKind: 'call',
    subjectId: callId,
    detail: { agentId: watched.agentId, reason },
    ip: actor.ip,
    requestId: actor.requestId
  })
  conversation.call.record({ kind: 'supervised', supervisorId: desk.agentId, mode, reason })
  let { supervision } = desk
  if (supervision === undefined) {
    const { agentId } = watched
    const failed = (err: unknown) => log.warn({ err, callId }, 'a supervision could not be changed')
    const begun: Supervision = new Supervision({
      supervisor: desk.softphone,
      agent: () => calls.desk(agentId)?.softphone ?? watched.softphone,
      agentId,
      agentName: watched.name,
      conversation,
      graceMs: calls.parts.reconnectMs,
      gone: () => {
        if (desk.supervision === begun) stopSupervising(calls, desk).catch(failed)
      },
      log
    })
    supervision = begun
    desk.setSupervision(begun)
    const recording = recordings.of(conversation.call)
    const forget = recording.onChange(() => void begun.hideCard(recording.isCardEntry).catch(failed))
    conversation.onOver(forget)
    conversation.onOver(() => {
      if (desk.supervision === begun) stopSupervising(calls, desk).catch(failed)
    })
    await begun.hideCard(recording.isCardEntry)
  }
  try {
    await change(calls, desk, supervision, request)
  } catch (err) {
    if (isNew) await stopSupervising(calls, desk)
    throw err
  }
  // One who has taken the call over supervises nobody any more.
  if (desk.supervision !== supervision) return
  calls.desk(watched.agentId)?.setWatchedBy({ name: desk.name, mode: supervision.mode })
  desk.changed()
}

async function change(
  calls: AgentCalls,
  desk: AgentDesk<DeskPhone>,
  supervision: Supervision,
  { callId, mode }: SuperviseRequest
): Promise<void> {
  const { conversation } = supervision
  switch (mode) {
    case 'listen':
    case 'whisper':
      if (supervision.mode === 'barge') await conversation.unbarge(desk.agentId)
      await supervision[mode]()
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
      break
    }
    default:
      mode satisfies never
  }
}

/** Ends what is supervised from here, or from another control plane's page in a call of ours. */
export async function stopSupervising(calls: AgentCalls, desk: AgentDesk<DeskPhone>): Promise<void> {
  const { supervision } = desk
  if (supervision === undefined) return
  desk.setSupervision(undefined)
  calls.desk(supervision.agentId)?.setWatchedBy(null)
  await supervision[Symbol.asyncDispose]()
}

function mustSupervise({ role }: AuditActor): void {
  if (!SUPERVISORS.has(role)) throw new AppError('FORBIDDEN', `The role ${role} may not listen to calls.`)
}

function nobodyTalks(): AppError {
  return new AppError('NOT_FOUND', 'No agent talks in this call now.')
}

/** A leg of the supervisor's own, open both ways. */
async function ownLeg(calls: AgentCalls, desk: AgentDesk<DeskPhone>) {
  if (!desk.softphone.isPresent) throw new AppError('CONFLICT', 'Your browser’s audio is not connected.')
  const { media } = calls.parts
  const softphoneLeg = await desk.softphone.createLeg(media)
  await softphoneLeg.open()
  return { leg: browserLeg(softphoneLeg), agentId: desk.agentId, name: desk.name }
}
