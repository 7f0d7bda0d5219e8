import type { SynthesizerChain } from '../prompts/synthesizer-chain.ts'
import type { CheckResult, ProviderHealth, ProviderState } from './provider-health.ts'
import type { RecognizerChain } from './recognizer-chain.ts'
import type { ClosedRecognizer, RecordingRecognizer } from './synthetic-check.ts'
import { isPermitted, type SpeechProvider } from './speech-provider.ts'

/** One provider as people see it. `off`: its region is not permitted, so that it is never asked. */
export type ProviderStatus = Readonly<{
  kind: 'recognizer' | 'synthesizer'
  name: string
  languages: readonly string[]
  host: string | null
  region: string | null
  centsPerMinute: number
  state: ProviderState | 'off'
  /** Why it failed last; null when it did not. */
  lastCode: string | null
  checks: readonly CheckResult[]
}>

/** Everybody who is set up, in the order of preference, with those who may not be asked. */
export function providerStatuses(
  {
    chain,
    voices,
    closed = [],
    ofRecordings = []
  }: Readonly<{
    chain: RecognizerChain
    voices: SynthesizerChain
    closed?: readonly ClosedRecognizer[]
    ofRecordings?: readonly RecordingRecognizer[]
  }>,
  setUp: readonly Readonly<{ kind: ProviderStatus['kind']; provider: SpeechProvider }>[],
  permittedRegions: readonly string[]
): readonly ProviderStatus[] {
  return [
    ...[...closed, ...chain.links, ...ofRecordings].map(({ recognizer, health }) =>
      statusOf('recognizer', recognizer, health)
    ),
    ...voices.links.map(({ synthesizer, health }) => statusOf('synthesizer', synthesizer, health)),
    ...setUp
      .filter(({ provider }) => !isPermitted(provider, permittedRegions))
      .map(({ kind, provider }) => statusOf(kind, provider, null))
  ]
}

function statusOf(
  kind: ProviderStatus['kind'],
  provider: SpeechProvider,
  health: ProviderHealth | null
): ProviderStatus {
  const { name, languages, host, region, centsPerMinute } = provider
  const { state = 'off' as const, lastCode = null, checks = [] } = health ?? {}
  return { kind, name, languages, host, region, centsPerMinute, state, lastCode, checks }
}
