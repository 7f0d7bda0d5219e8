import { pcmOf } from '../../audio/pcm.ts'
import type { BatchRecognizer, SpokenWord } from '../batch-recognizer.ts'
import { cutAtQuiet } from '../cut-at-quiet.ts'
import type { GoogleClients } from './google-clients.ts'
import { asSpeechError } from './google-errors.ts'
import { GOOGLE_HEARS } from './google-languages.ts'
import { recognitionConfig, wordsOf } from './google-leg.ts'

/** Google takes a minute of audio in a request; more would have to be put into a bucket of its own first. */
const STRETCH_MS = 55_000
const SAMPLES_PER_MS = 8
const CENTS_PER_MINUTE = 2.1
const ANSWER_MS = 60_000

/** Recordings by Google's Speech-to-Text v1, stretch by stretch, so that no copy is stored there. */
export function createGoogleBatch(clients: GoogleClients, stretchMs = STRETCH_MS): BatchRecognizer {
  const hear = async (samples: Int16Array, language: string, signal: AbortSignal): Promise<readonly SpokenWord[]> => {
    const words: SpokenWord[] = []
    for (const { at, samples: stretch } of cutAtQuiet(samples, stretchMs * SAMPLES_PER_MS)) {
      signal.throwIfAborted()
      const request = { config: recognitionConfig(language, []), audio: { content: pcmOf(stretch) } }
      const [response] = await (await clients.speech()).recognize(request, { timeout: ANSWER_MS, retry: null })
      for (const { alternatives } of response.results ?? []) {
        const [best] = alternatives ?? []
        if (best !== undefined) words.push(...wordsOf(best, at / SAMPLES_PER_MS))
      }
    }
    return words
  }
  return {
    name: 'google',
    languages: GOOGLE_HEARS,
    host: clients.hostOf('speech'),
    region: clients.place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async recognize({ left, right }, language, signal) {
      try {
        return {
          left: await hear(left, language, signal),
          right: right === null ? [] : await hear(right, language, signal)
        }
      } catch (err) {
        signal.throwIfAborted()
        throw asSpeechError(err)
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}
