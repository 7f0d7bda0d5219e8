import { DateTime } from 'luxon'
import { Type } from 'typebox'
import { isTimeZone } from '../../../ivr-flows/calendar/local-time.ts'
import { listSkills } from '../../../sql/queries/queues.ts'
import { readAgentCalls, readAgentDay, readAgentTimes } from '../../../sql/reports/agent-report.ts'
import { NO_TIMES, timeFigures } from '../../../sql/reports/definitions.ts'
import type { AgentView } from '../../agents/agent-service.ts'
import { LANGUAGE_LEVELS, type LanguageLevel, languageRank, spokenLanguage } from '../../agents/profile.ts'
import { AppError } from '../../errors.ts'
import { firstTierFor } from '../../queues/eligibility.ts'
import { tiersOf } from '../../queues/queue.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { numberFor } from '../../number-mask.ts'
import {
  decodeCursor,
  IdParams,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'
import { AgentLanguageSchema, AgentSkillSchema } from './queue-schemas.ts'
import type { QueueRouteParts } from './queues.ts'

const StatusSchema = Type.Enum(['offline', 'available', 'onBreak'])
const WorkSchema = Type.Array(Type.Enum(['inbound', 'callback', 'campaign']), { uniqueItems: true })

const AgentSchema = Type.Object({
  id: Type.String(),
  username: Type.String(),
  name: Type.String(),
  status: StatusSchema,
  statusReason: NullableString,
  statusSince: Type.String(),
  nextStatus: Type.Union([Type.Object({ status: StatusSchema, reason: NullableString }), Type.Null()]),
  state: Type.Enum(['idle', 'reserved', 'ringing', 'talking', 'wrapUp']),
  stateSince: Type.String(),
  isRoutable: Type.Boolean(),
  notRoutable: Type.Array(Type.String()),
  missed: NullableString,
  callId: NullableString,
  queueId: NullableString,
  hasDeskPhone: Type.Boolean(),
  work: WorkSchema,
  skills: Type.Array(AgentSkillSchema),
  languages: Type.Array(AgentLanguageSchema),
  queues: Type.Array(Type.Object({ id: Type.String(), name: Type.String() }), {
    description: 'Queues that can reach the agent, at once or after a wait'
  })
})

const DaySchema = Type.Object({
  from: Type.String(),
  until: Type.String(),
  timeZone: Type.String(),
  breakMs: Type.Integer(),
  idleMs: Type.Integer(),
  ringingMs: Type.Integer(),
  talkingMs: Type.Integer(),
  wrapUpMs: Type.Integer(),
  signedInMs: Type.Integer(),
  occupancy: Type.Union([Type.Number(), Type.Null()]),
  spans: Type.Array(
    Type.Object({
      status: Type.String(),
      statusReason: NullableString,
      state: Type.String(),
      callId: NullableString,
      queueId: NullableString,
      startedAt: Type.String(),
      endedAt: NullableDate
    })
  ),
  calls: Type.Array(
    Type.Object({
      callId: Type.String(),
      direction: NullableString,
      number: NullableString,
      queueId: NullableString,
      disposition: NullableString,
      note: NullableString,
      startedAt: Type.String(),
      talkMs: Type.Integer()
    })
  )
})

const DayQuery = Type.Object({
  date: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'By default today' })),
  timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'By default UTC' }))
})

/** Agents: what they do, what they can do, and their day. */
export function registerAgentRoutes(app: App, { db, agents, queues }: QueueRouteParts): void {
  app.get(
    '/agents',
    {
      config: { access: 'agents:read' },
      schema: {
        summary: 'List agents',
        tags: ['agents'],
        querystring: Type.Object({
          ...PageQuery.properties,
          status: Type.Optional(StatusSchema),
          queueId: Type.Optional(Type.String({ maxLength: 64 })),
          search: Type.Optional(Type.String({ maxLength: 100, description: 'Part of the name, in any case' }))
        }),
        response: responses({ 200: pageOf(AgentSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, status, queueId, search = '' } = request.query
      const after = decodeCursor(cursor, 1)?.[0] ?? ''
      const queue = queueId === undefined ? undefined : queues.findQueue(queueId)
      const wanted = search.toLocaleLowerCase()
      const found = agents
        .views()
        .filter(
          agent =>
            agent.id > after &&
            (status === undefined || agent.status === status) &&
            (queueId === undefined ||
              (queue !== undefined && firstTierFor(agent.profile, tiersOf(queue), [], null) !== -1)) &&
            `${agent.profile.displayName} ${agent.profile.username}`.toLocaleLowerCase().includes(wanted)
        )
        .sort((one, other) => (one.id < other.id ? -1 : 1))
      return toPage(found.slice(0, limit + 1), limit, toAgent, agent => [agent.id])
    }
  )

  app.get(
    '/agents/me/day',
    {
      config: { access: 'softphone' },
      schema: {
        summary: 'The own day: what was done when, and the own calls',
        tags: ['agents'],
        querystring: DayQuery,
        response: responses({ 200: DaySchema })
      }
    },
    async request => await dayOf(actorOf(request).id, request.query, number => numberFor(actorOf(request).role, number))
  )

  app.get(
    '/agents/:id',
    {
      config: { access: 'agents:read' },
      schema: {
        summary: 'Read an agent',
        tags: ['agents'],
        params: IdParams,
        response: responses({ 200: AgentSchema })
      }
    },
    async request => toAgent(existing(request.params.id))
  )

  app.get(
    '/agents/:id/day',
    {
      config: { access: 'agents:read' },
      schema: {
        summary: 'The day of an agent',
        tags: ['agents'],
        params: IdParams,
        querystring: DayQuery,
        response: responses({ 200: DaySchema })
      }
    },
    async request => {
      const { id } = existing(request.params.id)
      return await dayOf(id, request.query, number => numberFor(actorOf(request).role, number))
    }
  )

  app.put(
    '/agents/:id/skills',
    {
      config: { access: 'agents:write' },
      schema: {
        summary: 'Set all skills of an agent',
        tags: ['agents'],
        params: IdParams,
        body: Type.Array(AgentSkillSchema, { maxItems: 200 }),
        response: responses({ 200: AgentSchema })
      }
    },
    async request => {
      const { id } = request.params
      const skills = request.body
      refuseTwice(skills.map(one => one.skill))
      const known = new Set((await listSkills(db)).map(skill => skill.name))
      const unknown = skills.find(one => !known.has(one.skill))
      if (unknown !== undefined) throw new AppError('VALIDATION_FAILED', `There is no skill ${unknown.skill}.`)
      const before = await agents.signIn(id)
      const after = await agents.setProfile(id, { skills })
      await audit(db, request, 'agent.skillsSet', { kind: 'agent', id }, { before: toSkills(before), after: skills })
      return toAgent(after)
    }
  )

  app.put(
    '/agents/:id/languages',
    {
      config: { access: 'agents:write' },
      schema: {
        summary: 'Set all languages of an agent',
        description: 'Regions and scripts do not matter for talking: pt-BR is kept as pt. Cantonese is yue.',
        tags: ['agents'],
        params: IdParams,
        body: Type.Array(AgentLanguageSchema, { maxItems: 50 }),
        response: responses({ 200: AgentSchema })
      }
    },
    async request => {
      const { id } = request.params
      const languages = request.body.map(({ language, level }) => ({ language: spokenLanguage(language), level }))
      refuseTwice(languages.map(one => one.language))
      const before = await agents.signIn(id)
      const after = await agents.setProfile(id, { languages })
      const detail = { before: toLanguages(before), after: languages }
      await audit(db, request, 'agent.languagesSet', { kind: 'agent', id }, detail)
      return toAgent(after)
    }
  )

  app.patch(
    '/agents/:id',
    {
      config: { access: 'agents:write' },
      schema: {
        summary: 'Set which work an agent takes, and on which phone',
        tags: ['agents'],
        params: IdParams,
        body: Type.Object(
          { work: Type.Optional(WorkSchema), hasDeskPhone: Type.Optional(Type.Boolean()) },
          { additionalProperties: false, minProperties: 1 }
        ),
        response: responses({ 200: AgentSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { work, hasDeskPhone } = request.body
      await agents.signIn(id)
      if (work !== undefined) await agents.setWork(id, work)
      if (hasDeskPhone !== undefined) await agents.setDeskPhone(id, hasDeskPhone)
      await audit(db, request, 'agent.changed', { kind: 'agent', id }, { ...request.body })
      return toAgent(existing(id))
    }
  )

  app.post(
    '/agents/:id/status',
    {
      config: { access: 'agents:control' },
      schema: {
        summary: 'Set the status of somebody else',
        description: 'During a call it waits until after it. The agent sees who did it and why.',
        tags: ['agents'],
        params: IdParams,
        body: Type.Object(
          { status: StatusSchema, reason: Type.String({ minLength: 1, maxLength: 200 }) },
          { additionalProperties: false }
        ),
        response: responses({ 200: AgentSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { status, reason } = request.body
      const before = existing(id)
      // Written first: what cannot be logged is not done.
      await audit(db, request, 'agent.statusForced', { kind: 'agent', id }, { from: before.status, to: status, reason })
      return toAgent(await agents.forceStatus(actorOf(request).id, id, status, reason))
    }
  )

  function existing(id: string): AgentView {
    const view = agents.view(id)
    if (view === undefined) throw new AppError('NOT_FOUND', 'No agent has this id.')
    return view
  }

  function toAgent(agent: AgentView) {
    const able = queues.queues().filter(queue => firstTierFor(agent.profile, tiersOf(queue), [], null) !== -1)
    return {
      id: agent.id,
      username: agent.profile.username,
      name: agent.profile.displayName,
      status: agent.status,
      statusReason: agent.statusReason,
      statusSince: agent.statusSince.toISOString(),
      nextStatus: agent.nextStatus === null ? null : { ...agent.nextStatus },
      state: agent.state,
      stateSince: agent.stateSince.toISOString(),
      isRoutable: agent.isRoutable,
      notRoutable: [...agent.notRoutable],
      missed: agent.missed?.reason ?? null,
      callId: agent.callId,
      queueId: agent.queueId,
      hasDeskPhone: agent.hasDeskPhone,
      work: [...agent.work],
      skills: toSkills(agent),
      languages: toLanguages(agent),
      queues: able.map(({ id, name }) => ({ id, name }))
    }
  }

  async function dayOf(
    agentId: string,
    query: Readonly<{ date?: string; timeZone?: string }>,
    mask: (number: string | null) => string | null
  ) {
    const { date, timeZone = 'utc' } = query
    if (timeZone !== 'utc' && !isTimeZone(timeZone))
      throw new AppError('VALIDATION_FAILED', `There is no time zone ${timeZone}.`)
    const start = (date === undefined ? DateTime.now() : DateTime.fromISO(date, { zone: timeZone }))
      .setZone(timeZone)
      .startOf('day')
    if (!start.isValid) throw new AppError('VALIDATION_FAILED', `${date ?? ''} is not a date.`)
    const [from, until] = [start.toJSDate(), start.plus({ days: 1 }).toJSDate()]
    const now = new Date()
    const [spans, calls, [times]] = await Promise.all([
      readAgentDay(db, agentId, from, until),
      readAgentCalls(db, agentId, from, until),
      readAgentTimes(db, [{ from, until }], now < until ? now : until, [agentId])
    ])
    const { breakMs, idleMs, ringingMs, talkingMs, wrapUpMs } = times ?? NO_TIMES
    const own = { breakMs, idleMs, ringingMs, talkingMs, wrapUpMs }
    return {
      from: from.toISOString(),
      until: until.toISOString(),
      timeZone,
      ...own,
      ...timeFigures(own),
      spans: spans.map(span => ({
        ...span,
        startedAt: span.startedAt.toISOString(),
        endedAt: span.endedAt?.toISOString() ?? null
      })),
      calls: calls.map(({ callerNumber, calledNumber, ...call }) => ({
        ...call,
        number: mask(call.direction === 'outbound' ? calledNumber : callerNumber),
        startedAt: call.startedAt.toISOString()
      }))
    }
  }
}

function toSkills(agent: AgentView) {
  return [...agent.profile.skills].map(([skill, level]) => ({ skill, level }))
}

function toLanguages(agent: AgentView): { language: string; level: LanguageLevel }[] {
  return [...agent.profile.languages].flatMap(([language, rank]) => {
    const level = LANGUAGE_LEVELS.find(one => languageRank(one) === rank)
    return level === undefined ? [] : [{ language, level }]
  })
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new AppError('VALIDATION_FAILED', `${twice} is given twice.`)
}
