import { Type } from 'typebox'
import { listAudit } from '../../../sql/queries/audit.ts'
import { AppError } from '../../errors.ts'
import { audit, verifyAuditLog } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { decodeCursor, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const HealthSchema = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('draining')]),
  database: Type.Object({ kind: Type.String(), isUp: Type.Boolean() }),
  engines: Type.Array(Type.Object({ name: Type.String(), isEmbedded: Type.Boolean(), isUp: Type.Boolean() })),
  calls: Type.Object({ running: Type.Integer(), limit: Type.Integer() }),
  embeddings: Type.Union(
    [Type.Object({ state: Type.Enum(['ok', 'missing', 'failing']), code: NullableString }), Type.Null()],
    { description: 'Whether bots find articles by what is meant; they find them by words in any case' }
  )
})

/** `/healthz` and `/metrics`, outside the versioned API. */
export function registerHealthRoutes(app: App, parts: HttpParts): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public', rateLimit: false },
      schema: {
        summary: 'Is the server able to take calls',
        tags: ['operations'],
        security: [],
        response: { 200: HealthSchema, 503: HealthSchema }
      }
    },
    async (_request, reply) => {
      const isDatabaseUp = await parts.isDatabaseUp()
      const engines = [...parts.engines()]
      const isHealthy = isDatabaseUp && engines.every(engine => engine.isUp)
      const status = parts.liveCalls.isDraining ? 'draining' : isHealthy ? 'ok' : 'degraded'
      return reply.status(status === 'ok' ? 200 : 503).send({
        status,
        database: { kind: parts.config.databaseUrl === null ? 'pglite' : 'postgres', isUp: isDatabaseUp },
        engines,
        calls: { running: parts.liveCalls.size, limit: parts.config.sip.maxCalls },
        embeddings: parts.embeddings()
      })
    }
  )

  app.get(
    '/metrics',
    {
      config: { access: 'public', rateLimit: false },
      schema: {
        summary: 'Figures for Prometheus',
        tags: ['operations'],
        security: [],
        produces: ['text/plain'],
        response: { 200: Type.String() }
      }
    },
    async (_request, reply) => {
      parts.metrics.callsRunning.set(parts.liveCalls.size)
      parts.metrics.storyBacklog.set(parts.events.backlog)
      return reply.type(parts.metrics.registry.contentType).send(await parts.metrics.registry.metrics())
    }
  )
}

const AuditSchema = Type.Object({
  id: Type.String(),
  at: Type.String(),
  actorKind: Type.String(),
  actorId: NullableString,
  actorName: Type.String(),
  action: Type.String(),
  subjectKind: NullableString,
  subjectId: NullableString,
  detail: Type.Record(Type.String(), Type.Unknown()),
  ip: NullableString,
  requestId: NullableString,
  seq: Type.Integer({ description: 'Place in the chain of hashes' }),
  hash: Type.String()
})

/** The audit log. */
export function registerOperationRoutes(app: App, { db }: HttpParts): void {
  app.get(
    '/audit-log',
    {
      config: { access: 'audit-log:read' },
      schema: {
        summary: 'Who did what, newest first',
        tags: ['operations'],
        querystring: Type.Object({
          ...PageQuery.properties,
          subjectKind: Type.Optional(Type.String({ maxLength: 50 })),
          subjectId: Type.Optional(Type.String({ maxLength: 64 })),
          action: Type.Optional(Type.String({ maxLength: 100, description: 'Such as queue.changed, or queue.*' })),
          actor: Type.Optional(Type.String({ maxLength: 100, description: 'Id or name' })),
          from: Type.Optional(Type.String({ format: 'date-time' })),
          until: Type.Optional(Type.String({ format: 'date-time' }))
        }),
        response: responses({ 200: pageOf(AuditSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, from, until, ...filter } = request.query
      const rows = await listAudit(
        db,
        {
          ...filter,
          ...(from !== undefined && { from: new Date(from) }),
          ...(until !== undefined && { until: new Date(until) })
        },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      return toPage(
        rows,
        limit,
        row => ({ ...row, at: row.at.toISOString(), detail: { ...row.detail } }),
        row => [row.id]
      )
    }
  )

  app.get(
    '/audit-log/verification',
    {
      config: { access: 'audit-log:read' },
      schema: {
        summary: 'Check the chain of the audit log',
        description:
          'Follows every link. Keep the head that comes back: given again as seq and hash, it shows that nothing before it was changed since.',
        tags: ['operations'],
        querystring: Type.Object({
          seq: Type.Optional(Type.Integer({ minimum: 1 })),
          hash: Type.Optional(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }))
        }),
        response: responses({
          200: Type.Object({
            isWhole: Type.Boolean(),
            broken: Type.Union([
              Type.Object({ seq: Type.Integer(), id: Type.String(), why: Type.String() }),
              Type.Null()
            ]),
            length: Type.Integer(),
            head: Type.Object({ seq: Type.Integer(), hash: Type.String() }),
            chainedBefore: Type.Integer({ description: 'Entries up to here were there before the log was chained' }),
            chainedAt: Type.String()
          })
        })
      }
    },
    async request => {
      const { seq, hash } = request.query
      if ((seq === undefined) !== (hash === undefined))
        throw new AppError('VALIDATION_FAILED', 'seq and hash go together.')
      const found = await verifyAuditLog(db, seq === undefined || hash === undefined ? undefined : { seq, hash })
      await audit(db, request, 'audit-log.verified', { kind: 'audit-log', id: String(found.head.seq) })
      return {
        ...found,
        isWhole: found.broken === null,
        broken: found.broken === null ? null : { ...found.broken },
        head: { ...found.head },
        chainedAt: found.chainedAt.toISOString()
      }
    }
  )
}
