/**
 * eSpeak NG in a process of its own: it is under the GPL, it is synchronous, and it must not stop the server's clock.
 * Reads one request for each message of the parent, answers with 16-bit PCM.
 */
import { resample } from '../audio/resample.ts'
import { LINE_RATE_HZ, type SpeakReply, type SpeakRequest } from './espeak-messages.ts'
import { voiceFor } from './voices.ts'

type Worker = {
  get_samplerate(): number
  set_voice(name: string): number
  synthesize(text: string, onAudio: (audio: Int16Array | null) => boolean): void
}

const reply = (message: SpeakReply) => process.send?.(message)

// The package is optional and ships no types.
const packageName: string = '@echogarden/espeak-ng-emscripten'
const { default: create } = (await import(packageName)) as {
  default: () => Promise<{ eSpeakNGWorker: new () => Worker }>
}
const engine = new (await create()).eSpeakNGWorker()
const rateHz = engine.get_samplerate()

process.on('message', ({ id, text, language }: SpeakRequest) => {
  const voice = voiceFor(language)
  // set_voice keeps the voice before when it does not know the new one: its result has to be read.
  if (voice === null || engine.set_voice(voice) !== 0) {
    reply({ kind: 'failed', id, code: 'LANGUAGE_UNKNOWN', reason: `eSpeak NG has no voice for ${language}` })
    return
  }
  const chunks: Int16Array[] = []
  engine.synthesize(escapeMarkup(text), audio => {
    if (audio !== null && audio.length > 0) chunks.push(audio)
    return false
  })
  const samples = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    samples.set(chunk, offset)
    offset += chunk.length
  }
  const pcm = resample(samples, rateHz, LINE_RATE_HZ)
  reply({ kind: 'spoken', id, pcm: Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength) })
})

process.on('disconnect', () => process.exit(0))
reply({ kind: 'ready' })

/** eSpeak NG always reads markup; a caller's text must never be taken for it. */
function escapeMarkup(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
