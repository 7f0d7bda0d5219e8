import type { SpokenWord } from '../batch-recognizer.ts'
import type { OfflineResult } from './sherpa-library.ts'

const UNTOLD_CONFIDENCE = 0.6
/** How long the last piece of a word may sound where the model does not tell. */
const PIECE_MS = 300
/** Written without spaces: each character is a word of its own. */
const UNSPACED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
/** Where whole words are tokens, `@@` at its end says that a token goes on. */
const GOES_ON = '@@'

type Piece = Readonly<{ text: string; startMs: number; endMs: number | null; log: number | null }>

/**
 * The words of one stretch of speech that begins at `fromMs` and lasts `lengthMs`. A model that tells when each piece of a
 * word was said gives words with their times: a word ends where the next begins, and sooner where it would have to be
 * drawn out. One that does not gives the stretch as a whole, with the stretch's times. Pure.
 */
export function wordsOf(result: OfflineResult, fromMs: number, lengthMs: number): readonly SpokenWord[] {
  const text = result.text.trim()
  const { tokens = [], timestamps = [], durations = [], ys_log_probs: logs = [] } = result
  if (text === '') return []
  const whole = { text, startMs: fromMs, endMs: fromMs + lengthMs, confidence: confidenceOf(logs) }
  if (tokens.length === 0 || timestamps.length !== tokens.length) return [whole]
  const pieces = tokens.map((token, at): Piece => {
    const startMs = (timestamps[at] ?? 0) * 1_000
    const lastsMs = durations.length === tokens.length ? (durations[at] ?? 0) * 1_000 : null
    return { text: token, startMs, endMs: lastsMs === null ? null : startMs + lastsMs, log: logs[at] ?? null }
  })
  const words = grouped(
    pieces,
    tokens.some(token => token.endsWith(GOES_ON))
  )
  return words.flatMap((word, at) => {
    const spelt = word.map(piece => piece.text.replace(/@@$/, '').replace(/^[\s▁]+/, '')).join('')
    const [first, last] = [word[0], word.at(-1)]
    if (spelt === '' || first === undefined || last === undefined) return []
    const nextMs = words[at + 1]?.[0]?.startMs ?? lengthMs
    const endMs = Math.min(last.endMs ?? last.startMs + PIECE_MS, Math.max(nextMs, last.startMs), lengthMs)
    return {
      text: spelt,
      startMs: fromMs + Math.min(first.startMs, lengthMs),
      endMs: fromMs + Math.max(endMs, Math.min(first.startMs, lengthMs)),
      confidence: confidenceOf(word.flatMap(piece => piece.log ?? []))
    }
  })
}

/** Pieces of one word stand together; a space before a piece, or a script without spaces, begins the next. */
function grouped(pieces: readonly Piece[], areWordsTokens: boolean): readonly (readonly Piece[])[] {
  const words: Piece[][] = []
  for (const piece of pieces) {
    const before = words.at(-1)?.at(-1)?.text
    const isNew = areWordsTokens
      ? !before?.endsWith(GOES_ON)
      : /^[\s▁]/.test(piece.text) || UNSPACED.test(piece.text) || (before !== undefined && UNSPACED.test(before))
    const isMark = /^\p{P}+$/u.test(piece.text)
    if (before === undefined || (isNew && !isMark)) words.push([piece])
    else words.at(-1)?.push(piece)
  }
  return words
}

/** From the mean logarithm of the probabilities of the pieces. */
function confidenceOf(logs: readonly number[]): number {
  if (logs.length === 0) return UNTOLD_CONFIDENCE
  return Math.min(1, Math.exp(logs.reduce((sum, one) => sum + one, 0) / logs.length))
}
