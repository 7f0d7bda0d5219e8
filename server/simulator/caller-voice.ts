import type { Logger } from 'pino'
import { createEspeak, type Espeak } from '../../media/prompts/espeak.ts'
import { atVoiceLevel, speechLike, withoutEdges } from '../../media/simulator/caller-sounds.ts'

const SPEAK_LIMIT_MS = 15_000

/**
 * The voices of simulated callers. They never leave this machine: eSpeak NG speaks, whatever else the installation has, and
 * where words are given to the flow as text a sound stands for them that needs no engine at all.
 */
export class CallerVoices implements AsyncDisposable {
  readonly #log: Logger
  #espeak: Espeak | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** Sound that stands for words that are given as text. */
  standIn(text: string): Int16Array {
    return speechLike(text)
  }

  /** The words as a voice says them; `voice` is one of eSpeak NG's own, null that of the language. Rejects with PromptError. */
  async speak(text: string, language: string, voice: string | null, signal: AbortSignal): Promise<Int16Array> {
    this.#espeak ??= createEspeak(this.#log)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(SPEAK_LIMIT_MS)])
    const samples =
      voice === null
        ? await this.#espeak.synthesize(text, language, limit)
        : await this.#espeak.speakAs(text, voice, limit)
    return atVoiceLevel(withoutEdges(samples))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#espeak?.[Symbol.asyncDispose]()
  }
}
