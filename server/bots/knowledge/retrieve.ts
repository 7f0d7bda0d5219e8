import { nearestPassages } from '../../../sql/queries/bots/embeddings.ts'
import { countTerms, findPassages, type FoundPassage, lexemesOf } from '../../../sql/queries/bots/knowledge.ts'
import { primaryOf, quoteLexeme } from '../../quality/search-words.ts'
import type { KnowledgeParts } from './knowledge.ts'
import { fitsLanguage, fitsRegion } from './language-fit.ts'
import { fuseRankings, type Ranked, rankPassages } from './rank.ts'
import { anyOf, askingWords, foldText, pairTerms, ruleOf } from './words.ts'

/** A question and for whom it is asked. */
export type KnowledgeQuery = Readonly<{
  question: string
  /** BCP 47 tag of the caller. */
  language: string
  region: string | null
  /** Null: of any product. */
  product: string | null
  now: Date
  /** Whether the question may be sent to this host, to learn what it means; by default to none outside this machine. */
  mayAskOutside?(host: string): boolean
}>

/** Passages that may answer, the best first; none reaches the threshold when the answer is not known. */
export type Retrieval = Readonly<{
  /** The question's words in their normal form, for grouping what is not known. */
  terms: readonly string[]
  passages: readonly Ranked<FoundPassage>[]
  tookMs: number
}>

/** Below this share of the question's weight a passage is about something else. */
export const ANSWER_THRESHOLD = 0.45
/** Longer questions are stories; their first words are enough to find an article. */
const MAX_QUESTION_CHARACTERS = 600
const MAX_TERMS = 40
const MAX_CANDIDATES = 60
const MAX_PASSAGES = 5

/**
 * Looks for what the published articles say to a question, by its words and, where there is a model for it, by what it means.
 * A model that does not answer costs a second at most, and then words decide alone. Rejects with the signal's reason.
 */
export async function retrieve(
  { db, configs, embeddings }: KnowledgeParts,
  query: KnowledgeQuery,
  signal: AbortSignal = new AbortController().signal
): Promise<Retrieval> {
  const startedAtMs = performance.now()
  const { language } = query
  const question = query.question.slice(0, MAX_QUESTION_CHARACTERS)
  const rule = ruleOf(language, configs)
  const termsOf = async (text: string): Promise<readonly string[]> =>
    rule.kind === 'config' ? await lexemesOf(db, rule.config, foldText(text, language)) : pairTerms(text, rule.language)
  const meaning = embeddings?.embeddings
  const mayAsk =
    meaning !== undefined && (meaning.embedder.region === null || query.mayAskOutside?.(meaning.embedder.host) === true)
  const [asked, asking, vector] = await Promise.all([
    termsOf(question),
    termsOf(askingWords(language)),
    mayAsk ? meaning.vectorOf(question, signal) : null
  ])
  const terms = asked.filter(term => !asking.includes(term)).slice(0, MAX_TERMS)
  const done = (passages: Retrieval['passages']): Retrieval => ({
    terms,
    passages: passages.slice(0, MAX_PASSAGES),
    tookMs: Math.round(performance.now() - startedAtMs)
  })
  const primary = primaryOf(language)
  const fits = (one: FoundPassage) => fitsLanguage(one.language, language) && fitsRegion(one.region, query.region)
  const byWords = async (): Promise<Retrieval['passages']> => {
    if (terms.length === 0) return []
    const [found, { counts, total }] = await Promise.all([
      findPassages(
        db,
        { terms, any: anyOf(terms), language: primary, product: query.product, now: query.now },
        MAX_CANDIDATES
      ),
      countTerms(
        db,
        terms.map(term => ({ term, query: quoteLexeme(term) })),
        primary
      )
    ])
    return rankPassages(
      terms,
      found.filter(fits).map(passage => ({ passage, matched: passage.matched, size: passage.size })),
      counts,
      total
    )
  }
  if (vector === null || meaning === undefined || embeddings === undefined) return done(await byWords())
  const { model } = meaning.embedder
  const [worded, near] = await Promise.all([
    byWords(),
    nearestPassages(
      db,
      { embedding: vector, model, terms, language: primary, product: query.product, now: query.now },
      MAX_CANDIDATES
    )
  ])
  const meant = near
    .filter(fits)
    .map(({ similarity, ...passage }) => ({ passage, matched: passage.matched, similarity }))
  return done(
    fuseRankings(({ articleId, position }) => `${articleId} ${position}`, worded, meant, {
      threshold: ANSWER_THRESHOLD,
      leastSimilarity: embeddings.leastSimilarity
    })
  )
}
