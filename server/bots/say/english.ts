/**
 * Words that Americans and the British have for the same thing, where neither stands for anything else in what a company says to a
 * caller. Spelling is not among them: nobody hears it.
 */
const WORDS: readonly (readonly [american: string, british: string])[] = [
  ['zip code', 'postcode'],
  ['cell phone', 'mobile phone'],
  ['toll-free', 'freephone'],
  ['pound key', 'hash key'],
  ['parking lot', 'car park'],
  ['gas station', 'petrol station'],
  ['license plate', 'number plate'],
  ['checking account', 'current account']
]
const MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December'
/** What may follow a date, and what a number of things is not followed by: “in May 3 people called”. */
const AFTER_DATE = '(?=\\s*(?:[,.;!?]|$|(?:and|or|to|until|at|between)\\b))'
const AMERICAN_DATE = new RegExp(`\\b(${MONTHS}) (\\d{1,2})(?:st|nd|rd|th)?${AFTER_DATE}`, 'gu')
const BRITISH_DATE = new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)? (${MONTHS})\\b`, 'gu')

/** Countries whose callers say it as Americans do, and as the British do; elsewhere a text stays as it is. */
const AMERICAN = new Set(['US', 'PR', 'PH'])
const BRITISH = new Set(['GB', 'IE', 'AU', 'NZ', 'ZA', 'IN', 'SG', 'HK'])

/**
 * An English text in the words of the caller's country: “zip code” is “postcode” to `en-GB`, 3 May is May 3 to `en-US`. Any other
 * language, and English without a country, is returned as it is.
 */
export function inOwnEnglish(text: string, language: string): string {
  const { language: primary, region = '' } = new Intl.Locale(language)
  if (primary !== 'en') return text
  if (BRITISH.has(region)) return replaced(text, 0).replace(AMERICAN_DATE, '$2 $1')
  if (AMERICAN.has(region)) return replaced(text, 1).replace(BRITISH_DATE, '$2 $1')
  return text
}

/** The words of one column by those of the other, also in the plural and at the beginning of a sentence. */
function replaced(text: string, from: 0 | 1): string {
  return WORDS.reduce((result, pair) => {
    const form = new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(pair[from])}(s?)(?![\\p{L}\\p{N}])`, 'giu')
    return result.replace(form, (found: string, plural: string) => {
      const word = pair[1 - from] ?? found
      return (/^\p{Lu}/u.test(found) ? word.charAt(0).toUpperCase() + word.slice(1) : word) + plural
    })
  }, text)
}
