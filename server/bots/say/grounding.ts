import { primaryOf } from '../../quality/search-words.ts'
import { pairTerms } from '../knowledge/words.ts'
import { FreeWords } from './courtesy.ts'

/** Of the words that carry a clause's meaning, so many must stand in what it cites. */
const LEAST_SUPPORT = 0.34
/** Endings differ between an article and an answer; the beginning of a word does not. */
const STEM_LETTERS = 5
const CONTENT_LETTERS = 4
/** Words that hold sentences together, of four letters and more: every text has them, so that they support nothing. */
const FUNCTION_WORDS = new Set(
  [
    'about after also been before being both could does each either every from have having here into just more most much must only other over shall should some such than that their them then there these they this those through under until very were what when where which while will with within without would your yours',
    'aber alle allem allen aller alles auch beim bereits bitte dann dass deren dessen diese diesem diesen dieser dieses doch durch eine einem einen einer eines etwas ganz gegen haben hatte hier ihnen ihre ihrem ihren ihrer immer jede jedem jeden jeder jedes jetzt kann kein keine keinen können lassen mehr mein meine mit möchten müssen nach nicht noch oder ohne sein seine sich sind sowie über unser unsere unseren unserer unter viel vielen vom wann waren weil welche welcher wenn werden wird wieder wurde wurden zwischen',
    'ante antes como cuando cual cada cuyo dentro desde donde durante ella ellas ellos entre eran esta está están estas este esto estos fueron haber hasta mientras misma mismo mucho muchos nuestra nuestro nuestras nuestros otra otro otros para pero poder porque puede pueden según será serán sido siempre sobre solo también tanto tiene tienen toda todas todo todos tras unas unos usted ustedes',
    'التي الذي الذين ذلك تلك هذا هذه هؤلاء إلى الى على عند عندما لكن لأن كما كان كانت يكون تكون حيث خلال بعد قبل بين حتى يمكن يمكنك لديك لدينا أيضا سوف بعض'
  ].flatMap(words => words.split(' '))
)

/** What joins two statements into one sentence. */
const PART_END =
  /[,;:–—.!?…，、；：。！？،؛؟]+|(?<!\p{L})(?:and|but|or|und|aber|oder|sowie|y|e|pero|o)(?!\p{L})|(?<=\s)و(?=\p{L})/u
/** A part of so many words that carry meaning says something of its own. */
const LEAST_OF_A_PART = 2

/**
 * What a clause says that its sources do not: numbers, a part of it of which they have not a word, and the clause as a whole
 * when too few of its words come from them. An answer with any of it is not given. It cannot find a wrong "not"; it finds
 * made-up prices, dates, telephone numbers and topics. Courtesies between need no source.
 * @param sources passages that are cited, results of tools, and what the caller said
 */
export function unsupported(clause: string, sources: readonly string[], language: string): readonly string[] {
  const numbers = missingNumbers(clause, sources)
  if (numbers.length > 0) return numbers
  const free = new FreeWords(language)
  const parts = clause.split(PART_END).filter(part => !free.mayBeSaid(part, 'talk', false))
  const made = parts.find(
    part => contentOf(part, language).length >= LEAST_OF_A_PART && supportOf(part, sources, language) === 0
  )
  if (made !== undefined) return [clause]
  return supportOf(parts.join(' '), sources, language) < LEAST_SUPPORT ? [clause] : []
}

/** Numbers of a clause that no source has. */
export function missingNumbers(clause: string, sources: readonly string[]): readonly string[] {
  const known = new Set(sources.flatMap(numbersOf))
  return numbersOf(clause).filter(number => !known.has(number))
}

/** Share of a clause's content words that stand in the sources; 1 when it has none. */
export function supportOf(clause: string, sources: readonly string[], language: string): number {
  const terms = contentOf(clause, language)
  if (terms.length === 0) return 1
  const known = new Set(sources.flatMap(source => contentOf(source, language)))
  return terms.filter(term => known.has(term)).length / terms.length
}

/** Numbers as they are compared: `1,000`, `1.000` and `1 000` are the same, and so are the digits of every script. */
function numbersOf(text: string): readonly string[] {
  return [...text.normalize('NFKC').matchAll(/\p{Nd}+(?:[.,:\u00a0\u202f' /-]\p{Nd}+)*/gu)].map(([found]) =>
    [...found]
      .map(digitOf)
      .join('')
      .replace(/^0+(?=\d)/, '')
  )
}

/** Zeroes of the scripts in use; each is followed by its other nine digits (Unicode). */
const ZEROES = [0x30, 0x660, 0x6f0, 0x966]

function digitOf(letter: string): string {
  const code = letter.codePointAt(0) ?? 0
  const zero = ZEROES.find(one => code >= one && code <= one + 9)
  return zero === undefined ? '' : String(code - zero)
}

function contentOf(text: string, language: string): readonly string[] {
  if (['zh', 'ja'].includes(primaryOf(language))) return pairTerms(text, primaryOf(language))
  return [
    ...text
      .normalize('NFKC')
      .toLowerCase()
      .matchAll(/\p{L}[\p{L}\p{M}]+/gu)
  ].flatMap(([word]) =>
    word.length >= CONTENT_LETTERS && !FUNCTION_WORDS.has(word) ? [word.slice(0, STEM_LETTERS)] : []
  )
}
