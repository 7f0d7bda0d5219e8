import { sql } from 'kysely'
import type { Db } from '../../sql/database.ts'

/** PostgreSQL's text search configuration of each language that has one; which of them are there depends on the server. */
const CONFIGS: Readonly<Record<string, string>> = {
  ar: 'arabic',
  hy: 'armenian',
  eu: 'basque',
  ca: 'catalan',
  da: 'danish',
  nl: 'dutch',
  en: 'english',
  et: 'estonian',
  fi: 'finnish',
  fr: 'french',
  de: 'german',
  el: 'greek',
  hi: 'hindi',
  hu: 'hungarian',
  id: 'indonesian',
  ga: 'irish',
  it: 'italian',
  lt: 'lithuanian',
  ne: 'nepali',
  nb: 'norwegian',
  nn: 'norwegian',
  no: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  es: 'spanish',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
  yi: 'yiddish'
}

/** Languages that are written without spaces: cut into words by ICU's dictionaries, at indexing and at searching alike. */
const SEGMENTED: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'km', 'my', 'yue'])

/** How the words of a language are found. */
export type WordRule = Readonly<{ kind: 'config'; config: string }> | Readonly<{ kind: 'segments'; language: string }>

export function primaryOf(language: string): string {
  return language.toLowerCase().split('-')[0] ?? ''
}

export function wordRule(language: string, configs: ReadonlySet<string>): WordRule {
  const primary = primaryOf(language)
  if (SEGMENTED.has(primary)) return { kind: 'segments', language: primary }
  const config = CONFIGS[primary]
  return { kind: 'config', config: config !== undefined && configs.has(config) ? config : 'simple' }
}

/** Two languages with equal words share a part of a query. */
export function ruleKey(rule: WordRule): string {
  return rule.kind === 'config' ? rule.config : `segments ${rule.language}`
}

export async function listConfigs(db: Db): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ cfgname: string }>`select cfgname from pg_ts_config`.execute(db)
  return new Set(rows.map(row => row.cfgname))
}

export type Segment = Readonly<{ word: string; from: number; to: number }>

const segmenters = new Map<string, Intl.Segmenter>()

/** The words of a text, folded: without case, width and the forms of one letter (Unicode NFKC). */
export function segments(text: string, language: string): readonly Segment[] {
  let segmenter = segmenters.get(language)
  if (segmenter === undefined) {
    segmenter = new Intl.Segmenter(language, { granularity: 'word' })
    segmenters.set(language, segmenter)
  }
  const found: Segment[] = []
  for (const { segment, index, isWordLike } of segmenter.segment(text))
    if (isWordLike === true)
      found.push({ word: segment.normalize('NFKC').toLowerCase(), from: index, to: index + segment.length })
  return found
}

/** A word or a facet as it stands in the text form of tsvector and tsquery. */
export function quoteLexeme(word: string): string {
  return `'${word.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`
}

export const WEIGHTS = { agent: 'A', customer: 'B', bot: 'C' } as const

/** Positions of a tsvector end here (PostgreSQL manual, 8.11.1), and 256 of one word are kept. */
export const MAX_POSITION = 16_383
const MAX_POSITIONS_OF_A_WORD = 255
/** PostgreSQL refuses longer words. */
const MAX_WORD_BYTES = 2_000

/** The text form of a tsvector over segmented words, each with its place and the weight of its speaker. */
export function segmentsVector(
  spoken: readonly Readonly<{ weight: 'A' | 'B' | 'C'; text: string }>[],
  language: string
): string {
  const places = new Map<string, string[]>()
  let position = 0
  for (const { weight, text } of spoken) {
    for (const { word } of segments(text, language)) {
      position = Math.min(position + 1, MAX_POSITION)
      if (Buffer.byteLength(word) > MAX_WORD_BYTES) continue
      const known = places.get(word) ?? []
      places.set(word, known)
      if (known.length < MAX_POSITIONS_OF_A_WORD) known.push(`${position}${weight}`)
    }
    // No phrase reaches over two utterances.
    position = Math.min(position + 1, MAX_POSITION)
  }
  return [...places].map(([word, at]) => `${quoteLexeme(word)}:${at.join(',')}`).join(' ')
}

/** Facets begin with a sign that no parser of words lets through. */
export function facet(kind: FacetKind, value: string): string {
  return `§${kind}:${value}`.slice(0, 200)
}

export type FacetKind =
  | 'campaign'
  | 'day'
  | 'month'
  | 'language'
  | 'direction'
  | 'queue'
  | 'agent'
  | 'flow'
  | 'outcome'
  | 'tag'
  | 'duration'
  | 'silence'
  | 'overlap'
  | 'has'

export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '')
}

/** Lengths of time in classes, each twice the one before, so that "longer than" is a handful of facets. */
const CLASSES_MS = Array.from({ length: 16 }, (_, at) => 500 * 2 ** at)

export function classOf(ms: number): number {
  const found = CLASSES_MS.findIndex(limit => ms < limit)
  return found === -1 ? CLASSES_MS.length : found
}

/** Every class that holds a length between the two. */
export function classesBetween(fromMs: number, toMs: number): readonly string[] {
  const classes: string[] = []
  for (let at = classOf(fromMs); at <= classOf(toMs); at++) classes.push(String(at))
  return classes
}
