import { Marked } from 'marked'
import type { ImportProblem, ReadArticle, ReadFile } from './import-articles.ts'
import { plainText } from './passages.ts'

const marked = new Marked({ gfm: true })

/** Each heading of the first level begins an article; what follows it is its text. */
export function readMarkdownArticles(content: string): ReadFile {
  const articles: ReadArticle[] = []
  const problems: ImportProblem[] = []
  let line = 1
  let open: { line: number; title: string; body: string } | null = null
  const close = () => {
    if (open === null) return
    const { line: at, title, body } = open
    articles.push({
      line: at,
      key: keyOf(title),
      place: {},
      text: { title, body: body.trim(), validFrom: null, validUntil: null }
    })
    open = null
  }
  for (const token of marked.lexer(content.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n'))) {
    const isTitle = token.type === 'heading' && token['depth'] === 1
    if (isTitle) {
      close()
      open = { line, title: plainText(token), body: '' }
    } else if (open !== null) open.body += token.raw
    else if (plainText(token) !== '')
      problems.push({
        line,
        code: 'TEXT_BEFORE_TITLE',
        message: 'What stands before the first heading (# Title) belongs to no article and is left out.'
      })
    if (token.type === 'html')
      problems.push({ line, code: 'LEFT_OUT', message: 'HTML within Markdown is not read out.' })
    line += token.raw.split('\n').length - 1
  }
  close()
  return { articles, problems }
}

/** The name by which an article of a file is known again. */
export function keyOf(title: string): string {
  return title
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100)
}
