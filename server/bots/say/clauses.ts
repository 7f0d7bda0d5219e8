import { primaryOf } from '../../quality/search-words.ts'

/** The first words are spoken at a comma already, when there are enough of them to cover the making of the next. */
const FIRST_CLAUSE_CHARACTERS = 24
const FIRST_CLAUSE_CJK = 8
/** Whoever writes no punctuation is cut at a space after so many characters. */
const MAX_CLAUSE_CHARACTERS = 300

const SENTENCE_END = /[.!?…]+["'”’»)]*(?=\s)|[。！？]+[」』”）]*|[؟]+(?=\s|$)|\n+/u
const CLAUSE_END = /[,;:–](?=\s)|[，、；：،؛]/u

/** Cuts a text that arrives in pieces into clauses, each as soon as it is complete. */
export class ClauseSplitter {
  readonly #isCjk: boolean
  #rest = ''
  #given = 0

  constructor(language: string) {
    this.#isCjk = ['zh', 'ja'].includes(primaryOf(language))
  }

  push(text: string): readonly string[] {
    this.#rest += text
    const found: string[] = []
    for (;;) {
      const end = this.#endOfNext()
      if (end === null) return found
      this.#take(end, found)
    }
  }

  /** What is left when the text is over. */
  end(): readonly string[] {
    const found: string[] = []
    this.#take(this.#rest.length, found)
    return found
  }

  #take(end: number, found: string[]): void {
    const clause = this.#rest.slice(0, end).trim()
    this.#rest = this.#rest.slice(end)
    if (clause === '') return
    this.#given += 1
    found.push(clause)
  }

  #endOfNext(): number | null {
    const sentence = this.#sentenceEnd()
    const least = this.#isCjk ? FIRST_CLAUSE_CJK : FIRST_CLAUSE_CHARACTERS
    if (this.#given === 0) {
      const clause = matchesOf(CLAUSE_END, this.#rest).find(end => end >= least)
      if (clause !== undefined && (sentence === null || clause < sentence)) return clause
    }
    if (sentence !== null) return sentence
    if (this.#rest.length <= MAX_CLAUSE_CHARACTERS) return null
    const space = this.#rest.lastIndexOf(' ', MAX_CLAUSE_CHARACTERS)
    return space > 0 ? space : MAX_CLAUSE_CHARACTERS
  }

  #sentenceEnd(): number | null {
    // "3. Mai", "Mr. Smith", "z. B.": a point after a short word or number rarely ends a sentence.
    const isAbbreviation = (end: number) =>
      /(?:^|[\s(.])(?:\p{L}|\d{1,2}|\p{Lu}\p{L}{1,2})\.$/u.test(this.#rest.slice(0, end))
    return matchesOf(SENTENCE_END, this.#rest).find(end => !isAbbreviation(end)) ?? null
  }
}

function matchesOf(form: RegExp, text: string): readonly number[] {
  return [...text.matchAll(new RegExp(form, 'gu'))].map(match => match.index + match[0].length)
}
