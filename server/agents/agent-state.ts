/** What the agent chose. */
export type AgentStatus = 'offline' | 'available' | 'onBreak'

/** What the system sees. */
export type AgentState = 'idle' | 'reserved' | 'ringing' | 'talking' | 'wrapUp'

/** Why an offer did not become a call. Five words for five different things; none stands for another. */
export type MissReason = 'missed' | 'rejected' | 'device' | 'network' | 'callerGone'

/** Why a call cannot reach this agent although the status is Available. */
export type NotRoutableReason =
  | 'noProof'
  | 'microphoneDenied'
  | 'microphoneMissing'
  | 'microphoneEnded'
  | 'connectionLost'
  | 'connectionSlow'
  | 'connectionLossy'
  | 'notTheActiveTab'
  | 'missedCall'

/** Which work an agent takes: callers on the line, callbacks that kept their place, campaigns. */
export type WorkKind = 'inbound' | 'callback' | 'campaign'
