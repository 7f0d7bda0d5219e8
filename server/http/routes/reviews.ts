import { type Static, Type } from 'typebox'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  answerDispute,
  closeTask,
  deleteDraft,
  type DisputeRow,
  findReview,
  findScorecard,
  findVersion,
  insertDispute,
  insertHistory,
  insertReview,
  listDisputes,
  listReviews,
  type ReviewRow,
  updateReview
} from '../../../sql/queries/quality/reviews.ts'
import { readCallsToIndex } from '../../../sql/queries/quality/search.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { QualityError } from '../../quality/errors.ts'
import type { Quality } from '../../quality/quality.ts'
import {
  type Answers,
  AnswersSchema,
  missingOf,
  questionsOf,
  type Scorecard,
  scoreOf
} from '../../quality/scorecard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
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
import { NullableNumber, ReviewText } from './agreement.ts'
import { knownCalibration, submittedOf } from './calibrations.ts'

const NullableBoolean = Type.Union([Type.Boolean(), Type.Null()])

const DisputeSchema = Type.Object({
  id: Type.String(),
  questionIds: Type.Array(Type.String()),
  reason: Type.String(),
  raisedAt: Type.String(),
  outcome: NullableString,
  answer: NullableString,
  answeredBy: NullableString,
  answeredAt: NullableDate
})
const ReviewSchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  scorecardId: Type.String(),
  version: Type.Integer(),
  kind: Type.String(),
  calibrationId: NullableString,
  reviewerId: Type.String(),
  reviewerName: Type.String(),
  agentId: NullableString,
  answers: AnswersSchema,
  note: Type.String(),
  coaching: Type.String(),
  status: Type.String(),
  percent: NullableNumber,
  critical: Type.Array(Type.String()),
  isPassed: NullableBoolean,
  createdAt: Type.String(),
  changedAt: Type.String(),
  submittedAt: NullableDate,
  seenByAgentAt: NullableDate,
  disputes: Type.Array(DisputeSchema)
})

/** Reviews: drafts, submitted ones, what agents say to them, and what a reviewer answers. */
export function registerReviewRoutes(app: App, { db }: Quality): void {
  app.get(
    '/reviews',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'List reviews, newest first',
        description: 'Drafts are seen by their reviewer only; calibrations when all have submitted.',
        tags: ['reviews'],
        querystring: Type.Object({
          ...PageQuery.properties,
          callId: Type.Optional(Type.String({ maxLength: 64 })),
          agentId: Type.Optional(Type.String({ maxLength: 64 })),
          mine: Type.Optional(Type.Boolean()),
          status: Type.Optional(Type.Array(Type.Enum(['draft', 'submitted', 'disputed', 'settled']), { maxItems: 4 })),
          kind: Type.Optional(Type.Enum(['review', 'calibration', 'machine']))
        }),
        response: responses({ 200: pageOf(ReviewSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, mine, ...filter } = request.query
      const actor = actorOf(request)
      const rows = await listReviews(
        db,
        { ...filter, ...(mine === true && { reviewerId: actor.id }) },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      const seen = []
      for (const row of rows) if (await maySee(row, actor.id)) seen.push(row)
      const disputes = await listDisputes(
        db,
        seen.map(row => row.id)
      )
      return {
        items: seen.slice(0, limit).map(row => toReview(row, disputes)),
        nextCursor: toPage(
          rows,
          limit,
          row => row,
          row => [row.id]
        ).nextCursor
      }
    }
  )

  app.get(
    '/reviews/mine',
    {
      config: { access: 'reviews:own' },
      schema: {
        summary: 'Reviews of my own calls',
        tags: ['reviews'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(ReviewSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listReviews(
        db,
        { agentId: actorOf(request).id, kind: 'review', status: ['submitted', 'disputed', 'settled'] },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      const disputes = await listDisputes(
        db,
        rows.map(row => row.id)
      )
      return toPage(
        rows,
        limit,
        row => toReview(row, disputes),
        row => [row.id]
      )
    }
  )

  app.post(
    '/reviews',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Begin to review a call',
        description: 'An unfinished draft of the same person, call and scorecard is taken up again.',
        tags: ['reviews'],
        body: Type.Object(
          {
            callId: Type.String({ maxLength: 64 }),
            scorecardId: Type.String({ maxLength: 64 }),
            agentId: Type.Optional(Type.String({ maxLength: 64 })),
            taskId: Type.Optional(Type.String({ maxLength: 64 })),
            calibrationId: Type.Optional(Type.String({ maxLength: 64 }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: ReviewSchema, 201: ReviewSchema })
      }
    },
    async (request, reply) => {
      const { callId, scorecardId, taskId, calibrationId } = request.body
      const actor = actorOf(request)
      const calibration = calibrationId === undefined ? null : await knownCalibration(db, calibrationId)
      if (calibration !== null && !calibration.reviewer_ids.includes(actor.id))
        throw new AppError('FORBIDDEN', 'You are not among the reviewers of this calibration.')
      if (calibration !== null && (calibration.call_id !== callId || calibration.scorecard_id !== scorecardId))
        throw new AppError('CONFLICT', 'The calibration is about another call or scorecard.')
      const own = await listReviews(db, { callId, reviewerId: actor.id }, null, 200)
      const known = own.find(row =>
        calibration === null
          ? row.kind === 'review' && row.scorecard_id === scorecardId && row.status === 'draft'
          : row.calibration_id === calibration.id
      )
      if (known !== undefined) return toReview(known, [])
      if ((await findCdr(db, callId)) === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      const card = await findScorecard(db, scorecardId)
      const version = calibration?.version ?? card?.version ?? null
      if (card === undefined || version === null) throw new AppError('NOT_FOUND', 'No published scorecard has this id.')
      const agents = (await readCallsToIndex(db, [callId]))[0]?.agentIds ?? []
      const agentId = request.body.agentId ?? agents[0] ?? null
      const id = newId()
      await insertReview(db, {
        id,
        call_id: callId,
        scorecard_id: scorecardId,
        version,
        kind: calibration === null ? 'review' : 'calibration',
        calibration_id: calibration?.id ?? null,
        task_id: taskId ?? null,
        reviewer_id: actor.id,
        reviewer_name: actor.displayName,
        agent_id: agentId,
        status: 'draft',
        percent: null,
        is_passed: null,
        submitted_at: null,
        seen_by_agent_at: null
      })
      await audit(db, request, 'review.begun', { kind: 'call', id: callId }, { reviewId: id })
      return reply.status(201).send(toReview(await knownReview(id), []))
    }
  )

  app.get(
    '/reviews/:id',
    {
      config: { access: 'session' },
      schema: { summary: 'One review', tags: ['reviews'], params: IdParams, response: responses({ 200: ReviewSchema }) }
    },
    async request => {
      const row = await knownReview(request.params.id)
      const actor = actorOf(request)
      const isOwn = row.agent_id === actor.id && row.kind === 'review' && row.status !== 'draft'
      if (!isOwn && (actor.role === 'agent' || !(await maySee(row, actor.id))))
        throw new AppError('NOT_FOUND', 'No review has this id.')
      return toReview(row, await listDisputes(db, [row.id]))
    }
  )

  app.patch(
    '/reviews/:id',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Keep a draft',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          {
            answers: Type.Optional(AnswersSchema),
            note: Type.Optional(ReviewText),
            coaching: Type.Optional(ReviewText)
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: ReviewSchema })
      }
    },
    async request => {
      const { id } = request.params
      const row = await ownDraft(id, actorOf(request).id)
      const answers = (request.body.answers ?? row.answers) as Answers
      const score = scoreOf(await scorecardOf(row), answers)
      await updateReview(
        db,
        id,
        {
          answers: JSON.stringify(answers),
          note: request.body.note ?? row.note,
          coaching: request.body.coaching ?? row.coaching,
          percent: score.percent,
          critical: [...score.critical],
          is_passed: score.isPassed,
          changed_at: new Date()
        },
        ['draft']
      )
      return toReview(await knownReview(id), [])
    }
  )

  app.delete(
    '/reviews/:id',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Throw a draft away',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      await ownDraft(request.params.id, actorOf(request).id)
      await deleteDraft(db, request.params.id)
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/reviews/:id/submit',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Submit a review',
        description:
          'Each question must be answered, and each answer cite a span of the call or say that it is not evidenced.',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: ReviewSchema })
      }
    },
    async request => {
      const { id } = request.params
      const actor = actorOf(request)
      const row = await ownDraft(id, actor.id)
      const card = await scorecardOf(row)
      const problems = missingOf(card, row.answers as Answers)
      if (problems.length > 0) throw new QualityError('REVIEW_INCOMPLETE', 'Some questions are open.', { problems })
      const score = scoreOf(card, row.answers as Answers)
      const now = new Date()
      await updateReview(
        db,
        id,
        {
          status: 'submitted',
          percent: score.percent,
          critical: [...score.critical],
          is_passed: score.isPassed,
          submitted_at: now,
          changed_at: now
        },
        ['draft']
      )
      await insertHistory(db, {
        reviewId: id,
        by: actor.id,
        what: 'submitted',
        answers: row.answers,
        percent: score.percent
      })
      if (row.task_id !== null) await closeTask(db, row.task_id, 'done', now)
      await audit(db, request, 'review.submitted', { kind: 'call', id: row.call_id }, { reviewId: id })
      return toReview(await knownReview(id), [])
    }
  )

  app.post(
    '/reviews/:id/seen',
    {
      config: { access: 'reviews:own' },
      schema: {
        summary: 'Say that I have read the review of my call',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const row = await ownCallReview(request.params.id, actorOf(request).id)
      if (row.seen_by_agent_at === null)
        await updateReview(db, row.id, { seen_by_agent_at: new Date() }, ['submitted', 'disputed', 'settled'])
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/reviews/:id/disputes',
    {
      config: { access: 'reviews:own' },
      schema: {
        summary: 'Dispute the review of my call',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          {
            reason: Type.String({ minLength: 5, maxLength: 2_000 }),
            questionIds: Type.Optional(Type.Array(Type.String({ maxLength: 40 }), { maxItems: 50 }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const row = await ownCallReview(request.params.id, actor.id)
      const questions = new Set(questionsOf(await scorecardOf(row)).map(question => question.id))
      const { reason, questionIds = [] } = request.body
      for (const [at, questionId] of questionIds.entries())
        if (!questions.has(questionId))
          throw new AppError('VALIDATION_FAILED', 'The scorecard has no such question.', {
            problems: [{ at: `/body/questionIds/${at}`, message: 'is no question of the scorecard' }]
          })
      if (!(await updateReview(db, row.id, { status: 'disputed', changed_at: new Date() }, ['submitted', 'settled'])))
        throw new AppError('CONFLICT', 'The review is disputed already.')
      const id = newId()
      await insertDispute(db, {
        id,
        review_id: row.id,
        raised_by: actor.id,
        question_ids: [...questionIds],
        reason,
        outcome: null,
        answer: null,
        answered_by: null,
        answered_at: null
      })
      await audit(db, request, 'review.disputed', { kind: 'call', id: row.call_id }, { reviewId: row.id })
      return reply.status(201).send({ id })
    }
  )

  app.post(
    '/reviews/:id/disputes/:disputeId/answer',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Answer a dispute, and change the review where the agent is right',
        tags: ['reviews'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }), disputeId: Type.String({ maxLength: 64 }) }),
        body: Type.Object(
          { answer: Type.String({ minLength: 5, maxLength: 2_000 }), answers: Type.Optional(AnswersSchema) },
          { additionalProperties: false }
        ),
        response: responses({ 200: ReviewSchema })
      }
    },
    async request => {
      const { id, disputeId } = request.params
      const { answer, answers } = request.body
      const actor = actorOf(request)
      const row = await knownReview(id)
      const card = await scorecardOf(row)
      const next = (answers ?? row.answers) as Answers
      const problems = missingOf(card, next)
      if (problems.length > 0) throw new QualityError('REVIEW_INCOMPLETE', 'Some questions are open.', { problems })
      const outcome = answers === undefined ? 'upheld' : 'changed'
      const isAnswered = await answerDispute(db, disputeId, { outcome, text: answer, by: actor.name, at: new Date() })
      if (!isAnswered) throw new AppError('CONFLICT', 'No open dispute of this review has this id.')
      const score = scoreOf(card, next)
      await insertHistory(db, { reviewId: id, by: actor.id, what: outcome, answers: next, percent: score.percent })
      await updateReview(
        db,
        id,
        {
          status: 'settled',
          answers: JSON.stringify(next),
          percent: score.percent,
          critical: [...score.critical],
          is_passed: score.isPassed,
          changed_at: new Date()
        },
        ['disputed']
      )
      await audit(db, request, 'review.dispute-answered', { kind: 'call', id: row.call_id }, { reviewId: id, outcome })
      return toReview(await knownReview(id), await listDisputes(db, [id]))
    }
  )

  async function knownReview(id: string): Promise<ReviewRow> {
    const row = await findReview(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No review has this id.')
    return row
  }

  async function scorecardOf(row: ReviewRow): Promise<Scorecard> {
    const version = await findVersion(db, row.scorecard_id, row.version)
    if (version === undefined) throw new TypeError('a review has a scorecard version that does not exist')
    return version.body as Scorecard
  }

  async function ownDraft(id: string, personId: string): Promise<ReviewRow> {
    const row = await knownReview(id)
    if (row.reviewer_id !== personId) throw new AppError('NOT_FOUND', 'No draft of yours has this id.')
    if (row.status !== 'draft') throw new AppError('CONFLICT', 'The review was submitted and does not change any more.')
    return row
  }

  async function ownCallReview(id: string, agentId: string): Promise<ReviewRow> {
    const row = await findReview(db, id)
    if (row === undefined || row.agent_id !== agentId || row.kind !== 'review' || row.status === 'draft')
      throw new AppError('NOT_FOUND', 'No review of a call of yours has this id.')
    return row
  }

  async function maySee(row: ReviewRow, personId: string): Promise<boolean> {
    if (row.reviewer_id === personId) return true
    if (row.status === 'draft') return false
    if (row.calibration_id === null) return true
    const calibration = await knownCalibration(db, row.calibration_id)
    return (await submittedOf(db, calibration)).length === calibration.reviewer_ids.length
  }
}

function toReview(row: ReviewRow, disputes: readonly DisputeRow[]): Static<typeof ReviewSchema> {
  return {
    id: row.id,
    callId: row.call_id,
    scorecardId: row.scorecard_id,
    version: row.version,
    kind: row.kind,
    calibrationId: row.calibration_id,
    reviewerId: row.reviewer_id,
    reviewerName: row.reviewer_name,
    agentId: row.agent_id,
    answers: row.answers as Static<typeof AnswersSchema>,
    note: row.note,
    coaching: row.coaching,
    status: row.status,
    percent: row.percent,
    critical: row.critical,
    isPassed: row.is_passed,
    createdAt: row.created_at.toISOString(),
    changedAt: row.changed_at.toISOString(),
    submittedAt: row.submitted_at?.toISOString() ?? null,
    seenByAgentAt: row.seen_by_agent_at?.toISOString() ?? null,
    disputes: disputes
      .filter(dispute => dispute.review_id === row.id)
      .map(dispute => ({
        id: dispute.id,
        questionIds: dispute.question_ids,
        reason: dispute.reason,
        raisedAt: dispute.raised_at.toISOString(),
        outcome: dispute.outcome,
        answer: dispute.answer,
        answeredBy: dispute.answered_by,
        answeredAt: dispute.answered_at?.toISOString() ?? null
      }))
  }
}
