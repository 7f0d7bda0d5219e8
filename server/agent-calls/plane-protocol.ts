import type { LinkAddress, LinkedStream } from '../../media/webrtc/softphone-media.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { LinkVoice } from '../softphone/desk-phone.ts'
import type { SoftphonePush, SoftphoneRequest } from '../softphone/protocol.ts'
import type { GuestShown } from './agent-desk.ts'
import type { CallRequest } from './call-requests.ts'
import type { AuditActor } from './desk-requests.ts'

/**
 * What two control planes say about a person whose page is on one (the page's) while the call is on the other (the
 * call's). The page's keeps the browser's connection and its SFU; the call's decides who hears whom.
 */
export type AskedByCall =
  /** A side of the SFU for a leg; answered with {@link LegMade}. */
  | Readonly<{ kind: 'leg.make'; agentId: string; legId: string; isReturning: boolean }>
  | Readonly<{ kind: 'leg.connect'; legId: string; answerSdp: string; ssrc: number | null }>
  | Readonly<{ kind: 'leg.open'; legId: string }>
  /** One end of a link between the SFUs of two softphones; answered with {@link LinkMade}. */
  | Readonly<{ kind: 'link.make'; agentId: string; linkId: string; legId: string | null }>
  | Readonly<{ kind: 'link.connect'; linkId: string; remote: LinkAddress }>
  /** Answered with a {@link LinkedStream}. */
  | Readonly<{ kind: 'link.send'; linkId: string; voice: LinkVoice }>
  | Readonly<{ kind: 'link.stop'; linkId: string; stream: LinkedStream }>
  | Readonly<{ kind: 'link.hear'; linkId: string; stream: LinkedStream; role: 'supervised' | 'supervisor' }>
  | Readonly<{ kind: 'link.unhear'; linkId: string; stream: LinkedStream }>

export type LegMade = Readonly<{ offerSdp: string; needsSsrc: boolean; role: ApiKeyRole; isPresent: boolean }>
export type LinkMade = Readonly<{ address: LinkAddress; role: ApiKeyRole }>

export type ToldByCall =
  | Readonly<{ kind: 'leg.close'; legId: string }>
  | Readonly<{ kind: 'link.close'; linkId: string }>
  | Readonly<{ kind: 'desk.show'; agentId: string; shown: GuestShown }>
  | Readonly<{ kind: 'desk.push'; agentId: string; push: Extract<SoftphonePush, { kind: 'ring' | 'notice' }> }>

export type SuperviseRequest = Extract<SoftphoneRequest, { kind: 'supervise' }>

/** Answered with the data of the page's reply. */
export type AskedByPage =
  | Readonly<{ kind: 'desk.request'; agentId: string; request: CallRequest }>
  /** A supervisor whose page is there wants to listen to a call of ours, or to do more. */
  | Readonly<{ kind: 'supervise'; actor: AuditActor; request: SuperviseRequest }>
  | Readonly<{ kind: 'supervise.stop'; agentId: string }>

export type ToldByPage =
  | Readonly<{ kind: 'phone'; agentId: string; isPresent: boolean }>
  | Readonly<{ kind: 'leg.gone'; legId: string }>
