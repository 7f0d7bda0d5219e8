import { findArticleBySource, findVersion } from '../../../sql/queries/bots/knowledge.ts'
import {
  addVersion,
  type ArticlePlace,
  type ArticleText,
  changePlace,
  createArticle,
  type KnowledgeParts,
  publish
} from './knowledge.ts'
import { readCsvArticles } from './read-csv-articles.ts'
import { readHtmlArticles } from './read-html-articles.ts'
import { readMarkdownArticles } from './read-markdown-articles.ts'

export const IMPORT_FORMATS = ['markdown', 'html', 'csv'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** What is wrong in a line of an imported file; lines count from 1. */
export type ImportProblem = Readonly<{ line: number; code: ImportProblemCode; message: string }>

export type ImportProblemCode =
  | 'ARTICLE_EMPTY'
  | 'TITLE_MISSING'
  | 'TEXT_BEFORE_TITLE'
  | 'TOO_LONG'
  | 'DUPLICATE'
  | 'COLUMN_MISSING'
  | 'COLUMN_UNKNOWN'
  | 'VALUE_INVALID'
  | 'LEFT_OUT'
  | 'FILE_UNREADABLE'

/** An article of a file. What the file does not say about its place is taken from the import. */
export type ReadArticle = Readonly<{
  line: number
  /** Its name within the file. */
  key: string
  place: Partial<ArticlePlace>
  text: ArticleText
}>

export type ReadFile = Readonly<{ articles: readonly ReadArticle[]; problems: readonly ImportProblem[] }>

export type ImportOptions = Readonly<{
  format: ImportFormat
  /** The file's name: together with an article's own name it tells whether it was imported before. */
  name: string
  content: string
  place: ArticlePlace
  /** Publish what is new or changed; otherwise it stays a draft. */
  isPublished: boolean
  /** Read and report, and store nothing. */
  isCheck: boolean
  author: string
}>

export type ImportReport = Readonly<{
  created: number
  changed: number
  unchanged: number
  articles: readonly Readonly<{
    line: number
    title: string
    id: string | null
    what: 'created' | 'changed' | 'unchanged'
  }>[]
  problems: readonly ImportProblem[]
}>

export const MAX_TITLE_CHARACTERS = 200
export const MAX_BODY_CHARACTERS = 50_000

/** Reads articles out of a file and stores those that are new or have changed. Problems are told by line. */
export async function importArticles(parts: KnowledgeParts, options: ImportOptions): Promise<ImportReport> {
  const { articles: read, problems: found } = await readFile(options)
  const problems = [...found]
  const articles: ImportReport['articles'][number][] = []
  const seen = new Set<string>()
  for (const article of read) {
    const { line, key, text } = article
    const problem = problemOf(article, seen)
    if (problem !== null) {
      problems.push(problem)
      continue
    }
    seen.add(key)
    const place = { ...options.place, ...article.place }
    const source = `${options.name}#${key}`
    articles.push({ line, title: text.title, ...(await store(parts, source, place, text, options)) })
  }
  const count = (what: string) => articles.filter(one => one.what === what).length
  return {
    created: count('created'),
    changed: count('changed'),
    unchanged: count('unchanged'),
    articles,
    problems: problems.toSorted((one, other) => one.line - other.line)
  }
}

async function readFile({ format, content }: ImportOptions): Promise<ReadFile> {
  switch (format) {
    case 'markdown':
      return readMarkdownArticles(content)
    case 'html':
      return readHtmlArticles(content)
    case 'csv':
      return await readCsvArticles(content)
    default:
      return format satisfies never
  }
}

function problemOf({ line, key, text }: ReadArticle, seen: ReadonlySet<string>): ImportProblem | null {
  if (text.title === '') return { line, code: 'TITLE_MISSING', message: 'The article has no title.' }
  if (text.body.trim() === '') return { line, code: 'ARTICLE_EMPTY', message: `“${text.title}” says nothing.` }
  if (text.title.length > MAX_TITLE_CHARACTERS || text.body.length > MAX_BODY_CHARACTERS)
    return {
      line,
      code: 'TOO_LONG',
      message: `A title has at most ${MAX_TITLE_CHARACTERS} characters, a text ${MAX_BODY_CHARACTERS}.`
    }
  if (seen.has(key))
    return { line, code: 'DUPLICATE', message: `“${key}” stands in the file twice; the first one counts.` }
  return null
}

async function store(
  parts: KnowledgeParts,
  source: string,
  place: ArticlePlace,
  text: ArticleText,
  { isPublished, isCheck, author }: ImportOptions
): Promise<Readonly<{ id: string | null; what: 'created' | 'changed' | 'unchanged' }>> {
  const known = await findArticleBySource(parts.db, source)
  if (known === undefined) {
    if (isCheck) return { id: null, what: 'created' }
    const id = await createArticle(parts.db, place, text, author, source)
    if (isPublished) await publish(parts, id, 1)
    return { id, what: 'created' }
  }
  const { id } = known
  const newest = await findVersion(parts.db, id, known.newest_version)
  const isSamePlace =
    known.language === place.language && known.region === place.region && known.product === place.product
  const isSameText =
    newest !== undefined &&
    newest.title === text.title &&
    newest.body === text.body &&
    newest.valid_from?.getTime() === text.validFrom?.getTime() &&
    newest.valid_until?.getTime() === text.validUntil?.getTime()
  const isSame = isSamePlace && isSameText && (!isPublished || known.published_version === known.newest_version)
  if (isSame || isCheck) return { id, what: isSame ? 'unchanged' : 'changed' }
  const version = isSameText ? known.newest_version : await addVersion(parts.db, id, text, author)
  if (!isSamePlace) await changePlace(parts, id, place)
  if (isPublished) await publish(parts, id, version)
  return { id, what: 'changed' }
}
