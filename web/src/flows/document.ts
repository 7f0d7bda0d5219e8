import { isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml'
import { type Address, readAddresses } from './address.ts'

/** A replacement in the text, in characters from its start. */
export type Edit = Readonly<{ from: number; to: number; insert: string }>

/** One plain value of a step. `path` is written with dots from the step. */
export type Value = Readonly<{ path: string; value: string; from: number; to: number; isText: boolean }>

/** A text in the flow's languages. `missing` are those it is not given in. */
export type Spoken = Readonly<{
  path: string
  texts: readonly Readonly<{ language: string; value: string; from: number; to: number }>[]
  missing: readonly string[]
}>

export type StepFacts = Readonly<{
  name: string
  kind: string
  /** Where the step begins, in characters. */
  at: number
  spoken: readonly Spoken[]
  /** Values that name another step. */
  ways: readonly Value[]
  others: readonly Value[]
  /** How a bot addresses callers; empty for other steps. */
  addresses: readonly Address[]
}>

export type FlowFacts = Readonly<{ languages: readonly string[]; steps: readonly StepFacts[] }>

/** What the form shows of a flow's text; null while the text is no YAML with steps. */
export function readFacts(source: string): FlowFacts | null {
  const document = parseDocument(source, { keepSourceTokens: true })
  const nodes = document.get('nodes')
  if (document.errors.length > 0 || !isMap(nodes)) return null
  const languageList = document.get('languages')
  const languages = isSeq(languageList) ? languageList.items.map(one => String(isScalar(one) ? one.value : '')) : []
  const names = new Set(nodes.items.map(keyOf))
  return { languages, steps: nodes.items.flatMap(pair => readStep(source, pair, languages, names)) }
}

function readStep(
  source: string,
  pair: Pair,
  languages: readonly string[],
  names: ReadonlySet<string>
): readonly StepFacts[] {
  if (!isMap(pair.value)) return []
  const spoken: Spoken[] = []
  const ways: Value[] = []
  const others: Value[] = []
  const kind = String(pair.value.get('kind') ?? '')
  const isBot = kind === 'bot'
  collect(pair.value, '')
  const addresses = isBot ? readAddresses(source, pair.value, languages) : []
  return [{ name: keyOf(pair), kind, at: startOf(pair), spoken, ways, others, addresses }]

  function collect(map: YAMLMap, before: string): void {
    for (const one of map.items) {
      const key = keyOf(one)
      const path = before + key
      // It has a form of its own: it is no text that callers hear.
      if (isBot && path === 'register') continue
      if (isMap(one.value)) {
        if (isSpoken(one.value, languages)) spoken.push(readSpoken(one.value, path, languages))
        else collect(one.value, `${path}.`)
      } else if (isScalar(one.value) && path !== 'kind') {
        const value = readValue(one.value, path)
        if (value.isText && names.has(value.value)) ways.push(value)
        else others.push(value)
      }
    }
  }
}

function isSpoken(map: YAMLMap, languages: readonly string[]): boolean {
  return map.items.length > 0 && map.items.every(one => languages.includes(keyOf(one)) && isScalar(one.value))
}

function readSpoken(map: YAMLMap, path: string, languages: readonly string[]): Spoken {
  const texts = map.items.flatMap(one =>
    isScalar(one.value) ? [{ language: keyOf(one), ...readValue(one.value, keyOf(one)) }] : []
  )
  return { path, texts, missing: languages.filter(language => texts.every(one => one.language !== language)) }
}

function readValue(scalar: Scalar, path: string): Value {
  const [from = 0, to = 0] = scalar.range ?? []
  return { path, value: String(scalar.value ?? ''), from, to, isText: typeof scalar.value === 'string' }
}

/** Replaces one value and nothing else, so that comments and ways of writing stay. */
export function replaceValue(source: string, { from, to }: Readonly<{ from: number; to: number }>, text: string): Edit {
  // A block of lines ends with the line end that its replacement needs too.
  const tail = source.slice(from, to).endsWith('\n') ? '\n' : ''
  return { from, to, insert: written(text) + tail }
}

/** Adds a text in a language that is missing. */
export function addText(source: string, spoken: Spoken, language: string, text: string): Edit | null {
  const last = spoken.texts.at(-1)
  const first = spoken.texts[0]
  if (last === undefined || first === undefined) return null
  const lineStart = source.lastIndexOf('\n', first.from) + 1
  const before = source.slice(lineStart, first.from)
  if (before.includes('{')) return { from: last.to, to: last.to, insert: `, ${language}: ${written(text)}` }
  const indent = /^\s*/.exec(before)?.[0] ?? ''
  const isBlock = source.slice(last.from, last.to).endsWith('\n')
  const line = `${indent}${language}: ${written(text)}`
  return { from: last.to, to: last.to, insert: isBlock ? `${line}\n` : `\n${line}` }
}

/** A number or a name stays as it is; anything else is put in quotes, as YAML and JSON both read them. */
function written(text: string): string {
  if (/^-?\d+(\.\d+)?$/.test(text) || /^(true|false)$/.test(text)) return text
  return /^[A-Za-z][\w-]*$/.test(text) && !/^(yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text)
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key)
}

function startOf(pair: Pair): number {
  return isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
}
