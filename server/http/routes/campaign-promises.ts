import { Type } from 'typebox'
import { findAttempt, promiseCallback } from '../../../sql/queries/campaigns/attempts.ts'
import { readProfiles } from '../../../sql/queries/agents.ts'
import { cancelPromise, changePromise, listPromises, promiseOf } from '../../../sql/queries/campaigns/promises.ts'
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
import { LeadParams } from './campaign-attempts.ts'
import type { CampaignRouteParts } from './campaigns.ts'

const closed = { additionalProperties: false }
const Note = Type.String({ maxLength: 500 })

/** Calls that agents have promised: made on their desks, looked after by whoever runs the campaign. */
export function registerCampaignPromiseRoutes(
  app: App,
  { db, campaigns, now }: Pick<CampaignRouteParts, 'db' | 'campaigns' | 'now'>
): void {
  const tags = ['campaigns']

  const promise = async (campaignNo: number, contactId: string, at: Date, agentId: string | null, note: string) => {
    if (at <= now()) throw new AppError('VALIDATION_FAILED', 'The promised time is over already.')
    if (!(await promiseCallback(db, campaignNo, contactId, { at, agentId, note })))
      throw new AppError('CONFLICT', 'This contact may not be called, or is being called just now.')
  }

  app.post(
    '/campaigns/:id/contacts/:contactId/callback',
    {
      config: { access: 'softphone' },
      schema: {
        summary: 'Promise somebody a call at an instant; it goes before all others then',
        tags,
        params: LeadParams,
        body: Type.Object({ at: DateString, note: Type.Optional(Note) }, closed),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, contactId } = request.params
      const row = await campaigns.get(id)
      await promise(row.no, contactId, new Date(request.body.at), actorOf(request).id, request.body.note ?? '')
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

  app.patch(
    '/campaigns/:id/contacts/:contactId/callback',
    {
      config: { access: 'campaigns:control' },
      schema: {
        summary: 'Give a promised call to another agent (null: to whoever is free), or to another time',
        tags,
        params: LeadParams,
        body: Type.Object(
          { agentId: Type.Optional(NullableString), at: Type.Optional(DateString) },
          { ...closed, minProperties: 1 }
        ),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, contactId } = request.params
      const { agentId, at } = request.body
      const row = await campaigns.get(id)
      if (at !== undefined && new Date(at) <= now())
        throw new AppError('VALIDATION_FAILED', 'The promised time is over already.')
      if (typeof agentId === 'string' && (await readProfiles(db, [agentId])).length === 0)
        throw new AppError('VALIDATION_FAILED', 'There is no agent with this id.', {
          problems: [{ at: '/body/agentId', message: 'There is no agent with this id.' }]
        })
      const change = { ...(agentId !== undefined && { agentId }), ...(at !== undefined && { at: new Date(at) }) }
      if (!(await changePromise(db, row.no, contactId, change)))
        throw new AppError('CONFLICT', 'Nothing is promised to this contact, or the call is under way.')
      await audit(
        db,
        request,
        'campaign.callback-changed',
        { kind: 'contact', id: contactId },
        { campaign: id, ...request.body }
      )
      return reply.status(204).send(null)
    }
  )

  app.delete(
    '/campaigns/:id/contacts/:contactId/callback',
    {
      config: { access: 'campaigns:control' },
      schema: {
        summary: 'Take a promise back; the contact waits like any other',
        tags,
        params: LeadParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, contactId } = request.params
      const row = await campaigns.get(id)
      if (!(await cancelPromise(db, row.no, contactId)))
        throw new AppError('CONFLICT', 'Nothing is promised to this contact, or the call is under way.')
      await audit(db, request, 'campaign.callback-cancelled', { kind: 'contact', id: contactId }, { campaign: id })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/campaigns/:id/promises',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'Calls that agents have promised and that are not made yet, the next one first',
        tags,
        params: IdParams,
        querystring: PageQuery,
        response: responses({
          200: pageOf(
            Type.Object({
              contactId: Type.String(),
              name: Type.String(),
              number: NullableString,
              at: DateString,
              agentId: NullableString,
              note: Type.String()
            })
          )
        })
      }
    },
    async request => {
      const row = await campaigns.get(request.params.id)
      const { limit = 50, cursor } = request.query
      const [at, contactId] = decodeCursor(cursor, 2) ?? []
      const after = at === undefined || contactId === undefined ? null : { at: new Date(at), contactId }
      const { role } = actorOf(request)
      return toPage(
        await listPromises(db, row.no, after, limit + 1),
        limit,
        one => ({ ...one, number: numberFor(role, one.number), at: one.at.toISOString() }),
        one => [one.at.toISOString(), one.contactId]
      )
    }
  )

  app.get(
    '/campaign-attempts/:id/promise',
    {
      config: { access: 'softphone' },
      schema: {
        summary: 'Whether a call was a campaign’s, and what is promised to its person; for the agent’s desk',
        tags,
        params: IdParams,
        response: responses({
          200: Type.Object({
            isOfCampaign: Type.Boolean(),
            at: NullableDate,
            note: Type.String()
          })
        })
      }
    },
    async request => {
      const attempt = await findAttempt(db, request.params.id)
      if (attempt === undefined || attempt.agent_id !== actorOf(request).id)
        return { isOfCampaign: false, at: null, note: '' }
      const found = await promiseOf(db, attempt.campaign_no, attempt.contact_id)
      return { isOfCampaign: true, at: found?.at.toISOString() ?? null, note: found?.note ?? '' }
    }
  )

  app.put(
    '/campaign-attempts/:id/promise',
    {
      config: { access: 'softphone' },
      schema: {
        summary: 'The agent of a campaign’s call promises its person another one',
        tags,
        params: IdParams,
        body: Type.Object({ at: DateString, note: Type.Optional(Note) }, closed),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const attempt = await findAttempt(db, id)
      const actor = actorOf(request)
      if (attempt === undefined || attempt.agent_id !== actor.id)
        throw new AppError('NOT_FOUND', 'You had no call of a campaign with this id.')
      const { at, note = '' } = request.body
      await promise(attempt.campaign_no, attempt.contact_id, new Date(at), actor.id, note)
      await audit(
        db,
        request,
        'campaign.callback-promised',
        { kind: 'contact', id: attempt.contact_id },
        { call: id, at }
      )
      return reply.status(204).send(null)
    }
  )
}
