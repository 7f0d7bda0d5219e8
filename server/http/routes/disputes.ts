import { Type } from 'typebox'
import {
  answerDispute,
  findReview,
  insertDispute,
  insertHistory,
  listDisputes,
  type ReviewRow,
  updateReview
} from '../../../sql/queries/quality/reviews.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { QualityError } from '../../quality/errors.ts'
import type { Quality } from '../../quality/quality.ts'
import { type Answers, AnswersSchema, missingOf, questionsOf, scoreOf } from '../../quality/scorecard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, responses } from '../schemas.ts'
import { knownReview, ReviewSchema, scorecardOf, toReview } from './review-parts.ts'

/** What agents say to the reviews of their calls, and what a reviewer answers. */
export function registerDisputeRoutes(app: App, { db }: Quality): void {
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
      const questions = new Set(questionsOf(await scorecardOf(db, row)).map(question => question.id))
      const { reason, questionIds = [] } = request.body
      for (const [at, questionId] of questionIds.entries())
        if (!questions.has(questionId))
          throw new AppError('VALIDATION_FAILED', 'The scorecard has no such question.', {
            problems: [{ at: `/body/questionIds/${at}`, message: 'is no question of the scorecard' }]
          })
      const id = newId()
      // A review that is disputed without a dispute could never be answered, nor disputed again.
      await db.transaction().execute(async trx => {
        const change = { status: 'disputed', changed_at: new Date() } as const
        if (!(await updateReview(trx, row.id, change, ['submitted', 'settled'])))
          throw new AppError('CONFLICT', 'The review is disputed already.')
        await insertDispute(trx, {
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
      const row = await knownReview(db, id)
      const card = await scorecardOf(db, row)
      const next = (answers ?? row.answers) as Answers
      const problems = missingOf(card, next)
      if (problems.length > 0) throw new QualityError('REVIEW_INCOMPLETE', 'Some questions are open.', { problems })
      const outcome = answers === undefined ? 'upheld' : 'changed'
      const score = scoreOf(card, next)
      await db.transaction().execute(async trx => {
        const given = { outcome, text: answer, by: actor.name, at: new Date() } as const
        if (!(await answerDispute(trx, { id: disputeId, reviewId: id }, given)))
          throw new AppError('CONFLICT', 'No open dispute of this review has this id.')
        await insertHistory(trx, { reviewId: id, by: actor.id, what: outcome, answers: next, percent: score.percent })
        await updateReview(
          trx,
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
      })
      await audit(db, request, 'review.dispute-answered', { kind: 'call', id: row.call_id }, { reviewId: id, outcome })
      return toReview(await knownReview(db, id), await listDisputes(db, [id]))
    }
  )

  async function ownCallReview(id: string, agentId: string): Promise<ReviewRow> {
    const row = await findReview(db, id)
    if (row === undefined || row.agent_id !== agentId || row.kind !== 'review' || row.status === 'draft')
      throw new AppError('NOT_FOUND', 'No review of a call of yours has this id.')
    return row
  }
}
