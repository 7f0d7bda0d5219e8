/**
 * sherpa-onnx in a process of its own: its calls are synchronous, and a fault in a native library must not end calls.
 * Its argument is the model, a SherpaModel as JSON.
 */
import { samplesOf } from '../../audio/pcm.ts'
import { loadSherpa, type OnlineEngine, type OnlineStream } from './sherpa-library.ts'
import type { SherpaReply, SherpaRequest } from './sherpa-messages.ts'
import type { SherpaModel } from './sherpa-models.ts'
import type { SherpaStart } from './sherpa-process.ts'

const LINE_RATE_HZ = 8_000
/** The model looks ahead: so much quiet lets it write the last word. */
const TAIL_SAMPLES = 4_000

const reply = (message: SherpaReply | SherpaStart) => process.send?.(message)

async function load(model: SherpaModel): Promise<OnlineEngine> {
  const sherpa = await loadSherpa()
  const { encoder, decoder, joiner, tokens } = model
  return new sherpa.OnlineRecognizer({
    featConfig: { sampleRate: 16_000, featureDim: 80 },
    modelConfig: { transducer: { encoder, decoder, joiner }, tokens, numThreads: 1, provider: 'cpu', debug: 0 },
    decodingMethod: 'greedy_search',
    enableEndpoint: false
  })
}

const streams = new Map<number, { stream: OnlineStream; told: string }>()

function hear(engine: OnlineEngine, stream: OnlineStream, samples: Int16Array): string {
  stream.acceptWaveform({ samples: Float32Array.from(samples, one => one / 32_768), sampleRate: LINE_RATE_HZ })
  while (engine.isReady(stream)) engine.decode(stream)
  return engine.getResult(stream).text.trim()
}

function serve(engine: OnlineEngine, request: SherpaRequest): void {
  const { id } = request
  const open = streams.get(id)
  switch (request.kind) {
    case 'open':
      streams.set(id, { stream: engine.createStream(), told: '' })
      break
    case 'audio': {
      if (open === undefined) return
      const text = hear(engine, open.stream, samplesOf(request.pcm))
      if (text !== open.told && text !== '') reply({ kind: 'partial', id, text })
      open.told = text
      break
    }
    case 'finish': {
      if (open === undefined) return
      streams.delete(id)
      hear(engine, open.stream, new Int16Array(TAIL_SAMPLES))
      open.stream.inputFinished()
      const text = hear(engine, open.stream, new Int16Array(0))
      const { ys_probs: logs = [] } = engine.getResult(open.stream)
      const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length
      reply({ kind: 'finished', id, text, confidence: logs.length === 0 ? null : Math.min(1, Math.exp(mean)) })
      break
    }
    case 'close':
      streams.delete(id)
      break
    default:
      request satisfies never
  }
}

try {
  const engine = await load(JSON.parse(process.argv[2] ?? '{}') as SherpaModel)
  process.on('message', (request: SherpaRequest) => serve(engine, request))
  process.on('disconnect', () => process.exit(0))
  reply({ kind: 'ready' })
} catch (err) {
  reply({ kind: 'missing', reason: err instanceof Error ? err.message : String(err) })
  process.disconnect?.()
}
