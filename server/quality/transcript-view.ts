import { redactedText } from './redact.ts'
import type { Transcript } from './transcript-store.ts'
import type { PersonalSpan, Utterance, Word } from './utterance.ts'

/** An utterance as it leaves the server. */
export type UtteranceView = Readonly<{
  index: number
  speaker: Utterance['speaker']
  speakerId: string | null
  startMs: number
  endMs: number
  text: string
  confidence: number | null
  words: readonly Word[]
  /** In the redacted view, where something is hidden and of what kind; otherwise where something personal is. */
  personal: readonly PersonalSpan[]
}>

/** The transcript as a role may see it; what is hidden does not leave the server. */
export function viewTranscript(transcript: Transcript, isRedacted: boolean): readonly UtteranceView[] {
  return transcript.utterances.map((one, index) => {
    if (!isRedacted) return { ...one, index }
    const { text, toRedacted } = redactedText(one.text, one.personal)
    const isHidden = (word: Word) => one.personal.some(span => word[0] < span.to && span.from < word[1])
    return {
      ...one,
      index,
      text,
      words: one.words
        .filter(word => !isHidden(word))
        .map(([from, to, startMs, endMs]) => [toRedacted(from), toRedacted(to - 1) + 1, startMs, endMs] as const),
      personal: one.personal.map(span => {
        const from = toRedacted(span.from)
        return { kind: span.kind, from, to: from + span.kind.length + 2 }
      })
    }
  })
}
