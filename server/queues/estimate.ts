/** Fewer answered calls than this say nothing about the next. */
export const FEWEST_CALLS = 5

/**
 * How long a caller will probably wait, in milliseconds: with all agents busy, one becomes free every
 * (mean handling time ÷ agents), and each caller ahead takes one of these. So: position × handling time ÷ agents, and
 * nothing while more agents are free than callers are ahead. Null when there is no agent, or too little experience.
 *
 * `agents` are those who are available for the queue, in whatever state; an agent who serves several queues counts in
 * each, so that the estimate is too low while those are busy.
 */
export function estimateWait(facts: {
  readonly position: number
  readonly agents: number
  readonly freeAgents: number
  readonly answered: number
  readonly meanHandleMs: number
}): number | null {
  const { position, agents, freeAgents, answered, meanHandleMs } = facts
  if (freeAgents >= position) return 0
  if (agents === 0 || answered < FEWEST_CALLS) return null
  return Math.round((position * meanHandleMs) / agents)
}
