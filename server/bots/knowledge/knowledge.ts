import type { Db } from '../../../sql/database.ts'
import {
  type ArticleRow,
  findVersion,
  insertArticle,
  insertVersion,
  lockArticle,
  markPublished,
  type NewPassage,
  replacePassages,
  updateArticle,
  type VersionRow
} from '../../../sql/queries/bots/knowledge.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { primaryOf } from '../../quality/search-words.ts'
import type { KnowledgeEmbeddings } from './embeddings.ts'
import { cutPassages } from './passages.ts'
import { foldText, pairVector, ruleOf } from './words.ts'

/** What the knowledge base stands on. */
export type KnowledgeParts = Readonly<{
  db: Db
  /** Text search configurations of the database. */
  configs: ReadonlySet<string>
  /** What passages mean, where the operator has a model for it. */
  embeddings?: MeaningParts | undefined
}>

export type MeaningParts = Readonly<{
  embeddings: KnowledgeEmbeddings
  /** Cosine from which on a passage is about the question; another one for each model. */
  leastSimilarity: number
}>

/** Whom an article serves. */
export type ArticlePlace = Readonly<{ language: string; region: string | null; product: string | null }>

/** What an article says. `body` is Markdown. */
export type ArticleText = Readonly<{
  title: string
  body: string
  validFrom: Date | null
  validUntil: Date | null
}>

export type VersionState = 'draft' | 'published' | 'old'

/** A version newer than the published one is a draft; an older one was replaced. */
export function stateOf(
  version: number,
  article: Pick<ArticleRow, 'published_version' | 'newest_version'>
): VersionState {
  if (version === article.published_version) return 'published'
  return version === article.newest_version && version > (article.published_version ?? 0) ? 'draft' : 'old'
}

/** Makes an article with its first version, a draft; returns its id. */
export async function createArticle(
  db: Db,
  place: ArticlePlace,
  text: ArticleText,
  author: string,
  source: string | null = null
): Promise<string> {
  const id = newId()
  await db.transaction().execute(async trx => {
    await insertArticle(trx, {
      id,
      source,
      ...place,
      title: text.title,
      newest_version: 1,
      published_version: null,
      updated_at: new Date()
    })
    await insertVersion(trx, versionRow(id, 1, text, author))
  })
  return id
}

/** Adds a version, a draft; returns its number. Rejects with AppError NOT_FOUND. */
export async function addVersion(db: Db, id: string, text: ArticleText, author: string): Promise<number> {
  return await db.transaction().execute(async trx => {
    const version = (await locked(trx, id)).newest_version + 1
    await insertVersion(trx, versionRow(id, version, text, author))
    await updateArticle(trx, id, { newest_version: version, title: text.title })
    return version
  })
}

/**
 * Lets bots answer from a version, from now on and until another one is published; an old one may be taken again.
 * Rejects with AppError NOT_FOUND, or VALIDATION_FAILED for a text without a word that could be read out.
 */
export async function publish(parts: KnowledgeParts, id: string, version: number): Promise<void> {
  await parts.db.transaction().execute(async trx => {
    const article = await locked(trx, id)
    const row = await findVersion(trx, id, version)
    if (row === undefined) throw new AppError('NOT_FOUND', 'The article has no such version.')
    await index({ ...parts, db: trx }, article, row)
    await markPublished(trx, id, version)
    await updateArticle(trx, id, { published_version: version })
  })
  parts.embeddings?.embeddings.wake()
}

/** No bot answers from the article any more; its versions stay. Rejects with AppError NOT_FOUND. */
export async function withdraw(db: Db, id: string): Promise<void> {
  await db.transaction().execute(async trx => {
    await locked(trx, id)
    await replacePassages(trx, id, '', [])
    await updateArticle(trx, id, { published_version: null })
  })
}

/** Changes whom an article serves; its words are found under the new language at once. */
export async function changePlace(parts: KnowledgeParts, id: string, change: Partial<ArticlePlace>): Promise<void> {
  await parts.db.transaction().execute(async trx => {
    const article = await locked(trx, id)
    await updateArticle(trx, id, change)
    if (article.published_version === null) return
    const row = await findVersion(trx, id, article.published_version)
    if (row !== undefined) await index({ ...parts, db: trx }, { ...article, ...change }, row)
  })
  parts.embeddings?.embeddings.wake()
}

async function locked(trx: Db, id: string): Promise<ArticleRow> {
  const article = await lockArticle(trx, id)
  if (article === undefined) throw new AppError('NOT_FOUND', 'No article has this id.')
  return article
}

async function index({ db, configs }: KnowledgeParts, article: ArticleRow, version: VersionRow): Promise<void> {
  const rule = ruleOf(article.language, configs)
  const passages = cutPassages(version.title, version.body).map(({ heading, text }): NewPassage => {
    const words = [version.title, heading === version.title ? '' : heading, text].join('\n')
    return {
      heading,
      text,
      indexed:
        rule.kind === 'config'
          ? { kind: 'config', config: rule.config, text: foldText(words, article.language) }
          : { kind: 'vector', vector: pairVector(words, rule.language) }
    }
  })
  if (passages.length === 0)
    throw new AppError('VALIDATION_FAILED', 'The article says nothing that could be read out to a caller.')
  await replacePassages(db, article.id, primaryOf(article.language), passages)
}

function versionRow(id: string, version: number, text: ArticleText, author: string) {
  return {
    article_id: id,
    version,
    title: text.title,
    body: text.body,
    valid_from: text.validFrom,
    valid_until: text.validUntil,
    author,
    published_at: null
  }
}
