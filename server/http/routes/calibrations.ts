import { Type } from 'typebox'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  type CalibrationRow,
  findCalibration,
  findScorecard,
  findVersion,
  insertCalibration,
  listCalibrations,
  listReviews,
  type ReviewRow
} from '../../../sql/queries/quality/reviews.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { agreementOf } from '../../quality/kappa.ts'
import type { Quality } from '../../quality/quality.ts'
import { type Answers, questionsOf, type Scorecard } from '../../quality/scorecard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, IdParams, NullableDate, NullableString, responses } from '../schemas.ts'
import type { Db } from '../../../sql/database.ts'
import { AgreementSchema, NullableNumber, toAgreement } from './agreement.ts'

const CalibrationSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  callId: Type.String(),
  scorecardId: Type.String(),
  version: Type.Integer(),
  reviewerIds: Type.Array(Type.String()),
  submitted: Type.Integer(),
  isRevealed: Type.Boolean({ description: 'Whether all have submitted, so that all answers may be seen' }),
  dueAt: NullableDate,
  createdAt: Type.String()
})

/** Calibration: several reviewers judge the same call, blind until all have submitted. */
export function registerCalibrationRoutes(app: App, { db }: Quality): void {
  app.get(
    '/calibrations',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'List calibrations, newest first',
        tags: ['reviews'],
        response: responses({ 200: Type.Object({ items: Type.Array(CalibrationSchema) }) })
      }
    },
    async () => {
      const rows = await listCalibrations(db, 200)
      return { items: await Promise.all(rows.map(async row => toCalibration(row, await submittedOf(db, row)))) }
    }
  )

  app.post(
    '/calibrations',
    {
      config: { access: 'reviews:write' },
      schema: {
        summary: 'Have several people judge one call, each without seeing the others',
        tags: ['reviews'],
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 100 }),
            callId: Type.String({ maxLength: 64 }),
            scorecardId: Type.String({ maxLength: 64 }),
            reviewerIds: Type.Array(Type.String({ maxLength: 64 }), { minItems: 2, maxItems: 20, uniqueItems: true }),
            dueAt: Type.Optional(DateString)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { name, callId, scorecardId, reviewerIds, dueAt } = request.body
      if ((await findCdr(db, callId)) === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      const card = await findScorecard(db, scorecardId)
      if (card?.version == null) throw new AppError('NOT_FOUND', 'No published scorecard has this id.')
      const people = await db
        .selectFrom('users')
        .select(['id', 'role'])
        .where('id', 'in', [...reviewerIds])
        .execute()
      if (people.length < reviewerIds.length || people.some(one => one.role !== 'qa-reviewer' && one.role !== 'admin'))
        throw new AppError('VALIDATION_FAILED', 'Everybody who calibrates must be a reviewer.')
      const id = newId()
      await insertCalibration(db, {
        id,
        name,
        call_id: callId,
        scorecard_id: scorecardId,
        version: card.version,
        reviewer_ids: [...reviewerIds],
        due_at: dueAt === undefined ? null : new Date(dueAt),
        created_by: actorOf(request).name
      })
      await audit(db, request, 'calibration.begun', { kind: 'call', id: callId }, { calibrationId: id })
      return reply.status(201).send({ id })
    }
  )

  app.get(
    '/calibrations/:id',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'A calibration: who has submitted, and once all have, the answers side by side with their agreement',
        tags: ['reviews'],
        params: IdParams,
        response: responses({
          200: Type.Object({
            ...CalibrationSchema.properties,
            reviewers: Type.Array(
              Type.Object({
                id: Type.String(),
                name: Type.String(),
                hasSubmitted: Type.Boolean(),
                percent: NullableNumber
              })
            ),
            agreement: Type.Union([AgreementSchema, Type.Null()]),
            questions: Type.Array(
              Type.Object({
                id: Type.String(),
                text: Type.String(),
                agreed: NullableNumber,
                answers: Type.Array(NullableString, { description: 'In the order of the reviewers' })
              })
            )
          })
        })
      }
    },
    async request => {
      const row = await knownCalibration(db, request.params.id)
      const submitted = await submittedOf(db, row)
      const isRevealed = submitted.length === row.reviewer_ids.length
      const people = await db
        .selectFrom('users')
        .select(['id', 'display_name as name'])
        .where('id', 'in', [...row.reviewer_ids])
        .execute()
      const reviewers = row.reviewer_ids.map(id => {
        const own = submitted.find(review => review.reviewer_id === id)
        return {
          id,
          name: people.find(one => one.id === id)?.name ?? id,
          hasSubmitted: own !== undefined,
          percent: isRevealed ? (own?.percent ?? null) : null
        }
      })
      if (!isRevealed) return { ...toCalibration(row, submitted), reviewers, agreement: null, questions: [] }
      const card = (await findVersion(db, row.scorecard_id, row.version))?.body as Scorecard
      const questions = questionsOf(card).map(question => {
        const answers = row.reviewer_ids.map(
          id =>
            (submitted.find(review => review.reviewer_id === id)?.answers as Answers | undefined)?.[question.id]
              ?.value ?? null
        )
        return {
          question,
          answers,
          agreed: agreementOf([answers], [...new Set(answers.filter(one => one !== null))]).agreed
        }
      })
      const overall = agreementOf(
        questions.map(one => one.answers),
        [...new Set(questions.flatMap(one => one.question.options.map(option => option.value)))]
      )
      return {
        ...toCalibration(row, submitted),
        reviewers,
        agreement: toAgreement(overall),
        // Where they differ most comes first: that is what they have to talk about.
        questions: questions
          .sort((a, b) => (a.agreed ?? 1) - (b.agreed ?? 1))
          .map(({ question, answers, agreed }) => ({ id: question.id, text: question.text, answers, agreed }))
      }
    }
  )
}

export async function knownCalibration(db: Db, id: string): Promise<CalibrationRow> {
  const row = await findCalibration(db, id)
  if (row === undefined) throw new AppError('NOT_FOUND', 'No calibration has this id.')
  return row
}

/** The reviews of a calibration that their reviewers have submitted. */
export async function submittedOf(db: Db, row: CalibrationRow): Promise<readonly ReviewRow[]> {
  return await listReviews(db, { calibrationId: row.id, status: ['submitted', 'settled', 'disputed'] }, null, 100)
}

function toCalibration(row: CalibrationRow, submitted: readonly ReviewRow[]) {
  return {
    id: row.id,
    name: row.name,
    callId: row.call_id,
    scorecardId: row.scorecard_id,
    version: row.version,
    reviewerIds: row.reviewer_ids,
    submitted: submitted.length,
    isRevealed: submitted.length === row.reviewer_ids.length,
    dueAt: row.due_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString()
  }
}
