import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Recognition, type RecognitionRequest, type Recognizer, SpeechError } from '../recognizer.ts'
import type { SphinxAsked, SphinxReply, SphinxRequest } from './pocketsphinx-messages.ts'

const START_LIMIT_MS = 20_000
const RECOGNIZE_LIMIT_MS = 10_000
/** Ten minutes; a menu's answer has seconds. */
const MAX_SAMPLES = 8_000 * 600

/** One question, asked or behind others. `limit` ends a process that answers nobody. */
type Waiting = Readonly<{
  by: ChildProcess
  limit: NodeJS.Timeout
  resolve: (reply: SphinxReply) => void
  reject: (err: SpeechError) => void
}>

/**
 * PocketSphinx with the English model of the system: for menus of phrases, nothing more. It runs on this machine, so no
 * audio leaves it. Null when the model or the way to call the library are not installed; the process starts with the first
 * question. `answerLimitMs`: for so long, in milliseconds, it may answer nobody while somebody waits.
 */
export function createPocketsphinx(
  modelFolder: string,
  log: Logger,
  answerLimitMs = RECOGNIZE_LIMIT_MS
): Recognizer | null {
  if (!existsSync(join(modelFolder, 'en-us')) || !isInstalled('koffi')) return null
  const program = new SphinxProgram(modelFolder, log, answerLimitMs)
  return {
    name: 'pocketsphinx',
    languages: ['en'],
    isOpen: false,
    host: null,
    region: null,
    centsPerMinute: 0,
    async prepare(request, signal) {
      await program.ask({ kind: 'prepare', asked: askedOf(request) }, signal)
    },
    open(request) {
      const parts: Int16Array[] = []
      let length = 0
      return {
        write(samples) {
          if (length + samples.length > MAX_SAMPLES) return
          parts.push(samples)
          length += samples.length
        },
        async finish(): Promise<Recognition | null> {
          const samples = new Int16Array(length)
          let at = 0
          for (const part of parts.splice(0)) {
            samples.set(part, at)
            at += part.length
          }
          const pcm = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
          const answer = await program.ask({ kind: 'recognize', asked: askedOf(request), pcm })
          if (answer.kind !== 'recognized' || answer.text === '') return null
          const { text, confidence } = answer
          return { text: request.phrases?.find(one => spell(one) === text) ?? text, confidence }
        },
        [Symbol.dispose]() {
          parts.length = 0
        }
      }
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]()
  }
}

function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return false
    throw err
  }
}

/** As the dictionary writes words: lower case, apostrophes kept. */
function spell(phrase: string): string {
  return phrase
    .toLowerCase()
    .replace(/[^a-z']+/g, ' ')
    .trim()
}

function askedOf({ phrases, grammar }: RecognitionRequest): SphinxAsked {
  if (phrases === null && grammar !== undefined) return grammar
  if (phrases === null)
    throw new SpeechError('SPEECH_FAILED', 'PocketSphinx understands only phrases and grammars that it is given')
  return [...new Set(phrases.map(spell).filter(Boolean))]
}

type Question = SphinxRequest extends infer R ? (R extends SphinxRequest ? Omit<R, 'id'> : never) : never

/** The process and its questions; it is started again after a crash. */
class SphinxProgram implements AsyncDisposable {
  readonly #modelFolder: string
  readonly #log: Logger
  readonly #answerLimitMs: number
  readonly #waiting = new Map<number, Waiting>()
  #child: ChildProcess | undefined
  #starting: Promise<boolean> | undefined
  #nextId = 1
  #isClosed = false

  constructor(modelFolder: string, log: Logger, answerLimitMs: number) {
    this.#modelFolder = modelFolder
    this.#log = log
    this.#answerLimitMs = answerLimitMs
  }

  /** Resolves with whether the recogniser is there; rejects never. */
  start(): Promise<boolean> {
    this.#starting ??= new Promise<boolean>(resolve => {
      const child = fork(new URL('./pocketsphinx-program.ts', import.meta.url), [this.#modelFolder], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc']
      })
      const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
      const settle = (isThere: boolean) => {
        clearTimeout(limit)
        resolve(isThere)
      }
      child.on('message', (reply: SphinxReply) => {
        // It answers one question after the other: while it does, whoever waits has no reason to end it.
        for (const { by, limit } of this.#waiting.values()) if (by === child) limit.refresh()
        switch (reply.kind) {
          case 'ready':
            this.#child = child
            child.unref()
            child.channel?.unref()
            settle(true)
            break
          case 'missing':
            this.#log.warn({ reason: reply.reason }, 'the local speech recogniser does not start')
            settle(false)
            break
          case 'prepared':
          case 'recognized':
            this.#settle(reply.id)?.resolve(reply)
            break
          case 'failed':
            this.#settle(reply.id)?.reject(new SpeechError(reply.code, reply.reason))
            break
          default:
            reply satisfies never
        }
      })
      const ended = (how: Readonly<{ code: number | null } | { err: Error }>) => {
        const wasReady = this.#child === child
        if ((wasReady || 'err' in how) && !this.#isClosed) this.#log.warn(how, 'the speech recogniser ended')
        this.#child = undefined
        this.#starting = undefined
        settle(false)
        for (const id of [...this.#waiting.keys()])
          this.#settle(id)?.reject(new SpeechError('SPEECH_FAILED', 'the speech recogniser ended'))
      }
      child.on('exit', code => ended({ code }))
      // One that cannot be started has no exit; without a listener that would end this program.
      child.on('error', err => ended({ err }))
    })
    return this.#starting
  }

  async ask(question: Question, signal?: AbortSignal): Promise<SphinxReply> {
    signal?.throwIfAborted()
    if (this.#child === undefined && !(await this.start()))
      throw new SpeechError('SPEECH_MISSING', 'the local speech recogniser does not start')
    signal?.throwIfAborted()
    const child = this.#child
    if (child === undefined) throw new SpeechError('SPEECH_FAILED', 'the speech recogniser has just ended')
    const id = this.#nextId++
    return await new Promise<SphinxReply>((resolve, reject) => {
      const onAbort = () => {
        this.#settle(id)
        reject(signal?.reason)
      }
      const limit = setTimeout(() => {
        this.#log.error('the speech recogniser does not answer and is started again')
        child.kill('SIGKILL')
        this.#settle(id)?.reject(new SpeechError('SPEECH_TIMEOUT', `no answer within ${this.#answerLimitMs} ms`))
      }, this.#answerLimitMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      const done = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal?.removeEventListener('abort', onAbort)
          settle(value)
        }
      }
      this.#waiting.set(id, { by: child, limit, resolve: done(resolve), reject: done(reject) })
      // Whoever waits for an answer hears how the process ends, too.
      child.ref()
      child.channel?.ref()
      // One that is just ending cannot be told any more; its end is told to everybody who waits.
      child.send({ ...question, id } as SphinxRequest, () => {})
    })
  }

  #settle(id: number): Waiting | undefined {
    const one = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(one?.limit)
    if (this.#waiting.size === 0) {
      this.#child?.unref()
      this.#child?.channel?.unref()
    }
    return one
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const child = this.#child
    if (child === undefined) return
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.disconnect()
    const limit = setTimeout(() => child.kill('SIGKILL'), 2_000)
    await exited
    clearTimeout(limit)
  }
}
