import type { Db } from '../../sql/database.ts'
import { type EntryRow, readServiceTimes, type ServiceTimes } from '../../sql/queries/queue-entries.ts'
import type { AgentService } from '../agents/agent-service.ts'
import type { Board } from './board.ts'
import { firstTierFor } from './eligibility.ts'
import { estimateWait } from './estimate.ts'
import { type Queue, tiersOf } from './queue.ts'

/** Places are worked out again after this time: fifty thousand callers ask for theirs. */
const RANKING_MS = 1_000
const SERVICE_TIMES_MS = 15_000
/** Handling times of calls answered within this time say how long the next take. */
const SERVICE_WINDOW_MS = 1_800_000

/** Which place a waiting caller has, and for how long it will probably be one. */
export class Places {
  readonly #db: Db
  readonly #board: Board
  readonly #agents: AgentService
  readonly #nowMs: () => number
  readonly #rankings = new Map<string, { atMs: number; positions: ReadonlyMap<string, number> }>()
  #serviceTimes: ReadonlyMap<string, ServiceTimes> = new Map()
  #readAtMs = Number.NEGATIVE_INFINITY

  constructor(db: Db, board: Board, agents: AgentService, nowMs: () => number) {
    this.#db = db
    this.#board = board
    this.#agents = agents
    this.#nowMs = nowMs
  }

  /** 1 is next; null for who does not wait. A second old at most. */
  position(entry: EntryRow): number | null {
    const known = this.#rankings.get(entry.queue_id)
    const nowMs = this.#nowMs()
    const isFresh = known !== undefined && nowMs - known.atMs < RANKING_MS
    const place = isFresh ? known.positions.get(entry.id) : undefined
    // Somebody new, or put back just now, has no place in an older ranking.
    if (place !== undefined || (isFresh && entry.state !== 'waiting')) return place ?? null
    const positions = new Map(this.#board.ranking(entry.queue_id).map((id, at) => [id, at + 1]))
    this.#rankings.set(entry.queue_id, { atMs: nowMs, positions })
    return positions.get(entry.id) ?? null
  }

  /** Milliseconds, or null when there is nothing to base a prediction on. See estimate.ts. */
  estimatedWaitMs(entry: EntryRow, queue: Queue): number | null {
    const position = this.position(entry)
    if (position === null) return null
    const able = this.#agents
      .views()
      .filter(
        agent =>
          agent.status === 'available' &&
          agent.work.includes(entry.kind) &&
          firstTierFor(agent.profile, tiersOf(queue), entry.skills, entry.language) !== -1
      )
    const times = this.#serviceTimes.get(queue.id)
    return estimateWait({
      position,
      agents: able.length,
      freeAgents: able.filter(agent => agent.state === 'idle' && agent.isRoutable).length,
      answered: times?.answered ?? 0,
      meanHandleMs: times?.handleMs ?? 0
    })
  }

  /** Reads the handling times again when they are old. Returns whether it did. */
  async refresh(): Promise<boolean> {
    const nowMs = this.#nowMs()
    if (nowMs - this.#readAtMs < SERVICE_TIMES_MS) return false
    const times = await readServiceTimes(this.#db, new Date(nowMs - SERVICE_WINDOW_MS))
    this.#serviceTimes = new Map(times.map(one => [one.queueId, one]))
    this.#readAtMs = nowMs
    return true
  }
}
