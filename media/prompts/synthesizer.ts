import type { SpeechProvider } from '../speech/speech-provider.ts'
import type { SpokenText } from './spoken-text.ts'

/** Text in, sound out. */
export interface Synthesizer extends SpeechProvider, AsyncDisposable {
  /** Names engine, version and settings: part of the cache key, so that a new engine makes new prompts. */
  readonly id: string
  /** The one kind of its language that it speaks, such as `en-GB`; absent where it speaks all that there are. */
  readonly locale?: string
  /**
   * Speaks: 16-bit mono samples at 8 kHz, in pieces as they are made. Throws {@link PromptError}, or the signal's reason
   * when that is aborted. Whoever stops listening stops the work. The pieces may be silent: see `gatherSpeech`.
   */
  stream(text: SpokenText, language: string, signal: AbortSignal): AsyncIterable<Int16Array>
  /** The same as one piece. Rejects with SYNTHESIS_EMPTY when it would be silent. */
  synthesize(text: SpokenText, language: string, signal: AbortSignal): Promise<Int16Array>
}

export type PromptErrorCode =
  | 'LANGUAGE_UNKNOWN'
  | 'SYNTHESIS_EMPTY'
  | 'SYNTHESIS_FAILED'
  | 'SYNTHESIS_TIMEOUT'
  | 'SYNTHESIS_MISSING'
  | 'SYNTHESIS_REFUSED'
  | 'SYNTHESIS_QUOTA'
  | 'RECORDING_MISSING'
  | 'RECORDING_UNREADABLE'
  | 'NAME_NOT_ALLOWED'

/** A prompt cannot be made. The flow takes its failure branch; silence is never played in its place. */
export class PromptError extends Error {
  override readonly name = 'PromptError'
  readonly code: PromptErrorCode

  constructor(code: PromptErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
