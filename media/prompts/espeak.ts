import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import { samplesOf } from '../audio/pcm.ts'
import { PieceQueue } from '../speech/piece-queue.ts'
import type { SpeakReply, SpeakRequest } from './espeak-messages.ts'
import { gatherSpeech } from './gather-speech.ts'
import { escapeMarkup, plainOf, type SpokenText } from './spoken-text.ts'
import { PromptError, type Synthesizer } from './synthesizer.ts'
import { ESPEAK_LANGUAGES } from './voices.ts'

const START_LIMIT_MS = 15_000
const SPEAK_LIMIT_MS = 10_000

/** One text that is being spoken or waits for those before it. `limit` ends a process that answers nobody. */
type Speaking = Readonly<{ by: ChildProcess; pieces: PieceQueue<Int16Array>; limit: NodeJS.Timeout }>

/** Also speaks by a voice of its own: an accent or a variant, such as `en-gb-scotland` or `en-us+f3`. */
export type Espeak = Synthesizer &
  Readonly<{ speakAs(text: SpokenText, voice: string, signal: AbortSignal): Promise<Int16Array> }>

/**
 * eSpeak NG as a child process, started at the first prompt and again after a crash.
 * Without the optional package every call rejects with SYNTHESIS_MISSING.
 * `answerLimitMs`: for so long, in milliseconds, it may say nothing to anybody while somebody waits.
 */
export function createEspeak(log: Logger, answerLimitMs = SPEAK_LIMIT_MS): Espeak {
  let child: ChildProcess | undefined
  let starting: Promise<ChildProcess> | undefined
  /** Ready or not. */
  let latest: ChildProcess | undefined
  let nextId = 1
  const speaking = new Map<number, Speaking>()
  const version = installedVersion()

  const end = (id: number, err?: unknown) => {
    const one = speaking.get(id)
    speaking.delete(id)
    if (speaking.size === 0) child?.channel?.unref()
    if (one === undefined) return
    clearTimeout(one.limit)
    if (err === undefined) one.pieces.end()
    else one.pieces.fail(err)
  }

  /** The next one who asks starts another. */
  const forget = () => {
    child = undefined
    starting = undefined
  }

  const start = (): Promise<ChildProcess> => {
    starting ??= new Promise<ChildProcess>((resolve, reject) => {
      const started = fork(new URL('./espeak-program.ts', import.meta.url), {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc']
      })
      latest = started
      const limit = setTimeout(() => started.kill('SIGKILL'), START_LIMIT_MS)
      started.on('message', (reply: SpeakReply) => {
        // It speaks one text after the other: while it does, whoever waits has no reason to end it.
        for (const { by, limit } of speaking.values()) if (by === started) limit.refresh()
        switch (reply.kind) {
          case 'ready':
            clearTimeout(limit)
            child = started
            // A server that stops must not be held up by an idle synthesiser; a waiting request holds it (below).
            started.unref()
            started.channel?.unref()
            resolve(started)
            break
          case 'piece':
            speaking.get(reply.id)?.pieces.push(samplesOf(reply.pcm))
            break
          case 'spoken':
            end(reply.id)
            break
          case 'failed':
            end(reply.id, new PromptError(reply.code, reply.reason))
            break
          default:
            reply satisfies never
        }
      })
      const ended = (err: PromptError) => {
        clearTimeout(limit)
        if (latest === started) forget()
        reject(err)
        for (const [id, { by }] of [...speaking]) if (by === started) end(id, err)
      }
      started.on('exit', code => ended(new PromptError('SYNTHESIS_FAILED', `eSpeak NG ended with code ${code}`)))
      // One that cannot be started has no exit; without a listener that would end this program.
      started.on('error', cause => ended(new PromptError('SYNTHESIS_FAILED', 'eSpeak NG cannot be started', { cause })))
    })
    return starting
  }

  async function* speak(
    text: SpokenText,
    language: string,
    voice: string | null,
    signal: AbortSignal
  ): AsyncGenerator<Int16Array> {
    if (version === undefined) throw new PromptError('SYNTHESIS_MISSING', 'no speech synthesis is installed')
    const running = child ?? (await start())
    signal.throwIfAborted()
    const id = nextId++
    const onAbort = () => end(id, signal.reason)
    const limit = setTimeout(() => {
      log.error('eSpeak NG does not answer and is started again')
      running.kill('SIGKILL')
      if (child === running) forget()
      end(id, new PromptError('SYNTHESIS_TIMEOUT', `no speech within ${answerLimitMs} ms`))
    }, answerLimitMs)
    const pieces = new PieceQueue<Int16Array>()
    signal.addEventListener('abort', onAbort, { once: true })
    speaking.set(id, { by: running, pieces, limit })
    running.channel?.ref()
    try {
      const request: SpeakRequest = {
        id,
        text: escapeMarkup(plainOf(text)),
        language,
        ...(voice !== null && { voice })
      }
      // A process that is just ending cannot be told any more; without a listener that would end this program.
      running.send(request, err => {
        if (err === null) return
        if (child === running) forget()
        end(id, new PromptError('SYNTHESIS_FAILED', 'eSpeak NG has ended', { cause: err }))
      })
      yield* pieces
    } finally {
      signal.removeEventListener('abort', onAbort)
      end(id)
    }
  }

  return {
    name: 'espeak-ng',
    id: `espeak-ng@${version ?? 'none'}`,
    languages: ESPEAK_LANGUAGES,
    host: null,
    region: null,
    centsPerMinute: 0,
    stream: (text, language, signal) => speak(text, language, null, signal),
    async synthesize(text, language, signal) {
      return await gatherSpeech(speak(text, language, null, signal))
    },
    async speakAs(text, voice, signal) {
      return await gatherSpeech(speak(text, '', voice, signal))
    },
    async [Symbol.asyncDispose]() {
      const running = child
      if (running === undefined) return
      const exited = new Promise<void>(resolve => running.once('exit', () => resolve()))
      // Its end is waited for, also when it has to be ended.
      running.ref()
      running.disconnect()
      const limit = setTimeout(() => running.kill('SIGKILL'), 2_000)
      await exited
      clearTimeout(limit)
    }
  }
}

function installedVersion(): string | undefined {
  try {
    const require = createRequire(import.meta.url)
    return (require('@echogarden/espeak-ng-emscripten/package.json') as { version: string }).version
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw err
  }
}
