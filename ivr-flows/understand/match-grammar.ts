import type { Grammar, Part } from './grammar.ts'
import { heard, isSpaced, type SpokenLanguage } from './text.ts'

/** A place in the text, and the tags that were met since the part began. */
type Reached = Readonly<{ at: number; tags: readonly string[] }>

/**
 * The tags of a text that the grammar can say as a whole, in the order in which they were met; null when it cannot. Of
 * several readings the first one counts. Takes time by the size of the grammar and of the text, never exponential.
 */
export function matchGrammar(grammar: Grammar, text: string, language: SpokenLanguage): readonly string[] | null {
  const said = heard(text, language)
  const root = grammar.rules[grammar.root]
  if (root === undefined || said === '') return null
  const known = new Map<Part, Map<number, readonly Reached[]>>()
  return walk(root, 0).find(place => place.at === said.length)?.tags ?? null

  /** All places that a part can reach from one, the first way to each. */
  function walk(part: Part, from: number): readonly Reached[] {
    const places = known.get(part) ?? new Map<number, readonly Reached[]>()
    known.set(part, places)
    let found = places.get(from)
    if (found === undefined) {
      found = distinct(walkAnew(part, from))
      places.set(from, found)
    }
    return found
  }

  function walkAnew(part: Part, from: number): readonly Reached[] {
    switch (part.kind) {
      case 'word': {
        const at = afterWord(said, part.text, from, language)
        return at === null ? [] : [{ at, tags: [] }]
      }
      case 'rule':
        return walk(grammar.rules[part.name] as Part, from)
      case 'sequence':
        return part.parts.reduce<readonly Reached[]>(
          (reached, one) => distinct(reached.flatMap(place => after(place, one))),
          [{ at: from, tags: [] }]
        )
      case 'choice':
        return part.parts.flatMap(one => walk(one, from))
      case 'repeat':
        return repeated(part, from)
      case 'tagged':
        return walk(part.part, from).map(({ at, tags }) => ({ at, tags: [...tags, part.tag] }))
      default:
        return part satisfies never
    }
  }

  function after(place: Reached, part: Part): readonly Reached[] {
    return walk(part, place.at).map(({ at, tags }) => ({ at, tags: [...place.tags, ...tags] }))
  }

  /** Goes on from each place once; a round that takes no word leads nowhere new. */
  function repeated({ part, least, isEndless }: Extract<Part, { kind: 'repeat' }>, from: number): readonly Reached[] {
    const start: Reached = { at: from, tags: [] }
    const reached = new Map<number, Reached>(walk(part, from).map(one => [one.at, one]))
    if (isEndless)
      for (const place of reached.values())
        for (const next of after(place, part)) if (!reached.has(next.at)) reached.set(next.at, next)
    return [...reached.values(), ...(least === 0 ? [start] : [])]
  }
}

/** Where a word that begins at a place ends; null when another word stands there. */
function afterWord(said: string, word: string, at: number, language: SpokenLanguage): number | null {
  const wanted = heard(word, language)
  if (wanted === '') return at
  const needsSpace = isSpaced(language)
  const from = needsSpace && said[at] === ' ' ? at + 1 : at
  if (!said.startsWith(wanted, from)) return null
  const end = from + wanted.length
  return needsSpace && end < said.length && said[end] !== ' ' ? null : end
}

function distinct(reached: readonly Reached[]): readonly Reached[] {
  const first = new Map<number, Reached>()
  for (const one of reached) if (!first.has(one.at)) first.set(one.at, one)
  return [...first.values()]
}
