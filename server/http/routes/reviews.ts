import { Type } from 'typebox'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  closeTask,
  deleteDraft,
  findScorecard,
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
import { type Answers, AnswersSchema, missingOf, scoreOf } from '../../quality/scorecard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { decodeCursor, IdParams, PageQuery, pageOf, responses, toPage } from '../schemas.ts'
import { ReviewText } from './agreement.ts'
import { knownCalibration, submittedOf } from './calibrations.ts'
import { knownReview, ReviewSchema, scorecardOf, toReview } from './review-parts.ts'

/** Reviews: drafts, and those that were submitted. */
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
      const cdr = await findCdr(db, callId)
      if (cdr === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      if (cdr.is_simulated) throw new AppError('CONFLICT', 'The call was a script’s, which nobody reviews.')
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
      return reply.status(201).send(toReview(await knownReview(db, id), []))
    }
  )

  app.get(
    '/reviews/:id',
    {
      config: { access: 'session' },
      schema: { summary: 'One review', tags: ['reviews'], params: IdParams, response: responses({ 200: ReviewSchema }) }
    },
    async request => {
      const row = await knownReview(db, request.params.id)
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
      const score = scoreOf(await scorecardOf(db, row), answers)
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
      return toReview(await knownReview(db, id), [])
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
      const card = await scorecardOf(db, row)
      const problems = missingOf(card, row.answers as Answers)
      if (problems.length > 0) throw new QualityError('REVIEW_INCOMPLETE', 'Some questions are open.', { problems })
      const score = scoreOf(card, row.answers as Answers)
      const now = new Date()
      await db.transaction().execute(async trx => {
        const change = {
          status: 'submitted' as const,
          percent: score.percent,
          critical: [...score.critical],
          is_passed: score.isPassed,
          submitted_at: now,
          changed_at: now
        }
        if (!(await updateReview(trx, id, change, ['draft'])))
          throw new AppError('CONFLICT', 'The review was submitted already.')
        const { answers } = row
        await insertHistory(trx, { reviewId: id, by: actor.id, what: 'submitted', answers, percent: score.percent })
        if (row.task_id !== null) await closeTask(trx, row.task_id, 'done', now)
      })
      await audit(db, request, 'review.submitted', { kind: 'call', id: row.call_id }, { reviewId: id })
      return toReview(await knownReview(db, id), [])
    }
  )

  async function ownDraft(id: string, personId: string): Promise<ReviewRow> {
    const row = await knownReview(db, id)
    if (row.reviewer_id !== personId) throw new AppError('NOT_FOUND', 'No draft of yours has this id.')
    if (row.status !== 'draft') throw new AppError('CONFLICT', 'The review was submitted and does not change any more.')
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
