import { Type } from 'typebox'
import {
  type CampaignRow,
  campaignDays,
  listCampaigns,
  updateCampaign
} from '../../../sql/queries/campaigns/campaigns.ts'
import type { Db } from '../../../sql/database.ts'
import { answerTimes } from '../../../sql/reports/campaign-times.ts'
import { abandonedAtMost, DETECTOR_ERRORS, liveAtLeast } from '../../campaigns/abandonment.ts'
import type { CampaignService } from '../../campaigns/campaign-service.ts'
import { toCampaign } from '../../campaigns/campaign.ts'
import type { Dialer } from '../../campaigns/dialer.ts'
import { CampaignSettingsSchema } from '../../campaigns/settings.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, IdParams, NullableDate, NullableString, responses } from '../schemas.ts'

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

export type CampaignRouteParts = Readonly<{ db: Db; campaigns: CampaignService; dialer: Dialer; now(): Date }>
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
        leads: {
          byState: view.leads.byState,
          byReason: view.leads.byReason,
          putOff: view.leads.putOff.map(one => ({ ...one, nextAt: one.nextAt.toISOString() }))
        },
        places: view.places.map(place => ({ ...place, opensAt: place.opensAt?.toISOString() ?? null })),
        liveShare: view.liveShare,
        perMinute: Math.round(view.perMinute * 10) / 10,
        isPaceMeasured: view.isPaceMeasured,
        forecast:
          view.forecast === null
            ? null
            : {
                from: new Date(view.forecast.fromMs).toISOString(),
                until: new Date(view.forecast.untilMs).toISOString()
              },
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
