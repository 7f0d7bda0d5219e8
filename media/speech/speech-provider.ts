/** Who hears or speaks, where, and for how much. */
export interface SpeechProvider {
  /** Stable name for settings, stories and figures, such as `pocketsphinx`. */
  readonly name: string
  /** Primary language tags. */
  readonly languages: readonly string[]
  /** The host that gets the audio or the text; null when neither leaves this machine. */
  readonly host: string | null
  /** Where that host processes it, such as `eu` or `us`: residency decides by it. Null when it never leaves this machine. */
  readonly region: string | null
  /** Cost of a minute of audio in euro cents by the provider's price list, for figures; 0 for what runs here. */
  readonly centsPerMinute: number
}

/** `de-AT` → `de`. */
export function primaryOf(language: string): string {
  return language.toLowerCase().split('-')[0] ?? ''
}

/** Whether a provider may be used for a language: it knows it, and works here or in a region that is permitted. */
export function isUsable(provider: SpeechProvider, language: string, permittedRegions: readonly string[]): boolean {
  return isPermitted(provider, permittedRegions) && provider.languages.includes(primaryOf(language))
}

/** Whether what it gets may go where it works. A provider outside that does not say where it works is never permitted. */
export function isPermitted({ host, region }: SpeechProvider, permittedRegions: readonly string[]): boolean {
  return host === null || (region !== null && permittedRegions.includes(region))
}
