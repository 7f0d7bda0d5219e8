/**
 * A voice of sherpa-onnx in a process of its own: a fault in a native library must not end calls. Its argument is the voice,
 * a SherpaVoice as JSON. Sound leaves it sentence by sentence, as the library makes it.
 */
import { pcmOf } from '../../audio/pcm.ts'
import { StreamResampler } from '../../audio/resample.ts'
import { loadSherpa, type TtsEngine } from './sherpa-library.ts'
import type { SherpaSpeakReply, SherpaSpeakRequest } from './sherpa-messages.ts'
import type { SherpaVoice } from './sherpa-models.ts'
import type { SherpaStart } from './sherpa-process.ts'

const LINE_RATE_HZ = 8_000

const reply = (message: SherpaSpeakReply | SherpaStart) => process.send?.(message)

async function load({ config, threads, speaker }: SherpaVoice): Promise<TtsEngine> {
  const sherpa = await loadSherpa()
  const model = { ...(config['model'] as object), numThreads: threads, provider: 'cpu', debug: 0 }
  const engine = new sherpa.OfflineTts({ ...config, model, maxNumSentences: 1 })
  // Of a speaker that it does not have the library makes the first, and says so to nobody.
  const last = Math.max(0, engine.numSpeakers - 1)
  const highest = typeof speaker === 'number' ? speaker : Math.max(0, ...Object.values(speaker))
  if (highest > last) throw new Error(`its speakers are 0 to ${last}, not ${highest}`)
  return engine
}

/** Whom nobody listens to any more. */
const stopped = new Set<number>()

async function speak(engine: TtsEngine, voice: SherpaVoice, id: number, text: string, language: string): Promise<void> {
  const resampler = new StreamResampler(engine.sampleRate, LINE_RATE_HZ)
  // What the filter adds before the first sound is no part of the speech.
  let skip = Math.round((resampler.delaySamples * LINE_RATE_HZ) / engine.sampleRate)
  const tell = (made: Int16Array) => {
    const samples = resampler.process(made)
    const piece = samples.subarray(Math.min(skip, samples.length))
    skip -= samples.length - piece.length
    if (piece.length > 0) reply({ kind: 'piece', id, pcm: Buffer.from(pcmOf(piece)) })
  }
  const { speaker, speed } = voice
  try {
    await engine.generateAsync({
      text,
      sid: typeof speaker === 'number' ? speaker : (speaker[language] ?? 0),
      speed,
      enableExternalBuffer: false,
      onProgress({ samples }) {
        if (stopped.has(id)) return false
        tell(Int16Array.from(samples, one => Math.max(-1, Math.min(1, one)) * 32_767))
        return true
      }
    })
    if (!stopped.has(id)) tell(new Int16Array(resampler.delaySamples))
    reply({ kind: 'spoken', id })
  } catch (err) {
    reply({ kind: 'failed', id, reason: err instanceof Error ? err.message : String(err) })
  } finally {
    stopped.delete(id)
  }
}

try {
  const voice = JSON.parse(process.argv[2] ?? '{}') as SherpaVoice
  const engine = await load(voice)
  process.on('message', (request: SherpaSpeakRequest) => {
    if (request.kind === 'stop') stopped.add(request.id)
    else void speak(engine, voice, request.id, request.text, request.language)
  })
  process.on('disconnect', () => process.exit(0))
  reply({ kind: 'ready' })
} catch (err) {
  reply({ kind: 'missing', reason: err instanceof Error ? err.message : String(err) })
  process.disconnect?.()
}
