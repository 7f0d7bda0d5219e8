import { Readable } from 'node:stream'
import { type Static, Type } from 'typebox'
import {
  findRequest,
  insertRequestEvent,
  listRequestEvents,
  listRequests,
  type RequestRow,
  updateRequest
} from '../../../sql/queries/privacy/requests.ts'
import { AppError } from '../../errors.ts'
import { clockOf, extended, REGIMES } from '../../privacy/clocks.ts'
import { ERASE_WORD, type PrivacyService } from '../../privacy/privacy-service.ts'
import type { Certificate, Plan } from '../../privacy/request-facts.ts'
import { correctTranscript } from '../../quality/transcript-store.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, E164, IdParams, LanguageTag, NullableDate, NullableString, responses } from '../schemas.ts'

export const KINDS = ['access', 'export', 'correct', 'erase', 'restrict', 'do-not-sell', 'stop-calls'] as const
const DAY_MS = 86_400_000

const Email = Type.String({ format: 'email', maxLength: 254 })
const Text = (min: number) => Type.String({ minLength: min, maxLength: 2_000 })

const RequestSchema = Type.Object({
  id: Type.String(),
  reference: Type.String(),
  kind: Type.String(),
  regime: Type.String(),
  regimeTitle: Type.String(),
  channel: Type.String(),
  language: Type.String(),
  status: Type.String(),
  identity: Type.String(),
  receivedAt: Type.String(),
  acknowledgeBy: NullableDate,
  acknowledgedAt: NullableDate,
  dueAt: Type.String(),
  houseDueAt: Type.String(),
  daysLeft: Type.Integer(),
  isOverdue: Type.Boolean(),
  extendBy: NullableDate,
  extendedAt: NullableDate,
  plannedBy: NullableString,
  approvedBy: NullableString,
  doneAt: NullableDate
})
const PlanSchema = Type.Object({
  madeAt: Type.String(),
  calls: Type.Integer(),
  take: Type.Array(Type.Object({ store: Type.String(), count: Type.Integer() })),
  keep: Type.Array(
    Type.Object({ store: Type.String(), count: Type.Integer(), why: Type.String(), until: NullableDate })
  )
})
const DetailSchema = Type.Object({
  ...RequestSchema.properties,
  asked: Type.Union([
    Type.Object({
      numbers: Type.Array(Type.String()),
      emails: Type.Array(Type.String()),
      name: Type.Optional(Type.String()),
      note: Type.Optional(Type.String())
    }),
    Type.Null()
  ]),
  plan: Type.Union([PlanSchema, Type.Null()]),
  progress: Type.Record(Type.String(), Type.Unknown()),
  certificate: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
  refusal: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
  hasExport: Type.Boolean(),
  exportUntil: NullableDate,
  events: Type.Array(
    Type.Object({
      at: Type.String(),
      by: Type.String(),
      what: Type.String(),
      detail: Type.Record(Type.String(), Type.Unknown())
    })
  )
})

/** What persons ask about their data: from the receipt over identity, plan and a second person to the certificate. */
export function registerPrivacyRequestRoutes(app: App, privacy: PrivacyService): void {
  const { db } = privacy.parts

  app.get(
    '/privacy-requests',
    {
      config: { access: 'privacy:read' },
      schema: {
        summary: 'List requests; what is due first comes first',
        tags: ['privacy'],
        querystring: Type.Object({ isOpen: Type.Optional(Type.Boolean({ default: true })) }),
        response: responses({ 200: Type.Object({ items: Type.Array(RequestSchema) }) })
      }
    },
    async request => ({ items: (await listRequests(db, request.query.isOpen ?? true, 500)).map(toItem) })
  )

  app.post(
    '/privacy-requests',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Take up a request that came by telephone, letter or mail',
        tags: ['privacy'],
        body: Type.Object(
          {
            kind: Type.Enum([...KINDS]),
            numbers: Type.Array(E164, { maxItems: 50 }),
            emails: Type.Optional(Type.Array(Email, { maxItems: 50 })),
            name: Type.Optional(Type.String({ maxLength: 200 })),
            note: Type.Optional(Text(0)),
            language: Type.Optional(LanguageTag),
            regime: Type.Optional(Type.Enum(Object.keys(REGIMES))),
            receivedAt: Type.Optional(DateString)
          },
          { additionalProperties: false }
        ),
        response: responses({
          201: Type.Object({
            id: Type.String(),
            reference: Type.String(),
            statusPath: Type.String({ description: 'For the person; shown once' }),
            dueAt: Type.String()
          })
        })
      }
    },
    async (request, reply) => {
      const { kind, numbers, emails = [], name, note, language, regime, receivedAt } = request.body
      if (numbers.length + emails.length === 0)
        throw new AppError('VALIDATION_FAILED', 'A request names at least one number or e-mail address.')
      const at = receivedAt === undefined ? new Date() : new Date(receivedAt)
      if (at.getTime() > Date.now() + DAY_MS)
        throw new AppError('VALIDATION_FAILED', 'The request cannot have come in the future.')
      const made = await privacy.receive({
        kind: kind as (typeof KINDS)[number],
        asked: { numbers, emails, ...(name !== undefined && { name }), ...(note !== undefined && { note }) },
        language: language ?? 'en',
        channel: 'staff',
        isProved: false,
        by: actorOf(request).name,
        receivedAt: at,
        ...(regime !== undefined && { regime })
      })
      await audit(
        db,
        request,
        'privacy-request.received',
        { kind: 'privacy-request', id: made.id },
        { requestKind: kind }
      )
      return reply.status(201).send({
        id: made.id,
        reference: made.reference,
        statusPath: `/privacy/status/${made.statusKey}`,
        dueAt: made.dueAt.toISOString()
      })
    }
  )

  app.get(
    '/privacy-requests/:id',
    {
      config: { access: 'privacy:read' },
      schema: {
        summary: 'A request with its plan, progress and story',
        tags: ['privacy'],
        params: IdParams,
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const row = await known(request.params.id)
      await audit(db, request, 'privacy-request.read', { kind: 'privacy-request', id: row.id })
      return await detail(row)
    }
  )

  app.post(
    '/privacy-requests/:id/identity',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Say whether the person is who they say',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object(
          { result: Type.Enum(['proved', 'failed']), how: Type.String({ minLength: 3, maxLength: 300 }) },
          { additionalProperties: false }
        ),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { result, how } = request.body as { result: 'proved' | 'failed'; how: string }
      await moved(
        id,
        {
          identity: result,
          identity_by: actorOf(request).name,
          identity_how: how,
          status: result === 'proved' ? 'identity' : 'received'
        },
        ['received', 'identity']
      )
      return await noted(request, id, `identity-${result}`, { how })
    }
  )

  app.post(
    '/privacy-requests/:id/link',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Add numbers or addresses of the same person',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object(
          {
            numbers: Type.Optional(Type.Array(E164, { maxItems: 50 })),
            emails: Type.Optional(Type.Array(Email, { maxItems: 50 })),
            why: Text(3)
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { numbers = [], emails = [], why } = request.body
      await privacy.link(await known(id), { numbers, emails })
      return await noted(request, id, 'linked', { count: numbers.length + emails.length, why })
    }
  )

  app.post(
    '/privacy-requests/:id/plan',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Find everything about the person, and what must stay and why',
        tags: ['privacy'],
        params: IdParams,
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      const row = await known(id)
      if (row.identity !== 'proved')
        throw new AppError('CONFLICT', 'The identity of the person has to be proved first.')
      const plan = await privacy.plan(row)
      await moved(
        id,
        { plan: JSON.stringify(plan), planned_by: actorOf(request).name, planned_at: new Date(), status: 'planned' },
        ['identity', 'planned']
      )
      return await noted(request, id, 'planned', { calls: plan.calls })
    }
  )

  app.post(
    '/privacy-requests/:id/approve',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Carry the plan out',
        description: `An erasure needs a second person, who types ${ERASE_WORD} and the reference.`,
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object({ typed: Type.Optional(Type.String({ maxLength: 50 })) }, { additionalProperties: false }),
        response: responses({ 202: DetailSchema })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const row = await known(id)
      const actor = actorOf(request)
      if (row.status !== 'planned') throw new AppError('CONFLICT', 'The request has no plan that could be carried out.')
      if (row.kind === 'erase') {
        if (row.planned_by === actor.name)
          throw new AppError('SECOND_PERSON', 'Whoever planned an erasure does not approve it.')
        if (request.body.typed !== `${ERASE_WORD} ${row.reference}`)
          throw new AppError('VALIDATION_FAILED', `Type ${ERASE_WORD} and the reference of the request.`, {
            problems: [{ at: '/body/typed', message: 'is not the word and the reference' }]
          })
      }
      await moved(
        id,
        {
          status: 'approved',
          approved_by: row.kind === 'erase' ? actor.name : null,
          approved_at: new Date()
        },
        ['planned']
      )
      const answer = await noted(request, id, 'approved')
      await privacy.begin(id)
      return reply.status(202).send(answer)
    }
  )

  app.post(
    '/privacy-requests/:id/extend',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Take longer, once the person was told why in time',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object({ toldAt: DateString, reason: Text(5) }, { additionalProperties: false }),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { toldAt, reason } = request.body
      const row = await known(id)
      const regime = REGIMES[row.regime]
      const until = regime === undefined ? null : extended(regime, row.received_at, new Date(toldAt))
      if (row.extended_at !== null) throw new AppError('CONFLICT', 'The request was extended already.')
      if (until === null) throw new AppError('CONFLICT', 'The law gives no more time, or the person was told too late.')
      await moved(id, { due_at: until, extended_at: new Date(toldAt), extension: JSON.stringify({ reason }) }, [
        'received',
        'identity',
        'planned',
        'approved',
        'running',
        'partly'
      ])
      return await noted(request, id, 'extended', { reason })
    }
  )

  app.post(
    '/privacy-requests/:id/refuse',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Refuse, with the law and where the person may complain',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object({ law: Text(3), reason: Text(5), complainAt: Text(3) }, { additionalProperties: false }),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      await moved(id, { status: 'refused', refusal: JSON.stringify(request.body), done_at: new Date() }, [
        'received',
        'identity',
        'planned'
      ])
      return await noted(request, id, 'refused', { ...request.body })
    }
  )

  app.post(
    '/privacy-requests/:id/corrections',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Correct what a transcript says',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object(
          {
            callId: Type.String({ maxLength: 64 }),
            corrections: Type.Array(
              Type.Object(
                { index: Type.Integer({ minimum: 0 }), text: Type.String({ minLength: 1, maxLength: 5_000 }) },
                { additionalProperties: false }
              ),
              { minItems: 1, maxItems: 100 }
            )
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { callId, corrections } = request.body
      const row = await known(id)
      if (row.kind !== 'correct' || row.identity !== 'proved')
        throw new AppError('CONFLICT', 'Only a proved request for correction changes a transcript.')
      await correctTranscript(privacy.parts.quality, callId, corrections)
      return await noted(request, id, 'corrected', { callId, utterances: corrections.map(one => one.index) })
    }
  )

  app.post(
    '/privacy-requests/:id/lift',
    {
      config: { access: 'privacy:write' },
      schema: {
        summary: 'Lift a restriction, or a wish that data is not sold',
        description: 'The person is to be told before (GDPR Article 18(3)). Calls are not allowed again by it.',
        tags: ['privacy'],
        params: IdParams,
        body: Type.Object(
          {
            reason: Type.String({ minLength: 5, maxLength: 500 }),
            toldAt: DateString
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: DetailSchema })
      }
    },
    async request => {
      const { id } = request.params
      await privacy.lift(await known(id))
      return await noted(request, id, 'lifted', { ...request.body })
    }
  )

  app.get(
    '/privacy-requests/:id/export',
    {
      config: { access: 'privacy:read' },
      schema: {
        summary: 'The copy of everything, as ZIP',
        tags: ['privacy'],
        params: IdParams,
        produces: ['application/zip'],
        response: responses({ 200: Type.Unknown() })
      }
    },
    async (request, reply) => {
      const row = await known(request.params.id)
      const content = privacy.exportOf(row)
      await audit(db, request, 'privacy-request.exported', { kind: 'privacy-request', id: row.id })
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="${row.reference}.zip"`)
        .header('cache-control', 'no-store')
        .send(Readable.from(content))
    }
  )

  async function known(id: string): Promise<RequestRow> {
    const row = await findRequest(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No request has this id.')
    return row
  }

  async function moved(
    id: string,
    change: Parameters<typeof updateRequest>[2],
    from: Parameters<typeof updateRequest>[3]
  ): Promise<void> {
    if (await updateRequest(db, id, change, from)) return
    const row = await known(id)
    throw new AppError('CONFLICT', `This cannot be done while the request is: ${row.status}.`)
  }

  async function noted(
    request: Parameters<typeof audit>[1],
    id: string,
    what: string,
    detailOf: Readonly<Record<string, unknown>> = {}
  ): Promise<Static<typeof DetailSchema>> {
    await insertRequestEvent(db, { requestId: id, by: actorOf(request).name, what, detail: detailOf })
    await audit(db, request, `privacy-request.${what}`, { kind: 'privacy-request', id })
    return await detail(await known(id))
  }

  async function detail(row: RequestRow): Promise<Static<typeof DetailSchema>> {
    const asked = privacy.open(row)
    const plan = row.plan as Plan | null
    return {
      ...toItem(row),
      asked: asked === null ? null : { ...asked, numbers: [...asked.numbers], emails: [...asked.emails] },
      plan: plan === null ? null : { ...plan, take: [...plan.take], keep: [...plan.keep] },
      progress: { ...row.progress },
      certificate: row.certificate === null ? null : { ...(row.certificate as unknown as Certificate) },
      refusal: row.refusal === null ? null : { ...row.refusal },
      hasExport: row.export_file !== null && (row.export_until ?? new Date(0)) > new Date(),
      exportUntil: row.export_until?.toISOString() ?? null,
      events: (await listRequestEvents(db, row.id)).map(event => ({
        at: event.at.toISOString(),
        by: event.by_name,
        what: event.what,
        detail: { ...event.detail }
      }))
    }
  }
}

function toItem(row: RequestRow) {
  const regime = REGIMES[row.regime]
  const isOpen = !['done', 'refused', 'withdrawn'].includes(row.status)
  return {
    id: row.id,
    reference: row.reference,
    kind: row.kind,
    regime: row.regime,
    regimeTitle: regime?.title ?? row.regime,
    channel: row.channel,
    language: row.language,
    status: row.status,
    identity: row.identity,
    receivedAt: row.received_at.toISOString(),
    acknowledgeBy: row.acknowledge_by?.toISOString() ?? null,
    acknowledgedAt: row.acknowledged_at?.toISOString() ?? null,
    dueAt: row.due_at.toISOString(),
    houseDueAt: row.house_due_at.toISOString(),
    daysLeft: Math.floor((row.due_at.getTime() - Date.now()) / DAY_MS),
    isOverdue: isOpen && row.due_at < new Date(),
    extendBy: regime === undefined ? null : (clockOf(regime, row.received_at).extendBy?.toISOString() ?? null),
    extendedAt: row.extended_at?.toISOString() ?? null,
    plannedBy: row.planned_by,
    approvedBy: row.approved_by,
    doneAt: row.done_at?.toISOString() ?? null
  }
}
