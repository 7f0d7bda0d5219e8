/**
 * What a model says a reply is, before its first word: `[[1,3]]` answers from those passages, `[[tool]]` from the result of a
 * tool, `[[ask]]` asks back, `[[talk]]` is a greeting or thanks, `[[unknown]]` does not know, `[[done]]` the caller needs
 * nothing more, `[[handover]]` the caller needs a person. It comes first, so that nothing is spoken that is not grounded.
 */
export type ReplyMark =
  | Readonly<{ kind: 'cites'; passages: readonly number[] }>
  | Readonly<{ kind: 'tool' | 'ask' | 'talk' | 'unknown' | 'done' | 'handover' }>

const MARK = /^\s*\[\[\s*(tool|ask|talk|unknown|done|handover|\d{1,2}(?:\s*,\s*\d{1,2}){0,7})\s*\]\]\s*/i
/** A mark that has not begun by here is not coming. */
const MAX_MARK_CHARACTERS = 40

export type MarkReading =
  | Readonly<{ kind: 'waiting' }>
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'found'; mark: ReplyMark; rest: string }>

/** Reads the mark at the beginning of what has arrived of a reply so far. */
export function readMark(text: string, isComplete: boolean): MarkReading {
  const match = MARK.exec(text)
  if (match !== null) {
    const word = (match[1] ?? '').toLowerCase()
    const rest = text.slice(match[0].length)
    if (/^\d/.test(word)) {
      const passages = word.split(',').map(one => Number(one.trim()))
      return { kind: 'found', mark: { kind: 'cites', passages }, rest }
    }
    return { kind: 'found', mark: { kind: word as Exclude<ReplyMark['kind'], 'cites'> }, rest }
  }
  const start = text.trimStart()
  const mayComeYet = start === '' || '[['.startsWith(start.slice(0, 2)) || start.startsWith('[[')
  if (isComplete || !mayComeYet || start.length > MAX_MARK_CHARACTERS) return { kind: 'missing' }
  return { kind: 'waiting' }
}
