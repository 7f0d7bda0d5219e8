import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { KnowledgeArticlesTable, KnowledgeVersionsTable } from '../../bot-tables.ts'
import type { Db } from '../../database.ts'

export type ArticleRow = Selectable<KnowledgeArticlesTable>
export type VersionRow = Selectable<KnowledgeVersionsTable>

export type ArticleFilter = Readonly<{
  language?: string
  product?: string
  isPublished?: boolean
  /** Part of a title. */
  title?: string
}>

/** Articles by their last change, newest first. `before` is the position after which the page begins. */
export async function listArticles(
  db: Db,
  filter: ArticleFilter,
  before: Readonly<{ updatedAt: Date; id: string }> | null,
  limit: number
): Promise<readonly ArticleRow[]> {
  let query = db.selectFrom('knowledge_articles').selectAll()
  if (filter.language !== undefined) query = query.where('language', '=', filter.language)
  if (filter.product !== undefined) query = query.where('product', '=', filter.product)
  if (filter.isPublished !== undefined)
    query = query.where('published_version', filter.isPublished ? 'is not' : 'is', null)
  if (filter.title !== undefined)
    query = query.where(sql<boolean>`position(lower(${filter.title}) in lower(title)) > 0`)
  if (before !== null)
    query = query.where(
      sql<boolean>`(date_trunc('milliseconds', updated_at), id) < (${before.updatedAt}, ${before.id})`
    )
  return await query
    .orderBy(sql`date_trunc('milliseconds', updated_at)`, 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export async function findArticle(db: Db, id: string): Promise<ArticleRow | undefined> {
  return await db.selectFrom('knowledge_articles').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Waits for whoever changes the article, and lets nobody else do so until the transaction ends. */
export async function lockArticle(trx: Db, id: string): Promise<ArticleRow | undefined> {
  return await trx.selectFrom('knowledge_articles').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
}

export async function findArticleBySource(db: Db, source: string): Promise<ArticleRow | undefined> {
  return await db.selectFrom('knowledge_articles').selectAll().where('source', '=', source).executeTakeFirst()
}

export async function insertArticle(db: Db, row: Insertable<KnowledgeArticlesTable>): Promise<void> {
  await db.insertInto('knowledge_articles').values(row).execute()
}

export async function updateArticle(db: Db, id: string, change: Updateable<KnowledgeArticlesTable>): Promise<void> {
  await db
    .updateTable('knowledge_articles')
    .set({ ...change, updated_at: new Date() })
    .where('id', '=', id)
    .execute()
}

export async function deleteArticle(db: Db, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('knowledge_articles').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

export async function insertVersion(db: Db, row: Insertable<KnowledgeVersionsTable>): Promise<void> {
  await db.insertInto('knowledge_versions').values(row).execute()
}

export async function listVersions(db: Db, articleId: string): Promise<readonly VersionRow[]> {
  return await db
    .selectFrom('knowledge_versions')
    .selectAll()
    .where('article_id', '=', articleId)
    .orderBy('version', 'desc')
    .execute()
}

export async function findVersion(db: Db, articleId: string, version: number): Promise<VersionRow | undefined> {
  return await db
    .selectFrom('knowledge_versions')
    .selectAll()
    .where('article_id', '=', articleId)
    .where('version', '=', version)
    .executeTakeFirst()
}

export async function markPublished(db: Db, articleId: string, version: number): Promise<void> {
  await db
    .updateTable('knowledge_versions')
    .set({ published_at: new Date() })
    .where('article_id', '=', articleId)
    .where('version', '=', version)
    .execute()
}

/** A passage with its words: under a text search configuration, or as the text form of a tsvector. */
export type NewPassage = Readonly<{
  heading: string
  text: string
  indexed: Readonly<{ kind: 'config'; config: string; text: string }> | Readonly<{ kind: 'vector'; vector: string }>
}>

/** Takes the passages of an article out of the search and puts these in; none withdraws it. */
export async function replacePassages(
  db: Db,
  articleId: string,
  language: string,
  passages: readonly NewPassage[]
): Promise<void> {
  await db.deleteFrom('knowledge_passages').where('article_id', '=', articleId).execute()
  for (const [position, { heading, text, indexed }] of passages.entries()) {
    const words =
      indexed.kind === 'config'
        ? sql`to_tsvector(${indexed.config}::regconfig, ${indexed.text})`
        : sql`${indexed.vector}::tsvector`
    await sql`
      insert into knowledge_passages (article_id, position, heading, text, language, words)
      values (${articleId}, ${position}, ${heading}, ${text}, ${language}, ${words})`.execute(db)
  }
}

/** A passage of a published article that holds some of the asked terms. */
export type FoundPassage = Readonly<{
  articleId: string
  version: number
  title: string
  language: string
  region: string | null
  product: string | null
  position: number
  heading: string
  text: string
  matched: readonly string[]
  size: number
}>

/** The normal form of a text's words under a configuration, stop words left out. */
export async function lexemesOf(db: Db, config: string, text: string): Promise<readonly string[]> {
  const { rows } = await sql<{ lexeme: string }>`
    select lexeme from unnest(to_tsvector(${config}::regconfig, ${text}))`.execute(db)
  return rows.map(row => row.lexeme)
}

/**
 * Passages that hold any of the terms, those with the most first, of articles that are published and valid at `now`.
 * @param any the text form of a tsquery
 */
export async function findPassages(
  db: Db,
  asked: Readonly<{ terms: readonly string[]; any: string; language: string; product: string | null; now: Date }>,
  limit: number
): Promise<readonly FoundPassage[]> {
  const { rows } = await sql<FoundPassage>`
    select * from (
      select p.article_id as "articleId", v.version, v.title, a.language, a.region, a.product, p.position, p.heading,
        p.text, length(p.words) as size,
        array(select lexeme from unnest(p.words) where lexeme = any (${[...asked.terms]}::text[])) as matched
      from knowledge_passages p
      join knowledge_articles a on a.id = p.article_id
      join knowledge_versions v on v.article_id = a.id and v.version = a.published_version
      where p.language = ${asked.language} and p.words @@ ${asked.any}::tsquery
        and (a.product is null or ${asked.product}::text is null or a.product = ${asked.product})
        and (v.valid_from is null or v.valid_from <= ${asked.now})
        and (v.valid_until is null or v.valid_until > ${asked.now})
    ) as found
    order by cardinality(matched) desc, size, "articleId", position limit ${limit}`.execute(db)
  return rows
}

/** In how many passages of a language each term stands, and how many passages there are. */
export async function countTerms(
  db: Db,
  terms: readonly Readonly<{ term: string; query: string }>[],
  language: string
): Promise<Readonly<{ counts: ReadonlyMap<string, number>; total: number }>> {
  const { rows } = await sql<{ term: string | null; count: string }>`
    select asked.term, (
      select count(*) from knowledge_passages p where p.language = ${language} and p.words @@ asked.query::tsquery
    ) as count
    from unnest(${terms.map(one => one.term)}::text[], ${terms.map(one => one.query)}::text[]) as asked (term, query)
    union all select null, count(*) from knowledge_passages where language = ${language}`.execute(db)
  const counts = new Map(rows.flatMap(row => (row.term === null ? [] : [[row.term, Number(row.count)] as const])))
  return { counts, total: Number(rows.find(row => row.term === null)?.count ?? 0) }
}
