import type { Updateable } from 'kysely'
import { Type } from 'typebox'
import type { Db } from '../../../sql/database.ts'
import {
  findQueue,
  findQueueUses,
  insertQueue,
  listQueues,
  listSkills,
  type QueueRow,
  updateQueue
} from '../../../sql/queries/queues.ts'
import type { QueuesTable } from '../../../sql/queue-tables.ts'
import type { AgentService, AgentView } from '../../agents/agent-service.ts'
import { isFree } from '../../agents/agent.ts'
import { AppError, type InputProblem, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { firstTierFor } from '../../queues/eligibility.ts'
import { fromQueueRow } from '../../queues/queue-rows.ts'
import type { QueueService } from '../../queues/queue-service.ts'
import { tiersOf } from '../../queues/queue.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import {
  decodeCursor,
  IdParams,
  LanguageTag,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'
import {
  calendarProblems,
  NewQueueSchema,
  type QueueChange,
  QueueChangeSchema,
  QueueSchema,
  SkillName
} from './queue-schemas.ts'
import { tryOut } from './queue-try.ts'

/** What the routes of queues and agents need. */
export type QueueRouteParts = Readonly<{ db: Db; queues: QueueService; agents: AgentService }>

const UsesSchema = Type.Object({
  flows: Type.Array(Type.String()),
  numbers: Type.Array(Type.String()),
  queues: Type.Array(Type.String()),
  agents: Type.Integer({ description: 'Agents who can serve it' }),
  waiting: Type.Integer(),
  callbacks: Type.Integer()
})

const ReachedSchema = Type.Object({ id: Type.String(), name: Type.String(), isFree: Type.Boolean() })

const WhyNotSchema = Type.Union([
  Type.Null(),
  Type.Enum([
    'nothingWaiting',
    'notAvailable',
    'notRoutable',
    'closed',
    'skillMissing',
    'languageMissing',
    'othersFirst',
    'laterTier'
  ])
])

/** Queues: who waits where, and who may answer. */
export function registerQueueRoutes(app: App, { db, queues, agents }: QueueRouteParts): void {
  app.get(
    '/queues',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'List queues',
        tags: ['queues'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(QueueSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listQueues(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(rows, limit, toQueue, row => [row.id])
    }
  )

  app.get(
    '/queues/:id',
    {
      config: { access: 'queues:read' },
      schema: { summary: 'Read a queue', tags: ['queues'], params: IdParams, response: responses({ 200: QueueSchema }) }
    },
    async request => toQueue(await existing(request.params.id))
  )

  app.post(
    '/queues',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Add a queue',
        tags: ['queues'],
        body: NewQueueSchema,
        response: responses({ 201: QueueSchema })
      }
    },
    async (request, reply) => {
      const { name, ...change } = request.body
      await refuseWrong(change)
      const id = newId()
      await insertQueue(db, {
        id,
        name,
        goal_percent: null,
        max_size: null,
        max_wait_ms: null,
        music: null,
        callback_after_ms: null,
        ...toColumns(change)
      }).catch(refuseDuplicate(`A queue ${name} exists.`))
      await audit(db, request, 'queue.created', { kind: 'queue', id }, { name })
      await queues.settled()
      return reply.status(201).send(toQueue(await existing(id)))
    }
  )

  app.patch(
    '/queues/:id',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Change a queue',
        description: 'Holds at once, also for callers who wait already.',
        tags: ['queues'],
        params: IdParams,
        body: QueueChangeSchema,
        response: responses({ 200: QueueSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { version, name, ...change } = request.body
      const before = await existing(id)
      if (version !== undefined && version !== Number(before.version))
        throw new AppError('CONFLICT', 'Somebody else has changed this queue meanwhile. Read it again and compare.')
      await refuseWrong(change, before)
      const columns = { ...toColumns(change), ...(name !== undefined && { name }) }
      if (name !== undefined && name !== before.name) await refuseUsed(before, 'renamed')
      await updateQueue(db, id, columns).catch(refuseDuplicate(`A queue ${name ?? ''} exists.`))
      const after = await existing(id)
      await audit(db, request, 'queue.changed', { kind: 'queue', id }, differences(toQueue(before), toQueue(after)))
      await queues.settled()
      return toQueue(after)
    }
  )

  app.delete(
    '/queues/:id',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Remove a queue that nothing uses',
        tags: ['queues'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const row = await existing(id)
      await refuseUsed(row, 'removed')
      await updateQueue(db, id, { deleted_at: new Date() })
      await audit(db, request, 'queue.removed', { kind: 'queue', id }, { name: row.name })
      await queues.settled()
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/queues/:id/reach',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'Whom a queue reaches, tier by tier, and what uses it',
        tags: ['queues'],
        params: IdParams,
        querystring: Type.Object({
          language: Type.Optional(Type.Intersect([LanguageTag, Type.String({ description: 'Without: any language' })]))
        }),
        response: responses({
          200: Type.Object({
            tiers: Type.Array(
              Type.Object({
                afterMs: Type.Integer(),
                free: Type.Integer({ description: 'Of those who are added here' }),
                added: Type.Array(ReachedSchema)
              })
            ),
            uses: UsesSchema
          })
        })
      }
    },
    async request => {
      const row = await existing(request.params.id)
      const queue = fromQueueRow(row)
      const tiers = tiersOf(queue)
      const now = new Date()
      const reached = agents.views().map(agent => ({
        agent,
        tier: firstTierFor(agent.profile, tiers, [], request.query.language ?? null)
      }))
      return {
        tiers: tiers.map((tier, at) => {
          const added = reached.filter(one => one.tier === at).map(({ agent }) => toReached(agent, now))
          return { afterMs: tier.afterMs, free: added.filter(one => one.isFree).length, added }
        }),
        uses: await usesOf(row)
      }
    }
  )

  app.post(
    '/queues/:id/try',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'Which agent distribution would pick for a caller now, and why not the others',
        tags: ['queues'],
        params: IdParams,
        body: Type.Object(
          {
            language: LanguageTag,
            skills: Type.Optional(Type.Array(SkillName, { maxItems: 20 })),
            waitedMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
            stickyAgentId: Type.Optional(Type.String({ maxLength: 64 }))
          },
          { additionalProperties: false }
        ),
        response: responses({
          200: Type.Object({
            picked: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
            tier: Type.Union([Type.Integer(), Type.Null()]),
            reason: NullableString,
            agents: Type.Array(
              Type.Object({
                id: Type.String(),
                name: Type.String(),
                whyNot: WhyNotSchema
              })
            )
          })
        })
      }
    },
    async request => {
      const queue = fromQueueRow(await existing(request.params.id))
      const { language, skills = [], waitedMs = 0, stickyAgentId = null } = request.body
      return tryOut(queue, { language, skills, waitedMs, stickyAgentId }, agents.views())
    }
  )

  async function existing(id: string): Promise<QueueRow> {
    const row = await findQueue(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No queue has this id.')
    return row
  }

  async function usesOf(row: QueueRow) {
    const { flows, ...uses } = await findQueueUses(db, row)
    const numbers =
      flows.length === 0
        ? []
        : await db
            .selectFrom('numbers')
            .innerJoin('flows', 'flows.id', 'numbers.flow_id')
            .select('numbers.number as number')
            .where('flows.name', 'in', [...flows])
            .orderBy('numbers.number')
            .limit(200)
            .execute()
    const tiers = tiersOf(fromQueueRow(row))
    const able = agents.views().filter(agent => firstTierFor(agent.profile, tiers, [], null) !== -1)
    return {
      ...uses,
      queues: [...uses.queues],
      flows: [...flows],
      numbers: numbers.map(one => one.number),
      agents: able.length
    }
  }

  async function refuseUsed(row: QueueRow, what: 'removed' | 'renamed'): Promise<void> {
    const uses = await findQueueUses(db, row)
    const places = [
      ...uses.flows.map(name => `flow ${name}`),
      ...uses.queues.map(name => `queue ${name}`),
      ...(uses.waiting > 0 ? [`${uses.waiting} callers`] : []),
      ...(uses.callbacks > 0 ? [`${uses.callbacks} callbacks`] : [])
    ]
    if (places.length > 0) throw new AppError('IN_USE', `It cannot be ${what}: it is used by ${places.join(', ')}.`)
  }

  async function refuseWrong(change: Omit<QueueChange, 'name' | 'version'>, before?: QueueRow): Promise<void> {
    const problems: InputProblem[] = []
    if (change.calendar) problems.push(...calendarProblems(change.calendar, '/body/calendar'))
    const wrapUpMs = change.wrapUpMs ?? before?.wrap_up_ms ?? 30_000
    if (wrapUpMs > (change.wrapUpLimitMs ?? before?.wrap_up_limit_ms ?? 300_000))
      problems.push({ at: '/body/wrapUpLimitMs', message: 'is shorter than the wrap-up itself' })
    const known = new Set((await listSkills(db)).map(skill => skill.name))
    for (const [at, tier] of (change.tiers ?? []).entries())
      for (const { skill } of tier.skills)
        if (!known.has(skill)) problems.push({ at: `/body/tiers/${at}/skills`, message: `there is no skill ${skill}` })
    for (const field of ['overflow', 'afterHours'] as const) {
      const destination = change[field]
      if (destination?.kind !== 'queue') continue
      const target = queues.findQueue(destination.value)
      if (target === undefined)
        problems.push({ at: `/body/${field}/value`, message: `there is no queue ${destination.value}` })
      else if (target.id === before?.id)
        problems.push({ at: `/body/${field}/value`, message: 'a queue cannot overflow into itself' })
    }
    if (problems.length > 0)
      throw new AppError('VALIDATION_FAILED', problems.map(one => `${one.at} ${one.message}`).join('; '), { problems })
  }
}

function toReached(agent: AgentView, now: Date) {
  return { id: agent.id, name: agent.profile.displayName, isFree: isFree(agent, now) }
}

function toQueue(row: QueueRow) {
  const { tiers, labels, announce, ...rest } = fromQueueRow(row)
  return {
    ...rest,
    labels: { ...labels },
    announce: announce === null ? null : { ...announce },
    tiers: tiers.map(tier => ({ ...tier, skills: tier.skills.map(skill => ({ ...skill })) })),
    version: Number(row.version)
  }
}

function toColumns(change: Omit<QueueChange, 'name' | 'version'>): Updateable<QueuesTable> {
  const json = <T>(value: T | null) => (value === null ? null : JSON.stringify(value))
  return {
    ...(change.labels !== undefined && { labels: JSON.stringify(change.labels) }),
    ...(change.strategy !== undefined && { strategy: change.strategy }),
    ...(change.tiers !== undefined && { tiers: JSON.stringify(change.tiers) }),
    ...(change.thresholdMs !== undefined && { threshold_ms: change.thresholdMs }),
    ...(change.goalPercent !== undefined && { goal_percent: change.goalPercent }),
    ...(change.priority !== undefined && { priority: change.priority }),
    ...(change.ageingPerMinute !== undefined && { ageing_per_minute: change.ageingPerMinute }),
    ...(change.maxSize !== undefined && { max_size: change.maxSize }),
    ...(change.maxWaitMs !== undefined && { max_wait_ms: change.maxWaitMs }),
    ...(change.calendar !== undefined && { calendar: json(change.calendar) }),
    ...(change.wrapUpMs !== undefined && { wrap_up_ms: change.wrapUpMs }),
    ...(change.wrapUpLimitMs !== undefined && { wrap_up_limit_ms: change.wrapUpLimitMs }),
    ...(change.ringMs !== undefined && { ring_ms: change.ringMs }),
    ...(change.isAutoAnswered !== undefined && { is_auto_answered: change.isAutoAnswered }),
    ...(change.stickyWaitMs !== undefined && { sticky_wait_ms: change.stickyWaitMs }),
    ...(change.ringAllMax !== undefined && { ring_all_max: change.ringAllMax }),
    ...(change.keepFree !== undefined && { keep_free: change.keepFree }),
    ...(change.waitsWithoutAgents !== undefined && { waits_without_agents: change.waitsWithoutAgents }),
    ...(change.overflow !== undefined && { overflow: json(change.overflow) }),
    ...(change.afterHours !== undefined && { after_hours: json(change.afterHours) }),
    ...(change.announce !== undefined && { announce: JSON.stringify(change.announce) }),
    ...(change.music !== undefined && { music: change.music }),
    ...(change.script !== undefined && { script: change.script }),
    ...(change.callbackAfterMs !== undefined && { callback_after_ms: change.callbackAfterMs })
  }
}

/** What a change did, for the history: each field that is different, before and after. */
function differences(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>) {
  const changed = Object.keys(after).filter(
    key => key !== 'version' && JSON.stringify(before[key]) !== JSON.stringify(after[key])
  )
  return Object.fromEntries(changed.map(key => [key, { before: before[key], after: after[key] }]))
}
