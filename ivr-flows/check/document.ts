import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap
} from 'yaml'
import type { Finding, Problem } from '../problem.ts'

const MAX_SOURCE = 1_000_000
/** More nesting than any flow has; deeper documents would exhaust the stack of the YAML reader. */
const MAX_NESTING = 200

/** A document as data, along with the way back from a path to its line and column. */
export type ReadDocument = Readonly<{ value: unknown; problems: readonly Problem[]; locate(finding: Finding): Problem }>

/** Reads YAML or JSON. Never throws, whatever the text. */
export function readDocument(source: string): ReadDocument {
  const refusal = refuse(source)
  if (refusal !== null) return withoutDocument(refusal)
  const lines = new LineCounter()
  let document: Document.Parsed
  let value: unknown
  try {
    document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, logLevel: 'error' })
    // A key given twice leaves the rest readable; the other problems are then found as well.
    const isReadable = document.errors.every(error => error.code === 'DUPLICATE_KEY')
    value = isReadable ? document.toJS({ maxAliasCount: 100 }) : undefined
  } catch (err) {
    // The reader gives up by throwing on aliases without an anchor, and on aliases that would exhaust memory.
    const isReference = err instanceof ReferenceError && !err.message.startsWith('Excessive')
    return withoutDocument({
      code: isReference ? 'YAML_SYNTAX' : 'TOO_LARGE',
      message: sentence(`The document cannot be read: ${err instanceof Error ? err.message : 'it is too complex'}`),
      severity: 'error',
      line: 1,
      column: 1
    })
  }
  const problems = document.errors.map((error): Problem => {
    const { line, col } = lines.linePos(error.pos[0])
    const isDuplicate = error.code === 'DUPLICATE_KEY'
    return {
      code: isDuplicate ? 'DUPLICATE_KEY' : 'YAML_SYNTAX',
      message: isDuplicate ? 'The same key is given twice.' : sentence(error.message),
      severity: 'error',
      line: Math.max(1, line),
      column: Math.max(1, col),
      ...(isDuplicate ? { suggestion: 'Remove or rename one of the two.' } : {})
    }
  })
  return {
    value,
    problems: [...problems, ...equalKeys(document, lines)],
    locate: finding => locate(document, lines, finding)
  }
}

function refuse(source: string): Problem | null {
  const at = { severity: 'error', line: 1, column: 1 } as const
  if (source.length > MAX_SOURCE) {
    return { code: 'TOO_LARGE', message: `The document is longer than ${MAX_SOURCE} characters`, ...at }
  }
  if (nestingOf(source) > MAX_NESTING) return { code: 'TOO_LARGE', message: 'The document is nested too deeply', ...at }
  return null
}

/** An upper bound of the nesting by brackets and by compact lists (`- - -`), without reading the document. */
function nestingOf(source: string): number {
  let depth = 0
  let deepest = 0
  for (const [bracket] of source.matchAll(/[[\]{}]/g)) {
    if (bracket === '[' || bracket === '{') deepest = Math.max(deepest, ++depth)
    else if (depth > 0) depth -= 1
  }
  for (const [compact] of source.matchAll(/^[ \t]*(?:[-?:][ \t]+)+/gm)) {
    deepest = Math.max(deepest, compact.replace(/[ \t]/g, '').length)
  }
  return deepest
}

function withoutDocument(problem: Problem): ReadDocument {
  return { value: undefined, problems: [problem], locate: () => problem }
}

/** Keys that differ in YAML but are the same in a flow: the number 1 and the text '1'. */
function equalKeys(document: Document.Parsed, lines: LineCounter): Problem[] {
  const problems: Problem[] = []
  const pending: unknown[] = [document.contents]
  while (pending.length > 0) {
    const node = pending.pop()
    if (isSeq(node)) pending.push(...node.items)
    if (!isMap(node)) continue
    const seen = new Map<string, unknown>()
    for (const pair of node.items) {
      pending.push(pair.value)
      const { key } = pair
      if (!isScalar(key)) continue
      const name = String(key.value)
      // Keys that are equal in YAML too were already reported by the reader.
      if (seen.has(name) && seen.get(name) !== key.value) {
        const { line, col } = lines.linePos(key.range?.[0] ?? 0)
        const suggestion = 'Remove or rename one of the two.'
        problems.push({
          code: 'DUPLICATE_KEY',
          message: `“${name}” is given twice.`,
          severity: 'error',
          line,
          column: col,
          suggestion
        })
      }
      seen.set(name, key.value)
    }
  }
  return problems
}

function locate(document: Document.Parsed, lines: LineCounter, finding: Finding): Problem {
  const { code, message, severity = 'error', suggestion } = finding
  const { line, column } = position(document, lines, finding)
  return {
    code,
    message: sentence(message),
    severity,
    line,
    column,
    ...(suggestion === undefined ? {} : { suggestion })
  }
}

function position(document: Document.Parsed, lines: LineCounter, { path, at = 'value', offset = 0 }: Finding) {
  let node: Node | null | undefined = document.contents
  let start = node?.range?.[0] ?? 0
  let isPlainText = false
  for (const [index, step] of path.entries()) {
    const resolved: unknown = isAlias(node) ? node.resolve(document) : node
    const isLast = index === path.length - 1
    if (isMap(resolved)) {
      const pair = pairOf(resolved, String(step))
      if (pair === undefined) break
      const key = isNode(pair.key) ? pair.key : undefined
      const value = isNode(pair.value) ? pair.value : undefined
      start = key?.range?.[0] ?? start
      if (isLast && at === 'key') break
      start = value?.range?.[0] ?? start
      node = value
    } else if (isSeq(resolved)) {
      const item = resolved.items[Number(step)]
      if (!isNode(item)) break
      start = item.range?.[0] ?? start
      node = item
    } else break
    isPlainText = isLast && isScalar(node) && typeof node.value === 'string'
  }
  // Inside quotes the text starts one later. Folded and escaped texts do not map one to one: their start has to do.
  if (isPlainText && offset > 0 && isScalar(node)) {
    if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') start += 1 + offset
    else if (node.type === 'PLAIN') start += offset
    start = Math.min(start, node.range?.[1] ?? start)
  }
  const { line, col } = lines.linePos(start)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function pairOf(map: YAMLMap, key: string) {
  return map.items.find(pair => String(isScalar(pair.key) ? pair.key.value : pair.key) === key)
}

/** With a full stop at the end, as one sentence among others. */
function sentence(message: string): string {
  const text = message.trim()
  return /[.!?]$/.test(text) ? text : `${text}.`
}
