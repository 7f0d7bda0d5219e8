import type { RecognizerChain } from '../media/speech/recognizer-chain.ts'
import type { SynthesizerChain } from '../media/prompts/synthesizer-chain.ts'
import {
  CHECK_PHRASES,
  type ClosedRecognizer,
  checkSpeech,
  type RecordingRecognizer
} from '../media/speech/synthetic-check.ts'
import type { PgBoss } from '../sql/jobs.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

const QUEUE = 'speech-check'
const LIMIT_MS = 600_000

export type SpeechCheckParts = Readonly<{
  chain: RecognizerChain
  closed: readonly ClosedRecognizer[]
  ofRecordings: readonly RecordingRecognizer[]
  voices: SynthesizerChain
  hasModels: boolean
  metrics: Metrics
  log: Logger
}>

/**
 * Checks every hour that each provider of speech hears and says a known sentence. With several control planes one of them
 * does so, and its own list of providers shows the result. Disposing stops a check that is under way.
 */
export async function startSpeechChecks(jobs: PgBoss, parts: SpeechCheckParts): Promise<Disposable> {
  const stopping = new AbortController()
  await jobs.createQueue(QUEUE)
  await jobs.schedule(QUEUE, '7 * * * *')
  await jobs.work(QUEUE, async () => {
    try {
      await runSpeechCheck(parts, stopping.signal)
    } catch (err) {
      // The next control plane that starts makes a check of its own.
      if (!stopping.signal.aborted) throw err
    }
  })
  // Who works outside may have changed since the last run, and so may models; other engines of this machine come with the program.
  const isAnyOutside = [
    ...parts.chain.links.map(link => link.recognizer),
    ...parts.voices.links.map(link => link.synthesizer)
  ].some(one => one.host !== null)
  if (isAnyOutside || parts.hasModels) await jobs.send(QUEUE)
  return { [Symbol.dispose]: () => stopping.abort() }
}

/** One check of everybody; figures and log tell the results. */
async function runSpeechCheck(parts: SpeechCheckParts, stop: AbortSignal): Promise<void> {
  const { metrics, log } = parts
  const limit = AbortSignal.any([stop, AbortSignal.timeout(LIMIT_MS)])
  await checkSpeech(parts, limit, CHECK_PHRASES, ({ kind, name, result }) => {
    const { language, isOk, heard, tookMs, code } = result
    const labels = { kind, provider: name, language }
    metrics.speechCheckOk.set(labels, isOk ? 1 : 0)
    metrics.speechCheckSeconds.set(labels, tookMs / 1_000)
    if (!isOk) log.warn({ ...labels, heard, code }, 'a provider of speech does not pass its check')
  })
}
