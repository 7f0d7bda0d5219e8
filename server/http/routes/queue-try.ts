import type { AgentView } from '../../agents/agent-service.ts'
import { isFree } from '../../agents/agent.ts'
import { distribute } from '../../queues/distribute.ts'
import { explain } from '../../queues/explain.ts'
import { toCandidate } from '../../queues/queue-rows.ts'
import type { Queue } from '../../queues/queue.ts'

/** What distribution would decide now about a caller who is alone in a queue, and why not about the others. */
export function tryOut(
  queue: Queue,
  caller: Readonly<{ language: string; skills: readonly string[]; waitedMs: number; stickyAgentId: string | null }>,
  views: readonly AgentView[]
) {
  const now = new Date()
  const nowMs = now.getTime()
  const entry = {
    id: 'try',
    queueId: queue.id,
    kind: 'inbound' as const,
    language: caller.language,
    skills: caller.skills,
    priority: 50,
    isHead: false,
    placeFromMs: nowMs - caller.waitedMs,
    stickyAgentId: caller.stickyAgentId
  }
  const snapshot = { queues: [queue], agents: views.map(agent => toCandidate(agent, now)), entries: [entry] }
  const [match] = distribute(snapshot, nowMs)
  const picked = new Set(match?.agentIds)
  return {
    picked: views
      .filter(agent => picked.has(agent.id))
      .map(agent => ({ id: agent.id, name: agent.profile.displayName })),
    tier: match?.tier ?? null,
    reason: match?.reason ?? null,
    agents: views.map(agent => {
      const why = explain(
        agent.id,
        queue.id,
        snapshot,
        {
          isOpen: true,
          isAvailable:
            agent.status === 'available' && agent.state === 'idle' && (!agent.isRoutable || isFree(agent, now)),
          isRoutable: agent.isRoutable
        },
        nowMs
      )
      // Good enough and free, but one caller goes to one agent.
      const whyNot = why === null && !picked.has(agent.id) ? ('othersFirst' as const) : why
      return { id: agent.id, name: agent.profile.displayName, whyNot }
    })
  }
}
