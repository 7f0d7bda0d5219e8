import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import type { ExplainLanguage } from '../../../compliance/explain/words.ts'
import { explain, explainLanguage } from '../../../compliance/explain/explain.ts'
import { exportDecisions, readBody, replay, verifyChain } from '../../../compliance/log/decision-log.ts'
import { forecast } from '../../../compliance/plan/forecast.ts'
import { timeline } from '../../../compliance/plan/times.ts'
import { callsWithoutDecision, findDecision, listDecisions } from '../../../../sql/queries/compliance/decisions.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import {
  DateString,
  decodeCursor,
  IdParams,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../../schemas.ts'
import { access } from './access.ts'
import {
  DecisionSchema,
  LanguageQuery,
  OutcomeSchema,
  plain,
  QuestionSchema,
  Reasons,
  SettingsSchema
} from './schemas.ts'

const DecisionRow = Type.Object({
  id: Type.String(),
  seq: Type.Integer(),
  at: DateString,
  outcome: OutcomeSchema,
  reasons: Reasons,
  lastDigits: Type.String({ description: 'Last two digits of the number' }),
  campaignId: NullableString,
  contactId: NullableString,
  hash: Type.String()
})

const GroupSchema = Type.Object({
  jurisdictions: Type.Array(Type.String()),
  zones: Type.Array(Type.String()),
  contacts: Type.Integer(),
  reachable: Type.Integer(),
  minutesByDay: Type.Record(Type.String(), Type.Number()),
  lastDialAt: NullableString
})

const MAX_CONTACTS = 10_000

/** Questions, planning and the log of decisions. */
export function registerDecisionRoutes(app: App, { db }: HttpParts, compliance: ComplianceService): void {
  const titleOf = (id: string): string | null =>
    compliance.packs.packs.flatMap(one => one.pack.rules).find(rule => rule.id === id)?.title ?? null
  const languageFor = (asked: string | undefined, own: string): ExplainLanguage => explainLanguage(asked ?? own)

  app.post(
    '/compliance/decide',
    {
      config: access('compliance:decide'),
      schema: {
        summary: 'May this call be placed? What is not given is looked up',
        tags: ['compliance'],
        querystring: LanguageQuery,
        body: Type.Object(
          {
            call: QuestionSchema,
            settings: Type.Optional(SettingsSchema),
            record: Type.Optional(
              Type.Object(
                {
                  campaignId: Type.Optional(Type.String({ maxLength: 64 })),
                  contactId: Type.Optional(Type.String({ maxLength: 64 }))
                },
                {
                  additionalProperties: false,
                  description: 'Writes the decision into the log, under the settings of the house'
                }
              )
            )
          },
          { additionalProperties: false }
        ),
        response: responses({
          200: Type.Object({ id: NullableString, decision: DecisionSchema, explanation: Type.Array(Type.String()) })
        })
      }
    },
    async request => {
      const { call, settings, record } = request.body
      const language = languageFor(request.query.language, actorOf(request).language)
      const { id, decision } =
        record === undefined
          ? { id: null, ...(await compliance.ask(call, settings)) }
          : await compliance.decideForCall(call, record)
      return { id, decision: plain(decision), explanation: plain(explain(decision, language, titleOf)) }
    }
  )

  app.post(
    '/compliance/timeline',
    {
      config: access('compliance:decide'),
      schema: {
        summary: 'When may this number be called?',
        tags: ['compliance'],
        body: Type.Object(
          {
            call: QuestionSchema,
            days: Type.Optional(Type.Integer({ minimum: 1, maximum: 60, default: 14 })),
            settings: Type.Optional(SettingsSchema)
          },
          { additionalProperties: false }
        ),
        response: responses({
          200: Type.Object({
            decision: DecisionSchema,
            spans: Type.Array(Type.Object({ from: Type.String(), to: Type.String() })),
            minutesByDay: Type.Record(Type.String(), Type.Number())
          })
        })
      }
    },
    async request => {
      const { call, days = 14, settings } = request.body
      const { facts, decision } = await compliance.ask(call, settings)
      const found = decision.error === null ? timeline(facts, compliance.packsWith(settings), days) : null
      return {
        decision: plain(decision),
        spans: plain(found?.spans ?? []),
        minutesByDay: plain(found?.minutesByDay ?? {})
      }
    }
  )

  app.post(
    '/compliance/forecast',
    {
      config: access('compliance:decide'),
      bodyLimit: 32 * 1024 * 1024,
      schema: {
        summary: 'What would come of a list of contacts',
        tags: ['compliance'],
        body: Type.Object(
          {
            contacts: Type.Array(QuestionSchema, { minItems: 1, maxItems: MAX_CONTACTS }),
            days: Type.Optional(Type.Integer({ minimum: 1, maximum: 60, default: 7 })),
            settings: Type.Optional(SettingsSchema)
          },
          { additionalProperties: false }
        ),
        response: responses({
          200: Type.Object({
            contacts: Type.Integer(),
            outcomes: Type.Record(Type.String(), Type.Integer()),
            reasons: Type.Record(Type.String(), Type.Integer()),
            open: Type.Record(Type.String(), Type.Integer()),
            groups: Type.Array(GroupSchema),
            firstDialAt: NullableString,
            lastDialAt: NullableString
          })
        })
      }
    },
    async request => {
      const { contacts, days = 7, settings } = request.body
      const now = new Date()
      async function* gathered() {
        for (const contact of contacts) yield await compliance.gather(contact, {}, now)
      }
      const { reasons, ...found } = await forecast(gathered(), compliance.packsWith(settings), days)
      return { ...plain(found), reasons: Object.fromEntries(Object.entries(reasons)) }
    }
  )

  app.get(
    '/compliance/decisions',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'List decisions, newest first',
        tags: ['compliance'],
        querystring: Type.Object({
          ...PageQuery.properties,
          outcome: Type.Optional(OutcomeSchema),
          reason: Type.Optional(Type.String({ maxLength: 40 })),
          campaignId: Type.Optional(Type.String({ maxLength: 64 }))
        }),
        response: responses({ 200: pageOf(DecisionRow) })
      }
    },
    async request => {
      const { cursor, limit = 50, outcome, reason, campaignId } = request.query
      const rows = await listDecisions(
        compliance.db,
        {
          ...(outcome !== undefined && { outcome }),
          ...(reason !== undefined && { reason }),
          ...(campaignId !== undefined && { campaignId })
        },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      return toPage(
        rows,
        limit,
        row => ({
          id: row.id,
          seq: row.seq,
          at: row.at.toISOString(),
          outcome: row.outcome,
          reasons: [...readBody(row).decision.reasons],
          lastDigits: readBody(row).number.last2,
          campaignId: row.campaignId,
          contactId: row.contactId,
          hash: row.hash
        }),
        row => [String(row.seq)]
      )
    }
  )

  app.get(
    '/compliance/decisions/:id',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'Read a decision with its facts, its explanation and a replay',
        tags: ['compliance'],
        params: IdParams,
        querystring: LanguageQuery,
        response: responses({
          200: Type.Object({
            id: Type.String(),
            seq: Type.Integer(),
            at: DateString,
            facts: Type.Record(Type.String(), Type.Unknown()),
            lastDigits: Type.String(),
            decision: DecisionSchema,
            explanation: Type.Array(Type.String()),
            replay: Type.Union([
              Type.Object({ isSame: Type.Boolean(), outcome: OutcomeSchema, reasons: Reasons }),
              Type.Null()
            ]),
            engine: Type.String(),
            tzdb: Type.String(),
            prev: Type.String(),
            hash: Type.String()
          })
        })
      }
    },
    async request => {
      const row = await findDecision(compliance.db, request.params.id)
      if (row === undefined) throw new AppError('NOT_FOUND', 'No decision has this id.')
      const body = readBody(row)
      const again = replay(compliance.log, row, compliance.packs)
      await audit(db, request, 'decision.read', { kind: 'decision', id: row.id })
      return {
        id: row.id,
        seq: row.seq,
        at: row.at.toISOString(),
        facts: { ...body.facts },
        lastDigits: body.number.last2,
        decision: plain(body.decision),
        explanation: [
          ...explain(body.decision, languageFor(request.query.language, actorOf(request).language), titleOf)
        ],
        replay:
          again === null ? null : { isSame: again.isSame, outcome: again.now.outcome, reasons: [...again.now.reasons] },
        engine: body.engine,
        tzdb: body.tzdb,
        prev: row.prev,
        hash: row.hash
      }
    }
  )

  app.get(
    '/compliance/chain',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'Check the chain of decisions and find calls without one',
        tags: ['compliance'],
        response: responses({
          200: Type.Object({
            length: Type.Integer(),
            head: Type.Object({ seq: Type.Integer(), hash: Type.String() }),
            broken: Type.Union([
              Type.Object({ seq: Type.Integer(), id: Type.String(), why: Type.String() }),
              Type.Null()
            ]),
            callsWithoutDecision: Type.Array(Type.String())
          })
        })
      }
    },
    async () => {
      const [chain, calls] = await Promise.all([
        verifyChain(compliance.db),
        callsWithoutDecision(compliance.db, new Date(Date.now() - 30 * 86_400_000), 100)
      ])
      return { ...chain, callsWithoutDecision: calls.map(one => one.callId) }
    }
  )

  app.get(
    '/compliance/chain/export',
    {
      config: access('compliance:read'),
      schema: { summary: 'Every entry of the chain, one JSON object on a line', tags: ['compliance'] }
    },
    async (request, reply) => {
      await audit(db, request, 'decisions.exported', { kind: 'decision', id: 'all' })
      async function* lines() {
        for await (const { seq, id, body, prev, hash } of exportDecisions(compliance.db))
          yield `${JSON.stringify({ seq, id, body, prev, hash })}\n`
      }
      return reply.type('application/x-ndjson').send(Readable.from(lines()))
    }
  )
}
