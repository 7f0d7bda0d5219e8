/** A piece of text to speak; `ipa` says how it sounds where the spelling misleads (International Phonetic Alphabet). */
export type SpokenPart = Readonly<{ text: string; ipa?: string }>

/** What is to be spoken: plain words, or pieces of which some have a pronunciation. Never markup. */
export type SpokenText = string | readonly SpokenPart[]

export function partsOf(text: SpokenText): readonly SpokenPart[] {
  return typeof text === 'string' ? [{ text }] : text
}

/** The words alone, for voices that know no phonetic alphabet. */
export function plainOf(text: SpokenText): string {
  return partsOf(text)
    .map(part => part.text)
    .join('')
}

/** The inside of an SSML document (W3C SSML 1.1 §3.1.10). Whatever looks like markup in the text is spoken, not obeyed. */
export function ssmlOf(text: SpokenText): string {
  return partsOf(text)
    .map(({ text: words, ipa }) =>
      ipa === undefined
        ? escapeMarkup(words)
        : `<phoneme alphabet="ipa" ph="${escapeMarkup(ipa)}">${escapeMarkup(words)}</phoneme>`
    )
    .join('')
}

/** XML 1.0 §2.4; characters that XML cannot hold (§2.2) are left out. */
export function escapeMarkup(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, sign => ENTITIES[sign] ?? sign)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;'
}
