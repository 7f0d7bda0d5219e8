import type { Logger } from 'pino'
import { samplesOf } from '../../audio/pcm.ts'
import { gatherSpeech } from '../../prompts/gather-speech.ts'
import { plainOf } from '../../prompts/spoken-text.ts'
import { PromptError, type Synthesizer } from '../../prompts/synthesizer.ts'
import { PieceQueue } from '../piece-queue.ts'
import type { SpeechError } from '../recognizer.ts'
import { primaryOf } from '../speech-provider.ts'
import { sherpaVersion } from './sherpa-library.ts'
import type { SherpaSpeakReply, SherpaSpeakRequest } from './sherpa-messages.ts'
import type { SherpaVoice } from './sherpa-models.ts'
import { SherpaProcess } from './sherpa-process.ts'

/**
 * No sentence takes so long. What the library fails at in the middle of a text it never tells, and goes on with others: the
 * process is ended only when it has been silent to everybody.
 */
const SENTENCE_LIMIT_MS = 30_000

/** One text that is being spoken, also one that nobody listens to any more, until the process is done with it. */
type Speaking = Readonly<{ pieces: PieceQueue<Int16Array>; limit: NodeJS.Timeout }>

/**
 * A voice of sherpa-onnx on this machine, streamed sentence by sentence. Its process starts with the first text, and again
 * after it has ended. It knows no phonetic alphabet.
 */
export function createSherpaSynthesizer(
  voice: SherpaVoice,
  log: Logger,
  sentenceLimitMs = SENTENCE_LIMIT_MS
): Synthesizer {
  const speaking = new Map<number, Speaking>()
  let nextId = 1
  let heardAtMs = 0
  const end = (id: number, err?: PromptError) => {
    const one = speaking.get(id)
    if (one === undefined) return
    speaking.delete(id)
    clearTimeout(one.limit)
    if (speaking.size === 0) program.letGo()
    if (err === undefined) one.pieces.end()
    else one.pieces.fail(err)
  }
  const program = new SherpaProcess<SherpaSpeakRequest, SherpaSpeakReply>({
    program: new URL('./sherpa-voice-program.ts', import.meta.url),
    model: voice,
    onReply(reply) {
      heardAtMs = performance.now()
      switch (reply.kind) {
        case 'piece': {
          const one = speaking.get(reply.id)
          one?.limit.refresh()
          one?.pieces.push(samplesOf(reply.pcm))
          break
        }
        case 'spoken':
          end(reply.id)
          break
        case 'failed':
          end(reply.id, new PromptError('SYNTHESIS_FAILED', `${voice.name}: ${reply.reason}`))
          break
        default:
          reply satisfies never
      }
    },
    onEnd(err) {
      if (speaking.size > 0) log.warn({ err }, 'a voice ended')
      for (const id of [...speaking.keys()]) end(id, new PromptError('SYNTHESIS_FAILED', err.message, { cause: err }))
    }
  })
  return {
    name: voice.name,
    id: `${voice.name}@${sherpaVersion() ?? 'none'}-${JSON.stringify(voice.speaker)}-${voice.speed}`,
    languages: voice.languages,
    ...(voice.locale !== null && { locale: voice.locale }),
    host: null,
    region: null,
    centsPerMinute: 0,
    async *stream(text, language, signal) {
      if (!voice.languages.includes(primaryOf(language)))
        throw new PromptError('LANGUAGE_UNKNOWN', `${voice.name} does not speak ${language}`)
      signal.throwIfAborted()
      await program.start().catch((err: SpeechError) => {
        throw new PromptError('SYNTHESIS_MISSING', err.message, { cause: err })
      })
      signal.throwIfAborted()
      const id = nextId++
      const pieces = new PieceQueue<Int16Array>()
      const limit = setTimeout(() => {
        end(id, new PromptError('SYNTHESIS_TIMEOUT', `${voice.name} made no sentence within ${sentenceLimitMs} ms`))
        if (performance.now() - heardAtMs < sentenceLimitMs) return
        log.error({ voice: voice.name }, 'a voice does not answer and is started again')
        program.kill()
      }, sentenceLimitMs)
      speaking.set(id, { pieces, limit })
      program.hold()
      const onAbort = () => pieces.fail(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        program.send({ kind: 'speak', id, text: plainOf(text), language: primaryOf(language) })
        yield* pieces
      } finally {
        signal.removeEventListener('abort', onAbort)
        if (speaking.has(id)) program.send({ kind: 'stop', id })
      }
    },
    async synthesize(text, language, signal) {
      return await gatherSpeech(this.stream(text, language, signal))
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]()
  }
}
