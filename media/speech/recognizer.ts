/** What a listener wants to understand, and in which language. */
export type RecognitionRequest = Readonly<{
  /** BCP 47 tag. */
  language: string
  /** The only things that can be said; null for open speech. */
  phrases: readonly string[] | null
}>

/** What was understood. `confidence` from 0 (surely wrong) to 1. */
export type Recognition = Readonly<{ text: string; confidence: number }>

/** One stretch of speech on its way to a recogniser. */
export interface RecognitionStream extends Disposable {
  /** 16-bit mono samples at 8 kHz, as they come. Returns at once. */
  write(samples: Int16Array): void
  /**
   * The speech is over; resolves with what was said, or null when that was nothing that could be understood.
   * Rejects with {@link SpeechError}.
   */
  finish(): Promise<Recognition | null>
}

/** Sound in, words out. */
export interface Recognizer extends AsyncDisposable {
  /** Stable name for settings, stories and figures, such as `pocketsphinx`. */
  readonly name: string
  /** Primary language tags. */
  readonly languages: readonly string[]
  /** Whether it understands open speech, or only phrases that it is given. */
  readonly isOpen: boolean
  /** The host that hears the audio; null when it never leaves this machine. */
  readonly host: string | null
  /** Cost of a minute of audio in euro cents; 0 for what runs here. */
  readonly centsPerMinute: number
  /** Gets ready for a request while a prompt still plays. Resolves when `open` will be immediate. */
  prepare(request: RecognitionRequest, signal: AbortSignal): Promise<void>
  /** Begins a stretch of speech. */
  open(request: RecognitionRequest): RecognitionStream
}

export type SpeechErrorCode =
  | 'SPEECH_MISSING'
  | 'SPEECH_LANGUAGE_UNKNOWN'
  | 'SPEECH_PHRASE_UNKNOWN'
  | 'SPEECH_FAILED'
  | 'SPEECH_TIMEOUT'

/** Speech cannot be understood for a reason that is not the speaker's. The flow goes on with keys. */
export class SpeechError extends Error {
  override readonly name = 'SpeechError'
  readonly code: SpeechErrorCode

  constructor(code: SpeechErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
