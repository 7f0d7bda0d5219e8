import { primaryOf } from '../../quality/search-words.ts'
import { pairTerms } from '../knowledge/words.ts'

/** Of the words that carry a clause's meaning, so many must stand in what it cites. */
const LEAST_SUPPORT = 0.34
/** Endings differ between an article and an answer; the beginning of a word does not. */
const STEM_LETTERS = 5
const CONTENT_LETTERS = 4

/**
 * What a clause says that its sources do not: numbers, and as a whole when too few of its words come from them. An answer
 * with any of it is not given. It cannot find a wrong "not"; it finds made-up prices, dates, telephone numbers and topics.
 * @param sources passages that are cited, results of tools, and what the caller said
 */
export function unsupported(clause: string, sources: readonly string[], language: string): readonly string[] {
  const known = new Set(sources.flatMap(numbersOf))
  const numbers = numbersOf(clause).filter(number => !known.has(number))
  if (numbers.length > 0) return numbers
  return supportOf(clause, sources, language) < LEAST_SUPPORT ? [clause] : []
}

/** Share of a clause's content words that stand in the sources; 1 when it has none. */
export function supportOf(clause: string, sources: readonly string[], language: string): number {
  const terms = contentOf(clause, language)
  if (terms.length === 0) return 1
  const known = new Set(sources.flatMap(source => contentOf(source, language)))
  return terms.filter(term => known.has(term)).length / terms.length
}

/** Numbers as they are compared: `1,000`, `1.000` and `1 000` are the same, and so are the digits of every script. */
function numbersOf(text: string): readonly string[] {
  return [...text.normalize('NFKC').matchAll(/\p{Nd}+(?:[.,:\u00a0\u202f' /-]\p{Nd}+)*/gu)].map(([found]) =>
    [...found]
      .map(digitOf)
      .join('')
      .replace(/^0+(?=\d)/, '')
  )
}

/** Zeroes of the scripts in use; each is followed by its other nine digits (Unicode). */
const ZEROES = [0x30, 0x660, 0x6f0, 0x966]

function digitOf(letter: string): string {
  const code = letter.codePointAt(0) ?? 0
  const zero = ZEROES.find(one => code >= one && code <= one + 9)
  return zero === undefined ? '' : String(code - zero)
}

function contentOf(text: string, language: string): readonly string[] {
  if (['zh', 'ja'].includes(primaryOf(language))) return pairTerms(text, primaryOf(language))
  return [
    ...text
      .normalize('NFKC')
      .toLowerCase()
      .matchAll(/\p{L}[\p{L}\p{M}]+/gu)
  ].flatMap(([word]) => (word.length >= CONTENT_LETTERS ? [word.slice(0, STEM_LETTERS)] : []))
}
