import { type Static, Type } from 'typebox'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  answerDispute,
  type CalibrationRow,
  closeTask,
  deleteDraft,
  type DisputeRow,
  findCalibration,
  findReview,
  findScorecard,
  findVersion,
  insertCalibration,
  insertDispute,
  insertHistory,
  insertReview,
  listCalibrations,
  listDisputes,
  listReviews,
  type ReviewRow,
  updateReview
} from '../../../sql/queries/quality/reviews.ts'
import { readCallsToIndex } from '../../../sql/queries/quality/search.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { QualityError } from '../../quality/errors.ts'
import { type Agreement, agreementOf, wordFor } from '../../quality/kappa.ts'
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
  DateString,
  decodeCursor,
  IdParams,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

/** Human reviews of the same calls that a machine must have been compared with before its figures may be shown as such. */
const MACHINE_ITEMS = 50
const MACHINE_KAPPA = 0.6

const NullableNumber = Type.Union([Type.Number(), Type.Null()])
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

const AgreementSchema = Type.Object({
  kappa: NullableNumber,
  word: NullableString,
  method: Type.String(),
  agreed: NullableNumber,
  items: Type.Integer(),
  raters: Type.Integer()
})

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

const Text = Type.String({ maxLength: 5_000 })

/** Reviews: drafts, submitted ones, what agents say to them, calibration of several reviewers, and machines' scores. */
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
      const calibration = calibrationId === undefined ? null : await knownCalibration(calibrationId)
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
          { answers: Type.Optional(AnswersSchema), note: Type.Optional(Text), coaching: Type.Optional(Text) },
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
      const pairs = await machinePairs(provider, scorecardId, version)
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
      return { items: await Promise.all(rows.map(async row => toCalibration(row, await submittedOf(row)))) }
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
      const row = await knownCalibration(request.params.id)
      const submitted = await submittedOf(row)
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

  async function knownReview(id: string): Promise<ReviewRow> {
    const row = await findReview(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No review has this id.')
    return row
  }

  async function knownCalibration(id: string): Promise<CalibrationRow> {
    const row = await findCalibration(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No calibration has this id.')
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

  async function submittedOf(row: CalibrationRow): Promise<readonly ReviewRow[]> {
    return await listReviews(db, { calibrationId: row.id, status: ['submitted', 'settled', 'disputed'] }, null, 100)
  }

  async function maySee(row: ReviewRow, personId: string): Promise<boolean> {
    if (row.reviewer_id === personId) return true
    if (row.status === 'draft') return false
    if (row.calibration_id === null) return true
    const calibration = await knownCalibration(row.calibration_id)
    return (await submittedOf(calibration)).length === calibration.reviewer_ids.length
  }

  async function machinePairs(
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

function toAgreement(agreement: Agreement) {
  return { ...agreement, word: agreement.kappa === null ? null : wordFor(agreement.kappa) }
}
