import { Type } from 'typebox'
import { findArticle } from '../../../sql/queries/bots/knowledge.ts'
import { listOpenQuestions, settleQuestions } from '../../../sql/queries/bots/conversations.ts'
import { botReasons, botStages, botTopics, botTotals, menuChoices } from '../../../sql/reports/bot-report.ts'
import type { Db } from '../../../sql/database.ts'
import { groupQuestions } from '../../bots/analytics/group-questions.ts'
import { AppError } from '../../errors.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, LanguageTag, NullableString, responses } from '../schemas.ts'

const MAX_DAYS = 400
const DAY_MS = 86_400_000
const MAX_TOPICS = 50
const MAX_CHOICES = 200
/** Questions that are looked at for grouping; older ones wait until these are dealt with. */
const MAX_QUESTIONS = 1_000

const Counted = Type.Array(Type.Object({ name: Type.String(), count: Type.Integer() }))

const ReportSchema = Type.Object({
  from: DateString,
  to: DateString,
  conversations: Type.Integer(),
  disclosed: Type.Integer({
    description: 'In which the caller heard that it is no human, and stayed at least so long'
  }),
  done: Type.Integer(),
  handover: Type.Integer(),
  noAnswer: Type.Integer(),
  failed: Type.Integer(),
  callerLeft: Type.Integer(),
  contained: Type.Integer({
    description:
      'Ended without a person: done, or the caller hung up after at least one answer. Says nothing of being solved'
  }),
  solved: Type.Integer({ description: 'The caller said that the matter is settled' }),
  askedIfSolved: Type.Integer({ description: 'In which the caller said yes or no to that' }),
  turns: Type.Integer(),
  answered: Type.Integer(),
  unknown: Type.Integer(),
  tokens: Type.Number(),
  cents: Type.Number(),
  handOvers: Counted,
  leaving: Counted,
  failures: Counted,
  topics: Type.Array(
    Type.Object({
      articleId: Type.String(),
      title: NullableString,
      answers: Type.Integer(),
      conversations: Type.Integer(),
      solved: Type.Integer(),
      handedOver: Type.Integer()
    })
  ),
  menuChoices: Type.Array(
    Type.Object({
      flowId: Type.String(),
      node: Type.String(),
      key: Type.String(),
      count: Type.Integer(),
      spoken: Type.Integer({ description: 'How many of them were said instead of pressed' }),
      calls: Type.Integer()
    }),
    { description: 'What callers chose in menus, whether a bot talked with them or not' }
  ),
  stages: Type.Array(
    Type.Object({
      source: Type.String(),
      stage: Type.Enum(['retrieval', 'firstClause', 'speech', 'reply'], {
        description: 'Since the question: articles found, first words there, first words spoken, all said'
      }),
      turns: Type.Integer(),
      medianMs: Type.Number(),
      p95Ms: Type.Number()
    })
  )
})

const tags = ['bots']

/** What bots achieve, and what they could not answer. */
export function registerBotRoutes(app: App, { db }: Readonly<{ db: Db }>): void {
  app.get(
    '/reports/bots',
    {
      config: { access: 'reports:read' },
      schema: {
        summary: 'Conversations with bots that began in a range of time, half-open',
        tags,
        querystring: Type.Object({ from: DateString, to: DateString, language: Type.Optional(LanguageTag) }),
        response: responses({ 200: ReportSchema })
      }
    },
    async request => {
      const range = {
        from: new Date(request.query.from),
        to: new Date(request.query.to),
        language: request.query.language ?? null
      }
      const lengthMs = range.to.getTime() - range.from.getTime()
      if (lengthMs <= 0 || lengthMs > MAX_DAYS * DAY_MS)
        throw new AppError('VALIDATION_FAILED', `The range must be longer than nothing and at most ${MAX_DAYS} days.`)
      const [totals, reasons, topics, choices, stages] = await Promise.all([
        botTotals(db, range),
        botReasons(db, range),
        botTopics(db, range, MAX_TOPICS),
        menuChoices(db, range, MAX_CHOICES),
        botStages(db, range)
      ])
      return {
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        ...totals,
        handOvers: [...reasons.handOvers],
        leaving: [...reasons.leaving],
        failures: [...reasons.failures],
        topics: [...topics],
        menuChoices: [...choices],
        stages: stages.map(row => ({ ...row, stage: row.stage as 'reply' }))
      }
    }
  )

  app.get(
    '/bot-questions',
    {
      config: { access: 'knowledge:read' },
      schema: {
        summary: 'What callers asked and no article answers, those that ask for the same together',
        description: 'Redacted, and only of calls that may be recorded. The largest group first.',
        tags,
        querystring: Type.Object({ language: Type.Optional(LanguageTag) }),
        response: responses({
          200: Type.Object({
            groups: Type.Array(
              Type.Object({
                language: Type.String(),
                example: Type.String(),
                words: Type.Array(Type.String()),
                ids: Type.Array(Type.String()),
                lastAskedAt: Type.String()
              })
            )
          })
        })
      }
    },
    async request => {
      const rows = await listOpenQuestions(db, request.query.language ?? null, MAX_QUESTIONS)
      const groups = groupQuestions(rows.map(row => ({ ...row, askedAt: row.asked_at })))
      return {
        groups: groups.map(({ lastAskedAt, ids, words, ...group }) => ({
          ...group,
          ids: [...ids],
          words: [...words],
          lastAskedAt: lastAskedAt.toISOString()
        }))
      }
    }
  )

  app.post(
    '/bot-questions/settle',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Say that questions are dealt with: by an article, or because none is wanted',
        tags,
        body: Type.Object(
          {
            ids: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: MAX_QUESTIONS }),
            articleId: Type.Optional(Type.String({ maxLength: 64 }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: Type.Object({ settled: Type.Integer() }) })
      }
    },
    async request => {
      const { ids, articleId } = request.body
      if (articleId !== undefined && (await findArticle(db, articleId)) === undefined)
        throw new AppError('NOT_FOUND', 'No article has this id.')
      const settled = await settleQuestions(db, ids, articleId ?? null)
      const subject = { kind: 'bot-questions', id: articleId ?? 'none' }
      await audit(db, request, 'bot-questions.settled', subject, { settled })
      return { settled }
    }
  )
}
