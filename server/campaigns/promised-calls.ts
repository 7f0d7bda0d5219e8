import type { ReservedLead } from '../../sql/queries/campaigns/attempts.ts'
import type { AgentPool, HeldAgent } from './agent-pool.ts'
import type { Campaign } from './campaign.ts'

/** So long an agent for a promised call is looked for in one go. */
const HOLD_MS = 3_000
const WAIT_MINUTES = 10

/** Whose promised calls may be dialled now: those of agents who can be reached, and what others promised long enough ago. */
export function promisesDue(
  campaign: Campaign,
  pool: AgentPool | null,
  now: Date
): Readonly<{ agentIds: readonly string[]; olderThan: Date }> {
  return { agentIds: pool?.reachable(now) ?? [], olderThan: new Date(now.getTime() - waitMs(campaign)) }
}

/**
 * The agent for a promised call: whoever has promised it, or, once they have been waited for, anybody of the queue. Null when
 * nobody was free in time. Nobody is dialled on a promise before somebody is there for them, whatever the pace.
 */
export async function holdForPromise(
  campaign: Campaign,
  { callbackAgentId, callbackAt }: Pick<ReservedLead, 'callbackAgentId' | 'callbackAt'>,
  pool: AgentPool,
  now: () => Date,
  signal: AbortSignal
): Promise<HeldAgent | null> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(HOLD_MS)])
  if (callbackAgentId === null || callbackAt === null) return await pool.next(HOLD_MS, limit)
  const own = await pool.only(callbackAgentId, HOLD_MS, now)
  const waitedMs = now().getTime() - callbackAt.getTime()
  if (own !== null || waitedMs < waitMs(campaign)) return own
  return await pool.next(HOLD_MS, limit)
}

/** So long a promised call waits for the agent who has promised it. */
function waitMs({ settings }: Campaign): number {
  return (settings.promiseWaitMinutes ?? WAIT_MINUTES) * 60_000
}
