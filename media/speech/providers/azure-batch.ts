import { Compile } from 'typebox/compile'
import { Type } from 'typebox'
import type { BatchRecognizer, SpokenWord } from '../batch-recognizer.ts'
import { wavOf } from '../interleave.ts'
import { SpeechError } from '../recognizer.ts'
import { AZURE_LANGUAGES, azureVoice } from './azure-languages.ts'
import type { AzurePlace } from './azure-sdk.ts'
import { postForm } from './http-verdict.ts'

const VERSION = '2024-11-15'
/** List price of 0.36 US dollars an hour. */
const CENTS_PER_MINUTE = 0.6
const ANSWER_MS = 300_000

const ANSWER = Compile(
  Type.Object({
    phrases: Type.Array(
      Type.Object({
        channel: Type.Optional(Type.Integer()),
        confidence: Type.Optional(Type.Number()),
        words: Type.Optional(
          Type.Array(
            Type.Object({
              text: Type.String(),
              offsetMilliseconds: Type.Number(),
              durationMilliseconds: Type.Number()
            })
          )
        )
      })
    )
  })
)

/** Recordings by Azure's fast transcription: one request, nothing is stored there. */
export function createAzureBatch(place: AzurePlace): BatchRecognizer {
  const base = place.endpoint?.replace(/\/$/, '') ?? `https://${place.region}.api.cognitive.microsoft.com`
  return {
    name: 'azure',
    languages: AZURE_LANGUAGES,
    host: new URL(base).hostname,
    region: place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async recognize(audio, language, signal) {
      const known = azureVoice(language)
      if (known === null)
        throw new SpeechError('SPEECH_LANGUAGE_UNKNOWN', `Azure is not used for the language ${language}`)
      const form = new FormData()
      form.set('audio', new Blob([new Uint8Array(wavOf(audio))], { type: 'audio/wav' }), 'call.wav')
      form.set(
        'definition',
        JSON.stringify({ locales: [known.tag], ...(audio.right !== null && { channels: [0, 1] }) })
      )
      const answer = await postForm(
        `${base}/speechtotext/transcriptions:transcribe?api-version=${VERSION}`,
        { 'Ocp-Apim-Subscription-Key': place.key },
        form,
        AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
        'Azure'
      )
      if (!ANSWER.Check(answer)) throw new SpeechError('SPEECH_FAILED', 'the answer of Azure has another form')
      const side = (wanted: number): readonly SpokenWord[] =>
        answer.phrases
          .filter(phrase => (phrase.channel ?? 0) === wanted)
          .flatMap(phrase =>
            (phrase.words ?? []).map(word => ({
              text: word.text,
              startMs: word.offsetMilliseconds,
              endMs: word.offsetMilliseconds + word.durationMilliseconds,
              confidence: phrase.confidence ?? 0
            }))
          )
      return { left: side(0), right: audio.right === null ? [] : side(1) }
    },
    async [Symbol.asyncDispose]() {}
  }
}
