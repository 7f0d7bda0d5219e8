import type * as Sdk from 'microsoft-cognitiveservices-speech-sdk'
import { joinText } from '../join-words.ts'
import {
  type Recognition,
  type RecognitionRequest,
  type RecognitionStream,
  type Recognizer,
  SpeechError
} from '../recognizer.ts'
import { primaryOf } from '../speech-provider.ts'
import { within } from '../within.ts'
import { AZURE_LANGUAGES, azureVoice } from './azure-languages.ts'
import { type AzurePlace, azureCause, azureConfig, azureHost, azureVerdict, loadAzure } from './azure-sdk.ts'

/** The answer must be complete so soon after the end of the speech. */
const ANSWER_MS = 10_000
/** Longer than what a chain of recognisers keeps. */
const AT_ONCE_MS = 20_000
/** Where Azure does not tell how sure it is. */
const UNTOLD_CONFIDENCE = 0.6
/** List price of one US dollar an hour. */
const CENTS_PER_MINUTE = 1.5

/** Azure's speech to text, streamed. Its library connects again by itself when a connection breaks, and repeats the audio. */
export function createAzureRecognizer(place: AzurePlace, answerMs = ANSWER_MS): Recognizer {
  return {
    name: 'azure',
    languages: AZURE_LANGUAGES,
    isOpen: true,
    host: azureHost(place, 'stt'),
    region: place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async prepare() {
      await loadAzure()
    },
    open: (request, onPartial) => new AzureStretch(place, request, answerMs, onPartial ?? (() => {})),
    async [Symbol.asyncDispose]() {}
  }
}

type FinalPart = Readonly<{ text: string; confidence: number | null }>

class AzureStretch implements RecognitionStream {
  readonly failure: Promise<SpeechError>
  readonly #language: string
  readonly #answerMs: number
  readonly #onPartial: (text: string) => void
  readonly #finals: FinalPart[] = []
  readonly #finished = Promise.withResolvers<void>()
  readonly #tellFailure: (err: SpeechError) => void
  /** Audio that came before the library was there. */
  #waiting: Int16Array[] = []
  #audio: Sdk.PushAudioInputStream | undefined
  #recognizer: Sdk.SpeechRecognizer | undefined
  #told = ''
  #isOver = false
  #isDisposed = false

  constructor(place: AzurePlace, request: RecognitionRequest, answerMs: number, onPartial: (text: string) => void) {
    this.#language = request.language
    this.#answerMs = answerMs
    this.#onPartial = onPartial
    const { promise, resolve } = Promise.withResolvers<SpeechError>()
    this.failure = promise
    this.#tellFailure = resolve
    // Whoever disposes does not ask how it ended.
    this.#finished.promise.catch(() => {})
    this.#start(place, request).catch(err =>
      this.#fail(
        err instanceof SpeechError ? err : new SpeechError('SPEECH_FAILED', 'Azure cannot be used', { cause: err })
      )
    )
  }

  write(samples: Int16Array): void {
    if (this.#isOver) return
    if (this.#audio === undefined) this.#waiting.push(samples)
    else this.#audio.write(bufferOf(samples))
  }

  async finish(): Promise<Recognition | null> {
    this.#isOver = true
    this.#audio?.close()
    try {
      await within(this.#finished.promise, this.#answerMs, 'Azure')
      const text = joinText(
        this.#finals.map(part => part.text),
        this.#language
      )
      if (text === '') return null
      const told = this.#finals.flatMap(part => part.confidence ?? [])
      return {
        text,
        confidence: told.length === 0 ? UNTOLD_CONFIDENCE : told.reduce((sum, one) => sum + one, 0) / told.length
      }
    } finally {
      this[Symbol.dispose]()
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return
    this.#isOver = true
    this.#isDisposed = true
    this.#audio?.close()
    // The library reports a connection that was broken already; nobody waits for it any more.
    this.#recognizer?.close(
      () => {},
      () => {}
    )
  }

  async #start(place: AzurePlace, request: RecognitionRequest): Promise<void> {
    const known = azureVoice(request.language)
    if (known === null)
      throw new SpeechError('SPEECH_LANGUAGE_UNKNOWN', `Azure is not used for the language ${request.language}`)
    const sdk = await loadAzure()
    if (this.#isDisposed) return
    const config = azureConfig(sdk, place)
    config.speechRecognitionLanguage = known.tag
    config.outputFormat = sdk.OutputFormat.Detailed
    // What was said before it was asked comes all at once: the library would send all but the first 5 s at twice its speed.
    config.setProperty('SPEECH-TransmitLengthBeforThrottleMs', `${AT_ONCE_MS}`)
    const audio = sdk.AudioInputStream.createPushStream(sdk.AudioStreamFormat.getWaveFormatPCM(8_000, 16, 1))
    const recognizer = new sdk.SpeechRecognizer(config, sdk.AudioConfig.fromStreamInput(audio))
    const hints = [...(request.phrases ?? []), ...(request.hints ?? [])]
    if (hints.length > 0) sdk.PhraseListGrammar.fromRecognizer(recognizer).addPhrases(hints)
    const isForeign = ({ language }: Sdk.SpeechRecognitionResult): boolean => {
      if (!language || primaryOf(language) === primaryOf(known.tag)) return false
      this.#fail(new SpeechError('SPEECH_FAILED', `Azure answered in ${language}, not in ${known.tag}`))
      return true
    }
    recognizer.recognizing = (_, { result }) => {
      if (!isForeign(result)) this.#tell(result.text)
    }
    recognizer.recognized = (_, { result }) => {
      if (isForeign(result)) return
      if (result.reason !== sdk.ResultReason.RecognizedSpeech || !result.text) return
      this.#finals.push({ text: result.text, confidence: confidenceIn(result.json) })
      this.#tell('')
    }
    recognizer.canceled = (_, event) => {
      if (event.reason === sdk.CancellationReason.Error)
        this.#fail(
          new SpeechError(
            `SPEECH_${azureVerdict(sdk, { code: event.errorCode, details: event.errorDetails })}`,
            `Azure does not recognise speech (code ${event.errorCode})`,
            { cause: azureCause(place, event.errorDetails) }
          )
        )
      else this.#finished.resolve()
    }
    recognizer.sessionStopped = () => this.#finished.resolve()
    this.#recognizer = recognizer
    this.#audio = audio
    for (const samples of this.#waiting.splice(0)) audio.write(bufferOf(samples))
    if (this.#isOver) audio.close()
    // Its success is told even when the connection was refused: `canceled` says the truth.
    recognizer.startContinuousRecognitionAsync(undefined, reason =>
      this.#fail(new SpeechError('SPEECH_FAILED', 'Azure cannot be reached', { cause: azureCause(place, reason) }))
    )
    // The library connects again, but not when the audio is complete: then nobody would ever answer.
    sdk.Connection.fromRecognizer(recognizer).disconnected = () => {
      if (this.#isOver) this.#fail(new SpeechError('SPEECH_FAILED', 'Azure ended the connection before it answered'))
    }
  }

  #fail(err: SpeechError): void {
    this.#finished.reject(err)
    this.#tellFailure(err)
  }

  #tell(interim: string): void {
    const text = joinText([...this.#finals.map(part => part.text), interim], this.#language)
    if (this.#isOver || text === '' || text === this.#told) return
    this.#told = text
    this.#onPartial(text)
  }
}

/** The library keeps what it is given: a copy. */
function bufferOf(samples: Int16Array): ArrayBuffer {
  return new Int16Array(samples).buffer
}

/** From the detailed answer, `{ NBest: [{ Confidence }] }`. */
function confidenceIn(json: string): number | null {
  const { NBest } = JSON.parse(json) as { NBest?: { Confidence?: number }[] }
  return NBest?.[0]?.Confidence ?? null
}
