import { isDate } from '../calendar/local-time.ts'
import { samePhrase } from '../phrases.ts'
import { type DatePreference, readDate } from './dates.ts'
import { readDigits } from './digits.ts'
import { parseGrammar } from './grammar.ts'
import { matchGrammar } from './match-grammar.ts'
import { readNumber } from './numbers.ts'
import { readSpelling } from './spelling.ts'
import { isSpaced, spokenLanguage } from './text.ts'
import { readYesNo } from './yes-no.ts'

/** What can be asked for by speech. */
export const SPOKEN_KINDS = ['phrases', 'grammar', 'number', 'digits', 'date', 'spelled', 'yesNo'] as const
export type SpokenKind = (typeof SPOKEN_KINDS)[number]

export type AnswerValue = string | number | boolean | readonly string[]

/** What an answer is read by. `today` is the civil date where the call is, `YYYY-MM-DD`. */
export type AnswerRules = Readonly<{
  kind: SpokenKind
  /** For `phrases`: those of the caller’s language by the value that they stand for. */
  phrases?: Readonly<Record<string, readonly string[]>>
  /** For `grammar`: the one of the caller’s language. */
  grammar?: string
  prefer?: DatePreference
  today: string
}>

/**
 * The value of what was said: a number, digits or letters as text, a date `YYYY-MM-DD`, a boolean, the value of a phrase,
 * the tags of a grammar (one as it is, several as a list, the text where there are none). Null when it is no such answer.
 */
export function readAnswer(text: string, tag: string, rules: AnswerRules): AnswerValue | null {
  const language = spokenLanguage(tag)
  if (rules.kind === 'phrases') return readPhrase(text, rules.phrases ?? {})
  if (language === null) return null
  switch (rules.kind) {
    case 'grammar': {
      const tags = rules.grammar === undefined ? null : matchGrammar(parseGrammar(rules.grammar), text, language)
      if (tags === null) return null
      return tags.length === 0 ? text : tags.length === 1 ? (tags[0] as string) : tags
    }
    case 'number':
      return readNumber(text, language)
    case 'digits':
      return readDigits(text, language)
    case 'date':
      return readDate(text, language, { today: rules.today, prefer: rules.prefer ?? 'future', tag })
    case 'spelled':
      return readSpelling(text, language)
    case 'yesNo':
      return readYesNo(text, language)
    default:
      return rules.kind satisfies never
  }
}

function readPhrase(text: string, phrases: Readonly<Record<string, readonly string[]>>): string | null {
  return Object.entries(phrases).find(([, all]) => all.some(one => samePhrase(one, text)))?.[0] ?? null
}

/** How a value is said back to the caller for confirmation. */
export function sayAnswer(value: AnswerValue, kind: SpokenKind, tag: string): string {
  if (kind === 'date' && typeof value === 'string' && isDate(value))
    return new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(value))
  if ((kind === 'digits' || kind === 'spelled') && typeof value === 'string') {
    const language = spokenLanguage(tag)
    // Spaces make a voice read one after the other.
    return [...value].join(language === null || isSpaced(language) ? ' ' : '、')
  }
  return typeof value === 'object' ? value.join(' ') : String(value)
}
