import type { AgentView } from '../agents/agent-service.ts'
import { isFree } from '../agents/agent.ts'
import { boardOf } from './distribute.ts'
import { firstTierFor, hasSkills, speaks } from './eligibility.ts'
import { type Queue, tiersOf } from './queue.ts'
import type { Candidate, Snapshot, Waiting } from './snapshot.ts'

/** Why no call of a queue comes to an agent now; null when one can. */
export type WhyNot =
  | null
  | 'nothingWaiting'
  | 'notAvailable'
  | 'notRoutable'
  | 'closed'
  | 'skillMissing'
  | 'languageMissing'
  | 'othersFirst'
  | 'laterTier'

export type DeskQueueFacts = Readonly<{
  id: string
  name: string
  waiting: number
  longestWaitMs: number
  whyNot: WhyNot
}>

/** The callers of a queue by what they need: one of each kind, the next in turn. */
export type Need = Readonly<{ waiting: Waiting; tier: number; onlyAgentId: string | null; freeCount: number }>

type Asked = Readonly<{ isAvailable: boolean; isRoutable: boolean; isOpen: boolean; waiting: number }>

/**
 * "Why no calls?": the first reason that holds, in the order in which an agent could do something about it. `needs`
 * comes from the very index that decides.
 */
export function whyNot(
  agent: Pick<Candidate, 'id' | 'profile' | 'work'>,
  queue: Queue,
  needs: Iterable<Need>,
  asked: Asked
): WhyNot {
  const tiers = tiersOf(queue)
  if (!tiers.some(tier => hasSkills(agent.profile, tier, []))) return 'skillMissing'
  if (firstTierFor(agent.profile, tiers, [], null) === -1) return 'languageMissing'
  if (!asked.isAvailable) return 'notAvailable'
  if (!asked.isRoutable) return 'notRoutable'
  if (asked.waiting === 0) return asked.isOpen ? 'nothingWaiting' : 'closed'
  let reason: WhyNot = 'othersFirst'
  for (const { waiting, tier, onlyAgentId, freeCount } of needs) {
    if (!agent.work.includes(waiting.kind)) continue
    const own = firstTierFor(agent.profile, tiers, waiting.skills, waiting.language)
    if (own === -1) {
      const isLanguage = tiers.some(
        one => hasSkills(agent.profile, one, waiting.skills) && !speaks(agent.profile, one, waiting.language)
      )
      reason = worse(reason, isLanguage ? 'languageMissing' : 'skillMissing')
    } else if (own > tier) reason = worse(reason, 'laterTier')
    else if (onlyAgentId !== null && onlyAgentId !== agent.id) reason = worse(reason, 'othersFirst')
    else if (waiting.kind !== 'inbound' && freeCount <= queue.keepFree) reason = worse(reason, 'othersFirst')
    else return null
  }
  return reason
}

/** Of several kinds of callers who wait, the one that comes nearest to this agent says why. */
const NEARNESS: readonly WhyNot[] = ['othersFirst', 'skillMissing', 'languageMissing', 'laterTier']

function worse(one: WhyNot, other: WhyNot): WhyNot {
  return NEARNESS.indexOf(other) > NEARNESS.indexOf(one) ? other : one
}

/** The same answer from a whole snapshot, without a running service. */
export function explain(
  agentId: string,
  queueId: string,
  snapshot: Snapshot,
  facts: Readonly<{ isOpen: boolean; isAvailable: boolean; isRoutable: boolean }>,
  nowMs: number
): WhyNot {
  const agent = snapshot.agents.find(one => one.id === agentId)
  const queue = snapshot.queues.find(one => one.id === queueId)
  if (agent === undefined || queue === undefined) return 'notAvailable'
  const waiting = snapshot.entries.filter(entry => entry.queueId === queueId).length
  return whyNot(agent, queue, boardOf(snapshot, nowMs).needs(queueId), { ...facts, waiting })
}

/** The queues that an agent could ever serve, and those where callers wait whom the agent cannot serve. */
export function deskQueues(
  agent: AgentView,
  queues: readonly Queue[],
  now: Date,
  parts: Readonly<{
    isOpen(queue: Queue): boolean
    load(queue: Queue): Readonly<{ waiting: number; longestWaitMs: number }>
    needs(queue: Queue): Iterable<Need>
  }>
): readonly DeskQueueFacts[] {
  return queues.flatMap(queue => {
    const load = parts.load(queue)
    const isOwn = tiersOf(queue).some(tier => hasSkills(agent.profile, tier, []))
    if (!isOwn && load.waiting === 0) return []
    const reason = whyNot(agent, queue, parts.needs(queue), {
      isAvailable: agent.status === 'available' && agent.state === 'idle' && (!agent.isRoutable || isFree(agent, now)),
      isRoutable: agent.isRoutable,
      isOpen: parts.isOpen(queue),
      waiting: load.waiting
    })
    return [{ id: queue.id, name: queue.name, ...load, whyNot: reason }]
  })
}
