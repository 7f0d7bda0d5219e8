/**
 * Made-up talk of two people on the telephone, with the proportions of real talk. Its words mean nothing; how often they come,
 * how long they are and how they repeat within a call is measured:
 *
 * - English: 1,155 conversations, 1.54 million words, of Switchboard (Godfrey and Holliman 1993, in the edition of the
 *   dialogue act corpus, Jurafsky and others 1997). 54.6 % of the words are in PostgreSQL's list of stop words. Of the
 *   others, the 10, 100 and 1,000 most common are 24, 51 and 82 %; of 47, 80, 185 and 455 running words of one conversation
 *   0.73, 0.67, 0.58 and 0.47 are different ones.
 * - German and Spanish: the same shares of stop words (54.0 and 50.1 %), and for all three how long words of which rank
 *   are, in the subtitles of OpenSubtitles 2018 (Lison and others 2018; lists by H. Dave).
 */

export type TalkLanguage = 'en' | 'de' | 'es'

/** Words that PostgreSQL leaves out, the most common first. */
const FUNCTION_WORDS: Readonly<Record<TalkLanguage, readonly string[]>> = {
  en: words(
    'you i the to a it and that of is in what we me this he for my on have your do was no not be are don can with but all so just there here they she if out about up at him now her how will as did who why from his when an them where were then had or been our some by has too more down'
  ),
  de: words(
    'ich sie das ist du nicht die es und der wir was zu er ein in mir mit wie den mich auf aber eine so hat hier haben für sind war von wenn dich ihr habe an bin noch nur da dir sich einen uns dem kann auch als sein jetzt ihn dann aus meine um im wird mein bist doch alles keine oder nach nichts man muss werden will'
  ),
  es: words(
    'de que no a la el y es en lo un por qué me una los se te con para está mi pero sí eso su las yo del como tu al más le esto todo ya estoy muy ha esta algo hay tengo él cuando estás tú nos nada este o he tiene ella fue era soy todos porque son tienes estaba eres ese sus esa mucho mí has'
  )
}

type Proportions = Readonly<{
  functionShare: number
  /** Letters of a word of rank 1, and how many more at ten times the rank. */
  lettersFirst: number
  lettersPerDecade: number
}>

const PROPORTIONS: Readonly<Record<TalkLanguage, Proportions>> = {
  en: { functionShare: 0.546, lettersFirst: 2.3, lettersPerDecade: 1.15 },
  de: { functionShare: 0.54, lettersFirst: 2.8, lettersPerDecade: 1.25 },
  es: { functionShare: 0.501, lettersFirst: 3.3, lettersPerDecade: 1.05 }
}

const CONTENT_WORDS = 20_000
/** Zipf and Mandelbrot's law 1 / (rank + 6) ^ 1.2 comes nearest to the ranks above. */
const SHIFT = 6
const EXPONENT = 1.2
/**
 * A call has a subject: half of its content words are of a hundred that belong to it, some much more often than others, and none of them is
 * among the fifty most common. So 0.74, 0.68, 0.56 and 0.45 of the words are different ones where 0.73, 0.67, 0.58 and 0.47 are.
 */
const SUBJECT_SHARE = 0.5
const SUBJECT_WORDS = 100
const SUBJECT_EXPONENT = 1.2
const EVERYDAY_WORDS = 50

export type Talk = Readonly<{
  /** Content words, the most common first. */
  content: readonly string[]
  isFunctionWord(word: string): boolean
  /** A call with a subject of its own: gives one word after the other. */
  beginCall(): () => string
}>

/** The talk of one language. `random` gives numbers from 0 to below 1. */
export function makeTalk(language: TalkLanguage, random: () => number): Talk {
  const { functionShare, lettersFirst, lettersPerDecade } = PROPORTIONS[language]
  const functionWords = FUNCTION_WORDS[language]
  const known = new Set(functionWords)
  const content = Array.from({ length: CONTENT_WORDS }, (_, rank) => {
    for (let attempt = 0; ; attempt++) {
      // One letter more or less, and longer where the short ones are used up.
      const letters = lettersFirst + lettersPerDecade * Math.log10(rank + 1) + 2 * random() - 1 + attempt / 10
      const word = spell(Math.max(2, Math.round(letters)), random)
      if (known.has(word)) continue
      known.add(word)
      return word
    }
  })
  const common = new Law(CONTENT_WORDS, SHIFT, EXPONENT)
  // The first is 8 % of them, where those of the three languages are 7 or 8 %.
  const ofFunction = new Law(functionWords.length, 3, 1)
  const ofSubject = new Law(SUBJECT_WORDS, 0, SUBJECT_EXPONENT)
  const functions = new Set(functionWords)
  return {
    content,
    isFunctionWord: word => functions.has(word),
    beginCall() {
      const subject = Array.from({ length: SUBJECT_WORDS }, () => common.rank(random(), EVERYDAY_WORDS))
      return () => {
        if (random() < functionShare) return functionWords[ofFunction.rank(random())] ?? ''
        const isOfSubject = random() < SUBJECT_SHARE
        return content[isOfSubject ? (subject[ofSubject.rank(random())] ?? 0) : common.rank(random())] ?? ''
      }
    }
  }
}

/** Ranks that come as often as 1 / (rank + shift) ^ exponent. */
class Law {
  readonly #upTo: readonly number[]

  constructor(size: number, shift: number, exponent: number) {
    let sum = 0
    this.#upTo = Array.from({ length: size }, (_, rank) => (sum += (rank + 1 + shift) ** -exponent))
  }

  /** The rank, from 0, for a chance from 0 to below 1; only ranks from `first` on. */
  rank(chance: number, first = 0): number {
    const before = this.#upTo[first - 1] ?? 0
    const wanted = before + chance * ((this.#upTo.at(-1) ?? 0) - before)
    let low = first
    let high = this.#upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#upTo[middle] ?? 0) <= wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

function spell(letters: number, random: () => number): string {
  let word = ''
  let isVowel = random() < 0.3
  for (let at = 0; at < letters; at++) {
    const from = isVowel ? 'aeiou' : 'bcdfghklmnprstvwz'
    word += from[Math.floor(random() * from.length)]
    isVowel = !isVowel
  }
  return word
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
