import { ContactFileError } from '../../contacts/contact-error.ts'
import { readCsv } from '../../contacts/read-csv.ts'
import type { ImportProblem, ReadArticle, ReadFile } from './import-articles.ts'
import { keyOf } from './read-markdown-articles.ts'

const COLUMNS = ['id', 'title', 'body', 'language', 'region', 'product', 'valid_from', 'valid_until'] as const
type Column = (typeof COLUMNS)[number]

/** One article in each row, under a first row with the names of the columns; `title` and `body` must be there. */
export async function readCsvArticles(content: string): Promise<ReadFile> {
  const articles: ReadArticle[] = []
  const problems: ImportProblem[] = []
  let columns: readonly (Column | null)[] | null = null
  try {
    for await (const rows of readCsv(only(content)))
      for (const { line, cells } of rows) {
        if (columns === null) {
          columns = readColumns(cells, line, problems)
          if (!columns.includes('title') || !columns.includes('body')) return { articles, problems }
          continue
        }
        const article = readRow(columns, cells, line, problems)
        if (article !== null) articles.push(article)
      }
  } catch (err) {
    if (!(err instanceof ContactFileError)) throw err
    problems.push({ line: 1, code: 'FILE_UNREADABLE', message: err.message })
  }
  return { articles, problems }
}

async function* only(content: string): AsyncGenerator<string> {
  yield content
}

function readColumns(cells: readonly string[], line: number, problems: ImportProblem[]): readonly (Column | null)[] {
  const columns = cells.map(cell => {
    const name = cell.toLowerCase().replace(/[\s-]+/g, '_')
    const column = COLUMNS.find(one => one === name) ?? null
    if (column === null) problems.push({ line, code: 'COLUMN_UNKNOWN', message: `The column “${cell}” is not read.` })
    return column
  })
  for (const needed of ['title', 'body'] as const)
    if (!columns.includes(needed))
      problems.push({ line, code: 'COLUMN_MISSING', message: `The first row has no column “${needed}”.` })
  return columns
}

function readRow(
  columns: readonly (Column | null)[],
  cells: readonly string[],
  line: number,
  problems: ImportProblem[]
): ReadArticle | null {
  const value = (column: Column) => cells[columns.indexOf(column)]?.trim() ?? ''
  let isValid = true
  const refuse = (message: string) => {
    problems.push({ line, code: 'VALUE_INVALID', message })
    isValid = false
  }
  const language = value('language')
  if (language !== '' && !/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(language))
    refuse(`“${language}” is not a language tag.`)
  const instant = (column: 'valid_from' | 'valid_until'): Date | null => {
    const written = value(column)
    if (written === '') return null
    // Without a zone the day begins in UTC; anything looser would be guessed.
    const at = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(written) ? new Date(written) : null
    if (at !== null && !Number.isNaN(at.getTime())) return at
    refuse(`“${written}” is not a date such as 2026-03-01 or 2026-03-01T09:00:00+01:00.`)
    return null
  }
  const validFrom = instant('valid_from')
  const validUntil = instant('valid_until')
  if (validFrom !== null && validUntil !== null && validFrom >= validUntil) refuse('It ends before it begins.')
  if (!isValid) return null
  const title = value('title')
  return {
    line,
    key: value('id') || keyOf(title),
    place: {
      ...(language !== '' && { language }),
      ...(value('region') !== '' && { region: value('region') }),
      ...(value('product') !== '' && { product: value('product') })
    },
    text: { title, body: value('body'), validFrom, validUntil }
  }
}
