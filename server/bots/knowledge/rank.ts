/** A passage that holds at least one term of a question. `matched` are those terms. */
export type Candidate<Passage> = Readonly<{ passage: Passage; matched: readonly string[]; size: number }>

export type Ranked<Passage> = Readonly<{
  passage: Passage
  /** Share of the question's weight that the passage holds, from 0 to 1. */
  score: number
  matched: readonly string[]
}>

/** A term that no article holds may be a slip of the recogniser or the very point of the question. */
const UNKNOWN_WEIGHT = 0.6

/**
 * Orders passages by how much of the question they hold. Rare terms weigh more than common ones (inverse document
 * frequency), because they tell one article from another.
 * @param counts in how many passages of the language each term stands
 * @param total passages of the language
 */
export function rankPassages<Passage>(
  terms: readonly string[],
  candidates: readonly Candidate<Passage>[],
  counts: ReadonlyMap<string, number>,
  total: number
): readonly Ranked<Passage>[] {
  const weightOf = (term: string): number => {
    const count = counts.get(term) ?? 0
    // Smoothed, so that a term of every passage still weighs a little.
    const rarity = Math.log(1 + (total + 1) / (count + 0.5))
    return count === 0 ? rarity * UNKNOWN_WEIGHT : rarity
  }
  const all = terms.reduce((sum, term) => sum + weightOf(term), 0)
  if (all === 0) return []
  return candidates
    .map(({ passage, matched, size }) => ({
      passage,
      matched,
      size,
      score: matched.reduce((sum, term) => sum + weightOf(term), 0) / all
    }))
    .sort((one, other) => other.score - one.score || one.size - other.size)
    .map(({ passage, matched, score }) => ({ passage, matched, score: Math.min(1, score) }))
}

/** A passage by what it means: `similarity` is the cosine of its vector and the question's, from -1 to 1. */
export type Near<Passage> = Readonly<{ passage: Passage; matched: readonly string[]; similarity: number }>

/** So much does a place further down count less (Cormack, Clarke and Büttcher, SIGIR 2009). */
const RANK_CONSTANT = 60

/**
 * One order of two, by words and by meaning: reciprocal rank fusion. Passages that are good enough by either come first; a
 * similarity of `leastSimilarity` counts as a score of `threshold`, so that one threshold judges both.
 * @param keyOf what tells passages apart
 */
export function fuseRankings<Passage>(
  keyOf: (passage: Passage) => string,
  byWords: readonly Ranked<Passage>[],
  byMeaning: readonly Near<Passage>[],
  { threshold, leastSimilarity }: Readonly<{ threshold: number; leastSimilarity: number }>
): readonly Ranked<Passage>[] {
  const fused = new Map<string, Ranked<Passage> & { places: number }>()
  const add = (at: number, { passage, matched, score }: Ranked<Passage>) => {
    const key = keyOf(passage)
    const known = fused.get(key)
    const places = (known?.places ?? 0) + 1 / (RANK_CONSTANT + at + 1)
    fused.set(key, { passage, matched, score: Math.max(score, known?.score ?? 0), places })
  }
  for (const [at, one] of byWords.entries()) add(at, one)
  for (const [at, { passage, matched, similarity }] of byMeaning.entries())
    add(at, { passage, matched, score: scoreOf(similarity, threshold, leastSimilarity) })
  return [...fused.values()]
    .sort(
      (one, other) =>
        Number(other.score >= threshold) - Number(one.score >= threshold) ||
        other.places - one.places ||
        other.score - one.score
    )
    .map(({ passage, matched, score }) => ({ passage, matched, score }))
}

/** A similarity on the scale of the scores by words: the two thresholds lie on each other. */
function scoreOf(similarity: number, threshold: number, leastSimilarity: number): number {
  if (similarity < leastSimilarity) return Math.max(0, (similarity / leastSimilarity) * threshold)
  return Math.min(1, threshold + ((similarity - leastSimilarity) / (1 - leastSimilarity)) * (1 - threshold))
}
