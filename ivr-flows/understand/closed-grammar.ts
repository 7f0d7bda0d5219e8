import { toCardinal } from 'n2words/en-GB'
import type { SpokenKind } from './answer.ts'
import { answerWords, type WordTable } from './words.ts'

/**
 * A JSGF grammar of everything that a spoken answer of this kind may be, for recognisers that understand nothing open. Null
 * where there is none: only English has one, because only English has such a recogniser.
 */
export function closedGrammar(kind: SpokenKind, language: string): string | null {
  if (language.toLowerCase().split('-')[0] !== 'en') return null
  switch (kind) {
    case 'yesNo':
      return jsgf({ answer: choice(CLEAR_YES_NO) })
    case 'digits':
      return jsgf({ answer: '( [ double | triple ] <digit> )+', digit: digit() })
    case 'number':
      return jsgf({
        answer: '( <small> thousand [ [ and ] <small> ] | <small> | zero )',
        small: '( ( <ones> | a ) hundred [ [ and ] <below> ] | <below> )',
        below: between(1, 99),
        ones: between(1, 9)
      })
    case 'date':
      return jsgf({
        answer: '( <relative> | ( [ the ] <day> [ of ] <month> | <month> [ the ] <day> ) [ <year> ] )',
        relative: choice([...words(answerWords('en').relativeDays), ...words(answerWords('en').weekdays)]),
        day: choice(words(answerWords('en').ordinals)),
        month: choice(
          words(answerWords('en').months).filter(one => one.length > 4 || one === 'may' || /^ju(ne|ly)$/.test(one))
        ),
        year: '( ( nineteen | twenty ) ( <pair> | oh <ones> ) | two thousand [ [ and ] ( <ones> | <pair> ) ] )',
        pair: between(10, 99),
        ones: between(1, 9)
      })
    case 'spelled':
      return jsgf({
        answer: '( [ double ] <letter> | <word> )+',
        letter: choice([...'abcdefghijklmnopqrstuvwxyz']),
        word: choice(alphabet())
      })
    case 'phrases':
    case 'grammar':
      return null
    default:
      return kind satisfies never
  }
}

/** Short words that sound alike, such as “yup” and “nope”, are left out: a closed grammar finds one in anything. */
const CLEAR_YES_NO = ['yes', 'yeah', 'yes please', "that's right", 'correct', 'no', 'no thank you', "that's wrong"]

function jsgf(rules: Readonly<Record<string, string>>): string {
  const bodies = Object.entries(rules).map(
    ([name, body]) => `${name === 'answer' ? 'public ' : ''}<${name}> = ${body} ;`
  )
  return `#JSGF V1.0; grammar answers; ${bodies.join(' ')}`
}

function choice(all: readonly string[]): string {
  return `( ${[...new Set(all.map(plain).filter(one => one !== ''))].join(' | ')} )`
}

/** As a dictionary writes words. */
function plain(phrase: string): string {
  return phrase
    .toLowerCase()
    .replace(/[^a-z']+/g, ' ')
    .trim()
}

/** Words without digits in them. */
function words(table: WordTable): readonly string[] {
  return Object.values(table)
    .flat()
    .filter(one => !/\d/.test(one))
}

function digit(): string {
  return choice(
    words(answerWords('en').digits).filter(one => !['o', 'to', 'too', 'for', 'niner', 'nought'].includes(one))
  )
}

function between(first: number, last: number): string {
  return choice(Array.from({ length: last - first + 1 }, (_, index) => toCardinal(first + index)))
}

function alphabet(): readonly string[] {
  return words(answerWords('en').alphabet).filter(one => !['alfa', 'juliett', 'xray', 'whisky'].includes(one))
}
