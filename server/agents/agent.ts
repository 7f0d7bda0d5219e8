import type { AgentState, AgentStatus, MissReason, NotRoutableReason, WorkKind } from './agent-state.ts'

/** A status with its reason, such as On break for Lunch. */
export type ChosenStatus = Readonly<{ status: AgentStatus; reason: string | null }>

/** An offer that did not become a call, as the agent's banner shows it until "I am back". */
export type Missed = Readonly<{ reason: MissReason; at: Date; callId: string; queueId: string | null }>

/** After-call work on the server's clock. */
export type WrapUp = Readonly<{ startedAt: Date; endsAt: Date; limitAt: Date; endedBy: string }>

/** An agent as the state machine sees one. `callId` and `queueId` are of the offer, the call or the wrap-up in hand. */
export type Agent = Readonly<{
  id: string
  status: AgentStatus
  statusReason: string | null
  statusSince: Date
  /** Chosen during a call; takes effect after it. */
  nextStatus: ChosenStatus | null
  state: AgentState
  stateSince: Date
  callId: string | null
  queueId: string | null
  offerId: string | null
  /** Which control plane holds the softphone; null when none does. */
  controlPlaneId: string | null
  /** Since when no softphone is there; null while one is. */
  detachedAt: Date | null
  hasDeskPhone: boolean
  proofReasons: readonly NotRoutableReason[]
  missed: Missed | null
  missCount: number
  /** No offers before this instant: the agent has just rejected one. */
  pausedUntil: Date | null
  isRoutable: boolean
  notRoutable: readonly NotRoutableReason[]
  work: readonly WorkKind[]
  wrapUp: WrapUp | null
  lastCallEndedAt: Date | null
  idleSince: Date
  lastOfferedAt: Date | null
  /** Time in calls and wrap-up on the UTC day `occupiedOn`. */
  occupiedMs: number
  occupiedOn: string | null
}>

export type AgentSettings = Readonly<{
  /** How long a softphone may be away before this counts as a lost connection. */
  graceMs: number
  /** Missed offers in a row after which no more are made until "I am back". */
  missesAllowed: number
  /** No offers for so long after a rejected one. */
  rejectPauseMs: number
  /** What typing keeps free before the end of the wrap-up. */
  typingMs: number
  /** What the agent's own wish adds to the wrap-up. */
  extendMs: number
  /** Wrap-up after calls of no queue. */
  directWrapUpMs: number
  directWrapUpLimitMs: number
  /** A softphone that was away for so long has gone home: the status becomes Offline. */
  goneAfterMs: number
  /** A proof of the softphone counts for so long. */
  proofMs: number
}>

export const AGENT_SETTINGS: AgentSettings = {
  graceMs: 20_000,
  missesAllowed: 1,
  rejectPauseMs: 10_000,
  typingMs: 30_000,
  extendMs: 60_000,
  directWrapUpMs: 30_000,
  directWrapUpLimitMs: 300_000,
  goneAfterMs: 12 * 3_600_000,
  proofMs: 45_000
}

/** Somebody's first day: offline, and not reachable before a softphone has proved itself. */
export function newAgent(id: string, now: Date): Agent {
  return {
    id,
    status: 'offline',
    statusReason: null,
    statusSince: now,
    nextStatus: null,
    state: 'idle',
    stateSince: now,
    callId: null,
    queueId: null,
    offerId: null,
    controlPlaneId: null,
    detachedAt: null,
    hasDeskPhone: false,
    proofReasons: ['noProof'],
    missed: null,
    missCount: 0,
    pausedUntil: null,
    isRoutable: false,
    notRoutable: ['connectionLost'],
    work: ['inbound', 'callback', 'campaign'],
    wrapUp: null,
    lastCallEndedAt: null,
    idleSince: now,
    lastOfferedAt: null,
    occupiedMs: 0,
    occupiedOn: null
  }
}

/** Whether an offer can be made at this instant. The reservation in the database asks the same. */
export function isFree(agent: Agent, now: Date): boolean {
  return (
    agent.state === 'idle' &&
    agent.status === 'available' &&
    agent.isRoutable &&
    (agent.pausedUntil === null || agent.pausedUntil <= now)
  )
}

/** Time in calls and wrap-up today, by UTC days. */
export function occupiedToday(agent: Pick<Agent, 'occupiedMs' | 'occupiedOn'>, now: Date): number {
  return agent.occupiedOn === utcDay(now) ? agent.occupiedMs : 0
}

export function utcDay(instant: Date): string {
  return instant.toISOString().slice(0, 10)
}
