import { type Recognizer, SpeechError } from '../../media/speech/recognizer.ts'
import { type VoiceEvent, VoiceListener } from '../../media/speech/voice-listener.ts'
import type { Call } from '../calls/call.ts'
import type { VoiceInput } from '../calls/leg-audio.ts'
import type { Logger } from '../log.ts'

/** Below this a phrase is taken for something else: asking again is better than a wrong turn. */
const LEAST_CONFIDENCE = 0.3
/** Quiet that ends the answer to a menu; phrases have hardly any pauses. */
const MENU_ENDPOINT_MS = 400
const PREPARE_LIMIT_MS = 5_000

/** The recognisers of this installation, and listening with them. */
export class Speech implements AsyncDisposable {
  readonly #recognizers: readonly Recognizer[]
  readonly #log: Logger
  /** Calls whose story says already that nobody can listen in their language. */
  readonly #told = new WeakSet<Call>()

  constructor(recognizers: readonly Recognizer[], log: Logger) {
    this.#recognizers = recognizers
    this.#log = log
  }

  /** Primary tags of the languages in which phrases are understood. */
  get languages(): readonly string[] {
    return [...new Set(this.#recognizers.flatMap(one => one.languages))]
  }

  /**
   * Gets ready to hear one of the phrases from the customer of a call. Null when nobody can: then keys alone must do, and
   * the call's story says so once. Audio never leaves this machine for a menu, so no consent is needed for it.
   */
  async listenFor(
    call: Call,
    language: string,
    phrases: readonly string[],
    signal: AbortSignal
  ): Promise<VoiceInput | null> {
    const { tap } = call
    const primary = language.toLowerCase().split('-')[0] ?? ''
    const recognizer = this.#recognizers.find(one => one.host === null && one.languages.includes(primary))
    if (tap === null || recognizer === undefined) {
      this.#tell(call, language, 'SPEECH_MISSING')
      return null
    }
    const request = { language, phrases }
    try {
      await recognizer.prepare(request, AbortSignal.any([signal, AbortSignal.timeout(PREPARE_LIMIT_MS)]))
    } catch (err) {
      signal.throwIfAborted()
      this.#log.warn({ err, language }, 'a recogniser is not ready; keys alone are used')
      this.#tell(call, language, err instanceof SpeechError ? err.code : 'SPEECH_TIMEOUT')
      return null
    }
    return {
      listen: onEvent =>
        new VoiceListener({
          tap,
          recognizer,
          request,
          endpointMs: MENU_ENDPOINT_MS,
          onEvent: event => onEvent(this.#judge(call, event))
        })
    }
  }

  #judge(call: Call, event: VoiceEvent): VoiceEvent {
    if (event.kind === 'failed') {
      this.#log.warn({ err: event.err, callId: call.id }, 'speech could not be understood')
      call.record({ kind: 'speechFailed', code: event.err.code })
    }
    return event.kind === 'spoken' && event.confidence < LEAST_CONFIDENCE ? { kind: 'notUnderstood' } : event
  }

  #tell(call: Call, language: string, code: string): void {
    if (this.#told.has(call)) return
    this.#told.add(call)
    call.record({ kind: 'speechUnavailable', language, code })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#recognizers) await one[Symbol.asyncDispose]()
  }
}
