/** Text in, sound out. */
export interface Synthesizer extends AsyncDisposable {
  /** Names engine, version and settings: part of the cache key, so that a new engine makes new prompts. */
  readonly id: string
  /** 16-bit mono PCM at 8 kHz. Rejects with {@link PromptError}. */
  synthesize(text: string, language: string, signal: AbortSignal): Promise<Int16Array>
}

export type PromptErrorCode =
  | 'LANGUAGE_UNKNOWN'
  | 'SYNTHESIS_EMPTY'
  | 'SYNTHESIS_FAILED'
  | 'SYNTHESIS_TIMEOUT'
  | 'SYNTHESIS_MISSING'
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
