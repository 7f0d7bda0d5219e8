import { heard, isSpaced, type SpokenLanguage } from './text.ts'
import { answerWords } from './words.ts'

/** Whether a text says yes (true) or no (false); null when it says neither, or both. */
export function readYesNo(text: string, language: SpokenLanguage): boolean | null {
  const said = heard(text, language)
  const { yes, no } = answerWords(language)
  const sounds = (words: readonly string[]) => words.map(one => heard(one, language))
  if (sounds(no).includes(said)) return false
  if (sounds(yes).includes(said)) return true
  // “not right” holds “right”: what says no is taken out before yes is looked for.
  const [withoutNo, hasNo] = without(said, sounds(no), language)
  const [, hasYes] = without(withoutNo, sounds(yes), language)
  return hasNo === hasYes ? null : hasYes
}

function without(text: string, words: readonly string[], language: SpokenLanguage): readonly [string, boolean] {
  const separator = isSpaced(language) ? ' ' : ''
  let rest = `${separator}${text}${separator}`
  let isFound = false
  for (const word of words.toSorted((one, other) => other.length - one.length)) {
    const wanted = `${separator}${word}${separator}`
    if (!rest.includes(wanted)) continue
    isFound = true
    rest = rest.replaceAll(wanted, separator === '' ? '\n' : ' ')
  }
  return [rest.trim(), isFound]
}
