import type { EntryRow } from '../../sql/queries/queue-entries.ts'
import type { QueueRow } from '../../sql/queries/queues.ts'
import type { AgentView } from '../agents/agent-service.ts'
import { occupiedToday } from '../agents/agent.ts'
import type { OverflowDestination, Queue, Tier } from './queue.ts'
import type { Candidate, Waiting } from './snapshot.ts'

/** A stored queue; what stands in its JSON was validated when it was stored. */
export function fromQueueRow(row: QueueRow): Queue {
  return {
    id: row.id,
    name: row.name,
    labels: row.labels,
    strategy: row.strategy,
    tiers: row.tiers as unknown as readonly Tier[],
    thresholdMs: row.threshold_ms,
    goalPercent: row.goal_percent,
    priority: row.priority,
    ageingPerMinute: row.ageing_per_minute,
    maxSize: row.max_size,
    maxWaitMs: row.max_wait_ms,
    calendar: row.calendar as Queue['calendar'],
    wrapUpMs: row.wrap_up_ms,
    wrapUpLimitMs: row.wrap_up_limit_ms,
    ringMs: row.ring_ms,
    isAutoAnswered: row.is_auto_answered,
    stickyWaitMs: row.sticky_wait_ms,
    ringAllMax: row.ring_all_max,
    keepFree: row.keep_free,
    waitsWithoutAgents: row.waits_without_agents,
    overflow: row.overflow as OverflowDestination | null,
    afterHours: row.after_hours as OverflowDestination | null,
    announce: row.announce,
    music: row.music,
    script: row.script,
    callbackAfterMs: row.callback_after_ms
  }
}

export function toWaiting(row: EntryRow): Waiting {
  return {
    id: row.id,
    queueId: row.queue_id,
    kind: row.kind,
    language: row.language,
    skills: row.skills,
    priority: row.priority,
    isHead: row.is_head,
    placeFromMs: row.place_from_at.getTime(),
    stickyAgentId: row.sticky_agent_id
  }
}

/** An agent as distribution sees one at this instant. */
export function toCandidate(agent: AgentView, now: Date): Candidate {
  return {
    id: agent.id,
    profile: agent.profile,
    isFree: agent.state === 'idle' && agent.status === 'available' && agent.isRoutable,
    isPresent: agent.status !== 'offline' && !agent.notRoutable.includes('connectionLost'),
    pausedUntilMs: agent.pausedUntil?.getTime() ?? null,
    work: agent.work,
    idleSinceMs: agent.idleSince.getTime(),
    lastOfferedMs: agent.lastOfferedAt?.getTime() ?? 0,
    occupiedMs: occupiedToday(agent, now)
  }
}
