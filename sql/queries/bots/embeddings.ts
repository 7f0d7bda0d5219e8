import { sql } from 'kysely'
import type { Db } from '../../database.ts'
import type { FoundPassage } from './knowledge.ts'

/** A passage that no vector of the model stands for yet. */
export type UnplacedPassage = Readonly<{
  id: string
  articleId: string
  position: number
  title: string
  heading: string
  text: string
}>

export type PassageVector = Readonly<{ articleId: string; position: number; embedding: readonly number[] }>

/** Makes pgvector's functions usable in this database; false where the server does not have them. Rejects when it may not. */
export async function ensureVectors(db: Db): Promise<boolean> {
  const { rows } = await sql<{ installed: string | null }>`
    select installed_version as installed from pg_available_extensions where name = 'vector'`.execute(db)
  const [found] = rows
  if (found === undefined) return false
  if (found.installed === null) await sql`create extension if not exists vector`.execute(db)
  return true
}

/** @param but ids of passages that are left out */
export async function unplacedPassages(
  db: Db,
  model: string,
  limit: number,
  but: Iterable<string> = []
): Promise<readonly UnplacedPassage[]> {
  const { rows } = await sql<UnplacedPassage>`
    select p.id::text as id, p.article_id as "articleId", p.position, v.title, p.heading, p.text
    from knowledge_passages p
    join knowledge_articles a on a.id = p.article_id
    join knowledge_versions v on v.article_id = a.id and v.version = a.published_version
    left join knowledge_embeddings e on e.article_id = p.article_id and e.position = p.position and e.model = ${model}
    where e.article_id is null and p.id::text <> all (${[...but]}::text[])
    order by p.id limit ${limit}`.execute(db)
  return rows
}

/** Keeps vectors; a passage that has changed or gone meanwhile gets none, because its text is another one. */
export async function placePassages(
  db: Db,
  model: string,
  passages: readonly (UnplacedPassage & PassageVector)[]
): Promise<void> {
  for (const { articleId, position, text, embedding } of passages)
    await sql`
      insert into knowledge_embeddings (article_id, position, model, embedding)
      select article_id, position, ${model}, ${[...embedding]}::real[] from knowledge_passages
      where article_id = ${articleId} and position = ${position} and text = ${text}
      on conflict (article_id, position) do update set model = excluded.model, embedding = excluded.embedding`.execute(
      db
    )
}

/** Passages of articles that are published and valid at `now`, by how near they are to a vector, the nearest first. */
export async function nearestPassages(
  db: Db,
  asked: Readonly<{
    embedding: readonly number[]
    model: string
    terms: readonly string[]
    language: string
    product: string | null
    now: Date
  }>,
  limit: number
): Promise<readonly (FoundPassage & Readonly<{ similarity: number }>)[]> {
  const vector = `[${asked.embedding.join(',')}]`
  const { rows } = await sql<FoundPassage & { similarity: number }>`
    select p.article_id as "articleId", v.version, v.title, a.language, a.region, a.product, p.position, p.heading,
      p.text, length(p.words) as size,
      array(select lexeme from unnest(p.words) where lexeme = any (${[...asked.terms]}::text[])) as matched,
      1 - (e.embedding::vector <=> ${vector}::vector) as similarity
    from knowledge_embeddings e
    join knowledge_passages p on p.article_id = e.article_id and p.position = e.position
    join knowledge_articles a on a.id = p.article_id
    join knowledge_versions v on v.article_id = a.id and v.version = a.published_version
    where e.model = ${asked.model} and cardinality(e.embedding) = ${asked.embedding.length}
      and p.language = ${asked.language}
      and (a.product is null or ${asked.product}::text is null or a.product = ${asked.product})
      and (v.valid_from is null or v.valid_from <= ${asked.now})
      and (v.valid_until is null or v.valid_until > ${asked.now})
    order by similarity desc, "articleId", position limit ${limit}`.execute(db)
  return rows
}
