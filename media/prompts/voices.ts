/** eSpeak NG voices whose name is not simply the language's tag, tried from the longest tag to the shortest. */
const VOICES: Readonly<Record<string, string>> = {
  zh: 'cmn',
  'zh-hk': 'yue',
  'zh-yue': 'yue',
  en: 'en-us',
  'en-us': 'en-us',
  'en-gb': 'en',
  fr: 'fr',
  no: 'nb',
  'es-mx': 'es-419',
  tl: 'en-us'
}

/** The voice for a BCP 47 language tag, or null when the tag is not one. Whether eSpeak NG has it, it says itself. */
export function voiceFor(language: string): string | null {
  const tag = language.toLowerCase()
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/.test(tag)) return null
  const parts = tag.split('-')
  for (let length = parts.length; length > 0; length -= 1) {
    const found = VOICES[parts.slice(0, length).join('-')]
    if (found !== undefined) return found
  }
  return parts[0] ?? null
}

/** Primary tags of the languages that eSpeak NG 1.52 speaks. */
export const ESPEAK_LANGUAGES: readonly string[] = (
  'af am an ar as az ba be bg bn bs ca cmn cs cy da de el en eo es et eu fa fi fo fr ga gd gn gu he hi hr ht hu hy ia ' +
  'id io is it ja ka kk kl kn ko ku ky la lb lt lv mi mk ml mr ms mt my nb ne nl no om or pa pl pt py qu ro ru sd si sk ' +
  'sl sq sr sv sw ta te th ti tk tl tn tr tt ug uk ur uz vi yue zh'
).split(' ')
