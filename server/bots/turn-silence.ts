/** A customer would have waited in silence for too long; the flow goes another way. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
  readonly code = 'SILENT_TOO_LONG'

  constructor() {
    super('the customer had to wait for too long')
  }
}

export type SilenceSettings = Readonly<{
  /** The longest silence in milliseconds that nobody planned; 0 allows any. */
  limitMs: number
  /** How often the customer is asked to wait before the work is given up. */
  maxFillers: number
}>

export const DEFAULT_MAX_FILLERS = 4

/** What to do when the limit has passed in silence for the nth time, counted from 1. Pure. */
export function onSilence({ maxFillers }: SilenceSettings, times: number): 'fill' | 'giveUp' {
  return times <= maxFillers ? 'fill' : 'giveUp'
}

const TEXTS: Readonly<Record<string, string>> = {
  en: 'One moment, please.',
  es: 'Un momento, por favor.',
  de: 'Einen Moment, bitte.',
  zh: '请稍等。',
  ar: 'لحظة من فضلك.',
  ja: '少々お待ちください。'
}

/** The recording that asks to wait, where an installation has one. */
const RECORDED = 'one-moment'

/** What asks to wait, with the language that it is in: the caller's, or English. A recording of it wins over a voice. */
export function fillerText(language: string): Readonly<{ text: string; language: string; recorded: string }> {
  const text = TEXTS[language.toLowerCase().split('-')[0] ?? '']
  return text === undefined
    ? { text: TEXTS['en'] as string, language: 'en', recorded: RECORDED }
    : { text, language, recorded: RECORDED }
}
