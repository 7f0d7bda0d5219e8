/** Who speaks: a person of ours, the customer, or a bot. */
export const SPEAKERS = ['agent', 'customer', 'bot'] as const
export type Speaker = (typeof SPEAKERS)[number]

/** One word: where it stands in the text (UTF-16 offsets, half-open) and when it is said, on the call's time line. */
export type Word = readonly [from: number, to: number, startMs: number, endMs: number]

export const PERSONAL_KINDS = ['name', 'number', 'card', 'address', 'email'] as const
export type PersonalKind = (typeof PERSONAL_KINDS)[number]

/** A span of the text that names a person or what belongs to one. */
export type PersonalSpan = Readonly<{ kind: PersonalKind; from: number; to: number }>

/** What one speaker says without a pause. Times are milliseconds since the call was answered. */
export type Utterance = Readonly<{
  speaker: Speaker
  /** The agent, where one of several speaks. */
  speakerId: string | null
  startMs: number
  endMs: number
  text: string
  /** 0 to 1; null where the engine says nothing. */
  confidence: number | null
  words: readonly Word[]
  personal: readonly PersonalSpan[]
}>

/** An utterance as an engine or a program gives it. Words without offsets are found in the text. */
export type NewUtterance = Readonly<{
  speaker: Speaker
  speakerId?: string | null
  startMs: number
  endMs: number
  text: string
  confidence?: number | null
  words?: readonly Readonly<{ text: string; startMs: number; endMs: number }>[]
}>

/**
 * Finds each timed word in the text, in order. A word that is not there (engines normalise "twenty" to "20") is left
 * out: its second is then that of the word before.
 */
export function placeWords(text: string, words: NewUtterance['words'] = []): readonly Word[] {
  const placed: Word[] = []
  const folded = text.toLowerCase()
  let at = 0
  for (const { text: word, startMs, endMs } of words) {
    if (word === '') continue
    const from = folded.indexOf(word.toLowerCase(), at)
    if (from === -1) continue
    at = from + word.length
    placed.push([from, at, Math.round(startMs), Math.round(endMs)])
  }
  return placed
}

/** When the text at an offset is said: by its word, or by its share of the utterance where words have no times. */
export function momentOf(utterance: Pick<Utterance, 'startMs' | 'endMs' | 'text' | 'words'>, offset: number): number {
  let last: Word | undefined
  for (const word of utterance.words) {
    if (word[0] > offset) break
    last = word
  }
  if (last !== undefined) return last[2]
  const share = utterance.text.length === 0 ? 0 : offset / utterance.text.length
  return Math.round(utterance.startMs + share * (utterance.endMs - utterance.startMs))
}

/** How the voices of a call lie beside each other. */
export type Measures = Readonly<{
  words: number
  agentMs: number
  customerMs: number
  botMs: number
  /** The longest time in which nobody spoke, from the first word to the end of the last. */
  longestSilenceMs: number
  /** How long our side and the customer spoke at once. */
  overlapMs: number
}>

export function measure(utterances: readonly Utterance[]): Measures {
  const spoken = { agent: 0, customer: 0, bot: 0 }
  let words = 0
  let longestSilenceMs = 0
  let overlapMs = 0
  let reachedMs = 0
  const reached = { ours: 0, theirs: 0 }
  for (const one of [...utterances].sort((a, b) => a.startMs - b.startMs)) {
    spoken[one.speaker] += Math.max(0, one.endMs - one.startMs)
    words += countWords(one.text)
    longestSilenceMs = Math.max(longestSilenceMs, one.startMs - reachedMs)
    reachedMs = Math.max(reachedMs, one.endMs)
    const [own, other] = one.speaker === 'customer' ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const)
    overlapMs += Math.max(0, Math.min(reached[other], one.endMs) - one.startMs)
    reached[own] = Math.max(reached[own], one.endMs)
  }
  return {
    words,
    agentMs: spoken.agent,
    customerMs: spoken.customer,
    botMs: spoken.bot,
    longestSilenceMs,
    overlapMs
  }
}

function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0
}
