import type { SpeechProvider } from './speech-provider.ts'

/** One word and when it was said, in milliseconds from the start of the audio. `confidence` from 0 to 1. */
export type SpokenWord = Readonly<{ text: string; startMs: number; endMs: number; confidence: number }>

/** A whole recording, 16-bit at 8 kHz, one array for each side of the call; `right` is null when there is only one. */
export type RecordedAudio = Readonly<{ left: Int16Array; right: Int16Array | null }>

/** What was said on each side, in the order in which it was said. */
export type SpokenWords = Readonly<{ left: readonly SpokenWord[]; right: readonly SpokenWord[] }>

/** A recording in, words with their times out. */
export interface BatchRecognizer extends SpeechProvider, AsyncDisposable {
  /** `language` is a BCP 47 tag. Rejects with SpeechError, and with the signal's reason when that is aborted. */
  recognize(audio: RecordedAudio, language: string, signal: AbortSignal): Promise<SpokenWords>
}
