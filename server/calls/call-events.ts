import type { MissReason } from '../agents/agent-state.ts'
import type { EndedBy, EndReason, Fault } from './end-reasons.ts'

export type Direction = 'inbound' | 'outbound'

/**
 * Everything that can happen in a call, as it is stored: append-only, in order, one story for each call.
 * Digits that a caller keys in never appear here, only how many there were.
 */
export type CallEventData =
  | Readonly<{
      kind: 'started'
      direction: Direction
      callerNumber: string | null
      calledNumber: string | null
      sipCallId: string | null
      trunkId: string | null
      numberId: string | null
      sourceAddress: string | null
      controlPlaneId: string
      requestedBy?: string
    }>
  | Readonly<{ kind: 'flowChosen'; flowId: string; flowVersion: number; language: string }>
  | Readonly<{ kind: 'answered'; codec: string | null; setupMs: number }>
  | Readonly<{ kind: 'ringing' }>
  | Readonly<{ kind: 'languageChanged'; language: string }>
  | Readonly<{ kind: 'nodeEntered'; flowId: string; node: string; nodeKind: string }>
  | Readonly<{
      kind: 'nodeLeft'
      flowId: string
      node: string
      outcome: string
      detail?: Readonly<Record<string, unknown>>
    }>
  | Readonly<{ kind: 'promptStarted'; prompts: number; ready: 'cached' | 'made' }>
  | Readonly<{ kind: 'promptFailed'; code: string; reason: string }>
  | Readonly<{ kind: 'digitsCollected'; count: number }>
  | Readonly<{ kind: 'speechHeard'; confidence: number }>
  /** Nobody can listen in this language; the flow goes on with keys. */
  | Readonly<{ kind: 'speechUnavailable'; language: string; code: string }>
  | Readonly<{ kind: 'speechFailed'; code: string }>
  | Readonly<{ kind: 'requestAnswered'; host: string; status: number; tookMs: number }>
  | Readonly<{ kind: 'requestFailed'; host: string; code: string; tookMs: number }>
  | Readonly<{ kind: 'tagged'; tags: readonly string[] }>
  | Readonly<{ kind: 'surveyAnswered'; question: string }>
  | Readonly<{ kind: 'callbackBooked'; callbackId: string; queue: string | null }>
  | Readonly<{ kind: 'voicemailLeft'; voicemailId: string; durationMs: number }>
  | Readonly<{ kind: 'queueEntered'; queue: string }>
  | Readonly<{ kind: 'queueLeft'; queue: string; outcome: string }>
  | Readonly<{
      kind: 'legStarted'
      legId: string
      role: 'callee' | 'agent'
      destination: string
      trunkId: string | null
    }>
  | Readonly<{ kind: 'legAnswered'; legId: string }>
  | Readonly<{ kind: 'legEnded'; legId: string; outcome: string; sipStatus: number | null }>
  | Readonly<{ kind: 'bridged'; legId: string }>
  | Readonly<{ kind: 'held'; agentId?: string }>
  | Readonly<{ kind: 'resumed'; agentId?: string }>
  | Readonly<{ kind: 'agentOffered'; agentId: string; offerId: string; queue: string | null }>
  | Readonly<{ kind: 'agentMissed'; agentId: string; offerId: string; reason: MissReason }>
  | Readonly<{ kind: 'agentJoined'; agentId: string; queue: string | null; waitedMs: number | null; answerMs: number }>
  | Readonly<{ kind: 'agentAway'; agentId: string }>
  | Readonly<{ kind: 'agentBack'; agentId: string; awayMs: number }>
  | Readonly<{ kind: 'agentLeft'; agentId: string; why: string }>
  | Readonly<{ kind: 'consultStarted' | 'consultEnded'; agentId: string; destination: string; outcome?: string }>
  | Readonly<{ kind: 'conferenceStarted'; agentId: string; parties: number }>
  | Readonly<{ kind: 'transferredByAgent'; agentId: string; how: 'blind' | 'attended'; destination: string }>
  | Readonly<{ kind: 'supervised'; supervisorId: string; mode: string; reason: string }>
  | Readonly<{ kind: 'noteWritten'; agentId: string; characters: number }>
  /** The customer heard nothing for as long as the limit; `fromMs` since the answer. */
  | Readonly<{ kind: 'deadAir'; fromMs: number; customerSpoke: boolean }>
  | Readonly<{ kind: 'deadAirOver'; fromMs: number; silentMs: number }>
  /** Audio that listeners did not get from the media server; silence stood in for it. */
  | Readonly<{ kind: 'audioLost'; filledMs: number; lateMs: number; reconnects: number }>
  | Readonly<{
      kind: 'recordingConsent'
      party: string
      result: 'granted' | 'refused' | 'never'
      policy: string
      method: string
    }>
  | Readonly<{ kind: 'recordingStarted'; recordingId: string }>
  | Readonly<{ kind: 'recordingPaused'; why: string; by: string }>
  | Readonly<{ kind: 'recordingResumed'; why: string; by: string }>
  | Readonly<{ kind: 'recordingWithdrawn'; by: string; isDeleted: boolean }>
  | Readonly<{ kind: 'recordingTrouble'; code: string }>
  /** How many keys were pressed meanwhile is all that is ever written of them. */
  | Readonly<{ kind: 'cardEntryStarted'; by: string }>
  | Readonly<{ kind: 'cardEntryEnded'; by: string; keys: number }>
  | Readonly<{ kind: 'transferRequested'; by: 'caller' | 'callee' }>
  | Readonly<{
      kind: 'ended'
      reason: EndReason
      endedBy: EndedBy
      fault: Fault
      hangupCause: string | null
      detail?: string
    }>

export type CallEvent = Readonly<{ callId: string; seq: number; at: Date }> & CallEventData
export type CallEventKind = CallEventData['kind']
