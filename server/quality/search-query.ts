import { QualityError } from './errors.ts'
import { SPEAKERS, type Speaker } from './utterance.ts'

/** One thing that is looked for: a word, the beginning of one, or a phrase; said by one speaker or by anybody. */
export type Term = Readonly<{
  text: string
  isPhrase: boolean
  isPrefix: boolean
  speaker: Speaker | null
}>

/** All of `groups` must be there (any one term of each), and none of `without`. */
export type SearchQuery = Readonly<{ groups: readonly (readonly Term[])[]; without: readonly Term[] }>

const MAX_CHARACTERS = 500
const MAX_TERMS = 20

/**
 * Reads what a person types: words, "phrases", `OR` between alternatives, `-` before what must not be there, `word*` for
 * beginnings, and `agent:`, `customer:` or `bot:` before what one of them says. Throws QualityError SEARCH_INVALID with
 * the place.
 */
export function parseSearch(written: string): SearchQuery {
  if (written.length > MAX_CHARACTERS)
    throw invalid(MAX_CHARACTERS, `A search has at most ${MAX_CHARACTERS} characters.`)
  const groups: Term[][] = []
  const without: Term[] = []
  let at = 0
  let isAlternative = false
  let terms = 0
  const skip = () => {
    while (/\s/u.test(written[at] ?? '')) at += 1
  }
  for (skip(); at < written.length; skip()) {
    if (/^OR(?=\s|$)/u.test(written.slice(at))) {
      if (groups.length === 0 || isAlternative) throw invalid(at, 'OR stands between two words.')
      isAlternative = true
      at += 2
      continue
    }
    const startedAt = at
    const isExcluded = written[at] === '-'
    if (isExcluded) at += 1
    const { speaker, length } = readSpeaker(written.slice(at))
    at += length
    const term = written[at] === '"' ? readPhrase() : readWord()
    if (term.text === '') throw invalid(startedAt, 'Something to look for is missing here.')
    terms += 1
    if (terms > MAX_TERMS) throw invalid(startedAt, `A search has at most ${MAX_TERMS} words and phrases.`)
    const full: Term = { ...term, speaker }
    if (isExcluded) {
      if (isAlternative) throw invalid(startedAt, 'What must not be there cannot be an alternative.')
      without.push(full)
    } else if (isAlternative) groups.at(-1)?.push(full)
    else groups.push([full])
    isAlternative = false
  }
  if (isAlternative) throw invalid(written.length, 'A word is missing after OR.')
  return { groups, without }

  function readPhrase(): Omit<Term, 'speaker'> {
    const end = written.indexOf('"', at + 1)
    if (end === -1) throw invalid(at, 'The quotation mark is not closed.')
    const text = written.slice(at + 1, end).trim()
    at = end + 1
    return { text, isPhrase: true, isPrefix: false }
  }

  function readWord(): Omit<Term, 'speaker'> {
    const found = /^[^\s"]+/u.exec(written.slice(at))?.[0] ?? ''
    at += found.length
    const isPrefix = found.endsWith('*')
    const text = isPrefix ? found.slice(0, -1) : found
    if (isPrefix && text.length < 2) throw invalid(at - 1, 'Give at least two letters before the *.')
    return { text, isPhrase: false, isPrefix }
  }
}

function readSpeaker(rest: string): Readonly<{ speaker: Speaker | null; length: number }> {
  const found = /^(agent|customer|bot):/iu.exec(rest)
  const speaker = SPEAKERS.find(one => one === found?.[1]?.toLowerCase()) ?? null
  return { speaker, length: found?.[0].length ?? 0 }
}

function invalid(at: number, message: string): QualityError {
  return new QualityError('SEARCH_INVALID', message, { problems: [{ at: `/q/${at}`, message }] })
}
