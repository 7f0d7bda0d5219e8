import type { Logger } from 'pino'
import { pcmOf } from '../../audio/pcm.ts'
import type { BatchRecognizer, SpokenWord } from '../batch-recognizer.ts'
import { SpeechError } from '../recognizer.ts'
import { primaryOf } from '../speech-provider.ts'
import { spokenStretches } from '../spoken-stretches.ts'
import type { OfflineResult } from './sherpa-library.ts'
import type { SherpaHearReply, SherpaHearRequest } from './sherpa-messages.ts'
import type { SherpaHearing } from './sherpa-models.ts'
import { SherpaProcess } from './sherpa-process.ts'
import { wordsOf } from './sherpa-words.ts'

/** Whisper hears 30 s at once, others need more memory for each further second. */
const STRETCH_MS = 28_000
/** Several recordings wait for the one process; none of their stretches takes so long. */
const STRETCH_LIMIT_MS = 120_000
const SAMPLES_PER_MS = 8

/**
 * A model of sherpa-onnx that hears recordings on this machine, stretch by stretch where there is sound. Its process starts
 * with the first recording, and again after it has ended.
 */
export function createSherpaBatch(
  model: SherpaHearing,
  log: Logger,
  stretchLimitMs = STRETCH_LIMIT_MS
): BatchRecognizer {
  const program = new HearingProgram(model, log, stretchLimitMs)
  const hear = async (samples: Int16Array, language: string, signal: AbortSignal): Promise<readonly SpokenWord[]> => {
    const words: SpokenWord[] = []
    for (const { at, samples: stretch } of spokenStretches(samples, STRETCH_MS)) {
      const result = await program.hear(stretch, language, signal)
      words.push(...wordsOf(result, at / SAMPLES_PER_MS, stretch.length / SAMPLES_PER_MS))
    }
    return words
  }
  return {
    name: model.name,
    languages: model.languages,
    host: null,
    region: null,
    centsPerMinute: 0,
    async recognize({ left, right }, language, signal) {
      const primary = primaryOf(language)
      if (!model.languages.includes(primary))
        throw new SpeechError('SPEECH_LANGUAGE_UNKNOWN', `${model.name} does not understand ${language}`)
      return {
        left: await hear(left, primary, signal),
        right: right === null ? [] : await hear(right, primary, signal)
      }
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]()
  }
}

class HearingProgram implements AsyncDisposable {
  readonly #process: SherpaProcess<SherpaHearRequest, SherpaHearReply>
  readonly #waiting = new Map<number, PromiseWithResolvers<OfflineResult>>()
  readonly #name: string
  readonly #log: Logger
  readonly #limitMs: number
  #limit: NodeJS.Timeout | undefined
  #nextId = 1

  constructor(model: SherpaHearing, log: Logger, limitMs: number) {
    this.#name = model.name
    this.#log = log
    this.#limitMs = limitMs
    this.#process = new SherpaProcess<SherpaHearRequest, SherpaHearReply>({
      program: new URL('./sherpa-hearing-program.ts', import.meta.url),
      model,
      onReply: reply => this.#take(reply),
      onEnd: err => {
        if (this.#waiting.size > 0) log.warn({ err }, 'a recogniser of recordings ended')
        this.#failAll(err)
      }
    })
  }

  /** Rejects with SPEECH_MISSING, SPEECH_FAILED or SPEECH_TIMEOUT, and with the signal's reason when that is aborted. */
  async hear(samples: Int16Array, language: string, signal: AbortSignal): Promise<OfflineResult> {
    signal.throwIfAborted()
    await this.#process.start()
    signal.throwIfAborted()
    const id = this.#nextId++
    const answer = Promise.withResolvers<OfflineResult>()
    const onAbort = () => answer.reject(signal.reason)
    this.#waiting.set(id, answer)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#limit ??= setTimeout(() => this.#giveUp(), this.#limitMs)
    this.#process.hold()
    this.#process.send({ id, language, pcm: Buffer.from(pcmOf(samples)) })
    try {
      return await answer.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #take(reply: SherpaHearReply): void {
    const one = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    this.#limit?.refresh()
    this.#rest()
    if (reply.kind === 'heard') one?.resolve(reply.result)
    else one?.reject(new SpeechError('SPEECH_FAILED', `${this.#name}: ${reply.reason}`))
  }

  #giveUp(): void {
    this.#log.error({ recogniser: this.#name }, 'a recogniser of recordings does not answer and is started again')
    this.#failAll(new SpeechError('SPEECH_TIMEOUT', `${this.#name} did not answer within ${this.#limitMs} ms`))
    this.#process.kill()
  }

  #failAll(err: SpeechError): void {
    for (const one of this.#waiting.values()) one.reject(err)
    this.#waiting.clear()
    this.#rest()
  }

  #rest(): void {
    if (this.#waiting.size > 0) return
    clearTimeout(this.#limit)
    this.#limit = undefined
    this.#process.letGo()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]()
  }
}
