import { sql } from 'kysely'
import { Type } from 'typebox'
import { findVersion, insertReview } from '../../../sql/queries/quality/reviews.ts'
import { readCallsToIndex } from '../../../sql/queries/quality/search.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { QualityError } from '../../quality/errors.ts'
import { agreementOf } from '../../quality/kappa.ts'
import type { Quality } from '../../quality/quality.ts'
import {
  type Answers,
  AnswersSchema,
  missingOf,
  questionsOf,
  type Scorecard,
  scoreOf
} from '../../quality/scorecard.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, responses } from '../schemas.ts'
import type { Db } from '../../../sql/database.ts'
import { AgreementSchema, toAgreement } from './agreement.ts'

/** Human reviews of the same calls that a machine must have been compared with before its figures may be shown as such. */
const MACHINE_ITEMS = 50
const MACHINE_KAPPA = 0.6

/** Machines' scores: kept apart from people's, and shown as figures only once they agree with people. */
export function registerMachineReviewRoutes(app: App, { db }: Quality): void {
  app.post(
    '/calls/:id/machine-reviews',
    {
      config: { access: 'reviews:machine' },
      schema: {
        summary: 'Store how a machine judges a call',
        description:
          'Kept apart from people’s reviews and shown beside them. What it says counts nowhere before its agreement with people is shown.',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          {
            provider: Type.String({ minLength: 1, maxLength: 100 }),
            scorecardId: Type.String({ maxLength: 64 }),
            version: Type.Integer({ minimum: 1 }),
            answers: AnswersSchema
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const callId = request.params.id
      const { provider, scorecardId, version, answers } = request.body
      const row = await findVersion(db, scorecardId, version)
      if (row === undefined) throw new AppError('NOT_FOUND', 'The scorecard has no such version.')
      const call = (await readCallsToIndex(db, [callId]))[0]
      if (call === undefined) throw new AppError('NOT_FOUND', 'No ended call has this id.')
      const card = row.body as Scorecard
      const problems = missingOf(card, answers).filter(one => !one.message.startsWith('has no answer'))
      if (problems.length > 0)
        throw new QualityError('REVIEW_INCOMPLETE', 'Some answers cannot be taken.', { problems })
      const score = scoreOf(card, answers)
      const id = newId()
      await insertReview(db, {
        id,
        call_id: callId,
        scorecard_id: scorecardId,
        version,
        kind: 'machine',
        calibration_id: null,
        task_id: null,
        reviewer_id: `machine:${provider}`,
        reviewer_name: provider,
        agent_id: call.agentIds[0] ?? null,
        answers: JSON.stringify(answers),
        status: 'submitted',
        percent: score.percent,
        critical: [...score.critical],
        is_passed: score.isPassed,
        submitted_at: new Date(),
        seen_by_agent_at: null
      })
      await audit(db, request, 'review.by-machine', { kind: 'call', id: callId }, { provider, reviewId: id })
      return reply.status(201).send({ id })
    }
  )

  app.get(
    '/machine-agreement/machines',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Which machines have judged calls, by which scorecards',
        tags: ['reviews'],
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                provider: Type.String(),
                scorecardId: Type.String(),
                scorecardName: Type.String(),
                version: Type.Integer(),
                reviews: Type.Integer()
              })
            )
          })
        })
      }
    },
    async () => ({
      items: await db
        .selectFrom('reviews')
        .innerJoin('scorecards', 'scorecards.id', 'reviews.scorecard_id')
        .select([
          'reviews.reviewer_name as provider',
          'scorecards.id as scorecardId',
          'scorecards.name as scorecardName',
          'reviews.version',
          sql<number>`count(*)::int`.as('reviews')
        ])
        .where('reviews.kind', '=', 'machine')
        .groupBy(['reviews.reviewer_name', 'scorecards.id', 'scorecards.name', 'reviews.version'])
        .orderBy('scorecards.name')
        .orderBy('reviews.version', 'desc')
        .orderBy('reviews.reviewer_name')
        .limit(200)
        .execute()
    })
  )

  app.get(
    '/machine-agreement',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'How far a machine agrees with people',
        description: `Over calls that both have judged. isShown becomes true from ${MACHINE_ITEMS} answers on with a kappa of at least ${MACHINE_KAPPA}; before that its scores are for reports on itself only.`,
        tags: ['reviews'],
        querystring: Type.Object({
          provider: Type.String({ maxLength: 100 }),
          scorecardId: Type.String({ maxLength: 64 }),
          version: Type.Integer({ minimum: 1 })
        }),
        response: responses({
          200: Type.Object({
            isShown: Type.Boolean(),
            needed: Type.Object({ items: Type.Integer(), kappa: Type.Number() }),
            overall: AgreementSchema,
            questions: Type.Array(Type.Object({ id: Type.String(), text: Type.String(), agreement: AgreementSchema }))
          })
        })
      }
    },
    async request => {
      const { provider, scorecardId, version } = request.query
      const row = await findVersion(db, scorecardId, version)
      if (row === undefined) throw new AppError('NOT_FOUND', 'The scorecard has no such version.')
      const pairs = await machinePairs(db, provider, scorecardId, version)
      const questions = questionsOf(row.body as Scorecard).map(question => {
        const ratings = pairs.map(([machine, human]) => [
          machine[question.id]?.value ?? null,
          human[question.id]?.value ?? null
        ])
        const values = question.options.map(option => option.value)
        return { question, ratings, agreement: agreementOf(ratings, values, question.isOrdinal) }
      })
      const overall = agreementOf(
        questions.flatMap(one => one.ratings),
        [...new Set(questions.flatMap(one => one.question.options.map(option => option.value)))]
      )
      return {
        isShown: overall.items >= MACHINE_ITEMS && (overall.kappa ?? -1) >= MACHINE_KAPPA,
        needed: { items: MACHINE_ITEMS, kappa: MACHINE_KAPPA },
        overall: toAgreement(overall),
        questions: questions.map(({ question, agreement }) => ({
          id: question.id,
          text: question.text,
          agreement: toAgreement(agreement)
        }))
      }
    }
  )
}

async function machinePairs(
  db: Db,
  provider: string,
  scorecardId: string,
  version: number
): Promise<readonly (readonly [machine: Answers, human: Answers])[]> {
  const rows = await db
    .selectFrom('reviews as machine')
    .innerJoin('reviews as human', 'human.call_id', 'machine.call_id')
    .select(['machine.answers as machine', 'human.answers as human'])
    .where('machine.kind', '=', 'machine')
    .where('machine.reviewer_id', '=', `machine:${provider}`)
    .where('machine.scorecard_id', '=', scorecardId)
    .where('machine.version', '=', version)
    .where('human.kind', '=', 'review')
    .where('human.status', '<>', 'draft')
    .where('human.scorecard_id', '=', scorecardId)
    .where('human.version', '=', version)
    .limit(10_000)
    .execute()
  return rows.map(row => [row.machine as Answers, row.human as Answers] as const)
}
