/**
 * A small part of JSGF (Java Speech Grammar Format, W3C note 2000): rules, words, `( )`, `[ ]`, `|`, `+`, `*`, rule names
 * and `{tags}`. The first rule, or the one that is `public`, is what may be said; rules may not call themselves.
 */
export type Grammar = Readonly<{ root: string; rules: Readonly<Record<string, Part>> }>

export type Part =
  | Readonly<{ kind: 'word'; text: string }>
  | Readonly<{ kind: 'rule'; name: string }>
  | Readonly<{ kind: 'sequence'; parts: readonly Part[] }>
  | Readonly<{ kind: 'choice'; parts: readonly Part[] }>
  /** `least` 0 or 1, `most` 1 or without an end. */
  | Readonly<{ kind: 'repeat'; part: Part; least: 0 | 1; isEndless: boolean }>
  | Readonly<{ kind: 'tagged'; part: Part; tag: string }>

/** What is wrong with a grammar, and where: `offset` counts characters from 0. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError'
  readonly code = 'BAD_GRAMMAR'
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

type Token = Readonly<{ text: string; at: number }>

/** @throws {GrammarError} with the first fault. */
export function parseGrammar(source: string): Grammar {
  const reader = new Reader(tokensOf(source), source.length)
  const rules: Record<string, Part> = {}
  const places: Record<string, number> = {}
  let root: string | undefined
  while (reader.peek() !== undefined) {
    const isPublic = reader.take('public')
    const name = reader.ruleName()
    if (rules[name.text] !== undefined) throw new GrammarError(`the rule <${name.text}> is given twice`, name.at)
    reader.expect('=')
    rules[name.text] = readChoice(reader)
    places[name.text] = name.at
    reader.expect(';')
    if (isPublic || root === undefined) root = name.text
  }
  if (root === undefined) throw new GrammarError('the grammar has no rule', 0)
  const grammar = { root, rules }
  checkRules(grammar, places)
  return grammar
}

function tokensOf(source: string): readonly Token[] {
  const blank = (one: string) => ' '.repeat(one.length)
  const plain = source
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/gu, blank)
    .replace(/^\s*#JSGF[^;]*;?/u, blank)
    .replace(/^\s*grammar\s[^;<]*;/u, blank)
  return [...plain.matchAll(/\{[^}]*\}?|<[^>\s]*>?|[()[\]|+*;=]|[^\s()[\]|+*;=<{]+/gu)].map(found => ({
    text: found[0],
    at: found.index
  }))
}

class Reader {
  readonly #tokens: readonly Token[]
  readonly #end: number
  #at = 0

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens
    this.#end = end
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at]
  }

  next(): Token {
    const token = this.peek()
    if (token === undefined) throw new GrammarError('the grammar ends in the middle', this.#end)
    this.#at += 1
    return token
  }

  take(text: string): boolean {
    if (this.peek()?.text !== text) return false
    this.#at += 1
    return true
  }

  expect(text: string): void {
    const token = this.next()
    if (token.text !== text) throw new GrammarError(`“${text}” is expected here, not “${token.text}”`, token.at)
  }

  ruleName(): Token {
    const token = this.next()
    const name = /^<([\p{L}_][\p{L}\p{N}_-]*)>$/u.exec(token.text)?.[1]
    if (name === undefined)
      throw new GrammarError(`a rule’s name in < > is expected here, not “${token.text}”`, token.at)
    return { text: name, at: token.at }
  }
}

function readChoice(reader: Reader): Part {
  const parts = [readSequence(reader)]
  while (reader.take('|')) parts.push(readSequence(reader))
  return parts.length === 1 ? (parts[0] as Part) : { kind: 'choice', parts }
}

function readSequence(reader: Reader): Part {
  const parts: Part[] = []
  for (let token = reader.peek(); token !== undefined && !/^[|;)\]]$/.test(token.text); token = reader.peek())
    parts.push(readOne(reader))
  const token = reader.peek()
  if (parts.length === 0) throw new GrammarError('words are expected here', token?.at ?? 0)
  return parts.length === 1 ? (parts[0] as Part) : { kind: 'sequence', parts }
}

function readOne(reader: Reader): Part {
  const token = reader.next()
  let part = readPrimary(reader, token)
  for (let next = reader.peek(); next !== undefined; next = reader.peek()) {
    if (reader.take('+')) part = { kind: 'repeat', part, least: 1, isEndless: true }
    else if (reader.take('*')) part = { kind: 'repeat', part, least: 0, isEndless: true }
    else if (next.text.startsWith('{')) part = { kind: 'tagged', part, tag: readTag(reader.next()) }
    else break
  }
  return part
}

function readPrimary(reader: Reader, token: Token): Part {
  if (token.text === '(' || token.text === '[') {
    const part = readChoice(reader)
    reader.expect(token.text === '(' ? ')' : ']')
    return token.text === '(' ? part : { kind: 'repeat', part, least: 0, isEndless: false }
  }
  if (token.text.startsWith('<')) {
    const name = /^<([\p{L}_][\p{L}\p{N}_-]*)>$/u.exec(token.text)?.[1]
    if (name === undefined) throw new GrammarError(`“${token.text}” is not a rule’s name`, token.at)
    return { kind: 'rule', name }
  }
  if (/^[=+*;{]/.test(token.text)) throw new GrammarError(`“${token.text}” makes no sense here`, token.at)
  return { kind: 'word', text: token.text.replace(/^"|"$/g, '') }
}

function readTag(token: Token): string {
  const tag = /^\{\s*([^{}]*?)\s*\}$/.exec(token.text)?.[1]
  if (tag === undefined || tag === '')
    throw new GrammarError(`the tag “${token.text}” is empty or not closed`, token.at)
  return tag
}

/** Rules must exist, and none may lead back to itself: then a grammar always ends. */
function checkRules({ rules }: Grammar, places: Readonly<Record<string, number>>): void {
  const visit = (name: string, path: readonly string[]): void => {
    for (const used of rulesIn(rules[name] as Part)) {
      if (!Object.hasOwn(rules, used)) throw new GrammarError(`there is no rule <${used}>`, places[name] ?? 0)
      if (path.includes(used) || used === name)
        throw new GrammarError(`the rule <${used}> leads back to itself`, places[used] ?? 0)
      visit(used, [...path, name])
    }
  }
  for (const name of Object.keys(rules)) visit(name, [])
}

function rulesIn(part: Part): readonly string[] {
  switch (part.kind) {
    case 'word':
      return []
    case 'rule':
      return [part.name]
    case 'sequence':
    case 'choice':
      return part.parts.flatMap(rulesIn)
    case 'repeat':
    case 'tagged':
      return rulesIn(part.part)
    default:
      return part satisfies never
  }
}

/** The grammar in JSGF, without tags, for a recogniser. `spell` writes a word as the recogniser’s dictionary does. */
export function toJsgf({ root, rules }: Grammar, spell: (word: string) => string = word => word): string {
  const written = (part: Part): string => {
    switch (part.kind) {
      case 'word':
        return spell(part.text)
      case 'rule':
        return `<${part.name}>`
      case 'sequence':
        return `( ${part.parts.map(written).join(' ')} )`
      case 'choice':
        return `( ${part.parts.map(written).join(' | ')} )`
      case 'repeat':
        if (!part.isEndless) return `[ ${written(part.part)} ]`
        return `( ${written(part.part)} )${part.least === 1 ? '+' : '*'}`
      case 'tagged':
        return written(part.part)
      default:
        return part satisfies never
    }
  }
  const bodies = Object.entries(rules).map(
    ([name, part]) => `${name === root ? 'public ' : ''}<${name}> = ${written(part)} ;`
  )
  return `#JSGF V1.0; grammar answers; ${bodies.join(' ')}`
}
