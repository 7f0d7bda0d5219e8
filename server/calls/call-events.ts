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
      /** A scripted caller on this machine: no trunk, no customer; left out of reports. */
      isSimulated?: true
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
  /** One recogniser failed or was too slow, and another one went on with the same sound. */
  | Readonly<{ kind: 'speechFellOver'; from: string; to: string; code: string }>
  /** A voice could not make a prompt, and another one spoke it. */
  | Readonly<{ kind: 'voiceFellOver'; from: string; to: string; code: string }>
  /** The customer took the turn while a prompt played: which of the prompts, and how much of it was heard. */
  | Readonly<{ kind: 'bargedIn'; by: 'voice' | 'key'; heardMs: number; prompt: number; promptHeardMs: number }>
  /** A turn as it went, without words; `wasIgnored`: it was a sound of listening, or a noise over a prompt. */
  | Readonly<{
      kind: 'turnHeard'
      expects: string
      language: string
      isPrompted: boolean
      wasIgnored: boolean
      /** The settings that held: see TurnRules, and the pause that the flow asked for. */
      holdMs: number
      pauseMs?: number
      events: readonly Readonly<{ kind: string; atMs: number; sounds?: string | null }>[]
    }>
  | Readonly<{ kind: 'voiceRaised' }>
  | Readonly<{ kind: 'musicHeard' }>
  /** Somebody spoke for longer than anybody listens: what was understood until then is the answer. */
  | Readonly<{ kind: 'speechCutOff' }>
  /** Nobody had planned a silence that became too long: the customer was asked to wait, or the work was given up. */
  | Readonly<{ kind: 'silenceFilled' | 'silenceGivenUp'; silences: number }>
  /** A bot took the call over; it says first that it is no human, and how much of that the caller was sent. */
  | Readonly<{ kind: 'botStarted'; model: string | null }>
  | Readonly<{ kind: 'disclosureMade'; language: string; heardMs: number; lengthMs: number; attempt: number }>
  /** A question and what it came to, without words. `score`: how well an article fits. Times since the question. */
  | Readonly<{
      kind: 'botAnswered'
      turn: number
      outcome: string
      source: string
      articleId: string | null
      score: number | null
      retrievalMs: number | null
      firstClauseMs: number | null
      speechMs: number | null
      replyMs: number
    }>
  | Readonly<{ kind: 'botTool'; tool: string; outcome: string; tookMs: number }>
  /** Something that a model wrote was not said. */
  | Readonly<{ kind: 'botHeld'; why: string }>
  | Readonly<{ kind: 'botFault'; code: string }>
  | Readonly<{ kind: 'botHandedOver'; reason: string; mood: string }>
  /** What models cost (`cents`) and what hearing the customer cost (`speechCents`), by the price lists, in euro cents. */
  | Readonly<{
      kind: 'botEnded'
      outcome: string
      turns: number
      answered: number
      tokens: number
      cents: number
      speechCents: number
    }>
  | Readonly<{ kind: 'requestAnswered'; host: string; status: number; tookMs: number }>
  | Readonly<{ kind: 'requestFailed'; host: string; code: string; tookMs: number }>
  | Readonly<{ kind: 'tagged'; tags: readonly string[] }>
  /** Somebody who was called wants no more calls; the words they said it in are not kept. */
  | Readonly<{ kind: 'optedOut'; by: 'key' | 'speech'; language?: string; confidence?: number }>
  /** Whoever promised this call was not there in the set time, and somebody else makes it. */
  | Readonly<{ kind: 'promisePassedOn'; fromAgentId: string; toAgentId: string }>
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
      /** The decision that allows a number outside to be dialled; null for phones of our own. */
      decisionId: string | null
    }>
  /** Somebody outside who was to join the call may not be called now. */
  | Readonly<{ kind: 'partyRefused'; decisionId: string; reasons: readonly string[] }>
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
      /** Of an answer that was spoken, 0 to 1. */
      confidence?: number
    }>
  | Readonly<{ kind: 'recordingStarted'; recordingId: string }>
  | Readonly<{ kind: 'recordingPaused'; why: string; by: string }>
  | Readonly<{ kind: 'recordingResumed'; why: string; by: string }>
  | Readonly<{ kind: 'recordingWithdrawn'; by: string; isDeleted: boolean }>
  /** `mustRecord`: something of a call that has to be recorded is missing, and what becomes of the call. */
  | Readonly<{ kind: 'recordingTrouble'; code: string; mustRecord?: 'ends' | 'goesOn' }>
  /** The customer of a call that has to be recorded and is not was told why it ends, or was not to be reached any more. */
  | Readonly<{ kind: 'endExplained'; words: 'failed' | 'compulsory'; language: string; isHeard: boolean }>
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
