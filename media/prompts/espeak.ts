import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import type { SpeakReply, SpeakRequest } from './espeak-messages.ts'
import { PromptError, type Synthesizer } from './synthesizer.ts'

const START_LIMIT_MS = 15_000
const SPEAK_LIMIT_MS = 10_000

type Waiting = { resolve: (pcm: Int16Array) => void; reject: (err: PromptError) => void }

/**
 * eSpeak NG as a child process, started at the first prompt and again after a crash.
 * Without the optional package every call rejects with SYNTHESIS_MISSING.
 */
export function createEspeak(log: Logger): Synthesizer {
  let child: ChildProcess | undefined
  let starting: Promise<ChildProcess> | undefined
  let nextId = 1
  const waiting = new Map<number, Waiting>()
  const version = installedVersion()

  const failAll = (err: PromptError) => {
    for (const [id, one] of waiting) {
      waiting.delete(id)
      one.reject(err)
    }
  }

  const start = (): Promise<ChildProcess> => {
    starting ??= new Promise<ChildProcess>((resolve, reject) => {
      const started = fork(new URL('./espeak-program.ts', import.meta.url), {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc']
      })
      const limit = setTimeout(() => started.kill('SIGKILL'), START_LIMIT_MS)
      started.on('message', (reply: SpeakReply) => {
        switch (reply.kind) {
          case 'ready':
            clearTimeout(limit)
            child = started
            // A server that stops must not be held up by an idle synthesiser; a waiting request holds it (below).
            started.unref()
            started.channel?.unref()
            resolve(started)
            break
          case 'spoken': {
            const { buffer, byteOffset, byteLength } = Buffer.from(reply.pcm)
            settle(reply.id)?.resolve(new Int16Array(buffer.slice(byteOffset, byteOffset + byteLength)))
            break
          }
          case 'failed':
            settle(reply.id)?.reject(new PromptError(reply.code, reply.reason))
            break
          default:
            reply satisfies never
        }
      })
      started.on('exit', code => {
        clearTimeout(limit)
        child = undefined
        starting = undefined
        const err = new PromptError('SYNTHESIS_FAILED', `eSpeak NG ended with code ${code}`)
        reject(err)
        failAll(err)
      })
    })
    return starting
  }

  const settle = (id: number): Waiting | undefined => {
    const one = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) child?.channel?.unref()
    return one
  }

  return {
    id: `espeak-ng@${version ?? 'none'}`,
    async synthesize(text, language, signal) {
      if (version === undefined) throw new PromptError('SYNTHESIS_MISSING', 'no speech synthesis is installed')
      const running = child ?? (await start())
      const id = nextId++
      const pcm = await new Promise<Int16Array>((resolve, reject) => {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(SPEAK_LIMIT_MS)])
        const onAbort = () => {
          waiting.delete(id)
          if (signal.aborted) reject(signal.reason)
          else {
            log.error('eSpeak NG does not answer and is started again')
            running.kill('SIGKILL')
            reject(new PromptError('SYNTHESIS_TIMEOUT', `no speech within ${SPEAK_LIMIT_MS} ms`))
          }
        }
        limit.addEventListener('abort', onAbort, { once: true })
        waiting.set(id, {
          resolve(result) {
            limit.removeEventListener('abort', onAbort)
            resolve(result)
          },
          reject(err) {
            limit.removeEventListener('abort', onAbort)
            reject(err)
          }
        })
        running.channel?.ref()
        running.send({ id, text, language } satisfies SpeakRequest)
      })
      if (!pcm.some(sample => Math.abs(sample) > 64))
        throw new PromptError('SYNTHESIS_EMPTY', 'the synthesiser returned silence')
      return pcm
    },
    async [Symbol.asyncDispose]() {
      const running = child
      if (running === undefined) return
      const exited = new Promise<void>(resolve => running.once('exit', () => resolve()))
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
