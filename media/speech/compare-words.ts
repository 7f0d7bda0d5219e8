import { primaryOf } from './speech-provider.ts'

/** Languages that are compared by characters, because words have no spaces between them. */
const BY_CHARACTER = new Set(['zh', 'ja', 'th'])

/**
 * How much of the expected words came back, in their order: 0 to 1. Case, punctuation, width and vowel marks of Arabic do
 * not count.
 */
export function shareHeard(expected: string, heard: string, language: string): number {
  const wanted = unitsOf(expected, language)
  return wanted.length === 0 ? 0 : longestCommon(wanted, unitsOf(heard, language)) / wanted.length
}

function unitsOf(text: string, language: string): readonly string[] {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u064b-\u0652]/g, '')
    .replace(/[^\p{L}\p{N}ー]+/gu, ' ')
    .trim()
  return BY_CHARACTER.has(primaryOf(language)) ? [...plain.replaceAll(' ', '')] : plain.split(' ').filter(Boolean)
}

/** Length of the longest common subsequence. */
function longestCommon(one: readonly string[], other: readonly string[]): number {
  let row = new Array<number>(other.length + 1).fill(0)
  for (const wanted of one) {
    const next = [0]
    for (const [index, found] of other.entries())
      next.push(wanted === found ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0))
    row = next
  }
  return row.at(-1) ?? 0
}

/**
 * How many words of what was said were heard wrong: the fewest that were replaced, lost or invented (Levenshtein's distance),
 * against how many were said. Counted as {@link shareHeard} counts.
 */
export function wordErrors(said: string, heard: string, language: string): Readonly<{ wrong: number; of: number }> {
  const [wanted, found] = [unitsOf(said, language), unitsOf(heard, language)]
  let row = Array.from({ length: found.length + 1 }, (_, index) => index)
  for (const [at, word] of wanted.entries()) {
    const next = [at + 1]
    for (const [index, other] of found.entries())
      next.push(
        Math.min((row[index] ?? 0) + (word === other ? 0 : 1), (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1)
      )
    row = next
  }
  return { wrong: row.at(-1) ?? 0, of: wanted.length }
}
