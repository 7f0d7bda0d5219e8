import { evaluate, type Scope } from './expression.ts'
import type { Json } from './json.ts'

export type TemplatePart =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'expression'; text: string; offset: number }>

/** Splits a template into texts and `{{ expressions }}`; gives null when a `{{` is never closed. */
export function splitTemplate(source: string): readonly TemplatePart[] | null {
  const parts: TemplatePart[] = []
  let at = 0
  while (at < source.length) {
    const open = source.indexOf('{{', at)
    if (open < 0) break
    const close = closingBraces(source, open + 2)
    if (close < 0) return null
    if (open > at) parts.push({ kind: 'text', text: source.slice(at, open) })
    parts.push({ kind: 'expression', text: source.slice(open + 2, close), offset: open + 2 })
    at = close + 2
  }
  if (at < source.length) parts.push({ kind: 'text', text: source.slice(at) })
  return parts
}

/** Where the `}}` of an expression is; braces of objects and those in texts inside it do not count. */
function closingBraces(source: string, from: number): number {
  let depth = 0
  let quote = ''
  for (let at = from; at < source.length; at += 1) {
    const character = source[at] ?? ''
    if (quote !== '') {
      if (character === '\\') at += 1
      else if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (character === '{') depth += 1
    else if (character === '}' && depth > 0) depth -= 1
    else if (character === '}' && source[at + 1] === '}') return at
  }
  return -1
}

/**
 * Fills a template in as text. What is missing becomes nothing; lists and objects become JSON.
 * @throws {ExpressionError}
 */
export function fillText(source: string, scope: Scope): string {
  if (!source.includes('{{')) return source
  return (splitTemplate(source) ?? [{ kind: 'text' as const, text: source }])
    .map(part => (part.kind === 'text' ? part.text : asText(evaluate(part.text, scope))))
    .join('')
}

/**
 * Fills a template in as a value: a template that is one single expression keeps its type, any other gives text.
 * @throws {ExpressionError}
 */
export function fillValue(source: Json, scope: Scope): Json {
  if (typeof source === 'string') {
    const parts = source.includes('{{') ? splitTemplate(source.trim()) : null
    const [only] = parts ?? []
    if (parts?.length === 1 && only?.kind === 'expression') return evaluate(only.text, scope) ?? null
    return fillText(source, scope)
  }
  if (Array.isArray(source)) return source.map(item => fillValue(item as Json, scope))
  if (typeof source === 'object' && source !== null) {
    return Object.fromEntries(Object.entries(source).map(([key, value]) => [key, fillValue(value, scope)]))
  }
  return source
}

function asText(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
