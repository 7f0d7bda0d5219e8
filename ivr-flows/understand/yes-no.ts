import { heard, isSpaced, type SpokenLanguage } from './text.ts'
import { answerWords } from './words.ts'

/** Whether a text says yes (true) or no (false); null when it says neither, or both. */
export function readYesNo(text: string, language: SpokenLanguage): boolean | null {
  const said = heard(text, language)
  const { yes, no } = answerWords(language)
  const sounds = (words: readonly string[]) => words.map(one => heard(one, language))
  if (sounds(no).includes(said)) return false
  if (sounds(yes).includes(said)) return true
  // “no problem” holds “no”, and “not right” holds “right”: such a yes is taken out first, and what says no before other yeses.
  const holdsNo = (one: string) => without(one, sounds(no), language)[1]
  const [withoutSuch, hasSuch] = without(said, sounds(yes).filter(holdsNo), language)
  const [withoutNo, hasNo] = without(withoutSuch, sounds(no), language)
  const [, hasOther] = without(withoutNo, sounds(yes), language)
  const hasYes = hasSuch || hasOther
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
