import type { NodeContext } from './node-kind.ts'
import type { Phrases } from './parts.ts'

/** The phrases for the caller's language: of exactly this tag, else of its language, else none. */
export function phrasesIn({ language }: Pick<NodeContext, 'language'>, phrases: Phrases): readonly string[] {
  const wanted = language.toLowerCase()
  const primary = wanted.split('-')[0]
  const tags = Object.keys(phrases)
  const tag = tags.find(one => one.toLowerCase() === wanted) ?? tags.find(one => one.toLowerCase() === primary)
  return tag === undefined ? [] : (phrases[tag] ?? [])
}

/** Whether what was said is one of the phrases. */
export function saidIn(context: Pick<NodeContext, 'language'>, phrases: Phrases, said: string): boolean {
  return phrasesIn(context, phrases).some(one => samePhrase(one, said))
}

/** Whether two phrases are the same to the ear: case, punctuation and spacing do not count. */
export function samePhrase(one: string, other: string): boolean {
  return heard(one) === heard(other)
}

function heard(phrase: string): string {
  return phrase
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
