import {
  callsOfNumber,
  countDocuments,
  type DocumentFilter,
  estimateDocuments,
  findDocuments,
  findUnordered,
  type FoundCall,
  highlight,
  listTranscriptLanguages,
  normalizeTerms,
  oldestDocument
} from '../../sql/queries/quality/search.ts'
import { redactedText } from './redact.ts'
import { parseSearch, type SearchQuery, type Term } from './search-query.ts'
import {
  classesBetween,
  dayOf,
  facet,
  primaryOf,
  quoteLexeme,
  ruleKey,
  segments,
  WEIGHTS,
  type WordRule,
  wordRule
} from './search-words.ts'
import { readTranscripts, type TranscriptParts } from './transcript-store.ts'
import { momentOf, SPEAKERS, type Speaker, type Utterance } from './utterance.ts'

export type SearchParts = TranscriptParts & Readonly<{ configs: ReadonlySet<string> }>

/** What a search may be narrowed by; everything that is given must hold. Lists are alternatives. */
export type SearchFilter = Readonly<{
  q?: string
  from?: Date
  until?: Date
  language?: readonly string[]
  queueId?: readonly string[]
  agentId?: readonly string[]
  flowId?: readonly string[]
  campaignId?: readonly string[]
  disposition?: readonly string[]
  tag?: readonly string[]
  direction?: 'inbound' | 'outbound'
  number?: string
  has?: readonly ('transcript' | 'recording' | 'review')[]
  not?: readonly ('transcript' | 'recording' | 'review')[]
  minDurationMs?: number
  maxDurationMs?: number
  minSilenceMs?: number
  minOverlapMs?: number
}>

/** A place in a call where what was looked for is said; `marks` are offsets in the redacted text. */
export type Hit = Readonly<{
  speaker: Speaker
  atMs: number
  utterance: number
  text: string
  marks: readonly (readonly [from: number, to: number])[]
}>

export type FoundWithHits = FoundCall & Readonly<{ hits: readonly Hit[]; hitCount: number }>

const DAY_MS = 86_400_000
/** So many calls are fetched at once and sorted here. */
const FEW = 300
const GROWTH = 4
/** From this length on a window is told by months and not by days. */
const DAYS_BY_DAY = 62
const CALLS_OF_A_NUMBER = 5_000
/** Utterances that are looked through for one page of hits. */
const MAX_UTTERANCES = 20_000
const HITS_PER_CALL = 3
/** Nothing is counted further than this. */
export const COUNT_LIMIT = 1_000

/** A search, read and put into words of the index; can be asked for hits page by page, and for how many there are. */
export type PreparedSearch = Readonly<{
  query: SearchQuery
  filter: DocumentFilter
  /** The rule of each language that is searched, and what was looked for under it. */
  rules: readonly PreparedRule[]
  /** Words that say nothing in these languages, such as "the"; they were left out. */
  ignored: readonly string[]
  /** Nothing can be found: every word was left out, or the number has no calls. */
  isEmpty: boolean
}>

type PreparedRule = Readonly<{
  rule: WordRule
  languages: readonly string[]
  /** For each speaker the tsquery of any term that may be theirs; '' where there is none. */
  any: Readonly<Record<Speaker, string>>
  terms: readonly Term[]
}>

/** Throws QualityError SEARCH_INVALID. */
export async function prepareSearch(parts: SearchParts, filter: SearchFilter): Promise<PreparedSearch> {
  const query = parseSearch(filter.q ?? '')
  const facets = facetQuery(filter)
  const callIds =
    filter.number === undefined ? undefined : await callsOfNumber(parts.db, filter.number, CALLS_OF_A_NUMBER)
  const common: Omit<DocumentFilter, 'query'> = {
    ...(filter.from !== undefined && { from: filter.from }),
    ...(filter.until !== undefined && { until: filter.until }),
    ...(filter.minDurationMs !== undefined && { minDurationMs: filter.minDurationMs }),
    ...(filter.maxDurationMs !== undefined && { maxDurationMs: filter.maxDurationMs }),
    ...(filter.minSilenceMs !== undefined && { minSilenceMs: filter.minSilenceMs }),
    ...(filter.minOverlapMs !== undefined && { minOverlapMs: filter.minOverlapMs }),
    ...(callIds !== undefined && { callIds })
  }
  if (query.groups.length === 0 && query.without.length === 0)
    return {
      query,
      filter: { ...common, query: facets.join(' & ') },
      rules: [],
      ignored: [],
      isEmpty: callIds?.length === 0
    }
  const languages = filter.language?.map(primaryOf) ?? [
    ...new Set((await listTranscriptLanguages(parts.db)).map(primaryOf))
  ]
  const { branches, rules, ignored } = await byLanguage(parts, query, languages)
  const words = branches.length === 0 ? '' : `(${branches.join(' | ')})`
  return {
    query,
    filter: { ...common, query: [...facets, words].filter(one => one !== '').join(' & ') },
    rules,
    ignored,
    isEmpty: branches.length === 0 || callIds?.length === 0
  }
}

async function byLanguage(
  parts: SearchParts,
  query: SearchQuery,
  languages: readonly string[]
): Promise<Readonly<{ branches: readonly string[]; rules: readonly PreparedRule[]; ignored: readonly string[] }>> {
  const grouped = Map.groupBy(languages, language => ruleKey(wordRule(language, parts.configs)))
  const all = [...query.groups.flat(), ...query.without]
  const branches: string[] = []
  const rules: PreparedRule[] = []
  const kept = new Set<string>()
  for (const own of grouped.values()) {
    const rule = wordRule(own[0] ?? 'und', parts.configs)
    const normal = await normalForms(parts, rule, all)
    const formOf = (term: Term) => weighted(normal.get(term) ?? '', term.speaker)
    const groups = query.groups
      .map(group => group.map(formOf).filter(form => form !== ''))
      .filter(group => group.length > 0)
    for (const term of query.groups.flat()) if (normal.get(term) !== '') kept.add(term.text)
    if (groups.length === 0 && query.groups.length > 0) continue
    const without = query.without.map(formOf).filter(form => form !== '')
    const spokenIn = own.map(language => quoteLexeme(facet('language', language))).join(' | ')
    branches.push(
      [`(${spokenIn})`, ...groups.map(group => `(${group.join(' | ')})`), ...without.map(form => `!(${form})`)].join(
        ' & '
      )
    )
    const positive = query.groups.flat()
    const anyOf = (speaker: Speaker) =>
      positive
        .filter(term => term.speaker === null || term.speaker === speaker)
        .map(term => normal.get(term) ?? '')
        .filter(form => form !== '')
        .map(form => `(${form})`)
        .join(' | ')
    rules.push({
      rule,
      languages: own,
      any: { agent: anyOf('agent'), customer: anyOf('customer'), bot: anyOf('bot') },
      terms: positive
    })
  }
  const ignored = query.groups.flat().flatMap(term => (kept.has(term.text) ? [] : [term.text]))
  return { branches, rules, ignored }
}

async function normalForms(
  parts: SearchParts,
  rule: WordRule,
  terms: readonly Term[]
): Promise<ReadonlyMap<Term, string>> {
  if (rule.kind === 'segments')
    return new Map(
      terms.map(term => {
        const words = segments(term.text, rule.language).map(one => quoteLexeme(one.word))
        const last = words.pop()
        const parts = last === undefined ? [] : [...words, term.isPrefix ? `${last}:*` : last]
        return [term, parts.join(' <-> ')]
      })
    )
  const forms = await normalizeTerms(
    parts.db,
    terms.map(term => ({
      config: rule.config,
      text: term.isPrefix ? `${quoteLexeme(term.text)}:*` : term.text,
      isPrefix: term.isPrefix
    }))
  )
  return new Map(terms.map((term, index) => [term, forms[index] ?? '']))
}

/** A tsquery whose words must be said by one speaker: `'refund'` becomes `'refund':A`. */
function weighted(query: string, speaker: Speaker | null): string {
  if (speaker === null || query === '') return query === '' ? '' : `(${query})`
  const letter = WEIGHTS[speaker]
  return `(${query.replace(/('(?:[^']|'')*')(:\*)?/g, (_all, word: string, prefix?: string) => `${word}:${prefix === undefined ? '' : '*'}${letter}`)})`
}

function facetQuery(filter: SearchFilter): readonly string[] {
  const any = (kind: Parameters<typeof facet>[0], values: readonly string[] | undefined) =>
    values === undefined || values.length === 0
      ? []
      : [`(${values.map(value => quoteLexeme(facet(kind, value))).join(' | ')})`]
  const { minDurationMs, maxDurationMs, minSilenceMs, minOverlapMs } = filter
  const FOR_EVER = 2 ** 31
  return [
    ...any('language', filter.language?.map(primaryOf)),
    ...any('queue', filter.queueId),
    ...any('agent', filter.agentId),
    ...any('flow', filter.flowId),
    ...any('campaign', filter.campaignId),
    ...any('outcome', filter.disposition),
    ...any('direction', filter.direction === undefined ? undefined : [filter.direction]),
    // Each tag and each "has" must hold.
    ...(filter.tag ?? []).flatMap(tag => any('tag', [tag])),
    ...(filter.has ?? []).flatMap(one => any('has', [one])),
    ...(filter.not ?? []).map(one => `!${quoteLexeme(facet('has', one))}`),
    ...(minDurationMs === undefined && maxDurationMs === undefined
      ? []
      : any('duration', classesBetween(minDurationMs ?? 0, maxDurationMs ?? FOR_EVER))),
    ...(minSilenceMs === undefined ? [] : any('silence', classesBetween(minSilenceMs, FOR_EVER))),
    ...(minOverlapMs === undefined ? [] : any('overlap', classesBetween(minOverlapMs, FOR_EVER)))
  ]
}

/**
 * The newest calls that match. What few calls hold is fetched at once and put in order. What many hold is asked for window
 * by window, from now backwards, each long enough to hold about two pages by the planner's own estimate, so that a word
 * that everybody says costs no more than a page of it.
 */
export async function searchCalls(
  parts: SearchParts,
  prepared: PreparedSearch,
  before: FoundCall | null,
  limit: number,
  now: Date = new Date()
): Promise<readonly FoundCall[]> {
  if (prepared.isEmpty) return []
  const { filter } = prepared
  const { db } = parts
  if (filter.query === '' || filter.callIds !== undefined)
    return distinct(await findDocuments(db, filter, before, limit * 2)).slice(0, limit)
  const ends = [
    now.getTime() + DAY_MS,
    filter.until?.getTime(),
    before === null ? undefined : before.startedAt.getTime() + 1
  ]
  const last = Math.min(...ends.filter(end => end !== undefined))
  const expected = await estimateDocuments(db, filter.query)
  if (expected <= FEW) {
    const few = await findUnordered(db, inSpan(filter, filter.from?.getTime() ?? null, last), FEW * 4)
    if (few !== null) return pageOf(few, before, limit)
  }
  const oldest = filter.from ?? (await oldestDocument(db))
  if (oldest === null) return []
  const allDays = Math.max(1, (last - oldest.getTime()) / DAY_MS)
  let days = Math.min(4_000, Math.ceil((limit * 2 * allDays) / Math.max(1, expected)))
  let until = last
  const found: FoundCall[] = []
  while (until > oldest.getTime() && found.length < limit) {
    const from = Math.max(oldest.getTime(), startOfDay(until - 1) - (days - 1) * DAY_MS)
    found.push(...(await findDocuments(db, inSpan(filter, from, until), before, (limit - found.length) * 2)))
    until = from
    days = Math.min(days * GROWTH, 4_000)
  }
  return distinct(found).slice(0, limit)
}

function inSpan(filter: DocumentFilter, from: number | null, until: number): DocumentFilter {
  const facets = from === null ? '' : windowFacets(from, until)
  return {
    ...filter,
    query: [facets, filter.query].filter(one => one !== '').join(' & '),
    ...(from !== null && { from: new Date(from) }),
    until: new Date(until)
  }
}

/** One page of calls that were found in any order. */
function pageOf(found: readonly FoundCall[], before: FoundCall | null, limit: number): readonly FoundCall[] {
  const order = (a: FoundCall, b: FoundCall) =>
    b.startedAt.getTime() - a.startedAt.getTime() || (a.callId < b.callId ? 1 : a.callId > b.callId ? -1 : 0)
  return distinct([...found].sort(order))
    .filter(one => before === null || order(before, one) < 0)
    .slice(0, limit)
}

function distinct(found: readonly FoundCall[]): readonly FoundCall[] {
  const seen = new Set<string>()
  return found.filter(one => !seen.has(one.callId) && seen.add(one.callId))
}

function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

/** Every day or month that the window touches; '' where it is so long that naming them costs more than it saves. */
function windowFacets(from: number, until: number): string {
  const days = (until - from) / DAY_MS
  if (days > 800) return ''
  const names = new Set<string>()
  for (let at = startOfDay(from); at < until; at += DAY_MS) {
    const day = dayOf(new Date(at))
    names.add(days > DAYS_BY_DAY ? facet('month', day.slice(0, 6)) : facet('day', day))
  }
  return `(${[...names].map(quoteLexeme).join(' | ')})`
}

/** How many calls match, up to the limit; `isMore` says that counting ended there. */
export async function countCalls(
  parts: SearchParts,
  prepared: PreparedSearch
): Promise<Readonly<{ count: number; isMore: boolean }>> {
  if (prepared.isEmpty) return { count: 0, isMore: false }
  if (prepared.filter.callIds !== undefined) {
    const found = await findDocuments(parts.db, prepared.filter, null, COUNT_LIMIT + 1)
    return { count: Math.min(found.length, COUNT_LIMIT), isMore: found.length > COUNT_LIMIT }
  }
  const count = await countDocuments(parts.db, prepared.filter, COUNT_LIMIT + 1)
  return { count: Math.min(count, COUNT_LIMIT), isMore: count > COUNT_LIMIT }
}

const MARKS = ['\u0001', '\u0002'] as const

/** Where in each call it is said. Highlights are those of the redacted text; nothing hidden is looked at. */
export async function findHits(
  parts: SearchParts,
  prepared: PreparedSearch,
  found: readonly FoundCall[]
): Promise<readonly FoundWithHits[]> {
  if (prepared.rules.length === 0) return found.map(one => ({ ...one, hits: [], hitCount: 0 }))
  const transcripts = await readTranscripts(
    parts,
    found.map(one => one.callId)
  )
  const hits = new Map<string, Hit[]>()
  let budget = MAX_UTTERANCES
  const asked = prepared.rules.flatMap(({ rule, languages, any, terms }) =>
    // Most searches ask the same of everybody: then the database is asked once for all of them.
    [...Map.groupBy(SPEAKERS, speaker => any[speaker])].flatMap(([query, speakers]) => {
      if (query === '') return []
      const places: Place[] = []
      for (const { callId } of found) {
        const transcript = transcripts.get(callId)
        if (transcript === undefined || !languages.includes(primaryOf(transcript.row.language))) continue
        for (const [index, utterance] of transcript.utterances.entries()) {
          if (!speakers.includes(utterance.speaker) || budget <= 0) continue
          budget -= 1
          places.push({ callId, index, utterance, shown: shown(utterance) })
        }
      }
      return places.length === 0 ? [] : [{ rule, terms, query, places }]
    })
  )
  await Promise.all(
    asked.map(async ({ rule, terms, query, places }) => {
      for (const { index, marks } of await markPlaces(parts, rule, terms, query, places)) {
        const place = places[index]
        const first = marks[0]
        if (place === undefined || first === undefined) continue
        const own = hits.get(place.callId) ?? []
        hits.set(place.callId, own)
        own.push({
          speaker: place.utterance.speaker,
          utterance: place.index,
          atMs: momentOf(place.utterance, place.shown.toOriginal(first[0])),
          text: place.shown.text,
          marks
        })
      }
    })
  )
  return found.map(one => {
    const own = (hits.get(one.callId) ?? []).sort((a, b) => a.atMs - b.atMs)
    return { ...one, hits: own.slice(0, HITS_PER_CALL), hitCount: own.length }
  })
}

type Place = Readonly<{ callId: string; index: number; utterance: Utterance; shown: Shown }>
type Marks = readonly (readonly [from: number, to: number])[]

/** Those places in which something is found, with what is to be marked there. */
async function markPlaces(
  parts: SearchParts,
  rule: WordRule,
  terms: readonly Term[],
  query: string,
  places: readonly Place[]
): Promise<readonly Readonly<{ index: number; marks: Marks }>[]> {
  if (rule.kind === 'segments')
    return places.flatMap((place, index) => {
      const marks = markSegments(place.shown.searchable, rule.language, terms, place.utterance.speaker)
      return marks.length === 0 ? [] : [{ index, marks }]
    })
  const texts = places.map(place => place.shown.searchable)
  const found = await highlight(parts.db, rule.config, query, texts, MARKS)
  return found.map(one => ({ index: one.index, marks: readMarks(one.text) }))
}

type Shown = Readonly<{ text: string; searchable: string; toOriginal(offset: number): number }>

/** The redacted text, and the same without the words that stand for what is hidden and without what looks like markup. */
function shown(utterance: Utterance): Shown {
  const { text, toOriginal } = redactedText(utterance.text, utterance.personal)
  const searchable = text
    .replace(/\[(?:name|number|card|address|email)\]/g, label => '▒'.repeat(label.length))
    .replace(/[<>\u0001\u0002]/g, ' ')
  return { text, searchable, toOriginal }
}

/** Offsets of what stands between the marks, in the text without them; words that touch become one. */
function readMarks(text: string): readonly (readonly [number, number])[] {
  const marks: [number, number][] = []
  let offset = 0
  let from = -1
  let between = ''
  for (const character of text) {
    if (character === MARKS[0]) from = offset
    else if (character === MARKS[1]) {
      const last = marks.at(-1)
      if (last !== undefined && /^ ?$/.test(between)) last[1] = offset
      else marks.push([from, offset])
      between = ''
      from = -1
    } else {
      if (from === -1) between += character
      offset += character.length
    }
  }
  return marks
}

function markSegments(
  text: string,
  language: string,
  terms: readonly Term[],
  speaker: Speaker
): readonly (readonly [number, number])[] {
  const words = segments(text, language)
  const marks: [number, number][] = []
  for (const term of terms) {
    if (term.speaker !== null && term.speaker !== speaker) continue
    const wanted = segments(term.text, language).map(one => one.word)
    if (wanted.length === 0) continue
    for (let at = 0; at + wanted.length <= words.length; at++) {
      const matches = wanted.every((word, index) => {
        const there = words[at + index]?.word ?? ''
        return term.isPrefix && index === wanted.length - 1 ? there.startsWith(word) : there === word
      })
      if (matches) marks.push([words[at]?.from ?? 0, words[at + wanted.length - 1]?.to ?? 0])
    }
  }
  return marks.sort((a, b) => a[0] - b[0])
}
