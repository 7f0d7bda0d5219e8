import type { Db } from '../../sql/database.ts'
import { type AgentRow, completeVisit, lockAgent, upsertCallNote, writeAgent } from '../../sql/queries/agents.ts'
import { settleOffer } from '../../sql/queries/offers.ts'
import type { Agent, AgentSettings } from './agent.ts'
import { fromAgentRow, toAgentColumns } from './agent-rows.ts'
import { type AgentAction, type AgentEvent, agentStep } from './agent-step.ts'

/** `row` is null when nothing changed; `refused` says why the event could not be. */
export type Stepped = Readonly<{
  agent: Agent
  row: AgentRow | null
  refused: (AgentAction & { kind: 'refuse' })['why'] | null
}>

/**
 * Locks an agent, takes one step and stores it with everything that the step asks for, in the transaction of `trx`.
 * Undefined when there is no such agent; nothing happens when `condition` does not hold for the locked agent.
 */
export async function stepInTransaction(
  trx: Db,
  agentId: string,
  event: AgentEvent,
  now: Date,
  settings: AgentSettings,
  options: Readonly<{
    condition?: (agent: Agent) => boolean
    ending?: Readonly<{ holdMs?: number; isTransferred?: boolean }>
  }> = {}
): Promise<Stepped | undefined> {
  const locked = await lockAgent(trx, agentId)
  if (locked === undefined) return undefined
  const before = fromAgentRow(locked)
  if (options.condition?.(before) === false) return { agent: before, row: null, refused: 'notIdle' }
  const [agent, actions] = agentStep(before, event, now, settings)
  for (const action of actions) {
    switch (action.kind) {
      case 'refuse':
        return { agent: before, row: null, refused: action.why }
      case 'offerSettled':
        await settleOffer(trx, action.offerId, action.outcome, now)
        break
      case 'callOver': {
        const { holdMs = 0, isTransferred = false } = options.ending ?? {}
        const key = { callId: action.callId, agentId }
        await completeVisit(trx, key, { talkMs: Math.max(0, action.talkMs - holdMs), holdMs, isTransferred })
        break
      }
      case 'wrapUpBegan':
        await upsertCallNote(
          trx,
          { callId: action.callId, agentId },
          { queue_id: action.queueId, wrap_up_started_at: action.at },
          now
        )
        break
      case 'wrapUpOver':
        await upsertCallNote(
          trx,
          { callId: action.callId, agentId },
          { wrap_up_ended_at: action.at, wrap_up_end: action.how },
          now
        )
        await completeVisit(
          trx,
          { callId: action.callId, agentId },
          { wrapUpMs: action.at.getTime() - action.startedAt.getTime() }
        )
        break
      default:
        action satisfies never
    }
  }
  if (agent === before) return { agent, row: null, refused: null }
  return { agent, row: await writeAgent(trx, agentId, toAgentColumns(agent, settings)), refused: null }
}
