import type { protos } from '@google-cloud/text-to-speech'
import { PcmReader } from '../../audio/pcm.ts'
import { gatherSpeech } from '../../prompts/gather-speech.ts'
import { partsOf, plainOf } from '../../prompts/spoken-text.ts'
import { PromptError, type Synthesizer } from '../../prompts/synthesizer.ts'
import type { GoogleClients } from './google-clients.ts'
import { asPromptError } from './google-errors.ts'
import { GOOGLE_SPEAKS, spokenTag } from './google-languages.ts'

/** Voices that Google streams. */
const FAMILY = 'Chirp3-HD'
/** List price of 30 US dollars for a million characters, at about 900 characters a minute. */
const CENTS_PER_MINUTE = 2.4

/** Google's Text-to-Speech v1, streamed. `voice` is the name that is the same in all languages, such as `Aoede`. */
export function createGoogleSynthesizer(clients: GoogleClients, voice = 'Aoede'): Synthesizer {
  return {
    name: 'google',
    id: `google-${FAMILY}-${voice}`,
    languages: GOOGLE_SPEAKS,
    host: clients.hostOf('texttospeech'),
    region: clients.place.region,
    centsPerMinute: CENTS_PER_MINUTE,
    async *stream(text, language, signal) {
      const tag = spokenTag(language)
      if (tag === null) throw new PromptError('LANGUAGE_UNKNOWN', `Google has no voice for ${language}`)
      const pronunciations = partsOf(text).flatMap(({ text: phrase, ipa }) =>
        ipa === undefined ? [] : [{ phrase, pronunciation: ipa, phoneticEncoding: 'PHONETIC_ENCODING_IPA' as const }]
      )
      const streamingConfig: protos.google.cloud.texttospeech.v1.IStreamingSynthesizeConfig = {
        voice: { languageCode: tag, name: `${tag}-${FAMILY}-${voice}` },
        streamingAudioConfig: { audioEncoding: 'PCM', sampleRateHertz: 8_000 },
        ...(pronunciations.length > 0 && { customPronunciations: { pronunciations } })
      }
      signal.throwIfAborted()
      const client = await clients.voices().catch(err => {
        throw asPromptError(err)
      })
      // A listener that is added after the abort is never told.
      signal.throwIfAborted()
      const call = client.streamingSynthesize()
      const onAbort = () => call.cancel()
      signal.addEventListener('abort', onAbort, { once: true })
      // The iteration below hears of errors; an error after its end has nobody left to tell.
      call.on('error', () => {})
      const reader = new PcmReader()
      try {
        call.write({ streamingConfig })
        call.write({ input: { text: plainOf(text) } })
        call.end()
        for await (const { audioContent } of call as AsyncIterable<{ audioContent?: Uint8Array }>)
          if (audioContent !== undefined && audioContent.length > 0) yield reader.read(audioContent)
        signal.throwIfAborted()
      } catch (err) {
        signal.throwIfAborted()
        throw asPromptError(err)
      } finally {
        signal.removeEventListener('abort', onAbort)
        call.cancel()
      }
    },
    async synthesize(text, language, signal) {
      return await gatherSpeech(this.stream(text, language, signal))
    },
    async [Symbol.asyncDispose]() {}
  }
}
