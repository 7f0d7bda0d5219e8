import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import type { ImportProblem, ReadArticle, ReadFile } from './import-articles.ts'
import { keyOf } from './read-markdown-articles.ts'

type Node = DefaultTreeAdapterTypes.ChildNode
type Element = DefaultTreeAdapterTypes.Element

/** What a page shows beside its text, or does: none of it can be read out. */
const LEFT_OUT = new Set(['script', 'style', 'form', 'iframe', 'object', 'svg', 'video', 'audio', 'canvas', 'template'])
const SILENT = new Set(['head', 'nav', 'footer', 'noscript', 'img', 'button', 'input', 'select'])
const BLOCKS = new Set(
  'p div section article main header ul ol li table tr dl dt dd blockquote pre br hr h2 h3 h4 h5 h6 body html'.split(
    ' '
  )
)

/** Each `h1` begins an article; a page without one is one article named by its `title`. */
export function readHtmlArticles(content: string): ReadFile {
  const document = parse(content, { sourceCodeLocationInfo: true })
  const problems: ImportProblem[] = []
  const articles: { line: number; title: string; body: string }[] = []
  const pageTitle = textOf(findFirst(document.childNodes, 'title')?.childNodes ?? [])
  const hasHeading = findFirst(document.childNodes, 'h1') !== null
  if (!hasHeading) articles.push({ line: 1, title: pageTitle, body: '' })

  const write = (text: string, line: number) => {
    const article = articles.at(-1)
    if (article !== undefined) article.body += text
    else if (text.trim() !== '')
      problems.push({ line, code: 'TEXT_BEFORE_TITLE', message: 'What stands before the first h1 is left out.' })
  }
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      const line = node.sourceCodeLocation?.startLine ?? 1
      if (node.nodeName === '#text') write(escaped('value' in node ? node.value : ''), line)
      if (!('tagName' in node)) continue
      const { tagName } = node
      if (LEFT_OUT.has(tagName)) {
        problems.push({ line, code: 'LEFT_OUT', message: `<${tagName}> is not read out.` })
        continue
      }
      if (SILENT.has(tagName)) continue
      if (tagName === 'h1') {
        articles.push({ line, title: textOf(node.childNodes), body: '' })
        continue
      }
      walkBlock(node, line)
    }
  }
  const walkBlock = (element: Element, line: number) => {
    const isBlock = BLOCKS.has(element.tagName) && articles.length > 0
    if (isBlock) write(opening(element), line)
    walk(element.childNodes)
    if (isBlock) write(element.tagName === 'td' || element.tagName === 'th' ? ' ' : '\n\n', line)
    else if (element.tagName === 'td' || element.tagName === 'th') write(' ', line)
  }
  walk(document.childNodes)
  return {
    problems,
    articles: articles.map(
      ({ line, title, body }): ReadArticle => ({
        line,
        key: keyOf(title),
        place: {},
        text: { title, body: tidy(body), validFrom: null, validUntil: null }
      })
    )
  }
}

function opening(element: Element): string {
  const level = /^h([2-6])$/.exec(element.tagName)?.[1]
  if (level !== undefined) return `\n\n${'#'.repeat(Number(level))} `
  return element.tagName === 'li' || element.tagName === 'dd' ? '\n\n- ' : '\n\n'
}

/** Text that would read as Markdown stays text. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>]/g, '\\$&')
}

function tidy(body: string): string {
  return body
    .split('\n')
    .map(line => line.trim())
    .filter(line => !/^(#+|-)?$/.test(line))
    .join('\n\n')
}

function textOf(nodes: readonly Node[]): string {
  return nodes
    .map(node => ('value' in node ? node.value : 'childNodes' in node ? textOf(node.childNodes) : ''))
    .join('')
    .replace(/\s+/g, ' ')
    .trim()
}

function findFirst(nodes: readonly Node[], tagName: string): Element | null {
  for (const node of nodes) {
    if (!('childNodes' in node)) continue
    if ('tagName' in node && node.tagName === tagName) return node
    const found = findFirst(node.childNodes, tagName)
    if (found !== null) return found
  }
  return null
}
