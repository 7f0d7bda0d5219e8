import { type Static, Type } from 'typebox'
import { isTimeZone } from '../../../ivr-flows/calendar/local-time.ts'
import { hasActed } from '../../../sql/queries/audit.ts'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  closeTask,
  deleteRule,
  findScorecard,
  insertRule,
  listRules,
  listTasks,
  type RuleRow,
  updateRule
} from '../../../sql/queries/quality/reviews.ts'
import { readCallsToIndex } from '../../../sql/queries/quality/search.ts'
import { findTranscript } from '../../../sql/queries/quality/transcripts.ts'
import { transcriptionJobOfCall } from '../../../sql/queries/quality/transcription-jobs.ts'
import { bucketsOf, INTERVALS, instantOf, type Interval } from '../../../sql/reports/buckets.ts'
import { qualityReport, questionReport } from '../../../sql/reports/quality.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { numberFor } from '../../number-mask.ts'
import type { Quality } from '../../quality/quality.ts'
import { sampleOne, type SamplingSettings } from '../../quality/sampling.ts'
import { parseSearch } from '../../quality/search-query.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { decodeCursor, IdParams, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const Named = Type.Object({ id: Type.String(), name: Type.String() })
const NullableNumber = Type.Union([Type.Number(), Type.Null()])

const CallSchema = Type.Object({
  callId: Type.String(),
  startedAt: Type.String(),
  answeredAt: NullableString,
  isRunning: Type.Boolean(),
  isSimulated: Type.Boolean({ description: 'A scripted caller’s, which nobody reviews' }),
  durationMs: Type.Integer(),
  direction: Type.String(),
  customerNumber: NullableString,
  language: NullableString,
  queues: Type.Array(Named),
  agents: Type.Array(Named),
  dispositions: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
  consent: Type.String({ description: 'What the customer said to being recorded' }),
  recordings: Type.Array(
    Type.Object({
      id: Type.String(),
      durationMs: Type.Integer(),
      isErased: Type.Boolean(),
      gaps: Type.Array(Type.Object({ kind: Type.String(), fromMs: Type.Integer(), toMs: Type.Integer() }))
    })
  ),
  transcript: NullableString,
  transcription: Type.Union(
    [
      Type.Object({
        status: Type.Enum(['waiting', 'running', 'done', 'failed']),
        attempts: Type.Integer(),
        code: NullableString,
        againAt: NullableString
      }),
      Type.Null()
    ],
    { description: 'What became of the job that turns the recording into text; null when there is none' }
  )
})

const FOLLOWED_MS = 300_000

const SettingsSchema = Type.Object(
  {
    percent: Type.Optional(Type.Number({ minimum: 0.1, maximum: 100 })),
    words: Type.Optional(Type.String({ minLength: 2, maxLength: 500 })),
    maxTalkMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 3_600_000 })),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 20 })),
    dispositions: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 20 }))
  },
  { additionalProperties: false }
)
const RuleFields = {
  name: Type.String({ minLength: 1, maxLength: 100 }),
  scorecardId: Type.String({ maxLength: 64 }),
  kind: Type.Enum(['perAgent', 'riskWords', 'shortCalls', 'complaints']),
  settings: SettingsSchema,
  queueIds: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 200 })),
  reviewerIds: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 200 })),
  isEnabled: Type.Optional(Type.Boolean())
}
const RuleBody = Type.Object(RuleFields, { additionalProperties: false })
const RuleSchema = Type.Object({
  id: Type.String(),
  ...RuleFields,
  kind: Type.String(),
  sampledUntil: Type.String()
})
const TaskSchema = Type.Object({
  id: Type.String(),
  ruleId: Type.String(),
  callId: Type.String(),
  agentId: NullableString,
  scorecardId: Type.String(),
  reason: Type.String(),
  assignedTo: NullableString,
  createdAt: Type.String()
})

const FiguresSchema = Type.Object({
  reviews: Type.Integer(),
  percent: NullableNumber,
  passed: Type.Integer(),
  failed: Type.Integer(),
  critical: Type.Integer(),
  disputed: Type.Integer()
})

/** A call as the review desk shows it, which calls to hear, and what reviews add up to. */
export function registerQualityRoutes(app: App, quality: Quality): void {
  const { db } = quality

  app.get(
    '/quality/calls/:id',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'A call for the review desk',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: CallSchema })
      }
    },
    async request => {
      const { id } = request.params
      const cdr = await findCdr(db, id)
      const call = (await readCallsToIndex(db, [id], ['ended', 'answered'], { withScripted: true }))[0]
      if (cdr === undefined || call === undefined) throw new AppError('NOT_FOUND', 'No answered call has this id.')
      const isRunning = cdr.state !== 'ended'
      const [transcript, recordings, consent, users, queues, job] = await Promise.all([
        findTranscript(db, id),
        quality.recordings.ofCalls([id]),
        quality.recordings.consentOf(id),
        namesOf('users', call.agentIds),
        namesOf('queues', call.queueIds),
        transcriptionJobOfCall(db, id)
      ])
      const subject = { kind: 'call', id }
      const since = new Date(Date.now() - FOLLOWED_MS)
      // Whoever follows a running call is logged once in five minutes.
      if (!isRunning || !(await hasActed(db, actorOf(request).id, 'call.read', subject, since)))
        await audit(db, request, 'call.read', subject)
      return {
        callId: id,
        startedAt: call.startedAt.toISOString(),
        answeredAt: cdr.answered_at?.toISOString() ?? null,
        isRunning,
        isSimulated: cdr.is_simulated,
        durationMs: isRunning ? Date.now() - (cdr.answered_at ?? cdr.started_at).getTime() : call.durationMs,
        direction: call.direction,
        customerNumber: numberFor(actorOf(request).role, call.customer),
        language: transcript?.language ?? call.language,
        queues,
        agents: users,
        dispositions: [...call.outcomes],
        tags: [...call.tags],
        consent,
        recordings: recordings.map(one => ({ ...one, gaps: [...one.gaps] })),
        transcript: transcript?.status ?? null,
        transcription:
          job === undefined
            ? null
            : {
                status: job.status,
                attempts: job.attempts,
                code: job.code,
                againAt: (job.status === 'waiting' ? job.leased_until?.toISOString() : null) ?? null
              }
      }
    }
  )

  app.get(
    '/quality/reviewers',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Who may judge calls',
        tags: ['reviews'],
        response: responses({ 200: Type.Object({ items: Type.Array(Named) }) })
      }
    },
    async () => ({
      items: await db
        .selectFrom('users')
        .select(['id', 'display_name as name'])
        .where('role', 'in', ['qa-reviewer', 'admin'])
        .where('disabled_at', 'is', null)
        .orderBy('display_name')
        .execute()
    })
  )

  app.get(
    '/sampling-rules',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Which calls are drawn for review',
        tags: ['reviews'],
        response: responses({ 200: Type.Object({ items: Type.Array(RuleSchema) }) })
      }
    },
    async () => ({ items: (await listRules(db)).map(toRule) })
  )

  app.post(
    '/sampling-rules',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Draw calls for review by a rule',
        tags: ['reviews'],
        body: RuleBody,
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { name, scorecardId, kind, settings, queueIds, reviewerIds, isEnabled } = request.body
      checkSettings(kind, settings)
      if ((await findScorecard(db, scorecardId)) === undefined)
        throw new AppError('NOT_FOUND', 'No scorecard has this id.')
      const id = newId()
      const made = await insertRule(db, {
        id,
        name,
        scorecard_id: scorecardId,
        kind: kind as RuleRow['kind'],
        settings: JSON.stringify(settings),
        queue_ids: queueIds ?? [],
        reviewer_ids: reviewerIds ?? [],
        is_enabled: isEnabled ?? true,
        created_by: actorOf(request).name
      })
      if (!made) throw new AppError('CONFLICT', 'There is a rule of this name.')
      await audit(db, request, 'sampling-rule.created', { kind: 'sampling-rule', id }, { name, ruleKind: kind })
      return reply.status(201).send({ id })
    }
  )

  app.patch(
    '/sampling-rules/:id',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Change a rule',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Partial(Type.Omit(RuleBody, ['kind', 'scorecardId']), { additionalProperties: false }),
        response: responses({ 200: RuleSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { name, settings, queueIds, reviewerIds, isEnabled } = request.body
      const rule = await knownRule(id)
      if (settings !== undefined) checkSettings(rule.kind, settings)
      await updateRule(db, id, {
        ...(name !== undefined && { name }),
        ...(settings !== undefined && { settings: JSON.stringify(settings) }),
        ...(queueIds !== undefined && { queue_ids: queueIds }),
        ...(reviewerIds !== undefined && { reviewer_ids: reviewerIds }),
        ...(isEnabled !== undefined && { is_enabled: isEnabled })
      })
      await audit(db, request, 'sampling-rule.changed', { kind: 'sampling-rule', id }, { ...request.body })
      return toRule(await knownRule(id))
    }
  )

  app.delete(
    '/sampling-rules/:id',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Remove a rule and its open tasks',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteRule(db, id))) throw new AppError('NOT_FOUND', 'No rule has this id.')
      await audit(db, request, 'sampling-rule.removed', { kind: 'sampling-rule', id })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/sampling-rules/:id/run',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Draw now',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: Type.Object({ drawn: Type.Integer() }) })
      }
    },
    async request => {
      const rule = await knownRule(request.params.id)
      const drawn = await sampleOne(quality, rule, new Date())
      await audit(db, request, 'sampling-rule.run', { kind: 'sampling-rule', id: rule.id }, { drawn })
      return { drawn }
    }
  )

  app.get(
    '/review-tasks',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Calls that wait for a review',
        tags: ['reviews'],
        querystring: Type.Object({ ...PageQuery.properties, mine: Type.Optional(Type.Boolean()) }),
        response: responses({ 200: pageOf(TaskSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, mine } = request.query
      const rows = await listTasks(
        db,
        { status: 'open', ...(mine === true && { assignedTo: actorOf(request).id }) },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      return toPage(
        rows,
        limit,
        row => ({
          id: row.id,
          ruleId: row.rule_id,
          callId: row.call_id,
          agentId: row.agent_id,
          scorecardId: row.scorecard_id,
          reason: row.reason,
          assignedTo: row.assigned_to,
          createdAt: row.created_at.toISOString()
        }),
        row => [row.id]
      )
    }
  )

  app.post(
    '/review-tasks/:id/drop',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Leave a drawn call out',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object({ reason: Type.String({ minLength: 3, maxLength: 300 }) }, { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await closeTask(db, id, 'dropped', new Date())))
        throw new AppError('NOT_FOUND', 'No open task has this id.')
      await audit(db, request, 'review-task.dropped', { kind: 'review-task', id }, { reason: request.body.reason })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/reports/quality',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'What reviews say, by agent, reviewer or scorecard',
        description:
          'Reviews of people only, at the instant at which they were submitted. percent is the mean of the reviews’ totals; passed and failed count reviews of scorecards with a pass mark or a failed critical question.',
        tags: ['reports'],
        querystring: Type.Object({
          from: Type.String({ maxLength: 40 }),
          until: Type.String({ maxLength: 40 }),
          timeZone: Type.Optional(Type.String({ maxLength: 64 })),
          interval: Type.Optional(Type.Enum([...INTERVALS])),
          by: Type.Optional(Type.Enum(['agent', 'reviewer', 'scorecard']))
        }),
        response: responses({
          200: Type.Object({
            timeZone: Type.String(),
            buckets: Type.Array(Type.Object({ from: Type.String(), until: Type.String() })),
            rows: Type.Array(
              Type.Object({ key: Type.String(), name: Type.String(), bucket: Type.Integer(), figures: FiguresSchema })
            ),
            questions: Type.Array(
              Type.Object({
                scorecardId: Type.String(),
                version: Type.Integer(),
                questionId: Type.String(),
                value: Type.String(),
                count: Type.Integer(),
                notEvidenced: Type.Integer()
              })
            )
          })
        })
      }
    },
    async request => {
      const { from, until, timeZone = 'UTC', interval, by = 'agent' } = request.query
      if (!isTimeZone(timeZone)) throw new AppError('VALIDATION_FAILED', `There is no time zone ${timeZone}.`)
      const start = instantOf(from, timeZone)
      const end = instantOf(until, timeZone)
      if (start === null || end === null || start >= end)
        throw new AppError('VALIDATION_FAILED', 'from and until are instants or dates, and until is later.')
      const buckets = bucketsOf(start, end, (interval as Interval | undefined) ?? null, timeZone, 1_000)
      const rows = await qualityReport(db, buckets, by as 'agent' | 'reviewer' | 'scorecard')
      const keys = [...new Set(rows.map(row => row.key))]
      const names = new Map(
        by === 'scorecard'
          ? (await namesOf('scorecards', keys)).map(one => [one.id, one.name])
          : (await namesOf('users', keys)).map(one => [one.id, one.name])
      )
      return {
        timeZone,
        buckets: buckets.map(one => ({ from: one.from.toISOString(), until: one.until.toISOString() })),
        rows: rows.map(({ key, bucket, ...figures }) => ({ key, name: names.get(key) ?? key, bucket, figures })),
        questions: [...(await questionReport(db, { from: start, until: end }))]
      }
    }
  )

  async function knownRule(id: string): Promise<RuleRow> {
    const rule = (await listRules(db)).find(one => one.id === id)
    if (rule === undefined) throw new AppError('NOT_FOUND', 'No rule has this id.')
    return rule
  }

  async function namesOf(table: 'users' | 'queues' | 'scorecards', ids: readonly string[]) {
    if (ids.length === 0) return []
    const rows =
      table === 'users'
        ? await db
            .selectFrom('users')
            .select(['id', 'display_name as name'])
            .where('id', 'in', [...ids])
            .execute()
        : await db
            .selectFrom(table)
            .select(['id', 'name'])
            .where('id', 'in', [...ids])
            .execute()
    return ids.map(id => ({ id, name: rows.find(row => row.id === id)?.name ?? id }))
  }
}

/** Each kind of rule needs a setting of its own; a search must be readable. */
function checkSettings(kind: string, settings: Static<typeof SettingsSchema>): void {
  const needed: Readonly<Record<string, boolean>> = {
    perAgent: settings.percent !== undefined,
    riskWords: settings.words !== undefined,
    shortCalls: settings.maxTalkMs !== undefined,
    complaints: (settings.tags?.length ?? 0) + (settings.dispositions?.length ?? 0) > 0
  }
  if (needed[kind] !== true)
    throw new AppError('VALIDATION_FAILED', `A rule of the kind ${kind} lacks its setting.`, {
      problems: [{ at: '/body/settings', message: 'percent, words, maxTalkMs, or tags and dispositions' }]
    })
  if (settings.words !== undefined) parseSearch(settings.words)
}

function toRule(row: RuleRow): Static<typeof RuleSchema> {
  return {
    id: row.id,
    name: row.name,
    scorecardId: row.scorecard_id,
    kind: row.kind,
    settings: row.settings as SamplingSettings as Static<typeof SettingsSchema>,
    queueIds: row.queue_ids,
    reviewerIds: row.reviewer_ids,
    isEnabled: row.is_enabled,
    sampledUntil: row.sampled_until.toISOString()
  }
}
