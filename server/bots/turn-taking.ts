import type { TurnRules, TurnSounds } from './turn-machine.ts'
import words from './turn-words.json' with { type: 'json' }

/** What kind of answer somebody listens for. It decides how long a pause may be before the answer is over. */
export type Expectation = 'phrases' | 'yesNo' | 'digits' | 'number' | 'date' | 'spelled' | 'open'

/** Milliseconds of quiet that end an answer. `unfinished`: after words that leave a sentence open. */
export type EndpointSettings = Readonly<Record<Expectation, number> & { unfinished: number }>

/**
 * People read digits and spell in groups with long pauses between them, and answer a menu in one breath; a sentence may
 * pause at any word.
 */
export const DEFAULT_ENDPOINTS: EndpointSettings = {
  phrases: 400,
  yesNo: 400,
  number: 700,
  date: 900,
  digits: 1_200,
  spelled: 1_200,
  open: 700,
  unfinished: 1_500
}

/**
 * How much quiet ends an answer, in milliseconds, after what was understood so far. Pure.
 * @param partial null when nothing is understood yet, or by a recogniser that does not tell.
 */
export function endpointMs(
  expects: Expectation,
  language: string,
  partial: string | null,
  settings: EndpointSettings = DEFAULT_ENDPOINTS
): number {
  if (expects !== 'open' || partial === null) return settings[expects]
  return soundsUnfinished(partial, language) ? settings.unfinished : settings.open
}

/** “Uh-huh” and “mhm” last less than this. */
const BACK_CHANNEL_MS = 600

/**
 * What may pass over a prompt without taking the turn. Where a yes or a phrase is the answer nothing is held back: there a
 * “mhm” is an answer. `isOpen`: the recogniser can tell a “mhm” from words.
 */
export function rulesFor(expects: Expectation, isOpen: boolean): TurnRules {
  const isHeld = isOpen && expects !== 'phrases' && expects !== 'yesNo'
  return { holdMs: isHeld ? BACK_CHANNEL_MS : 0 }
}

/** What a text is to whoever waits for a turn. */
export function soundsOf(text: string, language: string): TurnSounds {
  if (isBackChannel(text, language)) return 'backChannel'
  return soundsUnfinished(text, language) ? 'unfinished' : 'words'
}

/** Whether a sentence cannot end here: it stops at a conjunction, an article, a preposition or a hesitation. */
export function soundsUnfinished(text: string, language: string): boolean {
  const { isSpaced, unfinished } = wordsOf(language)
  const said = heard(text, isSpaced)
  return unfinished.some(word => (isSpaced ? ` ${said}`.endsWith(` ${heard(word, true)}`) : said.endsWith(word)))
}

/** Whether this is only sounds of listening, such as “mhm” or “yeah, yeah”, and no wish to speak. */
export function isBackChannel(text: string, language: string): boolean {
  const { isSpaced, backChannels } = wordsOf(language)
  const separator = isSpaced ? ' ' : ''
  const sounds = backChannels.map(one => heard(one, isSpaced))
  const isMadeOf = (rest: string): boolean =>
    sounds.some(
      one => rest === one || (rest.startsWith(one + separator) && isMadeOf(rest.slice((one + separator).length)))
    )
  return isMadeOf(heard(text, isSpaced))
}

type TurnWords = Readonly<{ backChannels: readonly string[]; unfinished: readonly string[] }>

function wordsOf(language: string): TurnWords & Readonly<{ isSpaced: boolean }> {
  const primary = language.toLowerCase().split('-')[0] ?? ''
  const found = (words as Readonly<Record<string, TurnWords>>)[primary] ?? { backChannels: [], unfinished: [] }
  // Chinese and Japanese write no spaces between words.
  return { ...found, isSpaced: primary !== 'zh' && primary !== 'ja' }
}

/** A text without what is not heard: case, punctuation and spacing. */
function heard(text: string, isSpaced: boolean): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}']+/gu, isSpaced ? ' ' : '')
    .trim()
}
