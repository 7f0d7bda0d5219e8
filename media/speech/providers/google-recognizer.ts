import type { SpeechClient } from '@google-cloud/speech'
import type { SpokenWord } from '../batch-recognizer.ts'
import { joinAtOverlap, joinText } from '../join-words.ts'
import type { Recognition, RecognitionRequest, RecognitionStream, Recognizer, SpeechError } from '../recognizer.ts'
import { within } from '../within.ts'
import type { GoogleClients } from './google-clients.ts'
import { asSpeechError } from './google-errors.ts'
import { GOOGLE_HEARS } from './google-languages.ts'
import { type FinalPart, GoogleLeg } from './google-leg.ts'

export type GoogleLimits = Readonly<{
  /** After so much audio a request is followed by a new one. Google ends a request after about 305 s. */
  streamMs: number
  /** For so long both hear the same. */
  overlapMs: number
  /** The answer must be complete so soon after the end of the speech. */
  answerMs: number
}>

const LIMITS: GoogleLimits = { streamMs: 280_000, overlapMs: 3_000, answerMs: 10_000 }
const SAMPLES_PER_MS = 8
/** Where Google does not tell how sure it is: not sure enough to act without asking, too sure to ask again. */
const UNTOLD_CONFIDENCE = 0.6
/** List price of the standard models, 0.024 US dollars a minute. */
const CENTS_PER_MINUTE = 2.1

/** Google's Speech-to-Text v1, streamed. Made of one request, or of several that overlap when the speech is very long. */
export function createGoogleRecognizer(clients: GoogleClients, limits: Partial<GoogleLimits> = {}): Recognizer {
  return {
    name: 'google',
    languages: GOOGLE_HEARS,
    isOpen: true,
    host: clients.hostOf('speech'),
    region: clients.place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async prepare() {
      try {
        await (await clients.speech()).initialize()
      } catch (err) {
        throw asSpeechError(err)
      }
    },
    open: (request, onPartial) =>
      new GoogleStretch(clients.speech(), request, { ...LIMITS, ...limits }, onPartial ?? (() => {})),
    // Whoever made the clients closes them: voices and recordings use them too.
    async [Symbol.asyncDispose]() {}
  }
}

class GoogleStretch implements RecognitionStream {
  readonly failure: Promise<SpeechError>
  readonly #client: Promise<SpeechClient>
  readonly #request: RecognitionRequest
  readonly #limits: GoogleLimits
  readonly #onPartial: (text: string) => void
  readonly #legs: GoogleLeg[] = []
  readonly #tellFailure: (err: SpeechError) => void
  /** Audio in since the start, in samples. */
  #written = 0
  #told = ''
  #isOver = false

  constructor(
    client: Promise<SpeechClient>,
    request: RecognitionRequest,
    limits: GoogleLimits,
    onPartial: (text: string) => void
  ) {
    this.#client = client
    // Phrases are no more than likely to Google.
    this.#request = { ...request, hints: [...(request.phrases ?? []), ...(request.hints ?? [])] }
    this.#limits = limits
    this.#onPartial = onPartial
    const { promise, resolve } = Promise.withResolvers<SpeechError>()
    this.failure = promise
    this.#tellFailure = resolve
    this.#begin()
  }

  write(samples: Int16Array): void {
    if (this.#isOver) return
    const writtenMs = this.#written / SAMPLES_PER_MS
    const newest = this.#legs.at(-1)
    if (newest !== undefined && writtenMs - newest.startMs >= this.#limits.streamMs) this.#begin()
    const [before, last] = this.#legs.slice(-2)
    if (last !== undefined && writtenMs - last.startMs >= this.#limits.overlapMs) before?.end()
    else if (last !== undefined) before?.write(samples)
    this.#legs.at(-1)?.write(samples)
    this.#written += samples.length
  }

  async finish(): Promise<Recognition | null> {
    this.#isOver = true
    for (const leg of this.#legs) leg.end()
    try {
      const parts = await within(Promise.all(this.#legs.map(leg => leg.finals)), this.#limits.answerMs, 'Google')
      return this.#joined(parts)
    } finally {
      this[Symbol.dispose]()
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    for (const leg of this.#legs) leg.cancel()
  }

  #begin(): void {
    const leg = new GoogleLeg(this.#client, this.#request, this.#written / SAMPLES_PER_MS, () => this.#tell())
    leg.finals.catch(this.#tellFailure)
    this.#legs.push(leg)
  }

  #tell(): void {
    if (this.#isOver) return
    const text = joinText(
      this.#legs.flatMap(leg => leg.pieces),
      this.#request.language
    )
    if (text === this.#told || text === '') return
    this.#told = text
    this.#onPartial(text)
  }

  #joined(parts: readonly (readonly FinalPart[])[]): Recognition | null {
    const all = parts.flat()
    const text =
      parts.length === 1
        ? joinText(
            all.map(part => part.text),
            this.#request.language
          )
        : joinText(
            this.#joinedWords(parts).map(word => word.text),
            this.#request.language
          )
    if (text === '') return null
    const told = all.flatMap(part => part.confidence ?? [])
    const confidence = told.length === 0 ? UNTOLD_CONFIDENCE : told.reduce((sum, one) => sum + one, 0) / told.length
    return { text, confidence }
  }

  #joinedWords(parts: readonly (readonly FinalPart[])[]): readonly SpokenWord[] {
    return parts
      .map(leg => leg.flatMap(part => part.words))
      .reduce<readonly SpokenWord[]>((before, after, index) => {
        const fromMs = this.#legs[index]?.startMs ?? 0
        return index === 0 ? after : joinAtOverlap(before, after, { fromMs, toMs: fromMs + this.#limits.overlapMs })
      }, [])
  }
}
