import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { pino } from 'pino'
import { AgentService } from '../../server/agents/agent-service.ts'
import { startHeartbeat } from '../../server/calls/reconciler.ts'
import { newId } from '../../server/ids.ts'
import { QueueService } from '../../server/queues/queue-service.ts'
import type { QueueVisit } from '../../server/queues/queue-visit.ts'
import { type Db, openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { insertQueue } from '../../sql/queries/queues.ts'
import { WakeUps } from '../../sql/wake-ups.ts'
import { LANGUAGES, makeAgent, makeQueues, percentile, QUEUES, randomFrom, SKILLS } from './load.ts'
import { LANGUAGE_LEVELS } from '../../server/agents/profile.ts'
import { freshDatabase } from '../fresh-database.ts'

export type DatabaseResult = Readonly<{
  matches: number
  seconds: number
  p50Ms: number
  p99Ms: number
  waiting: number
  cpuMsPerMatch: number
}>

const TICK_MS = 10

/**
 * One control plane on PostgreSQL: agents become free at a steady rate, as if other control planes had stored it, and
 * what is measured is the time from the commit of that to the offer in the caller's hands. New callers keep the
 * queues full.
 */
export async function measureWithDatabase(
  server: string,
  options: Readonly<{ agents: number; callers: number; perSecond: number; seconds: number }>
): Promise<DatabaseResult> {
  await using stack = new AsyncDisposableStack()
  const url = await freshDatabase(server, stack)
  const database = stack.use(
    await openDatabase({ kind: 'postgres', url }, err => {
      throw err
    })
  )
  const { db } = database
  await migrate(db)
  const log = pino({ level: 'warn' })
  const controlPlaneId = newId()
  const queueIds = await fill(db, options.agents, controlPlaneId)
  stack.use(await startHeartbeat(db, controlPlaneId, log))
  const wakeUps = stack.use(
    await WakeUps.open(database, err => {
      throw err
    })
  )
  const agents = stack.use(
    await AgentService.start({ db, wakeUps, controlPlaneId, log, settings: { proofMs: 3_600_000 } })
  )
  const queues = stack.use(await QueueService.start({ db, wakeUps, agents, controlPlaneId, log }))

  const random = randomFrom(7)
  const freedAtMs = new Map<string, number>()
  const latencies: number[] = []
  const ends: AbortController[] = []
  let isOver = false
  let waiting = 0
  const listen = async (visit: QueueVisit) => {
    // A signal of its own, as every call has one.
    const gone = new AbortController()
    ends.push(gone)
    const event = await visit.next(gone.signal)
    if (event.kind !== 'offer') return
    waiting -= 1
    const sinceMs = freedAtMs.get(event.offer.agentId)
    freedAtMs.delete(event.offer.agentId)
    if (sinceMs !== undefined) latencies.push(performance.now() - sinceMs)
  }
  const addCallers = async (count: number) => {
    const prepared = Array.from({ length: count }, () => {
      const queue = queues.findQueue(queueIds[Math.floor(random() * queueIds.length)] ?? '')
      if (queue === undefined) throw new Error('a queue is missing')
      return queues.prepare(queue, {
        callId: newId(),
        queue: queue.id,
        language: LANGUAGES[Math.floor(random() * LANGUAGES.length)] ?? 'en',
        priority: 50,
        skills: [],
        placeFromAt: new Date(Date.now() - Math.floor(random() * 600_000)),
        calledNumber: null
      })
    })
    await db
      .insertInto('queue_entries')
      .values(prepared.map(one => one.row))
      .execute()
    waiting += count
    wakeUps.wake('entries')
    for (const { visit } of prepared)
      listen(visit).catch(err => {
        if (!isOver) throw err
      })
  }
  for (let added = 0; added < options.callers; added += 1_000) await addCallers(1_000)
  await sql`analyze`.execute(db)
  await queues.settled()

  const ids = (await db.selectFrom('agents').select('id').orderBy('id').execute()).map(row => row.id)
  const perTick = Math.round((options.perSecond * TICK_MS) / 1_000)
  const run = async (seconds: number) => {
    const startedAtMs = performance.now()
    let at = 0
    for (let tick = 0; tick * TICK_MS < seconds * 1_000; tick += 1) {
      const aheadMs = startedAtMs + tick * TICK_MS - performance.now()
      if (aheadMs > 0) await delay(aheadMs)
      const freed = Array.from({ length: perTick }, () => ids[at++ % ids.length] ?? '').filter(id => !freedAtMs.has(id))
      const arrivals = addCallers(perTick)
      await free(db, freed)
      // As the other control plane does.
      const told = sql`select pg_notify('parley_wake', 'agents')`.execute(db)
      const now = performance.now()
      for (const id of freed) freedAtMs.set(id, now)
      await Promise.all([arrivals, told])
    }
    return (performance.now() - startedAtMs) / 1_000
  }
  await run(3)
  latencies.length = 0
  const cpuBefore = process.cpuUsage()
  const seconds = await run(options.seconds)
  const cpu = process.cpuUsage(cpuBefore)
  const sorted = latencies.toSorted((one, other) => one - other)
  isOver = true
  for (const end of ends) end.abort()
  return {
    matches: sorted.length,
    seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    waiting,
    cpuMsPerMatch: (cpu.user + cpu.system) / 1_000 / Math.max(1, sorted.length)
  }
}

async function free(db: Db, ids: readonly string[]): Promise<void> {
  await sql`update agents set state = 'idle', state_since = now(), idle_since = now(), offer_id = null, call_id = null,
    queue_id = null, status = 'available' where id = any(${[...ids]})`.execute(db)
}

async function fill(db: Db, count: number, controlPlaneId: string): Promise<readonly string[]> {
  const queues = makeQueues(() => newId())
  await db
    .insertInto('skills')
    .values(SKILLS.map(name => ({ name })))
    .execute()
  for (const queue of queues)
    await insertQueue(db, {
      id: queue.id,
      name: queue.name,
      strategy: queue.strategy,
      tiers: JSON.stringify(queue.tiers),
      priority: queue.priority,
      ageing_per_minute: queue.ageingPerMinute,
      ring_ms: queue.ringMs,
      announce: 'null',
      waits_without_agents: true,
      goal_percent: null,
      max_size: null,
      max_wait_ms: null,
      music: null,
      callback_after_ms: null
    })
  const random = randomFrom(3)
  for (let made = 0; made < count; made += 500) {
    const crew = Array.from({ length: 500 }, () => makeAgent(newId(), random, false))
    await db
      .insertInto('users')
      .values(
        crew.map(agent => ({
          id: agent.id,
          username: agent.id,
          display_name: agent.id,
          password_hash: '',
          role: 'agent' as const
        }))
      )
      .execute()
    await db
      .insertInto('agents')
      .values(
        crew.map(({ id }) => ({
          id,
          status: 'onBreak' as const,
          is_routable: true,
          not_routable: [],
          proof_reasons: [],
          control_plane_id: controlPlaneId
        }))
      )
      .execute()
    await db
      .insertInto('agent_skills')
      .values(
        crew.flatMap(({ id, profile }) => [...profile.skills].map(([skill, level]) => ({ agent_id: id, skill, level })))
      )
      .execute()
    await db
      .insertInto('agent_languages')
      .values(
        crew.flatMap(({ id, profile }) =>
          [...profile.languages].map(([language, rank]) => ({
            agent_id: id,
            language,
            level: LANGUAGE_LEVELS[rank - 1] ?? ('A1' as const)
          }))
        )
      )
      .execute()
  }
  if (queues.length !== QUEUES) throw new Error('queues are missing')
  return queues.map(queue => queue.id)
}
