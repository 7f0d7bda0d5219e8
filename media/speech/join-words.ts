import type { SpokenWord } from './batch-recognizer.ts'
import { primaryOf } from './speech-provider.ts'

/**
 * Two recognitions of the same speech, the second begun before the first ended: every word once. Both have times from the
 * same start. The change is made in the longest pause of the first within the overlap, so that no word is cut.
 */
export function joinAtOverlap(
  before: readonly SpokenWord[],
  after: readonly SpokenWord[],
  overlap: Readonly<{ fromMs: number; toMs: number }>
): readonly SpokenWord[] {
  const cutMs = longestPause(before, overlap)
  const kept = before.filter(word => middleOf(word) < cutMs)
  const last = kept.at(-1)
  const rest = after.filter(word => middleOf(word) >= cutMs)
  const [first] = rest
  // Clocks of two streams differ by some milliseconds: a word at the change may be on both sides.
  const isTwice = last !== undefined && first?.text === last.text && first.startMs < last.endMs
  return [...kept, ...(isTwice ? rest.slice(1) : rest)]
}

/** The middle of the longest stretch without a word; without any, the middle of it all. */
function longestPause(
  words: readonly SpokenWord[],
  { fromMs, toMs }: Readonly<{ fromMs: number; toMs: number }>
): number {
  let best = { fromMs: (fromMs + toMs) / 2, toMs: (fromMs + toMs) / 2 }
  let quietFromMs = fromMs
  const consider = (untilMs: number) => {
    if (untilMs - quietFromMs > best.toMs - best.fromMs) best = { fromMs: quietFromMs, toMs: untilMs }
  }
  for (const word of words) {
    if (word.endMs <= fromMs || word.startMs >= toMs) continue
    consider(word.startMs)
    quietFromMs = Math.max(quietFromMs, word.endMs)
  }
  consider(toMs)
  return (best.fromMs + best.toMs) / 2
}

function middleOf(word: SpokenWord): number {
  return (word.startMs + word.endMs) / 2
}

/** Languages that are written without spaces between words. */
const WITHOUT_SPACES = new Set(['zh', 'cmn', 'yue', 'ja', 'th'])

/** Pieces of text as one. */
export function joinText(pieces: readonly string[], language: string): string {
  const separator = WITHOUT_SPACES.has(primaryOf(language)) ? '' : ' '
  return pieces
    .map(piece => piece.trim())
    .filter(Boolean)
    .join(separator)
}
