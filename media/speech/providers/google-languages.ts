/**
 * Languages of Google's speech service that Parley offers, with the region that is meant when a language comes without one
 * (cloud.google.com/speech-to-text/docs/speech-to-text-supported-languages, …/text-to-speech/docs/chirp3-hd).
 */
const HEARD: Readonly<Record<string, string>> = {
  ar: 'ar-SA',
  bn: 'bn-IN',
  cs: 'cs-CZ',
  da: 'da-DK',
  de: 'de-DE',
  el: 'el-GR',
  en: 'en-US',
  es: 'es-ES',
  fi: 'fi-FI',
  fr: 'fr-FR',
  hi: 'hi-IN',
  hu: 'hu-HU',
  id: 'id-ID',
  it: 'it-IT',
  ja: 'ja-JP',
  ko: 'ko-KR',
  ms: 'ms-MY',
  nl: 'nl-NL',
  no: 'no-NO',
  pl: 'pl-PL',
  pt: 'pt-BR',
  ro: 'ro-RO',
  ru: 'ru-RU',
  sv: 'sv-SE',
  th: 'th-TH',
  tr: 'tr-TR',
  uk: 'uk-UA',
  vi: 'vi-VN',
  zh: 'cmn-Hans-CN'
}

const SPOKEN: Readonly<Record<string, string>> = {
  ar: 'ar-XA',
  bn: 'bn-IN',
  de: 'de-DE',
  en: 'en-US',
  es: 'es-ES',
  fr: 'fr-FR',
  hi: 'hi-IN',
  id: 'id-ID',
  it: 'it-IT',
  ja: 'ja-JP',
  ko: 'ko-KR',
  nl: 'nl-NL',
  pl: 'pl-PL',
  pt: 'pt-BR',
  ru: 'ru-RU',
  th: 'th-TH',
  tr: 'tr-TR',
  uk: 'uk-UA',
  vi: 'vi-VN',
  zh: 'cmn-CN'
}

/** Arabic voices speak the standard language for every country. */
const ONE_VOICE_FOR_ALL = new Set(['ar', 'zh'])

export const GOOGLE_HEARS: readonly string[] = Object.keys(HEARD)
export const GOOGLE_SPEAKS: readonly string[] = Object.keys(SPOKEN)

/** The tag by which Google hears a language, or null when it does not. */
export function heardTag(language: string): string | null {
  const [primary = '', ...rest] = language.split('-')
  const found = HEARD[primary.toLowerCase()]
  if (found === undefined) return null
  if (primary.toLowerCase() === 'zh') return rest.some(part => /^(tw|hant)$/i.test(part)) ? 'cmn-Hant-TW' : found
  const country = rest.find(part => /^[A-Za-z]{2}$/.test(part))
  return country === undefined ? found : `${primary.toLowerCase()}-${country.toUpperCase()}`
}

/** The tag of the voice that speaks a language, or null when there is none. */
export function spokenTag(language: string): string | null {
  const [primary = '', ...rest] = language.split('-')
  const found = SPOKEN[primary.toLowerCase()]
  const country = rest.find(part => /^[A-Za-z]{2}$/.test(part))
  if (found === undefined || country === undefined || ONE_VOICE_FOR_ALL.has(primary.toLowerCase())) return found ?? null
  return `${primary.toLowerCase()}-${country.toUpperCase()}`
}
