import type { SpeechProvider } from './speech-provider.ts'

/** What a listener wants to understand, and in which language. */
export type RecognitionRequest = Readonly<{
  /** BCP 47 tag. */
  language: string
  /** The only things that can be said; null for open speech, or where a grammar says more. */
  phrases: readonly string[] | null
  /** JSGF that holds everything that can be said; recognisers that understand open speech may leave it alone. */
  grammar?: string
  /** Words that are likely in open speech: names of products and places. A recogniser that cannot use them ignores them. */
  hints?: readonly string[]
  /** Whether a host outside may hear this customer; all that are permitted at all may when it is left out. */
  mayHear?(host: string): boolean
}>

/** What was understood. `confidence` from 0 (surely wrong) to 1. */
export type Recognition = Readonly<{ text: string; confidence: number }>

/** Another provider went on with what is being said, because the one before failed or was too slow. */
export type FallOver = Readonly<{ from: string; to: string; code: string }>

/** One stretch of speech on its way to a recogniser. */
export interface RecognitionStream extends Disposable {
  /** 16-bit mono samples at 8 kHz, as they come. Returns at once. */
  write(samples: Int16Array): void
  /**
   * The speech is over; resolves with what was said, or null when that was nothing that could be understood.
   * Rejects with {@link SpeechError}.
   */
  finish(): Promise<Recognition | null>
  /** Resolves as soon as it is known that `finish` will reject, from recognisers that know it early. Never rejects. */
  readonly failure?: Promise<SpeechError>
  /** By the price list of whoever hears now, in euro cents, where that may be another than its recogniser’s. */
  readonly centsPerMinute?: number
}

/** Sound in, words out. */
export interface Recognizer extends SpeechProvider, AsyncDisposable {
  /** Whether it understands open speech, or only phrases that it is given. */
  readonly isOpen: boolean
  /** It has several hosts and asks a request’s `mayHear` for each, so that its own `host` says not enough. */
  readonly asksForEachHost?: boolean
  /** Gets ready for a request while a prompt still plays. Resolves when `open` will be immediate. */
  prepare(request: RecognitionRequest, signal: AbortSignal): Promise<void>
  /**
   * Begins a stretch of speech. `onPartial` hears what was understood so far, as a whole each time, from recognisers that
   * tell; its last word may still change. `onFallOver` hears when a chain of recognisers changes from one to the next.
   */
  open(
    request: RecognitionRequest,
    onPartial?: (text: string) => void,
    onFallOver?: (change: FallOver) => void
  ): RecognitionStream
}

export type SpeechErrorCode =
  | 'SPEECH_MISSING'
  | 'SPEECH_LANGUAGE_UNKNOWN'
  | 'SPEECH_PHRASE_UNKNOWN'
  | 'SPEECH_FAILED'
  | 'SPEECH_TIMEOUT'
  | 'SPEECH_REFUSED'
  | 'SPEECH_QUOTA'

/** Speech cannot be understood for a reason that is not the speaker's. The flow goes on with keys. */
export class SpeechError extends Error {
  override readonly name = 'SpeechError'
  readonly code: SpeechErrorCode

  constructor(code: SpeechErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
