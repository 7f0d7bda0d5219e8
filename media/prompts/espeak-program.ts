/**
 * eSpeak NG in a process of its own: it is under the GPL, it is synchronous, and it must not stop the server's clock.
 * Reads one request for each message of the parent, answers with 16-bit PCM as it is made.
 * The text is always read as markup: whoever asks has escaped it.
 */
import { pcmOf } from '../audio/pcm.ts'
import { StreamResampler } from '../audio/resample.ts'
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

process.on('message', ({ id, text, language, voice: named }: SpeakRequest) => {
  const voice = named ?? voiceFor(language)
  // set_voice keeps the voice before when it does not know the new one: its result has to be read.
  if (voice === null || engine.set_voice(voice) !== 0) {
    reply({
      kind: 'failed',
      id,
      code: 'LANGUAGE_UNKNOWN',
      reason: `eSpeak NG has no voice ${named ?? `for ${language}`}`
    })
    return
  }
  const resampler = new StreamResampler(rateHz, LINE_RATE_HZ)
  // What the filter adds before the first sound would be heard as a click late in the word.
  let skip = Math.round((resampler.delaySamples * LINE_RATE_HZ) / rateHz)
  const tell = (audio: Int16Array) => {
    const samples = resampler.process(audio)
    const piece = samples.subarray(Math.min(skip, samples.length))
    skip -= samples.length - piece.length
    if (piece.length > 0) reply({ kind: 'piece', id, pcm: Buffer.from(pcmOf(piece)) })
  }
  engine.synthesize(text, audio => {
    if (audio !== null && audio.length > 0) tell(audio)
    return false
  })
  tell(new Int16Array(resampler.delaySamples))
  reply({ kind: 'spoken', id })
})

process.on('disconnect', () => process.exit(0))
reply({ kind: 'ready' })
