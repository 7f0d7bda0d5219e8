import type { Recognition, RecognitionRequest, Recognizer } from '../../media/speech/recognizer.ts'
import { SpeechError } from '../../media/speech/recognizer.ts'
import { samePhrase } from '../../ivr-flows/phrases.ts'

/** What may be said for one of the languages that are offered. */
export type OfferedLanguage = Readonly<{ language: string; phrases: readonly string[] }>

/** What the recogniser of one language made of the sound. */
export type Heard = OfferedLanguage & Readonly<{ found: Recognition | null }>

/** Which phrase of which language was said. */
export type ChosenLanguage = Readonly<{ language: string; phrase: string; confidence: number }>

/** Below this confidence, or nearer to another language than the margin, nobody knows which language it was. */
const LEAST_CONFIDENCE = 0.45
const MARGIN = 0.1

/**
 * The language of what several recognisers heard in the same sound. Each may be sure of nonsense, because it knows only
 * its own language: what is not one of the phrases that are offered in it does not count, and the best must be ahead
 * of every other language. Null when it cannot be told. Pure.
 */
export function chooseLanguage(heard: readonly Heard[]): ChosenLanguage | null {
  const fitting = heard
    .flatMap(({ language, phrases, found }): ChosenLanguage[] => {
      const phrase = found === null ? undefined : phrases.find(one => samePhrase(one, found.text))
      return found === null || phrase === undefined ? [] : [{ language, phrase, confidence: found.confidence }]
    })
    .sort((one, other) => other.confidence - one.confidence)
  const [best, next] = fitting
  if (best === undefined || best.confidence < LEAST_CONFIDENCE) return null
  return next !== undefined && best.confidence - next.confidence < MARGIN ? null : best
}

type Ear = OfferedLanguage & Readonly<{ recognizer: Recognizer }>

/**
 * One recogniser out of several: each hears the same sound in its own language, and {@link chooseLanguage} decides. Its
 * text is the phrase that was chosen. Disposing it leaves the others as they are.
 */
export function createLanguageRecognizer(ears: readonly Ear[]): Recognizer {
  const requestOf = ({ language, phrases }: Ear, { mayHear }: RecognitionRequest): RecognitionRequest => ({
    language,
    phrases,
    ...(mayHear !== undefined && { mayHear })
  })
  return {
    ...whereHeard(ears),
    name: ears.map(one => one.recognizer.name).join('+'),
    languages: ears.map(one => one.language),
    isOpen: false,
    asksForEachHost: true,
    async prepare(request, signal) {
      const settled = await Promise.allSettled(ears.map(ear => ear.recognizer.prepare(requestOf(ear, request), signal)))
      signal.throwIfAborted()
      if (settled.every(one => one.status === 'rejected')) throw failureOf(settled[0]?.reason)
    },
    open(request, _onPartial, onFallOver) {
      const streams = ears.map(ear => ({
        ear,
        stream: ear.recognizer.open(requestOf(ear, request), undefined, onFallOver)
      }))
      return {
        write(samples) {
          for (const { stream } of streams) stream.write(samples)
        },
        async finish() {
          const settled = await Promise.allSettled(streams.map(({ stream }) => stream.finish()))
          // Who failed is not heard; when nobody is left it is a failure of speech.
          if (settled.every(one => one.status === 'rejected')) throw failureOf(settled[0]?.reason)
          const heard = streams.map(({ ear }, index): Heard => {
            const result = settled[index]
            return { ...ear, found: result?.status === 'fulfilled' ? result.value : null }
          })
          const chosen = chooseLanguage(heard)
          return chosen === null ? null : { text: chosen.phrase, confidence: chosen.confidence }
        },
        [Symbol.dispose]() {
          for (const { stream } of streams) stream[Symbol.dispose]()
        }
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

function whereHeard(ears: readonly Ear[]): Pick<Recognizer, 'host' | 'region' | 'centsPerMinute'> {
  const outside = ears.find(one => one.recognizer.host !== null)?.recognizer
  return {
    host: outside?.host ?? null,
    region: outside?.region ?? null,
    centsPerMinute: ears.reduce((sum, one) => sum + one.recognizer.centsPerMinute, 0)
  }
}

function failureOf(err: unknown): SpeechError {
  return err instanceof SpeechError ? err : new SpeechError('SPEECH_FAILED', 'no recogniser answered', { cause: err })
}
