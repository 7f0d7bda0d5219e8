import { Writable } from 'node:stream'
import { pino } from 'pino'
import { startHeartbeat } from '../../../server/calls/reconciler.ts'
import { AgentService, type AgentView } from '../../../server/agents/agent-service.ts'
import type { LanguageLevel } from '../../../server/agents/profile.ts'
import { newId } from '../../../server/ids.ts'
import type { QueueVisitRequest } from '../../../server/queues/queue-request.ts'
import { QueueService } from '../../../server/queues/queue-service.ts'
import type { QueueVisit, VisitEvent } from '../../../server/queues/queue-visit.ts'
import { type Database, openDatabase } from '../../../sql/database.ts'
import { migrate } from '../../../sql/migrate.ts'
import { insertUser } from '../../../sql/queries/access.ts'
import { beatControlPlane } from '../../../sql/queries/control-planes.ts'
import { insertQueue } from '../../../sql/queries/queues.ts'
import { WakeUps } from '../../../sql/wake-ups.ts'
import { freshPglite } from '../../support/database-template.ts'
import type { TestDatabase } from '../../support/parley.ts'
import { freshDatabase } from '../../support/postgres-database.ts'

/** One control plane's part: its agents and its queues. */
export type ControlPlane = Readonly<{
  id: string
  agents: AgentService
  queues: QueueService
  /** As `kill -9` would: nothing is tidied up, and the heartbeat stops. */
  kill(): Promise<void>
}>

/** An installation with a database of its own and as many control planes as a test starts. */
export class Installation implements AsyncDisposable {
  readonly database: Database
  readonly logs: string[] = []
  readonly #stack: AsyncDisposableStack

  private constructor(database: Database, stack: AsyncDisposableStack) {
    this.database = database
    this.#stack = stack
  }

  get db() {
    return this.database.db
  }

  static async open(kind: TestDatabase): Promise<Installation> {
    await using stack = new AsyncDisposableStack()
    const location =
      kind === 'pglite'
        ? ({ kind, folder: await freshPglite(stack) } as const)
        : ({ kind, url: await freshDatabase(stack) } as const)
    let isClosing = false
    const database = stack.use(
      await openDatabase(location, err => {
        // Dropping the database at the end may reach connections that are closing.
        if (!isClosing) throw err
      })
    )
    stack.defer(() => {
      isClosing = true
    })
    await migrate(database.db)
    return new Installation(database, stack.move())
  }

  async start(settings: { now?: () => Date; graceMs?: number; missesAllowed?: number } = {}): Promise<ControlPlane> {
    const id = newId()
    const log = pino(
      { level: 'debug' },
      new Writable({
        write: (line, _encoding, done) => {
          this.logs.push(String(line))
          done()
        }
      })
    )
    const beat = await startHeartbeat(this.db, id, log)
    const wakeUps = await WakeUps.open(this.database, err => {
      throw err
    })
    const { now, ...rest } = settings
    const shared = { db: this.db, wakeUps, controlPlaneId: id, log, ...(now !== undefined && { now }) }
    const agents = await AgentService.start({ ...shared, settings: rest })
    const queues = await QueueService.start({ ...shared, agents })
    const { db } = this
    let isStopped = false
    const stop = async () => {
      if (isStopped) return
      isStopped = true
      await queues[Symbol.asyncDispose]()
      await agents[Symbol.asyncDispose]()
      await wakeUps[Symbol.asyncDispose]()
    }
    this.#stack.defer(async () => {
      await stop()
      await beat[Symbol.asyncDispose]()
    })
    return {
      id,
      agents,
      queues,
      async kill() {
        await stop()
        await beat[Symbol.asyncDispose]()
        // The dead do not take their row away.
        await beatControlPlane(db, id)
      }
    }
  }

  async addQueue(change: Partial<Parameters<typeof insertQueue>[1]> & { name: string }): Promise<string> {
    const id = newId()
    await insertQueue(this.db, {
      id,
      goal_percent: null,
      max_size: null,
      max_wait_ms: null,
      music: null,
      callback_after_ms: null,
      waits_without_agents: true,
      ...change
    })
    return id
  }

  async addSkill(name: string): Promise<void> {
    await this.db.insertInto('skills').values({ name }).execute()
  }

  /** Somebody at a desk, ready for calls unless told otherwise. */
  async addAgent(
    plane: ControlPlane,
    username: string,
    change: {
      skills?: Record<string, number>
      languages?: Record<string, LanguageLevel>
      isReady?: boolean
    } = {}
  ): Promise<string> {
    const id = newId()
    await insertUser(this.db, {
      id,
      username,
      displayName: username,
      passwordHash: '',
      role: 'agent',
      language: 'en'
    })
    await plane.agents.signIn(id)
    await plane.agents.setProfile(id, {
      skills: Object.entries(change.skills ?? {}).map(([skill, level]) => ({ skill, level })),
      languages: Object.entries(change.languages ?? { en: 'C2' }).map(([language, level]) => ({
        language,
        level: level as LanguageLevel
      }))
    })
    if (change.isReady ?? true) await ready(plane, id)
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** Connects the softphone, proves it and chooses Available. */
export async function ready(plane: ControlPlane, agentId: string): Promise<void> {
  await plane.agents.attach(agentId)
  await plane.agents.proof(agentId, { isRoutable: true, reasons: [] })
  await plane.agents.setStatus(agentId, 'available', null)
}

export async function enter(
  plane: ControlPlane,
  queue: string,
  change: Partial<QueueVisitRequest> = {}
): Promise<QueueVisit> {
  const entering = await plane.queues.enter({
    callId: newId(),
    queue,
    language: 'en',
    priority: 50,
    skills: [],
    calledNumber: '+12025550100',
    ...change
  })
  if (entering.kind !== 'waiting') throw new Error(`the caller may not wait: ${entering.kind}`)
  return entering.visit
}

/** The next thing that happens to a caller, within five seconds. */
export async function next(visit: QueueVisit, limitMs = 5_000): Promise<VisitEvent> {
  return await visit.next(AbortSignal.timeout(limitMs))
}

/** The next offer to a caller, past announcements. */
export async function nextOffer(visit: QueueVisit, limitMs = 5_000) {
  const signal = AbortSignal.timeout(limitMs)
  for (;;) {
    const event = await visit.next(signal)
    if (event.kind === 'offer') return event.offer
    if (event.kind !== 'announce') throw new Error(`an offer was expected, not ${event.kind}`)
  }
}

/** Resolves with the agent once it is as wanted, as this control plane sees it. */
export async function until(
  plane: ControlPlane,
  agentId: string,
  isWanted: (agent: AgentView) => boolean,
  limitMs = 5_000
): Promise<AgentView> {
  const known = plane.agents.view(agentId)
  if (known !== undefined && isWanted(known)) return known
  const done = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<AgentView>()
  const limit = setTimeout(
    () => reject(new Error(`the agent is still ${JSON.stringify(plane.agents.view(agentId))}`)),
    limitMs
  )
  plane.agents.onChange(view => {
    if (view.id === agentId && isWanted(view)) resolve(view)
  }, done.signal)
  try {
    return await promise
  } finally {
    clearTimeout(limit)
    done.abort()
  }
}
