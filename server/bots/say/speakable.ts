import { primaryOf } from '../../quality/search-words.ts'

/** Markup of every kind that models write although nobody asked: it must not be read out. */
const MARKUP: readonly (readonly [RegExp, string])[] = [
  [/```[\s\S]*?(?:```|$)/g, ' '],
  [/\[\[[^\]]{0,200}\]\]/g, ' '],
  [/!\[[^\]]*\]\([^)]*\)/g, ' '],
  [/\[([^\]]*)\]\((?:[^)]*)\)/g, '$1'],
  [/<\/?[a-z!][^<>]{0,500}>/gi, ' '],
  [/<\|[^|]{0,100}\|>/g, ' '],
  [/\b(?:https?:\/\/|www\.)\S+/gi, ' '],
  [/^\s{0,3}#{1,6}\s+/gm, ''],
  [/^\s*(?:[-*+•]|\d{1,2}[.)])\s+/gm, ''],
  [/[*_~`|#]+/g, ''],
  [/\p{Extended_Pictographic}|\u200d|\ufe0f/gu, ''],
  [/[\p{Cc}\p{Cf}]/gu, ' ']
]

/** A text as it may be spoken: words and their punctuation, nothing else. Empty when nothing is left. */
export function speakable(text: string): string {
  // Digits are pictographs to Unicode (keycaps), and joiners shape Persian and Hindi; a telephone needs neither's picture.
  const kept = text.replace(/(\d)\ufe0f?\u20e3/gu, '$1')
  const plain = MARKUP.reduce((result, [form, instead]) => result.replace(form, instead), kept)
  const tidy = plain
    .replace(/\s+/g, ' ')
    .replace(/ ([,.;:!?…。！？、，؟])/g, '$1')
    .trim()
  return /[\p{L}\p{N}]/u.test(tidy) ? tidy : ''
}

/** Languages whose words are not set apart by spaces: a phrase is then looked for anywhere. */
const UNSPACED = new Set(['zh', 'ja', 'th', 'lo', 'km', 'my'])

/** The first of the phrases that must not be said and is; null when there is none. Case and width do not matter. */
export function tabooIn(text: string, phrases: readonly string[], language: string): string | null {
  const folded = fold(text)
  const isUnspaced = UNSPACED.has(primaryOf(language))
  return (
    phrases.find(phrase => {
      const wanted = fold(phrase)
      if (wanted === '') return false
      if (isUnspaced) return folded.includes(wanted)
      return new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(wanted)}(?![\\p{L}\\p{N}])`, 'u').test(folded)
    }) ?? null
  )
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()
}
