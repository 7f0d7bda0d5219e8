import { Type } from 'typebox'
import {
  countDispositionUses,
  deleteDisposition,
  deleteStatusReason,
  listDispositions,
  listStatusReasons,
  upsertDisposition,
  upsertStatusReason
} from '../../../sql/queries/queues.ts'
import { AppError } from '../../errors.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { responses } from '../schemas.ts'
import { Code, DispositionSchema, Labels, StatusReasonSchema } from './queue-schemas.ts'
import type { QueueRouteParts } from './queues.ts'

const CodeParams = Type.Object({ code: Code })

/** Outcomes that agents choose after a call, and reasons for breaks. */
export function registerDispositionRoutes(app: App, { db, queues }: Pick<QueueRouteParts, 'db' | 'queues'>): void {
  app.get(
    '/dispositions',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'List outcomes',
        tags: ['queues'],
        response: responses({ 200: Type.Object({ items: Type.Array(DispositionSchema) }) })
      }
    },
    async () => ({
      items: (await listDispositions(db)).map(row => ({
        code: row.code,
        labels: { ...row.labels },
        queueIds: row.queue_ids,
        isActive: row.is_active
      }))
    })
  )

  app.put(
    '/dispositions/:code',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Add or change an outcome',
        tags: ['queues'],
        params: CodeParams,
        body: Type.Object(
          {
            labels: Labels,
            queueIds: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 500 })),
            isActive: Type.Optional(Type.Boolean())
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: DispositionSchema })
      }
    },
    async request => {
      const { code } = request.params
      const { labels, queueIds = [], isActive = true } = request.body
      const unknown = queueIds.find(id => queues.findQueue(id)?.id !== id)
      if (unknown !== undefined) throw new AppError('VALIDATION_FAILED', `There is no queue ${unknown}.`)
      await upsertDisposition(db, { code, labels: JSON.stringify(labels), queue_ids: queueIds, is_active: isActive })
      await audit(db, request, 'disposition.set', { kind: 'disposition', id: code }, { queueIds, isActive })
      return { code, labels, queueIds, isActive }
    }
  )

  app.delete(
    '/dispositions/:code',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Remove an outcome that no call carries',
        tags: ['queues'],
        params: CodeParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { code } = request.params
      const uses = await countDispositionUses(db, code)
      if (uses > 0) throw new AppError('IN_USE', `${uses} calls carry it. Set it inactive instead.`)
      if (!(await deleteDisposition(db, code))) throw new AppError('NOT_FOUND', 'No outcome has this code.')
      await audit(db, request, 'disposition.removed', { kind: 'disposition', id: code })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/status-reasons',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'List reasons for breaks',
        tags: ['agents'],
        response: responses({ 200: Type.Object({ items: Type.Array(StatusReasonSchema) }) })
      }
    },
    async () => ({
      items: (await listStatusReasons(db)).map(row => ({
        code: row.code,
        labels: { ...row.labels },
        isActive: row.is_active
      }))
    })
  )

  app.put(
    '/status-reasons/:code',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Add or change a reason for breaks',
        tags: ['agents'],
        params: CodeParams,
        body: Type.Object({ labels: Labels, isActive: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
        response: responses({ 200: StatusReasonSchema })
      }
    },
    async request => {
      const { code } = request.params
      const { labels, isActive = true } = request.body
      await upsertStatusReason(db, { code, labels: JSON.stringify(labels), is_active: isActive })
      await audit(db, request, 'statusReason.set', { kind: 'statusReason', id: code }, { isActive })
      return { code, labels, isActive }
    }
  )

  app.delete(
    '/status-reasons/:code',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Remove a reason for breaks',
        description: 'Reports keep the code where it was used.',
        tags: ['agents'],
        params: CodeParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { code } = request.params
      if (!(await deleteStatusReason(db, code))) throw new AppError('NOT_FOUND', 'No reason has this code.')
      await audit(db, request, 'statusReason.removed', { kind: 'statusReason', id: code })
      return reply.status(204).send(null)
    }
  )
}
