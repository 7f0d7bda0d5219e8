import { Marked, type Token, type Tokens } from 'marked'

/** A piece of an article: the heading that it stands under, and its words without markup. */
export type Passage = Readonly<{ heading: string; text: string }>

/** Longer ones are cut at the end of a sentence: a caller does not listen to more than half a minute. */
const MAX_PASSAGE_CHARACTERS = 420

const marked = new Marked({ gfm: true })

/** Cuts an article's Markdown into passages, in order. */
export function cutPassages(title: string, body: string): readonly Passage[] {
  const passages: Passage[] = []
  let heading = title
  let text = ''
  const flush = () => {
    for (const piece of splitLong(text.trim())) passages.push({ heading, text: piece })
    text = ''
  }
  for (const token of marked.lexer(body)) {
    if (token.type === 'heading') {
      flush()
      heading = plainText(token) || title
      continue
    }
    const words = plainText(token)
    if (words === '') continue
    if (text !== '' && text.length + words.length > MAX_PASSAGE_CHARACTERS) flush()
    text = text === '' ? words : `${text} ${words}`
  }
  flush()
  return passages
}

/** The words of a piece of Markdown as they are spoken: no markup, no addresses, sentences closed. */
export function plainText(token: Token): string {
  switch (token.type) {
    case 'space':
    case 'hr':
    case 'html':
    case 'def':
      return ''
    case 'heading':
    case 'paragraph':
    case 'text':
    case 'blockquote':
      return inline('tokens' in token && token.tokens !== undefined ? token.tokens : [token as Token])
    case 'list':
      return (token as Tokens.List).items
        .map(item => closed(item.tokens.map(plainText).filter(Boolean).join(' ')))
        .join(' ')
    case 'table':
      return (token as Tokens.Table).rows
        .map(row =>
          closed(
            row
              .map((cell, at) => `${inline((token as Tokens.Table).header[at]?.tokens ?? [])}: ${inline(cell.tokens)}`)
              .join(', ')
          )
        )
        .join(' ')
    case 'code':
      return (token as Tokens.Code).text.replace(/\s+/g, ' ').trim()
    default:
      return inline([token])
  }
}

function inline(tokens: readonly Token[]): string {
  return tokens.map(inlineText).join('').replace(/\s+/g, ' ').trim()
}

function inlineText(token: Token): string {
  switch (token.type) {
    case 'html':
    case 'image':
      return ''
    case 'br':
      return ' '
    case 'escape':
      return (token as Tokens.Escape).text
    case 'codespan':
      return (token as Tokens.Codespan).text
    default:
      if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(inlineText).join('')
      return 'text' in token && typeof token.text === 'string' ? unescapeEntities(token.text) : ''
  }
}

/** What marked leaves escaped in text that it would have put into HTML. */
function unescapeEntities(text: string): string {
  return text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&nbsp;/g, ' ')
    .replace(/&amp;/g, '&')
}

function closed(text: string): string {
  return text === '' || /[.!?:;…。！？؟]$/.test(text) ? text : `${text}.`
}

function splitLong(text: string): readonly string[] {
  if (text === '') return []
  const pieces: string[] = []
  let piece = ''
  for (const { segment } of SENTENCES.segment(text)) {
    if (piece !== '' && piece.length + segment.length > MAX_PASSAGE_CHARACTERS) {
      pieces.push(piece.trim())
      piece = ''
    }
    piece += segment
  }
  if (piece.trim() !== '') pieces.push(piece.trim())
  return pieces
}

const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' })
