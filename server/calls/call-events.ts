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
  | Readonly<{ kind: 'held' }>
  | Readonly<{ kind: 'resumed' }>
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
