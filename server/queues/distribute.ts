import { Board } from './board.ts'
import type { Match, Snapshot } from './snapshot.ts'

/**
 * Who gets whom: repeatedly, of all waiting callers for whom a good enough agent is free, the one with the highest
 * effective priority (then the longest wait, then the id) gets the agent whom the queue's strategy names. A pure
 * function of its arguments; nobody is matched twice, and nobody is left who could be matched.
 */
export function distribute(snapshot: Snapshot, nowMs: number): readonly Match[] {
  return boardOf(snapshot, nowMs).match(nowMs)
}

/** An index of a whole snapshot. */
export function boardOf({ queues, agents, entries }: Snapshot, nowMs: number): Board {
  const board = new Board()
  for (const queue of queues) board.setQueue(queue, nowMs)
  for (const agent of agents) board.setAgent(agent, nowMs)
  for (const entry of entries) board.setEntry(entry, nowMs)
  return board
}
