import type { Logger } from 'pino'
import { createEspeak } from '../../prompts/espeak.ts'
import { SynthesizerChain } from '../../prompts/synthesizer-chain.ts'
import type { BatchRecognizer } from '../batch-recognizer.ts'
import { type ProviderStatus, providerStatuses } from '../provider-status.ts'
import { ProviderHealth } from '../provider-health.ts'
import { type Recognizer, SpeechError } from '../recognizer.ts'
import { RecognizerChain } from '../recognizer-chain.ts'
import { isPermitted } from '../speech-provider.ts'
import type { ClosedRecognizer, RecordingRecognizer } from '../synthetic-check.ts'
import { createAzureBatch } from './azure-batch.ts'
import { createAzureRecognizer } from './azure-recognizer.ts'
import type { AzurePlace } from './azure-sdk.ts'
import { createAzureSynthesizer } from './azure-synthesizer.ts'
import { createGoogleBatch } from './google-batch.ts'
import { GoogleClients, type GooglePlace } from './google-clients.ts'
import { createGoogleRecognizer } from './google-recognizer.ts'
import { createGoogleSynthesizer } from './google-synthesizer.ts'
import {
  createOpenaiBatch,
  createOpenaiRecognizer,
  createOpenaiSynthesizer,
  type OpenaiPlace
} from './openai-speech.ts'
import { createPocketsphinx } from './pocketsphinx.ts'
import { createSherpa } from './sherpa.ts'
import { createSherpaBatch } from './sherpa-batch.ts'
import { readSherpaModels } from './sherpa-models.ts'
import { createSherpaSynthesizer } from './sherpa-synthesizer.ts'

export type SpeechSettings = Readonly<{
  /** Regions in which audio and texts may be processed outside this machine. */
  regions: readonly string[]
  google: GooglePlace | null
  azure: AzurePlace | null
  openai: OpenaiPlace | null
  /** Folder of models of sherpa-onnx. */
  sherpaModels: string | null
  /** Folder of PocketSphinx's model. */
  pocketsphinx: string | null
  /** Whether recordings must be heard, so that a start without anybody who can is refused. */
  needsBatch: boolean
}>

/** Everybody who hears and speaks for this installation. */
export type SpeechProviders = AsyncDisposable &
  Readonly<{
    /**
     * In the order of preference: for closed phrases on this machine, then for open speech. They are for one listener, who
     * disposes of them.
     */
    recognizers: readonly Recognizer[]
    chain: RecognizerChain
    /** Recognisers of phrases and grammars. */
    closed: readonly ClosedRecognizer[]
    voices: SynthesizerChain
    /** In the order of preference, this machine first. */
    batches: readonly BatchRecognizer[]
    /** Those of `batches` that hear nothing but recordings, and how they do. */
    ofRecordings: readonly RecordingRecognizer[]
    /** Whether there are models of the operator's own, which may have changed since the last run. */
    hasModels: boolean
    /** How everybody does who is set up. */
    statuses(): readonly ProviderStatus[]
  }>

/**
 * Sets up what the settings name; libraries and connections come with the first use. Engines of this machine hear first and
 * speak last. Rejects with SpeechError when a folder of
 * models is not usable, or nobody is there who is needed.
 */
export async function openSpeechProviders(settings: SpeechSettings, log: Logger): Promise<SpeechProviders> {
  const { regions, google, azure, openai, pocketsphinx, sherpaModels } = settings
  const sherpa = sherpaModels === null ? null : await readSherpaModels(sherpaModels)
  const stack = new AsyncDisposableStack()
  const clients = google === null ? null : stack.use(new GoogleClients(google))
  const open = [
    ...(sherpa?.streaming ?? []).map(model => createSherpa(model, log)),
    clients && createGoogleRecognizer(clients),
    azure && createAzureRecognizer(azure),
    openai && createOpenaiRecognizer(openai)
  ].filter(one => one !== null)
  const speaking = [
    clients && createGoogleSynthesizer(clients),
    azure && createAzureSynthesizer(azure),
    openai && createOpenaiSynthesizer(openai),
    ...(sherpa?.voices ?? []).map(voice => createSherpaSynthesizer(voice, log)),
    createEspeak(log)
  ].filter(one => one !== null)
  const chain = new RecognizerChain(open, regions)
  const voices = stack.use(new SynthesizerChain(speaking, regions))
  const heardHere = (sherpa?.hearing ?? []).map(model => ({
    recognizer: stack.use(createSherpaBatch(model, log)),
    health: new ProviderHealth()
  }))
  const batches = [
    ...heardHere.map(one => one.recognizer),
    clients && createGoogleBatch(clients),
    azure && createAzureBatch(azure),
    openai && createOpenaiBatch(openai)
  ]
    .filter(one => one !== null)
    .filter(one => isPermitted(one, regions))
  if (settings.needsBatch && batches.length === 0)
    throw new SpeechError(
      'SPEECH_MISSING',
      'no model of sherpa-onnx hears recordings, and nobody else is set up for them'
    )
  const sphinx = pocketsphinx === null ? null : createPocketsphinx(pocketsphinx, log)
  const closed = sphinx === null ? [] : [{ recognizer: sphinx, health: new ProviderHealth() }]
  return {
    recognizers: [...closed.map(one => one.recognizer), ...(chain.links.length === 0 ? [] : [chain])],
    chain,
    closed,
    voices,
    batches,
    ofRecordings: heardHere,
    hasModels: sherpa !== null,
    statuses: () =>
      providerStatuses(
        { chain, voices, closed, ofRecordings: heardHere },
        [
          ...open.map(provider => ({ kind: 'recognizer' as const, provider })),
          ...speaking.map(provider => ({ kind: 'synthesizer' as const, provider }))
        ],
        regions
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync()
  }
}
