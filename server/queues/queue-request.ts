import type { WorkKind } from '../../sql/queue-tables.ts'
import type { QueueVisit } from './queue-visit.ts'
import type { OverflowDestination } from './queue.ts'

/** A caller who wants to wait. */
export type QueueVisitRequest = Readonly<{
  callId: string
  /** Name or id. */
  queue: string
  language: string
  priority: number
  skills: readonly string[]
  /** Milliseconds; the shorter of this and the queue's own counts. */
  maxWaitMs?: number
  /** When the place counts from, for a caller who kept it. */
  placeFromAt?: Date
  /** Before all others of the queue. */
  isHead?: boolean
  stickyAgentId?: string
  calledNumber: string | null
  kind?: WorkKind
  /** How long an agent is held once found, instead of the queue's ring time: a call is dialled meanwhile. */
  holdMs?: number
  /** Instead of the queue's own interval between announcements. */
  announceEveryMs?: number
}>

export type Entering =
  | Readonly<{ kind: 'waiting'; visit: QueueVisit }>
  | Readonly<{ kind: 'closed' | 'full' | 'noAgents'; overflow: OverflowDestination | null }>
  | Readonly<{ kind: 'unknownQueue' }>
