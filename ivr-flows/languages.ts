const canonical = new Map<string, string | null>()
const MAX_REMEMBERED = 1_000

/** The tag in its usual writing, or null when it is not a well-formed language tag (BCP 47, RFC 5646 section 2.1). */
export function canonicalLanguage(tag: string): string | null {
  let known = canonical.get(tag)
  if (known === undefined) {
    known = readTag(tag)
    if (canonical.size >= MAX_REMEMBERED) canonical.clear()
    canonical.set(tag, known)
  }
  return known
}

function readTag(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    // The only way to ask: an ill-formed tag throws a RangeError.
    return null
  }
}

/** The tag itself, then ever shorter ones: `zh-Hant-TW`, `zh-Hant`, `zh` (lookup of RFC 4647 section 3.4). */
export function languageChain(tag: string): readonly string[] {
  const parts = (canonicalLanguage(tag) ?? tag).split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}

/**
 * The best of the available languages: the wanted tag or a shorter form of it, another variety of the same language, the
 * fallback language in the same way, or the first there is. Null only when nothing is available.
 */
export function chooseLanguage(available: readonly string[], wanted: string, fallback: string): string | null {
  return closest(available, wanted) ?? closest(available, fallback) ?? available[0] ?? null
}

/** Whether one of the available languages serves the wanted one without going to another language. */
export function closest(available: readonly string[], wanted: string): string | null {
  const chain = languageChain(wanted)
  for (const tag of chain) {
    const found = available.find(one => sameTag(one, tag))
    if (found !== undefined) return found
  }
  const primary = chain.at(-1) ?? wanted
  return available.find(one => sameTag(languageChain(one).at(-1) ?? one, primary)) ?? null
}

function sameTag(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Languages that suggestions are taken from. */
export const COMMON_LANGUAGES = (
  'ar bg bn ca cs da de de-AT de-CH el en en-AU en-GB en-US es es-ES es-MX et fa fi fr fr-CA he hi hr hu id it ja ko lt lv ' +
  'ms nb nl nn pl pt pt-BR pt-PT ro ru sk sl sr sv sw ta te th tr uk ur vi zh zh-CN zh-Hans zh-Hant zh-HK zh-TW'
).split(' ')

const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/** Whether a language of this tag is known to the language registry as Unicode's tables have it. */
export function isKnownLanguage(tag: string): boolean {
  const full = canonicalLanguage(tag)
  return full !== null && names.of(full.split('-')[0] ?? full) !== undefined
}
