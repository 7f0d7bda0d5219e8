/** The languages in which spoken answers are read: primary tags. */
export const SPOKEN_LANGUAGES = ['en', 'es', 'de', 'zh', 'ar', 'ja'] as const
export type SpokenLanguage = (typeof SPOKEN_LANGUAGES)[number]

/** The spoken language of a tag such as `de-AT`; null when answers in it cannot be read. */
export function spokenLanguage(tag: string): SpokenLanguage | null {
  const primary = tag.toLowerCase().split('-')[0]
  return SPOKEN_LANGUAGES.find(one => one === primary) ?? null
}

/** Chinese and Japanese write no spaces between words. */
export function isSpaced(language: SpokenLanguage): boolean {
  return language !== 'zh' && language !== 'ja'
}

/**
 * A text as it sounds: lower case, ASCII digits, no punctuation, single spaces (none in languages that write none). Marks
 * that Arabic may leave out are left out, and letters that are often exchanged there become one.
 */
export function heard(text: string, language: SpokenLanguage): string {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[٠-٩]/g, digit => String(digit.charCodeAt(0) - 0x660))
    .replace(/[’']/g, '')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
  if (language === 'ar') return foldArabic(plain)
  return isSpaced(language) ? plain : plain.replaceAll(' ', '')
}

export function wordsOf(text: string, language: SpokenLanguage): readonly string[] {
  return heard(text, language).split(' ').filter(Boolean)
}

function foldArabic(text: string): string {
  return text
    .replace(/[\u064b-\u065f\u0670\u0640]/g, '')
    .replace(/[أإآ]/g, 'ا')
    .replaceAll('ة', 'ه')
    .replaceAll('ى', 'ي')
    .replace(/ئ|ؤ/g, 'ي')
}

/** A record of words by what they stand for, the other way round and as they sound. */
export function inverted(
  table: Readonly<Record<string, readonly string[]>>,
  language: SpokenLanguage
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(table).flatMap(([value, words]) => words.map(word => [heard(word, language), value] as const))
  )
}
