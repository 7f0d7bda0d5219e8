import { type Static, Type } from 'typebox'
import { deleteArticle } from '../../../sql/queries/bots/knowledge.ts'
import { importArticles } from '../../bots/knowledge/import-articles.ts'
import {
  addVersion,
  changePlace,
  createArticle,
  type KnowledgeParts,
  publish,
  withdraw
} from '../../bots/knowledge/knowledge.ts'
import { AppError } from '../../errors.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, responses } from '../schemas.ts'
import { registerKnowledgeReading, unknownArticle } from './knowledge-reading.ts'
import { ImportBody, ImportReportSchema, PlaceFields, TextFields } from './knowledge-schemas.ts'

const MAX_IMPORT_BYTES = 8 * 1024 * 1024
const tags = ['knowledge']

/** What bots answer from: articles with versions, their import, and a way to try a question. */
export function registerKnowledgeRoutes(app: App, parts: KnowledgeParts): void {
  const { db } = parts
  registerKnowledgeReading(app, parts)

  app.post(
    '/knowledge-articles',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Write an article; its first version is a draft',
        tags,
        body: Type.Object({ ...PlaceFields, ...TextFields }, { additionalProperties: false }),
        response: responses({ 201: Type.Object({ id: Type.String(), version: Type.Integer() }) })
      }
    },
    async (request, reply) => {
      const { language, region = null, product = null } = request.body
      const id = await createArticle(db, { language, region, product }, textOf(request.body), actorOf(request).name)
      await audit(db, request, 'knowledge.created', { kind: 'knowledge-article', id }, { title: request.body.title })
      return reply.status(201).header('location', `/api/v1/knowledge-articles/${id}`).send({ id, version: 1 })
    }
  )

  app.post(
    '/knowledge-articles/:id/versions',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Write a new version, a draft',
        tags,
        params: IdParams,
        body: Type.Object(TextFields, { additionalProperties: false }),
        response: responses({ 201: Type.Object({ version: Type.Integer() }) })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const version = await addVersion(db, id, textOf(request.body), actorOf(request).name)
      await audit(db, request, 'knowledge.changed', { kind: 'knowledge-article', id }, { version })
      return reply.status(201).send({ version })
    }
  )

  app.patch(
    '/knowledge-articles/:id',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Change whom an article serves',
        tags,
        params: IdParams,
        body: Type.Partial(Type.Object(PlaceFields), { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { language, region, product } = request.body
      await changePlace(parts, id, {
        ...(language !== undefined && { language }),
        ...(region !== undefined && { region }),
        ...(product !== undefined && { product })
      })
      await audit(db, request, 'knowledge.moved', { kind: 'knowledge-article', id }, { ...request.body })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/knowledge-articles/:id/publish',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Let bots answer from a version; an old one may be taken again',
        tags,
        params: IdParams,
        body: Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { version } = request.body
      await publish(parts, id, version)
      await audit(db, request, 'knowledge.published', { kind: 'knowledge-article', id }, { version })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/knowledge-articles/:id/withdraw',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Let no bot answer from the article; its versions stay',
        tags,
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      await withdraw(db, id)
      await audit(db, request, 'knowledge.withdrawn', { kind: 'knowledge-article', id })
      return reply.status(204).send(null)
    }
  )

  app.delete(
    '/knowledge-articles/:id',
    {
      config: { access: 'knowledge:write' },
      schema: {
        summary: 'Delete an article with all its versions',
        tags,
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteArticle(db, id))) throw unknownArticle()
      await audit(db, request, 'knowledge.deleted', { kind: 'knowledge-article', id })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/knowledge-articles/import',
    {
      config: { access: 'knowledge:write' },
      bodyLimit: MAX_IMPORT_BYTES,
      schema: {
        summary: 'Import a file of articles',
        description:
          'Markdown: each # heading begins an article. HTML: each h1. CSV: a row each, with columns title, body and optionally id, language, region, product, valid_from, valid_until. Problems are told by line; lines without one are taken over.',
        tags,
        body: ImportBody,
        response: responses({ 200: ImportReportSchema })
      }
    },
    async request => {
      const { language, region = null, product = null, isPublished = false, isCheck = false, ...file } = request.body
      const report = await importArticles(parts, {
        ...file,
        place: { language, region, product },
        isPublished,
        isCheck,
        author: actorOf(request).name
      })
      if (!isCheck) {
        const { created, changed, unchanged } = report
        const detail = { created, changed, unchanged, isPublished }
        await audit(db, request, 'knowledge.imported', { kind: 'knowledge-import', id: file.name }, detail)
      }
      return toReport(report)
    }
  )
}

const TextSchema = Type.Object(TextFields)

function textOf({ title, body, validFrom, validUntil }: Static<typeof TextSchema>) {
  const text = {
    title: title.trim(),
    body,
    validFrom: validFrom ? new Date(validFrom) : null,
    validUntil: validUntil ? new Date(validUntil) : null
  }
  if (text.validFrom !== null && text.validUntil !== null && text.validFrom >= text.validUntil)
    throw new AppError('VALIDATION_FAILED', 'The article ends before it begins.', {
      problems: [{ at: '/validUntil', message: 'must be after validFrom' }]
    })
  return text
}

function toReport(report: Awaited<ReturnType<typeof importArticles>>): Static<typeof ImportReportSchema> {
  return {
    ...report,
    articles: report.articles.map(one => ({ ...one })),
    problems: report.problems.map(one => ({ ...one }))
  }
}
