import { characterDigit } from './character-numbers.ts'
import { readNumber } from './numbers.ts'
import { heard, inverted, isSpaced, type SpokenLanguage } from './text.ts'
import { answerWords } from './words.ts'

/** The longest number below a hundred, in words. */
const GROUP_WORDS = 3

/**
 * Digits that are read out: one by one, doubled (“double five”), or in groups below a hundred (“twelve thirty-four”).
 * Null when anything else is said.
 */
export function readDigits(text: string, language: SpokenLanguage): string | null {
  const said = heard(text, language)
  if (said === '') return null
  return isSpaced(language) ? readWords(said.split(' '), language) : readCharacters(said, language)
}

function readWords(words: readonly string[], language: SpokenLanguage): string | null {
  const { digits, repeats } = answerWords(language)
  const digitOf = inverted(digits, language)
  const repeatOf = inverted(repeats, language)
  let found = ''
  for (let at = 0; at < words.length; ) {
    const times = Number(repeatOf.get(words[at] as string) ?? 1)
    const from = times > 1 ? at + 1 : at
    const group = readGroup(words, from, digitOf, language)
    if (group === null || (times > 1 && group.digits.length !== 1)) return null
    found += group.digits.repeat(times)
    at = group.next
  }
  return found
}

function readGroup(
  words: readonly string[],
  from: number,
  digitOf: ReadonlyMap<string, string>,
  language: SpokenLanguage
): Readonly<{ digits: string; next: number }> | null {
  const first = words[from]
  if (first === undefined) return null
  if (/^\d+$/.test(first)) return { digits: first, next: from + 1 }
  for (let length = Math.min(GROUP_WORDS, words.length - from); length > 0; length -= 1) {
    const value = readNumber(words.slice(from, from + length).join(' '), language)
    if (value !== null && value >= 10 && value < 100) return { digits: String(value), next: from + length }
  }
  const digit = digitOf.get(first)
  return digit === undefined ? null : { digits: digit, next: from + 1 }
}

function readCharacters(text: string, language: SpokenLanguage): string | null {
  const words = [...inverted(answerWords(language).digits, language)].sort(
    ([one], [other]) => other.length - one.length
  )
  let found = ''
  for (let rest = text; rest !== ''; ) {
    const character = [...rest][0] as string
    const digit = /^\d$/.test(character) ? character : characterDigit(character, language as 'zh' | 'ja')
    const word = words.find(([one]) => rest.startsWith(one))
    if (digit === null && word === undefined) return null
    found += digit ?? word?.[1]
    rest = rest.slice(digit === null ? (word?.[0].length ?? 1) : character.length)
  }
  return found
}
