import type { Logger } from 'pino'
import { createEspeak } from '../../prompts/espeak.ts'
import { SynthesizerChain } from '../../prompts/synthesizer-chain.ts'
import type { BatchRecognizer } from '../batch-recognizer.ts'
import { type ProviderStatus, providerStatuses } from '../provider-status.ts'
import { ProviderHealth } from '../provider-health.ts'
import type { Recognizer } from '../recognizer.ts'
import { RecognizerChain } from '../recognizer-chain.ts'
import { isPermitted } from '../speech-provider.ts'
import type { ClosedRecognizer } from '../synthetic-check.ts'
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
import { readSherpaModels } from './sherpa-models.ts'

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
    batches: readonly BatchRecognizer[]
    /** How everybody does who is set up. */
    statuses(): readonly ProviderStatus[]
  }>

/**
 * Sets up what the settings name; libraries and connections come with the first use. Engines of this machine hear first and
 * speak last. Rejects with SpeechError when a folder of models is not usable.
 */
export async function openSpeechProviders(settings: SpeechSettings, log: Logger): Promise<SpeechProviders> {
  const { regions, google, azure, openai, pocketsphinx, sherpaModels } = settings
  const models = sherpaModels === null ? [] : await readSherpaModels(sherpaModels)
  const stack = new AsyncDisposableStack()
  const clients = google === null ? null : stack.use(new GoogleClients(google))
  const open = [
    ...models.map(model => createSherpa(model, log)),
    clients && createGoogleRecognizer(clients),
    azure && createAzureRecognizer(azure),
    openai && createOpenaiRecognizer(openai)
  ].filter(one => one !== null)
  const speaking = [
    clients && createGoogleSynthesizer(clients),
    azure && createAzureSynthesizer(azure),
    openai && createOpenaiSynthesizer(openai),
    createEspeak(log)
  ].filter(one => one !== null)
  const chain = new RecognizerChain(open, regions)
  const voices = stack.use(new SynthesizerChain(speaking, regions))
  const batches = [
    clients && createGoogleBatch(clients),
    azure && createAzureBatch(azure),
    openai && createOpenaiBatch(openai)
  ].filter(one => one !== null)
  const sphinx = pocketsphinx === null ? null : createPocketsphinx(pocketsphinx, log)
  const closed = sphinx === null ? [] : [{ recognizer: sphinx, health: new ProviderHealth() }]
  return {
    recognizers: [...closed.map(one => one.recognizer), ...(chain.links.length === 0 ? [] : [chain])],
    chain,
    closed,
    voices,
    batches: batches.filter(one => isPermitted(one, regions)),
    statuses: () =>
      providerStatuses(
        { chain, voices, closed },
        [
          ...open.map(provider => ({ kind: 'recognizer' as const, provider })),
          ...speaking.map(provider => ({ kind: 'synthesizer' as const, provider }))
        ],
        regions
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync()
  }
}
