import type { SpeechClient, protos } from '@google-cloud/speech'
import { pcmOf } from '../../audio/pcm.ts'
import type { SpokenWord } from '../batch-recognizer.ts'
import type { RecognitionRequest } from '../recognizer.ts'
import { SpeechError } from '../recognizer.ts'
import { primaryOf } from '../speech-provider.ts'
import { asSpeechError } from './google-errors.ts'
import { heardTag } from './google-languages.ts'

type StreamingResponse = protos.google.cloud.speech.v1.IStreamingRecognizeResponse
type Config = protos.google.cloud.speech.v1.IRecognitionConfig
type Alternative = protos.google.cloud.speech.v1.ISpeechRecognitionAlternative
type Duration = protos.google.protobuf.IDuration

/** A part that will not change any more. `confidence` null where Google gives none. */
export type FinalPart = Readonly<{ text: string; confidence: number | null; words: readonly SpokenWord[] }>

/** Google asks for pieces of about 100 ms. */
const PIECE_SAMPLES = 800
/** Google says 0 for “not told”. */
const UNTOLD = 0

/** The settings of a recognition of 8 kHz telephone audio. Throws SPEECH_LANGUAGE_UNKNOWN. */
export function recognitionConfig(language: string, hints: readonly string[]): Config {
  const tag = heardTag(language)
  if (tag === null) throw new SpeechError('SPEECH_LANGUAGE_UNKNOWN', `Google is not used for the language ${language}`)
  return {
    encoding: 'LINEAR16',
    sampleRateHertz: 8_000,
    languageCode: tag,
    enableWordTimeOffsets: true,
    enableWordConfidence: true,
    ...(hints.length > 0 && { adaptation: { phraseSets: [{ phrases: hints.map(value => ({ value })), boost: 10 }] } })
  }
}

/** The words of an answer, `startMs` later. */
export function wordsOf(alternative: Alternative, startMs: number): readonly SpokenWord[] {
  return (alternative.words ?? []).map(word => ({
    // Japanese words come with their reading behind a bar.
    text: (word.word ?? '').split('|')[0] ?? '',
    startMs: startMs + millisecondsOf(word.startTime),
    endMs: startMs + millisecondsOf(word.endTime),
    confidence: word.confidence || alternative.confidence || UNTOLD
  }))
}

function millisecondsOf(duration: Duration | null | undefined): number {
  return Number(duration?.seconds ?? 0) * 1_000 + (duration?.nanos ?? 0) / 1_000_000
}

/** One streaming request to Google; a long stretch of speech needs several. */
export class GoogleLeg {
  /** When it begins, in milliseconds from the start of the stretch. */
  readonly startMs: number
  /** Resolves with everything when the answer is complete; rejects with SpeechError. */
  readonly finals: Promise<readonly FinalPart[]>
  readonly #language: string
  readonly #onChange: () => void
  readonly #finals: FinalPart[] = []
  #call: ReturnType<SpeechClient['_streamingRecognize']> | undefined
  #waiting: Buffer[] = []
  #piece = new Int16Array(PIECE_SAMPLES)
  #filled = 0
  #interim = ''
  #isEnded = false
  #isCancelled = false

  constructor(client: Promise<SpeechClient>, request: RecognitionRequest, startMs: number, onChange: () => void) {
    this.startMs = startMs
    this.#language = request.language
    this.#onChange = onChange
    this.finals = this.#run(client, request)
    // Whoever cancels does not ask how it ended.
    this.finals.catch(() => {})
  }

  /** What was understood so far. */
  get pieces(): readonly string[] {
    return [...this.#finals.map(part => part.text), this.#interim]
  }

  write(samples: Int16Array): void {
    for (const sample of samples) {
      this.#piece[this.#filled++] = sample
      if (this.#filled === PIECE_SAMPLES) this.#flush()
    }
  }

  /** No more audio comes. */
  end(): void {
    if (this.#isEnded) return
    this.#flush()
    this.#isEnded = true
    this.#call?.end()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#waiting = []
    this.#call?.cancel()
  }

  #flush(): void {
    if (this.#filled === 0 || this.#isEnded || this.#isCancelled) return
    const pcm = pcmOf(this.#piece.slice(0, this.#filled))
    this.#filled = 0
    if (this.#call === undefined) this.#waiting.push(pcm)
    else if (this.#call.writable) this.#call.write({ audioContent: pcm })
  }

  async #run(client: Promise<SpeechClient>, request: RecognitionRequest): Promise<readonly FinalPart[]> {
    try {
      const config = recognitionConfig(request.language, request.hints ?? [])
      const opened = await client
      if (this.#isCancelled) return []
      const call = opened._streamingRecognize()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      call.on('data', (response: StreamingResponse) => {
        try {
          this.#take(response)
        } catch (err) {
          reject(err)
          call.cancel()
        }
      })
      call.on('error', reject)
      call.on('end', resolve)
      call.write({ streamingConfig: { config, interimResults: true } })
      for (const pcm of this.#waiting.splice(0)) call.write({ audioContent: pcm })
      this.#call = call
      if (this.#isEnded) call.end()
      await promise
      return this.#finals
    } catch (err) {
      throw asSpeechError(err)
    }
  }

  #take({ error, results }: StreamingResponse): void {
    if (error?.code) throw asSpeechError(error)
    let interim = ''
    for (const result of results ?? []) {
      const [best] = result.alternatives ?? []
      if (best === undefined) continue
      if (result.languageCode && !isSameLanguage(result.languageCode, this.#language))
        throw new SpeechError('SPEECH_FAILED', `Google answered in ${result.languageCode}, not in ${this.#language}`)
      if (result.isFinal)
        this.#finals.push({
          text: best.transcript ?? '',
          confidence: best.confidence || null,
          words: wordsOf(best, this.startMs)
        })
      else interim += best.transcript ?? ''
    }
    this.#interim = interim
    this.#onChange()
  }
}

function isSameLanguage(given: string, wanted: string): boolean {
  const primary = primaryOf(given)
  return primary === primaryOf(wanted) || primary === primaryOf(heardTag(wanted) ?? '')
}
