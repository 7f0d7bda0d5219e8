/**
 * A model of sherpa-onnx that hears recordings, in a process of its own: its calls are synchronous, and a fault in a native
 * library must not end calls. Its argument is the model, a SherpaHearing as JSON. It does one stretch after the other.
 */
import { setPriority, constants } from 'node:os'
import { samplesOf } from '../../audio/pcm.ts'
import { resample } from '../../audio/resample.ts'
import { hearingIn } from './sherpa-families.ts'
import { loadSherpa, type OfflineEngine } from './sherpa-library.ts'
import type { SherpaHearReply, SherpaHearRequest } from './sherpa-messages.ts'
import type { SherpaHearing } from './sherpa-models.ts'
import type { SherpaStart } from './sherpa-process.ts'

const LINE_RATE_HZ = 8_000
const MODEL_RATE_HZ = 16_000
/** Models look ahead: so much quiet lets them write the last word, and none is given less than it can hear at all. */
const TAIL_SAMPLES = MODEL_RATE_HZ / 2

const reply = (message: SherpaHearReply | SherpaStart) => process.send?.(message)

/** The engine for a language; a model that has to be told is loaded again when another is spoken. */
async function engines({ config, family, threads }: SherpaHearing): Promise<(language: string) => OfflineEngine> {
  const sherpa = await loadSherpa()
  let told = ''
  let engine: OfflineEngine | null = null
  return language => {
    const modelConfig = { ...hearingIn(config, family, language), numThreads: threads, provider: 'cpu', debug: 0 }
    const wanted = JSON.stringify(modelConfig)
    if (engine === null || wanted !== told) {
      engine = new sherpa.OfflineRecognizer({
        featConfig: { sampleRate: MODEL_RATE_HZ, featureDim: 80 },
        modelConfig,
        decodingMethod: 'greedy_search'
      })
      told = wanted
    }
    return engine
  }
}

function hear(engine: OfflineEngine, samples: Int16Array) {
  const raised = resample(samples, LINE_RATE_HZ, MODEL_RATE_HZ)
  const wave = new Float32Array(raised.length + TAIL_SAMPLES)
  for (const [at, sample] of raised.entries()) wave[at] = sample / 32_768
  const stream = engine.createStream()
  stream.acceptWaveform({ samples: wave, sampleRate: MODEL_RATE_HZ })
  engine.decode(stream)
  return engine.getResult(stream)
}

try {
  const model = JSON.parse(process.argv[2] ?? '{}') as SherpaHearing
  const engineFor = await engines(model)
  engineFor(model.languages[0] ?? '')
  // A recording can wait; calls that run cannot.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  process.on('message', ({ id, language, pcm }: SherpaHearRequest) => {
    try {
      reply({ kind: 'heard', id, result: hear(engineFor(language), samplesOf(pcm)) })
    } catch (err) {
      reply({ kind: 'failed', id, reason: err instanceof Error ? err.message : String(err) })
    }
  })
  process.on('disconnect', () => process.exit(0))
  reply({ kind: 'ready' })
} catch (err) {
  reply({ kind: 'missing', reason: err instanceof Error ? err.message : String(err) })
  process.disconnect?.()
}
