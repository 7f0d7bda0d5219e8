/** Language and region parts of a BCP 47 tag: `zh-Hant-TW` → zh, Hant, TW. */
function partsOf(tag: string): Readonly<{ primary: string; script: string | null; region: string | null }> {
  const locale = new Intl.Locale(tag)
  return { primary: locale.language, script: locale.script ?? null, region: locale.region ?? null }
}

/**
 * Whether an article serves callers of a language. One without a region serves all of them; one in British English does
 * not serve Americans, and Traditional characters do not stand in for Simplified ones.
 */
export function fitsLanguage(article: string, caller: string): boolean {
  const [written, spoken] = [partsOf(article), partsOf(caller)]
  if (written.primary !== spoken.primary) return false
  if (written.script !== null && spoken.script !== null && written.script !== spoken.script) return false
  return written.region === null || spoken.region === null || written.region === spoken.region
}

/** Whether an article for a country or a part of one holds where the caller is. */
export function fitsRegion(article: string | null, caller: string | null): boolean {
  if (article === null) return true
  if (caller === null) return false
  return caller === article || caller.startsWith(`${article}-`)
}
