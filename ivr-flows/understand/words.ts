import ar from './words/ar.json' with { type: 'json' }
import de from './words/de.json' with { type: 'json' }
import en from './words/en.json' with { type: 'json' }
import es from './words/es.json' with { type: 'json' }
import ja from './words/ja.json' with { type: 'json' }
import zh from './words/zh.json' with { type: 'json' }
import type { SpokenLanguage } from './text.ts'

/** What stands for what: the value, and all words for it. */
export type WordTable = Readonly<Record<string, readonly string[]>>

/** The words of a language that answers are made of. */
export type AnswerWords = Readonly<{
  yes: readonly string[]
  no: readonly string[]
  /** Words for the digits 0 to 9 when they are read out one by one. */
  digits: WordTable
  /** “double”, “triple”: how often the digit or letter that follows is meant. */
  repeats: WordTable
  months: WordTable
  /** From Monday, 1. */
  weekdays: WordTable
  /** Days from today. */
  relativeDays: WordTable
  ordinals: WordTable
  /** Words in a date that say nothing. */
  dateFillers: readonly string[]
  /** “last”, “next”: on which side of today a weekday is, whatever is preferred. They are fillers too. */
  past: readonly string[]
  coming: readonly string[]
  /** In languages without spaces: “this week’s”, “next week’s” before a weekday, by weeks from now. */
  weeks: WordTable
  /** Names of letters, and words of a spelling alphabet. */
  letters: WordTable
  alphabet: WordTable
  /** “B as in Berlin”: what stands between a letter and its example. */
  as: readonly string[]
}>

const WORDS: Readonly<Record<SpokenLanguage, AnswerWords>> = { ar, de, en, es, ja, zh }

export function answerWords(language: SpokenLanguage): AnswerWords {
  return WORDS[language]
}
