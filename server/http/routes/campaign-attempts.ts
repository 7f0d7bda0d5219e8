import { Readable } from 'node:stream'
import { Type } from 'typebox'
import {
  type AttemptRow,
  attemptsOfLead,
  findAttempt,
  listAttempts,
  markDetectorWrong,
  settleUnknown
} from '../../../sql/queries/campaigns/attempts.ts'
import { type KeptOfCalls, keptOfCalls } from '../../../sql/queries/campaigns/notices.ts'
import { findContact } from '../../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../../sql/database.ts'
import { NOTICE_PROBLEMS, noticeOf } from '../../campaigns/notice.ts'
import { AppError } from '../../errors.ts'
import { numberFor } from '../../number-mask.ts'
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
import type { CampaignRouteParts } from './campaigns.ts'
import { csvLine } from './report-csv.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })
const closed = { additionalProperties: false }

const AttemptSchema = Type.Object({
  id: Type.String({ description: 'Also the id of the call' }),
  contactId: Type.String(),
  contactName: Type.String(),
  number: NullableString,
  state: Type.String(),
  outcome: NullableString,
  detail: Type.String(),
  decisionId: NullableString,
  callerNumber: NullableString,
  agentId: NullableString,
  amdResult: NullableString,
  isAmdWrong: Type.Boolean(),
  isAbandoned: Type.Boolean(),
  disposition: NullableString,
  sipStatus: Type.Union([Type.Integer(), Type.Null()]),
  reservedAt: DateString,
  dialledAt: NullableDate,
  answeredAt: NullableDate,
  connectedAt: NullableDate,
  endedAt: NullableDate,
  notice: Type.Union(
    [
      Type.Object({
        by: Type.Union([literals(['announcement', 'agent', 'abandonedMessage', 'machineMessage']), Type.Null()]),
        atMs: Type.Union([Type.Integer(), Type.Null()], { description: 'Since the answer, as recordings count' }),
        recordingId: NullableString,
        problem: Type.Union([literals(NOTICE_PROBLEMS), Type.Null()], { description: 'Why no recording has it' })
      }),
      Type.Null()
    ],
    { description: 'When what the law wants said was said, and the recording of it; null when nobody answered' }
  )
})

export const LeadParams = Type.Object({
  id: Type.String({ maxLength: 64 }),
  contactId: Type.String({ pattern: '^\\d{1,18}$' })
})

/** What campaigns did: every dial and every contact, and what a person decides about them. */
export function registerCampaignAttemptRoutes(
  app: App,
  { db, campaigns, now }: Pick<CampaignRouteParts, 'db' | 'campaigns' | 'now'>
): void {
  const tags = ['campaigns']

  app.get(
    '/campaigns/:id/attempts',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'Every dial and every contact that was not dialled, with its decision, newest first',
        tags,
        params: IdParams,
        querystring: Type.Object({
          ...PageQuery.properties,
          outcome: Type.Optional(Type.String({ maxLength: 32 })),
          contactId: Type.Optional(Type.String({ pattern: '^\\d{1,18}$' }))
        }),
        response: responses({ 200: pageOf(AttemptSchema) })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      const { limit = 50, cursor, outcome, contactId } = request.query
      const [at, id] = decodeCursor(cursor, 2) ?? []
      const rows = await listAttempts(
        db,
        {
          campaignNo: row.no,
          ...(outcome !== undefined && { outcome }),
          ...(contactId !== undefined && { contactId })
        },
        at === undefined || id === undefined ? null : { at: new Date(at), id },
        limit + 1
      )
      const { role } = actorOf(request)
      const kept = await keptOf(db, rows)
      return toPage(
        rows,
        limit,
        one => toAttempt(one, numberFor(role, one.number), kept),
        one => [one.reserved_at.toISOString(), one.id]
      )
    }
  )

  app.get(
    '/campaigns/:id/attempts.csv',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'The same as CSV, with decisions and calls, for an audit',
        tags,
        params: IdParams,
        produces: ['text/csv']
      }
    },
    async (request, reply) => {
      const row = await campaigns.get(request.params.id)
      const { role } = actorOf(request)
      await audit(db, request, 'campaign.exported', { kind: 'campaign', id: row.id })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="campaign-${row.id}.csv"`)
        .send(Readable.from(exportAttempts(db, row.no, number => numberFor(role, number) ?? '')))
    }
  )

  app.get(
    '/campaigns/:id/contacts/:contactId',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'What the campaign did with one contact, each attempt with its decision',
        tags,
        params: LeadParams,
        response: responses({
          200: Type.Object({
            contactId: Type.String(),
            name: Type.String(),
            language: NullableString,
            state: NullableString,
            reasons: Type.Array(Type.String()),
            decisionId: NullableString,
            nextAt: NullableDate,
            callbackAt: NullableDate,
            attempts: Type.Array(AttemptSchema)
          })
        })
      }
    },
    async request => {
      const { id, contactId } = request.params
      const row = await campaigns.get(id)
      const contact = await findContact(db, contactId)
      if (contact === undefined) throw new AppError('NOT_FOUND', 'No contact has this id.')
      const lead = await db
        .selectFrom('campaign_leads')
        .selectAll()
        .where('campaign_no', '=', row.no)
        .where('contact_id', '=', contactId)
        .executeTakeFirst()
      const { role } = actorOf(request)
      const attempts = await attemptsOfLead(db, row.no, contactId)
      const kept = await keptOf(db, attempts)
      return {
        contactId,
        name: contact.name,
        language: contact.language,
        state: lead?.state ?? null,
        reasons: [...(lead?.reasons ?? [])],
        decisionId: lead?.decision_id ?? null,
        nextAt: lead?.state === 'waiting' ? lead.next_at.toISOString() : null,
        callbackAt: lead?.callback_at?.toISOString() ?? null,
        attempts: attempts.map(one =>
          toAttempt({ ...one, contactName: contact.name }, numberFor(role, one.number), kept)
        )
      }
    }
  )

  app.post(
    '/campaigns/:id/contacts/:contactId/settle',
    {
      config: { access: 'campaigns:control' },
      schema: {
        summary: 'Say what becomes of a contact whose last call is unknown, or that waits for a person’s decision',
        tags,
        params: LeadParams,
        body: Type.Object(
          {
            action: literals(['tryAgain', 'leave'] as const),
            reason: Type.String({ minLength: 1, maxLength: 500 })
          },
          closed
        ),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, contactId } = request.params
      const { action, reason } = request.body
      const row = await campaigns.get(id)
      if (!(await settleUnknown(db, row.no, contactId, action === 'tryAgain' ? 'waiting' : 'done', now())))
        throw new AppError('CONFLICT', 'This contact waits for nobody’s decision.')
      await audit(
        db,
        request,
        'campaign.contact-settled',
        { kind: 'contact', id: contactId },
        { campaign: id, action, reason }
      )
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/campaign-attempts/:id/was-person',
    {
      config: { access: 'campaigns:control' },
      schema: {
        summary: 'A call that was taken for a machine was a person: it counts as abandoned',
        tags,
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if ((await findAttempt(db, id)) === undefined) throw new AppError('NOT_FOUND', 'No attempt has this id.')
      if ((await markDetectorWrong(db, id)) === undefined)
        throw new AppError('CONFLICT', 'This was not taken for a machine, or was said before.')
      await audit(db, request, 'campaign.detector-corrected', { kind: 'campaign-attempt', id })
      return reply.status(204).send(null)
    }
  )
}

type Listed = Awaited<ReturnType<typeof listAttempts>>[number]

async function keptOf(db: Db, rows: readonly AttemptRow[]): Promise<KeptOfCalls> {
  return await keptOfCalls(
    db,
    rows.flatMap(row => (row.answered_at === null ? [] : [row.id]))
  )
}

function toAttempt(row: Listed, number: string | null, kept: KeptOfCalls) {
  return {
    id: row.id,
    contactId: row.contact_id,
    contactName: row.contactName,
    number,
    state: row.state,
    outcome: row.outcome,
    detail: row.detail,
    decisionId: row.decision_id,
    callerNumber: row.caller_number,
    agentId: row.agent_id,
    amdResult: row.amd_result,
    isAmdWrong: row.is_amd_wrong,
    isAbandoned: row.is_abandoned,
    disposition: row.disposition,
    sipStatus: row.sip_status,
    reservedAt: row.reserved_at.toISOString(),
    dialledAt: row.dialled_at?.toISOString() ?? null,
    answeredAt: row.answered_at?.toISOString() ?? null,
    connectedAt: row.connected_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    notice: noticeOf(row, kept)
  }
}

const EXPORT_PAGE = 1_000
const EXPORT_COLUMNS = [
  'id',
  'contactId',
  'contactName',
  'number',
  'outcome',
  'detail',
  'decisionId',
  'callerNumber',
  'agentId',
  'amdResult',
  'isAbandoned',
  'disposition',
  'sipStatus',
  'reservedAt',
  'dialledAt',
  'answeredAt',
  'connectedAt',
  'endedAt',
  'noticeBy',
  'noticeAtMs',
  'noticeRecordingId',
  'noticeProblem'
] as const

async function* exportAttempts(db: Db, campaignNo: number, mask: (number: string) => string): AsyncGenerator<string> {
  yield csvLine([...EXPORT_COLUMNS])
  let before: Readonly<{ at: Date; id: string }> | null = null
  for (;;) {
    const rows: readonly Listed[] = await listAttempts(db, { campaignNo }, before, EXPORT_PAGE)
    const kept = await keptOf(db, rows)
    for (const row of rows) {
      const { notice, ...attempt } = toAttempt(row, mask(row.number), kept)
      const view: Readonly<Record<string, unknown>> = {
        ...attempt,
        noticeBy: notice?.by,
        noticeAtMs: notice?.atMs,
        noticeRecordingId: notice?.recordingId,
        noticeProblem: notice?.problem
      }
      yield csvLine(EXPORT_COLUMNS.map(name => String(view[name] ?? '')))
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < EXPORT_PAGE) return
    before = { at: last.reserved_at, id: last.id }
  }
}
