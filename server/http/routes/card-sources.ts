import { Type } from 'typebox'
import {
  type CardSourceRow,
  deleteCardSource,
  insertCardSource,
  listCardSources,
  updateCardSource
} from '../../../sql/queries/card-sources.ts'
import { askCardSource } from '../../agent-calls/card-source.ts'
import { type CardSources, sealHeaders } from '../../card-sources.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { E164, IdParams, LanguageTag, NullableString, pageOf, responses } from '../schemas.ts'

const Field = Type.Object(
  {
    label: Type.String({ minLength: 1, maxLength: 60 }),
    path: Type.String({ minLength: 1, maxLength: 200, description: 'Place in the JSON answer, such as account.level' })
  },
  { additionalProperties: false }
)

const SourceSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  url: Type.String(),
  hasHeaders: Type.Boolean(),
  timeoutMs: Type.Integer(),
  fields: Type.Array(Field),
  namePath: NullableString,
  isEnabled: Type.Boolean()
})

const TriedSchema = Type.Object({
  state: Type.Enum(['loading', 'ready', 'late', 'failed']),
  tookMs: Type.Union([Type.Integer(), Type.Null()]),
  problem: NullableString,
  customerName: NullableString,
  fields: Type.Array(
    Type.Object({
      label: Type.String(),
      path: Type.String(),
      value: Type.Union([Type.String(), Type.Null()], { description: 'Null when the answer has no plain value there' })
    })
  )
})

const Fields = {
  name: Type.String({ minLength: 1, maxLength: 60 }),
  url: Type.String({
    pattern: '^https?://',
    maxLength: 1000,
    description: 'With {number}, {callId} and {language} where they belong; 404 means that the customer is unknown'
  }),
  headers: Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]{1,60}$' }), Type.String({ maxLength: 2000 }), {
    description: 'Such as Authorization; kept sealed and never shown again'
  }),
  timeoutMs: Type.Integer({ minimum: 100, maximum: 30_000, default: 2_000 }),
  fields: Type.Array(Field, { maxItems: 30 }),
  namePath: NullableString,
  isEnabled: Type.Boolean({ default: true })
}

/** The company's services that are asked about a customer before the ring. */
export function registerCardSourceRoutes(app: App, { db, log, secretKey }: HttpParts, sources: CardSources): void {
  app.get(
    '/card-sources',
    {
      config: { access: 'card-sources:write' },
      schema: {
        summary: 'List the sources of the customer card',
        tags: ['card-sources'],
        response: responses({ 200: pageOf(SourceSchema) })
      }
    },
    async () => ({ items: (await listCardSources(db)).map(toSource), nextCursor: null })
  )

  app.post(
    '/card-sources',
    {
      config: { access: 'card-sources:write' },
      schema: {
        summary: 'Add a source of the customer card',
        tags: ['card-sources'],
        body: Type.Object(
          {
            name: Fields.name,
            url: Fields.url,
            headers: Type.Optional(Fields.headers),
            timeoutMs: Type.Optional(Fields.timeoutMs),
            fields: Fields.fields,
            namePath: Type.Optional(Fields.namePath),
            isEnabled: Type.Optional(Fields.isEnabled)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { name, url, headers = {}, timeoutMs = 2_000, fields, namePath = null, isEnabled = true } = request.body
      const id = newId()
      await insertCardSource(db, {
        id,
        name,
        url,
        headers_sealed: sealHeaders(secretKey, headers),
        timeout_ms: timeoutMs,
        fields: JSON.stringify(fields),
        name_path: namePath,
        is_enabled: isEnabled
      }).catch(refuseDuplicate('A source with this name exists.'))
      await audit(db, request, 'card-source.created', { kind: 'card-source', id }, { name, url })
      sources.refresh()
      return reply.status(201).header('location', `/api/v1/card-sources/${id}`).send({ id })
    }
  )

  app.patch(
    '/card-sources/:id',
    {
      config: { access: 'card-sources:write' },
      schema: {
        summary: 'Change a source of the customer card',
        tags: ['card-sources'],
        params: IdParams,
        body: Type.Partial(Type.Object(Fields), { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { name, url, headers, timeoutMs, fields, namePath, isEnabled } = request.body
      const isThere = await updateCardSource(db, id, {
        ...(name !== undefined && { name }),
        ...(url !== undefined && { url }),
        ...(headers !== undefined && { headers_sealed: sealHeaders(secretKey, headers) }),
        ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
        ...(fields !== undefined && { fields: JSON.stringify(fields) }),
        ...(namePath !== undefined && { name_path: namePath }),
        ...(isEnabled !== undefined && { is_enabled: isEnabled })
      }).catch(refuseDuplicate('A source with this name exists.'))
      if (isThere !== true) throw new AppError('NOT_FOUND', 'No source has this id.')
      await audit(
        db,
        request,
        'card-source.changed',
        { kind: 'card-source', id },
        { changed: Object.keys(request.body) }
      )
      sources.refresh()
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/card-sources/:id/try',
    {
      config: { access: 'card-sources:write' },
      schema: {
        summary: 'Ask a source about a number now, as a call would',
        description:
          'Also one that is switched off. The answer may be about a real person; that it was tried is in the audit log, the number is not.',
        tags: ['card-sources'],
        params: IdParams,
        body: Type.Object({ number: E164, language: Type.Optional(LanguageTag) }, { additionalProperties: false }),
        response: responses({ 200: TriedSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { number, language = null } = request.body
      const settings = await sources.find(id)
      if (settings === undefined) throw new AppError('NOT_FOUND', 'No source has this id.')
      const question = { callId: `try-${request.id}`, number, language }
      // Its own time limit ends it.
      const answer = await askCardSource(settings, question, log, new AbortController().signal)
      if (answer === null) throw new Error('a trial was aborted that nothing aborts')
      const { source, customerName } = answer
      await audit(db, request, 'card-source.tried', { kind: 'card-source', id }, { state: source.state })
      return {
        state: source.state,
        tookMs: source.tookMs,
        problem: source.problem,
        customerName,
        fields: settings.fields.map(({ label, path }) => ({
          label,
          path,
          value: source.fields.find(one => one.label === label)?.value ?? null
        }))
      }
    }
  )

  app.delete(
    '/card-sources/:id',
    {
      config: { access: 'card-sources:write' },
      schema: {
        summary: 'Remove a source of the customer card',
        tags: ['card-sources'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteCardSource(db, id))) throw new AppError('NOT_FOUND', 'No source has this id.')
      await audit(db, request, 'card-source.deleted', { kind: 'card-source', id })
      sources.refresh()
      return reply.status(204).send(null)
    }
  )
}

function toSource(row: CardSourceRow) {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    hasHeaders: row.headers_sealed !== null,
    timeoutMs: row.timeout_ms,
    fields: [...row.fields],
    namePath: row.name_path,
    isEnabled: row.is_enabled
  }
}
