/** What the agent chose. */
export type AgentStatus = 'offline' | 'available' | 'onBreak'

/** What the system sees. */
export type AgentState = 'idle' | 'reserved' | 'ringing' | 'talking' | 'wrapUp'

/** Why an offer did not become a call. Five words for five different things; none stands for another. */
export type MissReason = 'missed' | 'rejected' | 'device' | 'network' | 'callerGone'
