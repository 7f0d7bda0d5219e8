import { primaryOf } from '../../quality/search-words.ts'
import { foldText } from '../knowledge/words.ts'
import { COURTESY_WORDS, type CourtesyWords } from './courtesy-words.ts'

/** What ends a part of a sentence; a question mark belongs to the whole of it. */
const PART_END = /[,;:–—.!?…，、；：。！？،؛؟¡¿\n]+/u
const QUESTION_END = /[?？؟]["'”’»)」』”）]*$/u
const SENTENCE_END = /[.!?…。！？؟\n]["'”’»)」』”）]*$/u

/**
 * Whether words that rest on no source may be said: courtesies and questions back, which state nothing. A language model
 * says such words one clause after the other; this remembers whether a question is under way. Pure but for that memory.
 *
 * A part of a sentence passes when it is made of nothing but words of courtesy; or in a question (`ask`), when it begins as
 * questions of the language do and gives no reason and no fact to know. What a question takes for granted by its nouns alone
 * (“our free delivery”) cannot be told, and neither can who a word of courtesy is meant for. A language without words has none.
 */
export class FreeWords {
  readonly #words: CourtesyWords | undefined
  readonly #known: ReadonlySet<string>
  readonly #done: ReadonlySet<string>
  readonly #isSpaced: boolean
  readonly #language: string
  #isInQuestion = false

  constructor(language: string) {
    const primary = primaryOf(language)
    this.#language = language
    this.#isSpaced = !['zh', 'ja'].includes(primary)
    this.#words = COURTESY_WORDS[primary]
    const { words = '', phrases = [], done = [] } = this.#words ?? {}
    const all = [...words.split(' '), ...phrases].filter(one => one !== '')
    this.#known = new Set(all.map(one => this.#plain(one)))
    this.#done = new Set(done.map(one => this.#plain(one)))
  }

  /** The clauses of a reply one after the other. `hasChanged`: a tool has changed something in this turn. */
  mayBeSaid(clause: string, kind: 'talk' | 'ask', hasChanged: boolean): boolean {
    const isLeftOpen = !SENTENCE_END.test(clause) || QUESTION_END.test(clause)
    const parts = clause
      .split(PART_END)
      .map(part => this.#plain(part))
      .filter(part => part !== '')
    const isFine = parts.every((part, at) => this.#isFree(part, kind, hasChanged, isLeftOpen || at < parts.length - 1))
    if (SENTENCE_END.test(clause)) this.#isInQuestion = false
    return isFine
  }

  #isFree(part: string, kind: 'talk' | 'ask', hasChanged: boolean, mayAsk: boolean): boolean {
    const words = this.#words
    if (words === undefined) return false
    if (this.#isCourtesy(part) || (hasChanged && this.#done.has(part))) return true
    if (kind !== 'ask' || words.claims.test(part)) return false
    const asked = this.#withoutCourtesy(part)
    // Japanese ends a question in か and a full stop as well.
    const isQuestion = (mayAsk || (!this.#isSpaced && part.endsWith('か'))) && words.question.test(asked)
    if (isQuestion || words.request.test(asked) || words.request.test(part)) {
      this.#isInQuestion = true
      return true
    }
    // Japanese names first what it asks about: 「ご注文番号は、」.
    if (
      primaryOf(this.#language) === 'ja' &&
      /[はがをにでともの]$/u.test(part) &&
      !/(?:ます|です)[がとも]$/u.test(part)
    )
      return true
    return this.#isInQuestion && words.choice.test(part)
  }

  /** Whether the part can be cut into known words and phrases, without anything left over. */
  #isCourtesy(part: string): boolean {
    return this.#ends(part).has(part.length)
  }

  /** “Sorry, and” before a question says nothing of what it asks. */
  #withoutCourtesy(part: string): string {
    if (!this.#isSpaced) return part
    return part.replace(/^(?:and|so|sorry|okay|und|also|entschuldigung|y|entonces|perdón|و|حسنا|عفوا) /u, '')
  }

  #ends(part: string): ReadonlySet<number> {
    const reached = new Set([0])
    for (let at = 0; at < part.length; at += 1) {
      if (!reached.has(at)) continue
      for (let end = at + 1; end <= part.length; end += 1) {
        const isWordEnd = !this.#isSpaced || end === part.length || part[end] === ' '
        if (!isWordEnd || !this.#known.has(part.slice(at, end))) continue
        reached.add(this.#isSpaced && end < part.length ? end + 1 : end)
      }
    }
    return reached
  }

  /** A text as it is compared: without case, marks above and below Arabic letters, and what is no letter. */
  #plain(text: string): string {
    return foldText(text, this.#language)
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}']+/gu, this.#isSpaced ? ' ' : '')
      .trim()
  }
}
