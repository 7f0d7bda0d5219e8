import { randomBytes } from 'node:crypto'
import { Type } from 'typebox'
import {
  deleteWebhook,
  type DeliveryRow,
  findWebhook,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  replayDeliveries,
  type ListedWebhook,
  updateWebhook,
  type WebhookRow
} from '../../../sql/queries/webhooks.ts'
import { CALL_EVENT_KINDS, isCallEventKind } from '../../calls/event-kinds.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { seal } from '../../seal.ts'
import { WEBHOOK_SECRET_PURPOSE } from '../../webhooks/webhook-sender.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import {
  decodeCursor,
  IdParams,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

const State = Type.Enum(['waiting', 'delivered', 'failed'])

const WebhookSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  url: Type.String(),
  kinds: Type.Array(Type.String()),
  isEnabled: Type.Boolean(),
  lastDelivery: Type.Union([Type.Object({ state: State, at: Type.String() }), Type.Null()], {
    description: 'The newest one, by when its event happened'
  })
})

const DeliverySchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  seq: Type.Integer(),
  kind: NullableString,
  state: State,
  attempts: Type.Integer(),
  nextAt: NullableDate,
  lastStatus: Type.Union([Type.Integer(), Type.Null()]),
  lastProblem: NullableString,
  deliveredAt: NullableDate,
  createdAt: Type.String()
})

const Fields = {
  name: Type.String({ minLength: 1, maxLength: 100 }),
  url: Type.String({ pattern: '^https?://', maxLength: 1000 }),
  kinds: Type.Array(Type.String({ pattern: '^(\\*|[a-zA-Z]{1,40})$' }), {
    minItems: 1,
    maxItems: 50,
    description: 'Kinds of call events, such as started, answered, agentJoined, ended; * for all'
  }),
  isEnabled: Type.Boolean()
}

/** Throws AppError VALIDATION_FAILED for names that no event has: a webhook for them would wait for ever. */
function checkKinds(kinds: readonly string[]): void {
  const problems = kinds.flatMap((kind, at) =>
    kind === '*' || isCallEventKind(kind) ? [] : [{ at: `/body/kinds/${at}`, message: `no event is called ${kind}` }]
  )
  if (problems.length > 0)
    throw new AppError('VALIDATION_FAILED', `Events are called: ${CALL_EVENT_KINDS.join(', ')}, or * for all.`, {
      problems
    })
}

/** Programs of others that hear of calls, and what became of each delivery. */
export function registerWebhookRoutes(app: App, { db, secretKey }: HttpParts): void {
  const access = 'webhooks:write' as const
  const tags = ['webhooks']
  const newSecret = () => `whsec_${randomBytes(24).toString('base64')}`

  app.get(
    '/webhooks',
    {
      config: { access },
      schema: { summary: 'List webhooks', tags, response: responses({ 200: pageOf(WebhookSchema) }) }
    },
    async () => ({ items: (await listWebhooks(db)).map(toWebhook), nextCursor: null })
  )

  app.post(
    '/webhooks',
    {
      config: { access },
      schema: {
        summary: 'Add a webhook; its secret is shown this once',
        tags,
        body: Type.Object({ name: Fields.name, url: Fields.url, kinds: Fields.kinds }, { additionalProperties: false }),
        response: responses({ 201: Type.Object({ id: Type.String(), secret: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { name, url, kinds } = request.body
      checkKinds(kinds)
      const id = newId()
      const secret = newSecret()
      await insertWebhook(db, {
        id,
        name,
        url,
        kinds: [...new Set(kinds)],
        secret_sealed: seal(secretKey, WEBHOOK_SECRET_PURPOSE, secret)
      }).catch(refuseDuplicate('A webhook with this name exists.'))
      await audit(db, request, 'webhook.created', { kind: 'webhook', id }, { name, url, kinds })
      return reply.status(201).header('location', `/api/v1/webhooks/${id}`).send({ id, secret })
    }
  )

  app.patch(
    '/webhooks/:id',
    {
      config: { access },
      schema: {
        summary: 'Change a webhook',
        tags,
        params: IdParams,
        body: Type.Partial(Type.Object(Fields), { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { name, url, kinds, isEnabled } = request.body
      if (kinds !== undefined) checkKinds(kinds)
      await existing(id)
      await updateWebhook(db, id, {
        ...(name !== undefined && { name }),
        ...(url !== undefined && { url }),
        ...(kinds !== undefined && { kinds: [...new Set(kinds)] }),
        ...(isEnabled !== undefined && { is_enabled: isEnabled })
      }).catch(refuseDuplicate('A webhook with this name exists.'))
      await audit(db, request, 'webhook.changed', { kind: 'webhook', id }, { ...request.body })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/webhooks/:id/secret',
    {
      config: { access },
      schema: {
        summary: 'Give a webhook a new secret, shown this once; the old one ends at once',
        tags,
        params: IdParams,
        response: responses({ 200: Type.Object({ secret: Type.String() }) })
      }
    },
    async request => {
      const { id } = request.params
      await existing(id)
      const secret = newSecret()
      await updateWebhook(db, id, { secret_sealed: seal(secretKey, WEBHOOK_SECRET_PURPOSE, secret) })
      await audit(db, request, 'webhook.secret-changed', { kind: 'webhook', id })
      return { secret }
    }
  )

  app.delete(
    '/webhooks/:id',
    {
      config: { access },
      schema: { summary: 'Remove a webhook', tags, params: IdParams, response: responses({ 204: Type.Null() }) }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteWebhook(db, id))) throw new AppError('NOT_FOUND', 'No webhook has this id.')
      await audit(db, request, 'webhook.deleted', { kind: 'webhook', id })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/webhooks/:id/deliveries',
    {
      config: { access },
      schema: {
        summary: 'What became of a webhook’s deliveries, newest first',
        tags,
        params: IdParams,
        querystring: Type.Object({ ...PageQuery.properties, state: Type.Optional(State) }),
        response: responses({ 200: pageOf(DeliverySchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, state } = request.query
      await existing(request.params.id)
      const before = decodeCursor(cursor, 1)?.[0] ?? null
      const rows = await listDeliveries(db, request.params.id, state === undefined ? {} : { state }, before, limit + 1)
      return toPage(rows, limit, toDelivery, row => [row.id])
    }
  )

  app.post(
    '/webhooks/:id/replay',
    {
      config: { access },
      schema: {
        summary: 'Send deliveries again',
        description: 'One delivery by its id, or all since an instant. Receivers see the same webhook-id again.',
        tags,
        params: IdParams,
        body: Type.Union([
          Type.Object({ deliveryId: Type.String({ pattern: '^\\d{1,18}$' }) }, { additionalProperties: false }),
          Type.Object(
            { since: Type.String({ format: 'date-time' }), isFailedOnly: Type.Optional(Type.Boolean()) },
            { additionalProperties: false }
          )
        ]),
        response: responses({ 200: Type.Object({ replayed: Type.Integer() }) })
      }
    },
    async request => {
      const { id } = request.params
      const { body } = request
      await existing(id)
      const replayed = await replayDeliveries(
        db,
        id,
        'deliveryId' in body
          ? { id: body.deliveryId }
          : { since: new Date(body.since), isFailedOnly: body.isFailedOnly ?? false }
      )
      await audit(db, request, 'webhook.replayed', { kind: 'webhook', id }, { ...body, replayed })
      return { replayed }
    }
  )

  async function existing(id: string): Promise<WebhookRow> {
    const row = await findWebhook(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No webhook has this id.')
    return row
  }
}

function toWebhook(row: ListedWebhook) {
  const { last_state: state, last_at: at } = row
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    kinds: [...row.kinds],
    isEnabled: row.is_enabled,
    lastDelivery: state === null || at === null ? null : { state, at: at.toISOString() }
  }
}

function toDelivery(row: DeliveryRow & { kind: string | null }) {
  return {
    id: row.id,
    callId: row.call_id,
    seq: row.seq,
    kind: row.kind,
    state: row.state,
    attempts: row.attempts,
    nextAt: row.state === 'waiting' ? row.next_at.toISOString() : null,
    lastStatus: row.last_status,
    lastProblem: row.last_problem,
    deliveredAt: row.delivered_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString()
  }
}
