import { heard, inverted, isSpaced, type SpokenLanguage } from './text.ts'
import { answerWords } from './words.ts'

const LONGEST_NAME = 4

/**
 * A name or code that is spelled: letters, their names, words of a spelling alphabet, “B as in Berlin”, “double L”, digits
 * of one character. The letters come out in capitals. In Japanese kana, and in Chinese characters, stand for themselves.
 * Null when something is no letter.
 */
export function readSpelling(text: string, language: SpokenLanguage): string | null {
  const said = heard(text, language)
  if (said === '') return null
  const letters = lettersOf(language)
  return (
    (isSpaced(language)
      ? readWords(said.split(' '), letters, language)
      : readCharacters(said, letters)
    )?.toUpperCase() ?? null
  )
}

type Letters = ReadonlyMap<string, string>

function lettersOf(language: SpokenLanguage): Letters {
  const { letters, alphabet, digits } = answerWords(language)
  return new Map([...inverted(digits, language), ...inverted(alphabet, language), ...inverted(letters, language)])
}

function readWords(words: readonly string[], letters: Letters, language: SpokenLanguage): string | null {
  const repeats = inverted(answerWords(language).repeats, language)
  const links = answerWords(language).as.map(one => heard(one, language).split(' '))
  let found = ''
  for (let at = 0; at < words.length; ) {
    const times = Number(repeats.get(words[at] as string) ?? 1)
    const isRepeat = times > 1 && letterAt(words, at, letters) === null
    const letter = letterAt(words, isRepeat ? at + 1 : at, letters)
    if (letter === null) return null
    found += letter.text.repeat(isRepeat ? times : 1)
    at = afterExample(words, letter.next, letter.text, links)
  }
  return found
}

function letterAt(
  words: readonly string[],
  at: number,
  letters: Letters
): Readonly<{ text: string; next: number }> | null {
  for (let length = Math.min(LONGEST_NAME, words.length - at); length > 0; length -= 1) {
    const name = words.slice(at, at + length).join(' ')
    const text = length === 1 && isOneLetter(name) ? name : letters.get(name)
    if (text !== undefined) return { text, next: at + length }
  }
  return null
}

/** Leaves out “as in Berlin” after a B: the example begins with the letter that it stands for. */
function afterExample(
  words: readonly string[],
  at: number,
  letter: string,
  links: readonly (readonly string[])[]
): number {
  for (const link of links) {
    const example = words[at + link.length]
    if (link.every((word, index) => words[at + index] === word) && example?.startsWith(letter.toLowerCase()) === true)
      return at + link.length + 1
  }
  return at
}

function isOneLetter(text: string): boolean {
  return [...text].length === 1 && /^[\p{L}\p{N}]$/u.test(text)
}

function readCharacters(text: string, letters: Letters): string | null {
  const names = [...letters].sort(([one], [other]) => other.length - one.length)
  let found = ''
  for (let rest = text; rest !== ''; ) {
    const name = names.find(([one]) => one.length > 1 && rest.startsWith(one))
    const character = [...rest][0] as string
    if (name === undefined && !isOneLetter(character) && character !== 'ー') return null
    found += name?.[1] ?? character
    rest = rest.slice(name?.[0].length ?? character.length)
  }
  return found
}
