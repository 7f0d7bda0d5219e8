import { firstTierFor } from '../../server/queues/eligibility.ts'
import { type Queue, tiersOf } from '../../server/queues/queue.ts'
import type { Candidate, Waiting } from '../../server/queues/snapshot.ts'

type Row = { agent: Candidate; level: number; isWaiting: boolean }

/**
 * FreeSWITCH's mod_callcenter as its documentation describes it: agents belong to queues by tiers (queue, agent, level),
 * waiting members are walked from the highest score (base score + seconds waited), and for each one the agents of its
 * queue are looked up by level, then by the strategy longest-idle-agent. In memory, where the module asks SQLite, and with
 * tier rules off: both in its favour.
 */
export class ModCallcenter {
  readonly #tiers = new Map<string, Row[]>()
  readonly #rows = new Map<string, Row[]>()
  readonly #members = new Map<string, Waiting>()

  constructor(queues: readonly Queue[], agents: readonly Candidate[]) {
    for (const queue of queues) this.#tiers.set(queue.id, [])
    for (const agent of agents) {
      const own: Row[] = []
      this.#rows.set(agent.id, own)
      for (const queue of queues) {
        // It knows neither levels of skill nor languages: whoever may ever answer is in the tier.
        const level = firstTierFor(agent.profile, tiersOf(queue), [], null)
        if (level === -1) continue
        const row = { agent, level, isWaiting: agent.isFree }
        own.push(row)
        this.#tiers.get(queue.id)?.push(row)
      }
    }
  }

  setWaiting(agentId: string, isWaiting: boolean): void {
    for (const row of this.#rows.get(agentId) ?? []) row.isWaiting = isWaiting
  }

  add(member: Waiting): void {
    this.#members.set(member.id, member)
  }

  /** One round of its member thread: every member in order of score, each with the best agent of its queue. */
  round(nowMs: number): { entryId: string; agentId: string }[] {
    const members = [...this.#members.values()].sort((one, other) => score(other, nowMs) - score(one, nowMs))
    const matches: { entryId: string; agentId: string }[] = []
    for (const member of members) {
      const [best] = (this.#tiers.get(member.queueId) ?? [])
        .filter(row => row.isWaiting)
        .sort((one, other) => one.level - other.level || one.agent.idleSinceMs - other.agent.idleSinceMs)
      if (best === undefined) continue
      this.setWaiting(best.agent.id, false)
      this.#members.delete(member.id)
      matches.push({ entryId: member.id, agentId: best.agent.id })
    }
    return matches
  }
}

function score(member: Waiting, nowMs: number): number {
  return member.priority + (nowMs - member.placeFromMs) / 1_000
}
