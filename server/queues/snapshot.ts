import type { WorkKind } from '../agents/agent-state.ts'
import type { Profile } from '../agents/profile.ts'
import type { Queue } from './queue.ts'

/** An agent as distribution sees one. Instants are Unix milliseconds. */
export type Candidate = Readonly<{
  id: string
  profile: Pick<Profile, 'skills' | 'languages'>
  /** Can be offered a call now, but for a pause that is not over. */
  isFree: boolean
  /** Signed in and not offline: may become free while a caller waits. */
  isPresent: boolean
  /** No offers before this instant. */
  pausedUntilMs: number | null
  work: readonly WorkKind[]
  idleSinceMs: number
  /** 0: never. */
  lastOfferedMs: number
  occupiedMs: number
}>

/** A waiting caller (or callback) as distribution sees one. */
export type Waiting = Readonly<{
  id: string
  queueId: string
  kind: WorkKind
  language: string
  /** Asked for by the flow, beyond what the queue asks for. */
  skills: readonly string[]
  priority: number
  isHead: boolean
  placeFromMs: number
  stickyAgentId: string | null
}>

/** Everything that a decision depends on besides the clock. */
export type Snapshot = Readonly<{
  queues: readonly Queue[]
  agents: readonly Candidate[]
  entries: readonly Waiting[]
}>

/** One decision: this caller is offered to these agents (several only with ringAll). */
export type Match = Readonly<{
  entryId: string
  queueId: string
  agentIds: readonly string[]
  /** The tier that the caller has reached, from 0. */
  tier: number
  /** One line for people: why this agent. */
  reason: string
}>
