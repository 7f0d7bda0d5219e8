/**
 * The words of a text that were heard when this share of its sound was, from 0 to 1: a voice is taken to speak evenly, and a
 * word that was cut is none. An ellipsis shows that there was more to come. Empty when no word was heard. Pure.
 */
export function heardWords(text: string, share: number, language: string): string {
  const words = [...new Intl.Segmenter(language, { granularity: 'word' }).segment(text)].filter(one => one.isWordLike)
  const ends = words.map(({ index, segment }) => index + segment.length)
  const heard = ends.filter(end => end <= text.length * share)
  const last = heard.at(-1)
  if (share >= 1 || (last !== undefined && heard.length === ends.length)) return text
  return last === undefined ? '' : `${text.slice(0, last)}…`
}
