import { Readable } from 'node:stream'
import { Type } from 'typebox'
import {
  attemptsOfLead,
  findAttempt,
  listAttempts,
  markDetectorWrong,
  promiseCallback,
  settleUnknown
} from '../../../sql/queries/campaigns/attempts.ts'
import {
  type CampaignRow,
  campaignDays,
  listAlarms,
  listCampaigns,
  seeAlarm,
  updateCampaign
} from '../../../sql/queries/campaigns/campaigns.ts'
import { findContact } from '../../../sql/queries/campaigns/contacts.ts'
import { answerTimes } from '../../../sql/reports/campaign-times.ts'
import type { CampaignService } from '../../campaigns/campaign-service.ts'
import { toCampaign } from '../../campaigns/campaign.ts'
import type { Dialer } from '../../campaigns/dialer.ts'
import { CampaignSettingsSchema } from '../../campaigns/settings.ts'
import { abandonedAtMost, DETECTOR_ERRORS, liveAtLeast } from '../../campaigns/abandonment.ts'
import { AppError } from '../../errors.ts'
import { numberFor } from '../../number-mask.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { Db } from '../../../sql/database.ts'
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
import { csvLine } from './report-csv.ts'
import { refuseDuplicate } from './users.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })
const closed = { additionalProperties: false }
const Pacing = literals(['preview', 'progressive', 'predictive', 'agentless'] as const)
const Name = Type.String({ minLength: 1, maxLength: 200 })
const Reason = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 500 })) }, closed)

const CampaignSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: Type.String(),
  pacing: Pacing,
  settings: CampaignSettingsSchema,
  stateBy: NullableString,
  stateReason: Type.String(),
  stateSince: DateString,
  startedAt: NullableDate,
  endedAt: NullableDate,
  createdBy: NullableString,
  createdAt: DateString,
  submittedBy: NullableString,
  approvedBy: NullableString,
  isApproved: Type.Boolean({ description: 'For exactly these settings' }),
  refusal: NullableString,
  dryRun: Type.Unknown(),
  isDryRunStale: Type.Boolean({ description: 'The settings have changed since' })
})

const ProblemSchema = Type.Object({ at: Type.String(), code: Type.String(), message: Type.String() })

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
  endedAt: NullableDate
})

export type CampaignRouteParts = Readonly<{ db: Db; campaigns: CampaignService; dialer: Dialer; now(): Date }>
const LeadParams = Type.Object({
  id: Type.String({ maxLength: 64 }),
  contactId: Type.String({ pattern: '^\\d{1,18}$' })
})

/** Campaigns: drafts, dry runs, agreement, running, and what became of every contact. */
export function registerCampaignRoutes(app: App, { db, campaigns, dialer, now }: CampaignRouteParts): void {
  const tags = ['campaigns']

  app.get(
    '/campaigns',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'List campaigns, newest first',
        tags,
        response: responses({ 200: Type.Object({ items: Type.Array(CampaignSchema) }) })
      }
    },
    async () => ({ items: (await listCampaigns(db)).map(toView) })
  )

  app.post(
    '/campaigns',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Draft a campaign',
        tags,
        body: Type.Object({ name: Name, pacing: Pacing, settings: CampaignSettingsSchema }, closed),
        response: responses({ 201: CampaignSchema })
      }
    },
    async (request, reply) => {
      const { name, pacing, settings } = request.body
      const row = await campaigns
        .create(name, pacing, settings, actorOf(request).id)
        .catch(refuseDuplicate(`A campaign is already named ${name}.`))
      await audit(db, request, 'campaign.created', { kind: 'campaign', id: row.id }, { name })
      return reply.status(201).send(toView(row))
    }
  )

  app.get(
    '/campaigns/:id',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'A campaign with what has to be mended before it can start',
        tags,
        params: IdParams,
        response: responses({
          200: Type.Object({ ...CampaignSchema.properties, problems: Type.Array(ProblemSchema) })
        })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      return { ...toView(row), problems: [...(await campaigns.problems(toCampaign(row)))] }
    }
  )

  app.patch(
    '/campaigns/:id',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Change a campaign that does not run; other settings need agreement again',
        tags,
        params: IdParams,
        body: Type.Object(
          {
            name: Type.Optional(Name),
            pacing: Type.Optional(Pacing),
            settings: Type.Optional(CampaignSettingsSchema)
          },
          closed
        ),
        response: responses({ 200: CampaignSchema })
      }
    },
    async request => {
      const { id } = request.params
      const row = await campaigns.change(id, request.body, actorOf(request).id)
      await audit(db, request, 'campaign.changed', { kind: 'campaign', id }, { settingsHash: row.settings_hash })
      return toView(row)
    }
  )

  app.delete(
    '/campaigns/:id',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Take a campaign off the list; what it did stays on record',
        tags,
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const row = await updateCampaign(db, id, ['draft', 'stopped', 'ended'], { deleted_at: now() })
      if (row === undefined) throw new AppError('CONFLICT', 'Stop the campaign first.')
      await audit(db, request, 'campaign.removed', { kind: 'campaign', id })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/campaigns/:id/clone',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'A new draft with the same settings',
        tags,
        params: IdParams,
        body: Type.Object({ name: Name }, closed),
        response: responses({ 201: CampaignSchema })
      }
    },
    async (request, reply) => {
      const { name } = request.body
      const row = await campaigns
        .clone(request.params.id, name, actorOf(request).id)
        .catch(refuseDuplicate(`A campaign is already named ${name}.`))
      await audit(db, request, 'campaign.cloned', { kind: 'campaign', id: row.id }, { from: request.params.id })
      return reply.status(201).send(toView(row))
    }
  )

  app.post(
    '/campaigns/:id/dry-run',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Ask what would become of every contact; goes on in the background',
        tags,
        params: IdParams,
        response: responses({ 202: Type.Null() })
      }
    },
    async (request, reply) => {
      await campaigns.beginDryRun(request.params.id)
      return reply.status(202).send(null)
    }
  )

  app.get(
    '/campaigns/:id/dry-run',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'The last dry run, and how far the one is that is under way',
        tags,
        params: IdParams,
        response: responses({
          200: Type.Object({
            progress: Type.Union([
              Type.Object({ done: Type.Integer(), total: Type.Integer(), hasFailed: Type.Boolean() }),
              Type.Null()
            ]),
            dryRun: Type.Unknown(),
            isStale: Type.Boolean()
          })
        })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      return {
        progress: campaigns.dryRunProgress(row.id),
        dryRun: row.dry_run,
        isStale: row.dry_run_hash !== row.settings_hash
      }
    }
  )

  const moves = [
    ['submit', 'campaigns:write', 'Ask a second person to agree', campaigns.submit.bind(campaigns)],
    [
      'approve',
      'campaigns:approve',
      'Agree to the campaign as it is; not the author',
      campaigns.approve.bind(campaigns)
    ],
    ['refuse', 'campaigns:approve', 'Send the campaign back with a comment', campaigns.refuse.bind(campaigns)],
    ['start', 'campaigns:control', 'Start, or go on after a pause', campaigns.start.bind(campaigns)],
    ['pause', 'campaigns:control', 'Dial nothing more from now on', campaigns.pause.bind(campaigns)],
    ['stop', 'campaigns:control', 'End the campaign', campaigns.stop.bind(campaigns)]
  ] as const
  for (const [verb, access, summary, move] of moves)
    app.post(
      `/campaigns/:id/${verb}`,
      {
        config: { access },
        schema: { summary, tags, params: IdParams, body: Reason, response: responses({ 200: CampaignSchema }) }
      },
      async request => {
        const { id } = request.params
        const { reason = '' } = request.body
        const row = await move(id, actorOf(request).id, reason)
        await audit(db, request, `campaign.${verb}`, { kind: 'campaign', id }, { reason })
        return toView(row)
      }
    )

  app.get(
    '/campaigns/:id/live',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'What the campaign does now, and why it does (not) dial',
        tags,
        params: IdParams,
        response: responses({ 200: Type.Record(Type.String(), Type.Unknown()) })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      const view = await dialer.view(toCampaign(row), row.state_by)
      return {
        asOf: now().toISOString(),
        state: row.state,
        stateBy: row.state_by,
        stateReason: row.state_reason,
        why: view.why,
        agents:
          view.agents === null
            ? null
            : {
                free: view.agents.free + view.held,
                busy: view.agents.busy.length,
                onBreak: view.agents.onBreak,
                offline: view.agents.offline,
                unreachable: view.agents.unreachable
              },
        calls: view.calls,
        leads: { byState: view.leads.byState, byReason: view.leads.byReason },
        places: view.places.map(place => ({ ...place, opensAt: place.opensAt?.toISOString() ?? null })),
        liveShare: view.liveShare,
        pace:
          view.pace === null
            ? null
            : { ...view.pace, headroom: Number.isFinite(view.pace.headroom) ? view.pace.headroom : null },
        windows: view.windows.map(window => ({
          per: window.per,
          capPercent: window.capPercent,
          from: new Date(window.fromMs).toISOString(),
          until: new Date(window.untilMs).toISOString(),
          live: window.live,
          abandoned: window.abandoned,
          /** As the law could count them, the detector's errors included. */
          abandonedAtMost: Math.round(abandonedAtMost(window, DETECTOR_ERRORS) * 10) / 10,
          liveAtLeast: Math.round(liveAtLeast(window, DETECTOR_ERRORS) * 10) / 10
        }))
      }
    }
  )

  app.get(
    '/campaigns/:id/days',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'What the campaign has done, by UTC day',
        tags,
        params: IdParams,
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                day: Type.String(),
                dialled: Type.Integer(),
                live: Type.Integer(),
                abandoned: Type.Integer(),
                machines: Type.Integer(),
                connected: Type.Integer()
              })
            )
          })
        })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      return { items: (await campaignDays(db, row.no, '2000-01-01')).map(day => ({ ...day })) }
    }
  )

  app.get(
    '/campaigns/:id/times',
    {
      config: { access: 'reports:read' },
      schema: {
        summary: 'When people answer: dialled and answered by weekday and hour where they are',
        tags,
        params: IdParams,
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                weekday: Type.Integer({ description: '1 is Monday' }),
                hour: Type.Integer(),
                dialled: Type.Integer(),
                answered: Type.Integer()
              })
            )
          })
        })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      return { items: [...(await answerTimes(db, row.no))] }
    }
  )

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
      return toPage(
        rows,
        limit,
        one => toAttempt(one, numberFor(role, one.number)),
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
      return {
        contactId,
        name: contact.name,
        language: contact.language,
        state: lead?.state ?? null,
        reasons: [...(lead?.reasons ?? [])],
        decisionId: lead?.decision_id ?? null,
        nextAt: lead?.state === 'waiting' ? lead.next_at.toISOString() : null,
        callbackAt: lead?.callback_at?.toISOString() ?? null,
        attempts: (await attemptsOfLead(db, row.no, contactId)).map(one =>
          toAttempt({ ...one, contactName: contact.name }, numberFor(role, one.number))
        )
      }
    }
  )

  app.post(
    '/campaigns/:id/contacts/:contactId/callback',
    {
      config: { access: 'softphone' },
      schema: {
        summary: 'Promise somebody a call at an instant; it goes before all others then',
        tags,
        params: LeadParams,
        body: Type.Object({ at: DateString, note: Type.Optional(Type.String({ maxLength: 500 })) }, closed),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, contactId } = request.params
      const row = await campaigns.get(id)
      const at = new Date(request.body.at)
      if (at <= now()) throw new AppError('VALIDATION_FAILED', 'The promised time is over already.')
      const actor = actorOf(request)
      const isPromised = await promiseCallback(db, row.no, contactId, {
        at,
        agentId: actor.id,
        note: request.body.note ?? ''
      })
      if (!isPromised) throw new AppError('CONFLICT', 'This contact may not be called, or is being called just now.')
      await audit(
        db,
        request,
        'campaign.callback-promised',
        { kind: 'contact', id: contactId },
        { campaign: id, at: request.body.at }
      )
      return reply.status(204).send(null)
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

  app.get(
    '/campaign-alarms',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'What a person has to look at: blocked numbers above all',
        tags,
        querystring: Type.Object({ all: Type.Optional(Type.Boolean()) }),
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                id: Type.String(),
                campaignId: NullableString,
                kind: Type.String(),
                detail: Type.Record(Type.String(), Type.Unknown()),
                at: DateString,
                seenBy: NullableString
              })
            )
          })
        })
      }
    },
    async request => ({
      items: (await listAlarms(db, request.query.all !== true, null)).map(one => ({
        ...one,
        detail: { ...one.detail },
        at: one.at.toISOString()
      }))
    })
  )

  app.post(
    '/campaign-alarms/:id/seen',
    {
      config: { access: 'campaigns:control' },
      schema: { summary: 'Somebody has looked', tags, params: IdParams, response: responses({ 204: Type.Null() }) }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!/^\d{1,18}$/.test(id) || !(await seeAlarm(db, id, actorOf(request).id, now())))
        throw new AppError('NOT_FOUND', 'No open alarm has this id.')
      await audit(db, request, 'campaign-alarm.seen', { kind: 'campaign-alarm', id })
      return reply.status(204).send(null)
    }
  )
}

function toView(row: CampaignRow) {
  const campaign = toCampaign(row)
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    pacing: row.pacing,
    settings: campaign.settings,
    stateBy: row.state_by,
    stateReason: row.state_reason,
    stateSince: row.state_since.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    submittedBy: row.submitted_by,
    approvedBy: row.approved_by,
    isApproved: row.approved_hash === row.settings_hash,
    refusal: row.refusal,
    dryRun: row.dry_run,
    isDryRunStale: row.dry_run_hash !== row.settings_hash
  }
}

type Listed = Awaited<ReturnType<typeof listAttempts>>[number]

function toAttempt(row: Listed, number: string | null) {
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
    endedAt: row.ended_at?.toISOString() ?? null
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
  'endedAt'
] as const

async function* exportAttempts(db: Db, campaignNo: number, mask: (number: string) => string): AsyncGenerator<string> {
  yield csvLine([...EXPORT_COLUMNS])
  let before: Readonly<{ at: Date; id: string }> | null = null
  for (;;) {
    const rows: readonly Listed[] = await listAttempts(db, { campaignNo }, before, EXPORT_PAGE)
    for (const row of rows) {
      const view: Readonly<Record<string, unknown>> = toAttempt(row, mask(row.number))
      yield csvLine(EXPORT_COLUMNS.map(name => String(view[name] ?? '')))
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < EXPORT_PAGE) return
    before = { at: last.reserved_at, id: last.id }
  }
}
