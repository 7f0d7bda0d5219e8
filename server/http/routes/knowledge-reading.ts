import { Type } from 'typebox'
import {
  type ArticleRow,
  findArticle,
  listArticles,
  listVersions,
  type VersionRow
} from '../../../sql/queries/bots/knowledge.ts'
import { type KnowledgeParts, stateOf } from '../../bots/knowledge/knowledge.ts'
import { ANSWER_THRESHOLD, retrieve } from '../../bots/knowledge/retrieve.ts'
import { impoliteIn } from '../../bots/say/register.ts'
import { AppError } from '../../errors.ts'
import type { App } from '../fastify-types.ts'
import { decodeCursor, IdParams, LanguageTag, PageQuery, pageOf, responses, toPage } from '../schemas.ts'
import { ArticleSchema, ArticleSummary, Product, QuestionAnswer, QuestionBody } from './knowledge-schemas.ts'

const tags = ['knowledge']

/** Articles as they are, and what a question would find in them. */
export function registerKnowledgeReading(app: App, parts: KnowledgeParts): void {
  const { db } = parts
  app.get(
    '/knowledge-articles',
    {
      config: { access: 'knowledge:read' },
      schema: {
        summary: 'List articles, the last changed first',
        tags,
        querystring: Type.Object({
          ...PageQuery.properties,
          language: Type.Optional(LanguageTag),
          product: Type.Optional(Product),
          title: Type.Optional(Type.String({ maxLength: 200, description: 'Part of a title' })),
          isPublished: Type.Optional(Type.Boolean())
        }),
        response: responses({ 200: pageOf(ArticleSummary) })
      }
    },
    async request => {
      const { cursor, limit = 50, ...filter } = request.query
      const after = decodeCursor(cursor, 2)
      const before = after === null ? null : { updatedAt: instantOf(after[0]), id: after[1] ?? '' }
      const rows = await listArticles(db, filter, before, limit + 1)
      return toPage(rows, limit, toArticle, row => [row.updated_at.toISOString(), row.id])
    }
  )

  app.get(
    '/knowledge-articles/:id',
    {
      config: { access: 'knowledge:read' },
      schema: {
        summary: 'Read an article with all its versions',
        tags,
        params: IdParams,
        response: responses({ 200: ArticleSchema })
      }
    },
    async request => {
      const article = await findArticle(db, request.params.id)
      if (article === undefined) throw unknownArticle()
      const versions = await listVersions(db, article.id)
      return { ...toArticle(article), versions: versions.map(row => toVersion(row, article)) }
    }
  )

  app.post(
    '/knowledge-articles/ask',
    {
      config: { access: 'knowledge:read' },
      schema: {
        summary: 'Try a question: what a bot would find, and why',
        tags,
        body: QuestionBody,
        response: responses({ 200: QuestionAnswer })
      }
    },
    async request => {
      const { question, language, region = null, product = null } = request.body
      // An author's own question, and not what a caller said.
      const asked = { question, language, region, product, now: new Date(), mayAskOutside: () => true }
      const { terms, passages } = await retrieve(parts, asked)
      return {
        isKnown: (passages[0]?.score ?? 0) >= ANSWER_THRESHOLD,
        threshold: ANSWER_THRESHOLD,
        terms: [...terms],
        passages: passages.map(({ passage, score, matched }) => ({
          articleId: passage.articleId,
          version: passage.version,
          title: passage.title,
          heading: passage.heading,
          text: passage.text,
          score,
          matched: [...matched]
        }))
      }
    }
  )
}

/** Nobody has written an article with this id, or it was deleted. */
export function unknownArticle(): AppError {
  return new AppError('NOT_FOUND', 'No article has this id.')
}

function instantOf(written: string | undefined): Date {
  const at = new Date(written ?? '')
  if (Number.isNaN(at.getTime())) throw new AppError('CURSOR_INVALID', 'Use the nextCursor of a page as it was given.')
  return at
}

function toArticle(row: ArticleRow) {
  return {
    id: row.id,
    source: row.source,
    language: row.language,
    region: row.region,
    product: row.product,
    title: row.title,
    newestVersion: row.newest_version,
    publishedVersion: row.published_version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString()
  }
}

function toVersion(row: VersionRow, article: ArticleRow) {
  return {
    version: row.version,
    state: stateOf(row.version, article),
    title: row.title,
    body: row.body,
    validFrom: row.valid_from?.toISOString() ?? null,
    validUntil: row.valid_until?.toISOString() ?? null,
    author: row.author,
    createdAt: row.created_at.toISOString(),
    publishedAt: row.published_at?.toISOString() ?? null,
    impolite: [...impoliteIn(row.body, article.language)]
  }
}
