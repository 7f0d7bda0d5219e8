import type { Updateable } from 'kysely'
import type { AgentRow } from '../../sql/queries/agents.ts'
import type { AgentsTable } from '../../sql/queue-tables.ts'
import type { Agent, AgentSettings } from './agent.ts'
import type { MissReason, NotRoutableReason } from './agent-state.ts'
import { dueAt } from './agent-step.ts'

/** A stored row as the state machine sees it. */
export function fromAgentRow(row: AgentRow): Agent {
  const { wrap_up_started_at: startedAt, wrap_up_ends_at: endsAt, wrap_up_limit_at: limitAt } = row
  return {
    id: row.id,
    status: row.status,
    statusReason: row.status_reason,
    statusSince: row.status_since,
    nextStatus: row.next_status,
    state: row.state,
    stateSince: row.state_since,
    callId: row.call_id,
    queueId: row.queue_id,
    offerId: row.offer_id,
    controlPlaneId: row.control_plane_id,
    detachedAt: row.detached_at,
    hasDeskPhone: row.has_desk_phone,
    proofReasons: row.proof_reasons as NotRoutableReason[],
    missed:
      row.missed === null
        ? null
        : { ...row.missed, reason: row.missed.reason as MissReason, at: new Date(row.missed.at) },
    missCount: row.miss_count,
    pausedUntil: row.paused_until,
    isRoutable: row.is_routable,
    notRoutable: row.not_routable as NotRoutableReason[],
    work: row.work,
    wrapUp:
      startedAt === null || endsAt === null || limitAt === null
        ? null
        : { startedAt, endsAt, limitAt, endedBy: row.wrap_up_ended_by ?? '' },
    lastCallEndedAt: row.last_call_ended_at,
    idleSince: row.idle_since,
    lastOfferedAt: row.last_offered_at,
    occupiedMs: Number(row.occupied_ms),
    occupiedOn: row.occupied_on
  }
}

/** Everything that the state machine may have changed, as columns. */
export function toAgentColumns(agent: Agent, settings: AgentSettings): Updateable<AgentsTable> {
  return {
    status: agent.status,
    status_reason: agent.statusReason,
    status_since: agent.statusSince,
    next_status: agent.nextStatus === null ? null : JSON.stringify(agent.nextStatus),
    state: agent.state,
    state_since: agent.stateSince,
    call_id: agent.callId,
    queue_id: agent.queueId,
    offer_id: agent.offerId,
    control_plane_id: agent.controlPlaneId,
    detached_at: agent.detachedAt,
    has_desk_phone: agent.hasDeskPhone,
    proof_reasons: [...agent.proofReasons],
    missed: agent.missed === null ? null : JSON.stringify(agent.missed),
    miss_count: agent.missCount,
    paused_until: agent.pausedUntil,
    is_routable: agent.isRoutable,
    not_routable: [...agent.notRoutable],
    work: [...agent.work],
    wrap_up_started_at: agent.wrapUp?.startedAt ?? null,
    wrap_up_ends_at: agent.wrapUp?.endsAt ?? null,
    wrap_up_limit_at: agent.wrapUp?.limitAt ?? null,
    wrap_up_ended_by: agent.wrapUp?.endedBy ?? null,
    last_call_ended_at: agent.lastCallEndedAt,
    idle_since: agent.idleSince,
    last_offered_at: agent.lastOfferedAt,
    occupied_ms: Math.round(agent.occupiedMs),
    occupied_on: agent.occupiedOn,
    due_at: dueAt(agent, settings)
  }
}
