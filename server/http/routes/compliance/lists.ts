import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import { DncStoreError } from '../../../compliance/dnc/dnc-store.ts'
import { LIST_FORMATS } from '../../../compliance/dnc/formats.ts'
import { ImportError } from '../../../compliance/dnc/import.ts'
import { toE164 } from '../../../compliance/numbers/analyze.ts'
import { AppError, refuseDuplicate } from '../../../errors.ts'
import { newId } from '../../../ids.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { DateString, IdParams, NullableString, responses } from '../../schemas.ts'
import { access } from './access.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

const ListSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  registry: Type.String(),
  format: Type.String(),
  version: Type.Union([Type.Integer(), Type.Null()]),
  numbers: Type.Union([Type.Integer(), Type.Null()]),
  obtainedAt: NullableString,
  ageDays: Type.Union([Type.Number(), Type.Null()]),
  importing: Type.Union([Type.Object({ bytes: Type.Integer(), lines: Type.Integer() }), Type.Null()])
})

const ReportSchema = Type.Record(Type.String(), Type.Unknown())
const VersionSchema = Type.Object({
  version: Type.Integer(),
  method: Type.String(),
  sequence: Type.Union([Type.Integer(), Type.Null()]),
  sourceName: Type.String(),
  sourceSha256: Type.String(),
  numbers: Type.Integer(),
  obtainedAt: DateString,
  createdAt: DateString,
  createdBy: NullableString,
  report: ReportSchema
})

const MAX_IMPORT_BYTES = 8 * 1024 ** 3

/** Do-not-call lists: registries, purchased lists and our own. */
export function registerListRoutes(app: App, { db }: HttpParts, compliance: ComplianceService): void {
  const { dnc } = compliance
  const running = new Map<string, { bytes: number; lines: number }>()

  app.get(
    '/dnc-lists',
    {
      config: access('dnc-lists:read'),
      schema: {
        summary: 'List do-not-call lists with their version and age',
        tags: ['dnc-lists'],
        response: responses({ 200: Type.Object({ items: Type.Array(ListSchema), internal: Type.Integer() }) })
      }
    },
    async () => {
      const active = new Map(dnc.active.map(one => [one.list.id, one]))
      return {
        internal: compliance.internalList.size,
        items: (await dnc.lists()).map(list => {
          const one = active.get(list.id)
          return {
            id: list.id,
            name: list.name,
            registry: list.registry,
            format: list.format,
            version: one?.version.version ?? null,
            numbers: one?.version.numbers ?? null,
            obtainedAt: one?.version.obtainedAt.toISOString() ?? null,
            ageDays: one === undefined ? null : (Date.now() - one.version.obtainedAt.getTime()) / 86_400_000,
            importing: running.get(list.id) ?? null
          }
        })
      }
    }
  )

  app.post(
    '/dnc-lists',
    {
      config: access('dnc-lists:write'),
      schema: {
        summary: 'Add a do-not-call list',
        tags: ['dnc-lists'],
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 200 }),
            registry: Type.String({
              pattern: '^[a-z]{2}(-[a-z0-9]+)+$',
              description: 'As rule packs name it: us-dnc, gb-tps …'
            }),
            format: literals(LIST_FORMATS)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const id = newId()
      const { name, registry, format } = request.body
      await dnc
        .create({ id, name, registry, format, by: actorOf(request).id })
        .catch(refuseDuplicate(`A list is already named ${name}.`))
      await audit(db, request, 'dnc-list.created', { kind: 'dnc-list', id }, { registry, format })
      return reply.status(201).send({ id })
    }
  )

  app.get(
    '/dnc-lists/:id/versions',
    {
      config: access('dnc-lists:read'),
      schema: {
        summary: 'List the versions of a list, newest first',
        tags: ['dnc-lists'],
        params: IdParams,
        response: responses({ 200: Type.Object({ items: Type.Array(VersionSchema) }) })
      }
    },
    async request => ({
      items: (await dnc.versions(request.params.id)).map(one => ({
        version: one.version,
        method: one.method,
        sequence: one.sequence,
        sourceName: one.sourceName,
        sourceSha256: one.sourceSha256,
        numbers: one.numbers,
        obtainedAt: one.obtainedAt.toISOString(),
        createdAt: one.createdAt.toISOString(),
        createdBy: one.createdBy,
        report: { ...one.report }
      }))
    })
  )

  app.post(
    '/dnc-lists/:id/rollback',
    {
      config: access('dnc-lists:write'),
      schema: {
        summary: 'Put an earlier version in force again',
        tags: ['dnc-lists'],
        params: IdParams,
        body: Type.Object(
          { version: Type.Integer({ minimum: 1 }), reason: Type.String({ minLength: 1, maxLength: 500 }) },
          { additionalProperties: false }
        ),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { version, reason } = request.body
      await dnc.rollBack(request.params.id, version, reason, actorOf(request).id).catch(refuseStore)
      await audit(db, request, 'dnc-list.rolled-back', { kind: 'dnc-list', id: request.params.id }, { version, reason })
      return reply.status(204).send(null)
    }
  )

  for (const kind of ['stop', 'lift'] as const)
    app.post(
      `/dnc-lists/internal/${kind}`,
      {
        config: access('dnc-lists:write'),
        schema: {
          summary: kind === 'stop' ? 'A person told us to stop; in force at once' : 'A person asked to be called again',
          tags: ['dnc-lists'],
          body: Type.Object(
            {
              number: Type.String({ maxLength: 64 }),
              scope: Type.Optional(literals(['all', 'marketing'] as const)),
              channel: literals(['call', 'key', 'sms', 'email', 'chat', 'form', 'agent', 'import'] as const),
              detail: Type.Optional(Type.String({ maxLength: 500 }))
            },
            { additionalProperties: false }
          ),
          response: responses({ 204: Type.Null() })
        }
      },
      async (request, reply) => {
        const { number, scope, channel, detail } = request.body
        const e164 = toE164(number)
        if (e164 === null) throw new AppError('NUMBER_INVALID', 'Write the number with its country code.')
        await compliance.internalList[kind]({
          e164,
          channel,
          at: new Date(),
          recordedBy: actorOf(request).id,
          ...(scope !== undefined && { scope }),
          ...(detail !== undefined && { detail })
        })
        await audit(db, request, `dnc.${kind}`, { kind: 'number', id: compliance.hashOf(e164) }, { channel })
        return reply.status(204).send(null)
      }
    )

  // Lists come as they are, of any size: the body is read as a stream, never as a whole.
  app.register(async scope => {
    const importer = scope as App
    importer.addContentTypeParser(
      ['application/octet-stream', 'text/csv', 'text/plain', 'text/xml', 'application/xml'],
      (_request, payload, done) => done(null, payload)
    )
    importer.post(
      '/dnc-lists/:id/imports',
      {
        config: { ...access('dnc-lists:write'), takesFile: true },
        bodyLimit: MAX_IMPORT_BYTES,
        schema: {
          summary: 'Import a file into a list; progress is shown by GET /dnc-lists',
          description: 'On any error the version before stays in force. The report names lines, never numbers.',
          tags: ['dnc-lists'],
          params: IdParams,
          querystring: Type.Object({
            method: Type.Optional(literals(['full', 'change'] as const)),
            obtainedAt: DateString,
            sourceName: Type.Optional(Type.String({ maxLength: 200 })),
            sequence: Type.Optional(Type.Integer({ minimum: 0 })),
            accountRef: Type.Optional(Type.String({ maxLength: 100 })),
            sha256: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{64}$' })),
            lines: Type.Optional(Type.Integer({ minimum: 1 })),
            acceptsShrinking: Type.Optional(Type.Boolean())
          }),
          response: responses({ 201: Type.Object({ version: Type.Integer(), report: ReportSchema }) })
        }
      },
      async (request, reply) => {
        const { id } = request.params
        const {
          method = 'full',
          obtainedAt,
          sourceName = 'upload',
          sequence,
          accountRef,
          sha256,
          lines,
          acceptsShrinking
        } = request.query
        if (new Date(obtainedAt).getTime() > Date.now() + 60_000)
          throw new AppError('VALIDATION_FAILED', 'obtainedAt lies in the future.')
        if (running.has(id)) throw new AppError('CONFLICT', 'An import of this list is already under way.')
        const progress = { bytes: 0, lines: 0 }
        running.set(id, progress)
        try {
          const done = await dnc
            .import(request.body as Readable, {
              listId: id,
              method,
              sourceName,
              obtainedAt: new Date(obtainedAt),
              by: actorOf(request).id,
              expected: { ...(sha256 !== undefined && { sha256 }), ...(lines !== undefined && { lines }) },
              onProgress: now => Object.assign(progress, now),
              ...(sequence !== undefined && { sequence }),
              ...(accountRef !== undefined && { accountRef }),
              ...(acceptsShrinking !== undefined && { acceptsShrinking })
            })
            .catch(refuseStore)
          await audit(db, request, 'dnc-list.imported', { kind: 'dnc-list', id }, { version: done.version, method })
          return reply.status(201).send({ version: done.version, report: { ...done.report } })
        } finally {
          running.delete(id)
        }
      }
    )
  })
}

/** Refusals of the store as answers of the API. */
function refuseStore(cause: unknown): never {
  if (cause instanceof ImportError) {
    const { report } = cause
    throw new AppError('VALIDATION_FAILED', `${cause.code}: ${cause.message}. The version before stays in force.`, {
      cause,
      problems: report.problems.map(one => ({ at: `line ${one.line}`, message: one.message }))
    })
  }
  if (cause instanceof DncStoreError)
    throw new AppError(cause.code === 'DNC_UNKNOWN' ? 'NOT_FOUND' : 'CONFLICT', cause.message, { cause })
  throw cause
}
