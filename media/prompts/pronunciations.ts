import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import type { SpokenPart, SpokenText } from './spoken-text.ts'

const closed = { additionalProperties: false } as const
const Text = Type.String({ minLength: 1, maxLength: 200 })

/** How one word is spoken: by other words, by the phonetic alphabet, or by both for voices that know only words. */
const Entry = Type.Union([
  Type.Object({ say: Text, ipa: Type.Optional(Text) }, closed),
  Type.Object({ ipa: Text }, closed)
])
const ListSchema = Type.Record(
  Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }),
  Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Entry)
)

/** By language tag, words with how they are spoken. */
export type Pronunciations = Readonly<Static<typeof ListSchema>>

/** The list of pronunciations is not usable. */
export class PronunciationError extends Error {
  override readonly name = 'PronunciationError'
  readonly code = 'PRONUNCIATIONS_INVALID'
}

/** Reads the list, YAML; a file that is not there is an empty list. Rejects with {@link PronunciationError}. */
export async function readPronunciations(file: string): Promise<Pronunciations> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new PronunciationError(`${file} cannot be read`, { cause: err })
  }
  let given: unknown
  try {
    given = parse(text) ?? {}
  } catch (err) {
    throw new PronunciationError(`${file} is not YAML`, { cause: err })
  }
  if (Value.Check(ListSchema, given)) return given
  const [first] = Value.Errors(ListSchema, given)
  throw new PronunciationError(
    `${file}: ${first?.instancePath || '/'} ${first?.message ?? 'has another form'}; an entry reads word: { say: … } or word: { ipa: … }`
  )
}

/** Scripts that write words without spaces between them: there a word is found anywhere. */
const WITHOUT_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

/**
 * The text as it is to be spoken. Words are found whole and in any case, the longest first; the list of `de-AT` comes
 * before that of `de`. A text without such words is returned as it is.
 */
export function pronounce(lists: Pronunciations, text: string, language: string): SpokenText {
  const words = wordsFor(lists, language)
  if (words.size === 0) return text
  const parts: SpokenPart[] = []
  let at = 0
  const add = (part: SpokenPart) => {
    const last = parts.at(-1)
    if (part.ipa === undefined && last !== undefined && last.ipa === undefined)
      parts[parts.length - 1] = { text: last.text + part.text }
    else if (part.text !== '') parts.push(part)
  }
  for (const found of text.matchAll(patternOf([...words.keys()]))) {
    const [written] = found
    const entry = words.get(written.toLowerCase())
    if (entry === undefined) continue
    add({ text: text.slice(at, found.index) })
    const say = 'say' in entry ? entry.say : written
    add(entry.ipa === undefined ? { text: say } : { text: say, ipa: entry.ipa })
    at = found.index + written.length
  }
  if (at === 0 && parts.length === 0) return text
  add({ text: text.slice(at) })
  const [only] = parts
  return parts.length === 1 && only !== undefined && only.ipa === undefined ? only.text : parts
}

function wordsFor(lists: Pronunciations, language: string): ReadonlyMap<string, Static<typeof Entry>> {
  const parts = language.toLowerCase().split('-')
  const words = new Map<string, Static<typeof Entry>>()
  // From the general to the particular: what is said for a country wins.
  for (let length = 1; length <= parts.length; length += 1) {
    const wanted = parts.slice(0, length).join('-')
    for (const [tag, list] of Object.entries(lists))
      if (tag.toLowerCase() === wanted)
        for (const [word, entry] of Object.entries(list)) words.set(word.toLowerCase(), entry)
  }
  return words
}

function patternOf(words: readonly string[]): RegExp {
  const alternatives = words
    .toSorted((a, b) => b.length - a.length)
    .map(word => {
      const literal = RegExp.escape(word)
      return WITHOUT_SPACES.test(word) ? literal : `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`
    })
  return new RegExp(alternatives.join('|'), 'giu')
}
