import type * as Sdk from 'microsoft-cognitiveservices-speech-sdk'
import { PcmReader } from '../../audio/pcm.ts'
import { gatherSpeech } from '../../prompts/gather-speech.ts'
import { ssmlOf } from '../../prompts/spoken-text.ts'
import { PromptError, type Synthesizer } from '../../prompts/synthesizer.ts'
import { PieceQueue } from '../piece-queue.ts'
import { AZURE_LANGUAGES, azureVoice } from './azure-languages.ts'
import { type AzurePlace, azureCause, azureConfig, azureHost, azureVerdict, loadAzure } from './azure-sdk.ts'

/** List price of 16 US dollars for a million characters, at about 900 characters a minute. */
const CENTS_PER_MINUTE = 1.3

/** Azure's neural voices, streamed. */
export function createAzureSynthesizer(place: AzurePlace): Synthesizer {
  return {
    name: 'azure',
    id: 'azure-neural-1',
    languages: AZURE_LANGUAGES,
    host: azureHost(place, 'tts'),
    region: place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async *stream(text, language, signal) {
      const known = azureVoice(language)
      if (known === null) throw new PromptError('LANGUAGE_UNKNOWN', `Azure has no voice for ${language}`)
      const sdk = await loadAzure()
      signal.throwIfAborted()
      const config = azureConfig(sdk, place)
      config.speechSynthesisOutputFormat = sdk.SpeechSynthesisOutputFormat.Raw8Khz16BitMonoPcm
      const synthesizer = new sdk.SpeechSynthesizer(config, null)
      const pieces = new PieceQueue<Int16Array>()
      const reader = new PcmReader()
      synthesizer.synthesizing = (_, { result }) => pieces.push(reader.read(new Uint8Array(result.audioData)))
      const onAbort = () => pieces.fail(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        synthesizer.speakSsmlAsync(
          `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="${known.tag}">` +
            `<voice name="${known.voice}">${ssmlOf(text)}</voice></speak>`,
          result => {
            if (result.reason === sdk.ResultReason.SynthesizingAudioCompleted) pieces.end()
            else pieces.fail(failureOf(sdk, place, result))
          },
          reason =>
            pieces.fail(
              new PromptError('SYNTHESIS_FAILED', 'Azure does not speak', { cause: azureCause(place, reason) })
            )
        )
        yield* pieces
      } finally {
        signal.removeEventListener('abort', onAbort)
        synthesizer.close(
          () => {},
          () => {}
        )
      }
    },
    async synthesize(text, language, signal) {
      return await gatherSpeech(this.stream(text, language, signal))
    },
    async [Symbol.asyncDispose]() {}
  }
}

function failureOf(sdk: typeof Sdk, place: AzurePlace, result: Sdk.SpeechSynthesisResult): PromptError {
  const { ErrorCode, errorDetails } = sdk.CancellationDetails.fromResult(result)
  return new PromptError(
    `SYNTHESIS_${azureVerdict(sdk, { code: ErrorCode, details: errorDetails })}`,
    `Azure does not speak (code ${ErrorCode})`,
    { cause: azureCause(place, errorDetails) }
  )
}
