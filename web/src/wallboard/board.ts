import { queryOptions } from '@tanstack/react-query'
import { api } from '../api/client.ts'
import type { ShownState } from '../parts/shown-states.ts'

/** Shares are 0 to 1; null is unknown. Times are milliseconds, instants ISO 8601. */
export type Figures = Readonly<{
  waiting: number
  longestWaitMs: number
  longestSince: string | null
  offered: number
  serviceLevel: number | null
  abandonment: number | null
  meanAnswerWaitMs: number | null
  meanHandleMs: number | null
  free: number
  ringing: number
  talking: number
  wrapUp: number
  onBreak: number
  unreachable: number
}>

export type BoardQueue = Figures &
  Readonly<{ id: string; name: string; isOpen: boolean; thresholdMs: number; goalPercent: number | null }>

export type BoardAgent = Readonly<{
  id: string
  name: string
  status: 'offline' | 'available' | 'onBreak'
  statusReason: string | null
  nextStatus: string | null
  state: 'idle' | 'reserved' | 'ringing' | 'talking' | 'wrapUp'
  since: string
  isRoutable: boolean
  notRoutable: readonly string[]
  queueId: string | null
  callId: string | null
  missed: string | null
}>

/** `GET /wallboard`. */
export type Board = Readonly<{
  asOf: string
  windowFrom: string
  windowMs: number
  total: Figures
  queues: readonly BoardQueue[]
  agents: readonly BoardAgent[]
}>

/** How much a figure needs a person. */
export type Step = 'plain' | 'watch' | 'act'

/** Points below the goal from which a service level needs somebody at once. */
const LEVEL_ACT_POINTS = 10
const RANK: Readonly<Record<Step, number>> = { act: 2, watch: 1, plain: 0 }

export const boardQuery = queryOptions({
  queryKey: ['wallboard'],
  queryFn: ({ signal }) => api<Board>('/wallboard', { signal }),
  staleTime: 0,
  retry: false
})

/** Where a board comes from. */
export type BoardQuery = Readonly<{ queryKey: typeof boardQuery.queryKey; queryFn?: typeof boardQuery.queryFn }>

/** A wait beyond the queue's threshold is watched; twice as long, or with nobody there to answer, it needs somebody. */
export function waitStep(queue: BoardQueue, longestWaitMs: number): Step {
  if (queue.waiting === 0) return 'plain'
  const hasNobody = queue.free + queue.ringing + queue.talking + queue.wrapUp === 0
  if (longestWaitMs > 2 * queue.thresholdMs || (hasNobody && longestWaitMs > queue.thresholdMs)) return 'act'
  return longestWaitMs > queue.thresholdMs || hasNobody ? 'watch' : 'plain'
}

export function levelStep({ serviceLevel, goalPercent }: Pick<BoardQueue, 'serviceLevel' | 'goalPercent'>): Step {
  if (serviceLevel === null || goalPercent === null) return 'plain'
  const belowBy = goalPercent - serviceLevel * 100
  if (belowBy > LEVEL_ACT_POINTS) return 'act'
  return belowBy > 0 ? 'watch' : 'plain'
}

export function worse(one: Step, other: Step): Step {
  return RANK[one] >= RANK[other] ? one : other
}

export function queueStep(queue: BoardQueue): Step {
  return worse(waitStep(queue, queue.longestWaitMs), levelStep(queue))
}

/** Worst first: what needs somebody, then the longest wait, then the lowest level. */
export function worstQueuesFirst(queues: readonly BoardQueue[]): readonly BoardQueue[] {
  return queues.toSorted(
    (one, other) =>
      RANK[queueStep(other)] - RANK[queueStep(one)] ||
      other.longestWaitMs - one.longestWaitMs ||
      (one.serviceLevel ?? 1) - (other.serviceLevel ?? 1) ||
      one.name.localeCompare(other.name)
  )
}

/** Whether calls should reach this agent and cannot. */
export function hasFault(agent: BoardAgent): boolean {
  return agent.status === 'available' && agent.state === 'idle' && !agent.isRoutable
}

export function shownAgent(agent: BoardAgent): ShownState {
  if (hasFault(agent)) return 'fault'
  if (agent.state !== 'idle') return agent.state
  return agent.status === 'available' ? 'free' : agent.status
}

/** Those whom calls cannot reach first, then who has been in the same state for longest. */
export function faultsFirst(agents: readonly BoardAgent[]): readonly BoardAgent[] {
  return agents.toSorted(
    (one, other) =>
      Number(hasFault(other)) - Number(hasFault(one)) ||
      Date.parse(one.since) - Date.parse(other.since) ||
      one.name.localeCompare(other.name)
  )
}
