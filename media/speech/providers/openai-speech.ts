import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { joinSamples, PcmReader } from '../../audio/pcm.ts'
import { StreamResampler } from '../../audio/resample.ts'
import { gatherSpeech } from '../../prompts/gather-speech.ts'
import { plainOf } from '../../prompts/spoken-text.ts'
import { PromptError, type Synthesizer } from '../../prompts/synthesizer.ts'
import type { BatchRecognizer, SpokenWord } from '../batch-recognizer.ts'
import { wavOf } from '../interleave.ts'
import { type RecognitionRequest, type Recognizer, SpeechError } from '../recognizer.ts'
import { primaryOf } from '../speech-provider.ts'
import { postForm, verdictOf } from './http-verdict.ts'

/** A service that speaks OpenAI's protocol for audio: OpenAI itself, or a server of one's own. */
export type OpenaiPlace = Readonly<{
  /** Up to and with `/v1`. */
  url: string
  key: string | null
  /** Recognises, such as `whisper-1`; null when it does not. */
  asrModel: string | null
  /** Speaks: model, or `model:voice`; null when it does not. */
  ttsModel: string | null
  languages: readonly string[]
  /** Null when it is on this machine. */
  region: string | null
}>

const ANSWER_MS = 10_000
const BATCH_ANSWER_MS = 300_000
/** Longer than any turn; what comes after it is left out. */
const MAX_SAMPLES = 8_000 * 120
/** The service speaks 16-bit PCM at this rate. */
const SPOKEN_RATE_HZ = 24_000
const LINE_RATE_HZ = 8_000
const UNTOLD_CONFIDENCE = 0.6
/** Above this the model takes what it heard for no speech at all, whatever it wrote. */
const NO_SPEECH = 0.6
/** List prices of whisper-1 and tts-1; a server of one's own costs nothing more. */
const HEARD_CENTS_PER_MINUTE = 0.5
const SPOKEN_CENTS_PER_MINUTE = 1.3

const ANSWER = Compile(
  Type.Object({
    text: Type.String(),
    segments: Type.Optional(
      Type.Array(
        Type.Object({ avg_logprob: Type.Optional(Type.Number()), no_speech_prob: Type.Optional(Type.Number()) })
      )
    ),
    words: Type.Optional(Type.Array(Type.Object({ word: Type.String(), start: Type.Number(), end: Type.Number() })))
  })
)

/** Recognition of one stretch of speech after the other: there are no partial results. Null when it has no such model. */
export function createOpenaiRecognizer(place: OpenaiPlace, answerMs = ANSWER_MS): Recognizer | null {
  const { asrModel } = place
  if (asrModel === null) return null
  return {
    ...factsOf(place, HEARD_CENTS_PER_MINUTE),
    isOpen: true,
    async prepare() {},
    open(request) {
      const parts: Int16Array[] = []
      let length = 0
      const gone = new AbortController()
      return {
        write(samples) {
          if (length + samples.length > MAX_SAMPLES) return
          parts.push(samples)
          length += samples.length
        },
        async finish() {
          const audio = joinSamples(parts.splice(0))
          if (audio.length === 0) return null
          const answer = await transcribe(place, asrModel, audio, request, gone.signal, answerMs)
          const segments = answer.segments ?? []
          const isSpeech = segments.length === 0 || segments.some(one => (one.no_speech_prob ?? 0) < NO_SPEECH)
          const text = answer.text.trim()
          return text === '' || !isSpeech ? null : { text, confidence: confidenceOf(segments) }
        },
        [Symbol.dispose]() {
          parts.length = 0
          gone.abort(new SpeechError('SPEECH_FAILED', 'nobody listens any more'))
        }
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

/** Recordings, a request for each side. Null when it has no model that recognises. */
export function createOpenaiBatch(place: OpenaiPlace): BatchRecognizer | null {
  const { asrModel } = place
  if (asrModel === null) return null
  const hear = async (samples: Int16Array, language: string, signal: AbortSignal): Promise<readonly SpokenWord[]> => {
    const answer = await transcribe(place, asrModel, samples, { language, phrases: null }, signal, BATCH_ANSWER_MS)
    const confidence = confidenceOf(answer.segments ?? [])
    return (answer.words ?? []).map(({ word, start, end }) => ({
      text: word.trim(),
      startMs: start * 1_000,
      endMs: end * 1_000,
      confidence
    }))
  }
  return {
    ...factsOf(place, HEARD_CENTS_PER_MINUTE),
    async recognize({ left, right }, language, signal) {
      return {
        left: await hear(left, language, signal),
        right: right === null ? [] : await hear(right, language, signal)
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

/** Voices, streamed. Null when it has no model that speaks. */
export function createOpenaiSynthesizer(place: OpenaiPlace): Synthesizer | null {
  if (place.ttsModel === null) return null
  const [model = '', voice = 'alloy'] = place.ttsModel.split(':')
  return {
    ...factsOf(place, SPOKEN_CENTS_PER_MINUTE),
    id: `openai-${model}-${voice}`,
    async *stream(text, language, signal) {
      if (!place.languages.includes(primaryOf(language)))
        throw new PromptError('LANGUAGE_UNKNOWN', `the speech service is not used for ${language}`)
      // Stops the download when whoever listens stops.
      const gone = new AbortController()
      try {
        const response = await fetch(`${place.url}/audio/speech`, {
          method: 'POST',
          headers: { ...authorization(place), 'content-type': 'application/json' },
          body: JSON.stringify({ model, voice, input: plainOf(text), response_format: 'pcm' }),
          signal: AbortSignal.any([signal, gone.signal])
        })
        if (!response.ok || response.body === null)
          throw new PromptError(
            `SYNTHESIS_${verdictOf(response.status)}`,
            `the speech service answered with status ${response.status}`
          )
        const reader = new PcmReader()
        const resampler = new StreamResampler(SPOKEN_RATE_HZ, LINE_RATE_HZ)
        for await (const piece of response.body) yield resampler.process(reader.read(piece))
        yield resampler.process(new Int16Array(resampler.delaySamples))
      } catch (err) {
        signal.throwIfAborted()
        if (err instanceof PromptError) throw err
        throw new PromptError('SYNTHESIS_FAILED', 'the speech service broke off or cannot be reached', { cause: err })
      } finally {
        gone.abort()
      }
    },
    async synthesize(text, language, signal) {
      return await gatherSpeech(this.stream(text, language, signal))
    },
    async [Symbol.asyncDispose]() {}
  }
}

function factsOf({ url, languages, region }: OpenaiPlace, cents: number) {
  return {
    name: 'openai',
    languages,
    host: region === null ? null : new URL(url).hostname,
    region,
    centsPerMinute: region === null ? 0 : cents
  }
}

function authorization({ key }: OpenaiPlace): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${key}` }
}

async function transcribe(
  place: OpenaiPlace,
  model: string,
  samples: Int16Array,
  { language, phrases, hints }: RecognitionRequest,
  signal: AbortSignal,
  limitMs: number
) {
  if (!place.languages.includes(primaryOf(language)))
    throw new SpeechError('SPEECH_LANGUAGE_UNKNOWN', `the speech service is not used for ${language}`)
  const form = new FormData()
  form.set(
    'file',
    new Blob([new Uint8Array(wavOf({ left: samples, right: null }))], { type: 'audio/wav' }),
    'speech.wav'
  )
  form.set('model', model)
  form.set('language', primaryOf(language))
  form.set('response_format', 'verbose_json')
  form.append('timestamp_granularities[]', 'word')
  form.append('timestamp_granularities[]', 'segment')
  const likely = [...(phrases ?? []), ...(hints ?? [])]
  if (likely.length > 0) form.set('prompt', likely.join(', '))
  const late = AbortSignal.timeout(limitMs)
  try {
    const answer = await postForm(
      `${place.url}/audio/transcriptions`,
      authorization(place),
      form,
      AbortSignal.any([signal, late]),
      'the speech service'
    )
    if (ANSWER.Check(answer)) return answer
  } catch (err) {
    if (err !== late.reason) throw err
    throw new SpeechError('SPEECH_TIMEOUT', `the speech service did not answer within ${limitMs} ms`, { cause: err })
  }
  throw new SpeechError('SPEECH_FAILED', 'the answer of the speech service has another form')
}

/** From the mean logarithm of the probabilities of the words' parts. */
function confidenceOf(segments: readonly Readonly<{ avg_logprob?: number }>[]): number {
  const told = segments.flatMap(one => one.avg_logprob ?? [])
  if (told.length === 0) return UNTOLD_CONFIDENCE
  return Math.min(1, Math.exp(told.reduce((sum, one) => sum + one, 0) / told.length))
}
