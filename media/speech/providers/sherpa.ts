import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { pcmOf } from '../../audio/pcm.ts'
import { type Recognition, type RecognitionStream, type Recognizer, SpeechError } from '../recognizer.ts'
import { within } from '../within.ts'
import type { SherpaReply, SherpaRequest } from './sherpa-messages.ts'
import type { SherpaModel } from './sherpa-models.ts'

/** Large models take their time to load. */
const START_LIMIT_MS = 60_000
const ANSWER_MS = 10_000
const UNTOLD_CONFIDENCE = 0.6
/** 100 ms: fewer messages, and the model decodes in larger steps anyway. */
const PIECE_SAMPLES = 800
/** The library says on its error output what is wrong with a model; the end of it is enough. */
const MAX_COMPLAINT = 400

/** A streaming model of sherpa-onnx: open speech on this machine. Its process starts with the first question. */
export function createSherpa(model: SherpaModel, log: Logger): Recognizer {
  const program = new SherpaProgram(model, log)
  return {
    name: model.name,
    languages: model.languages,
    isOpen: true,
    host: null,
    region: null,
    centsPerMinute: 0,
    async prepare(_request, signal) {
      signal.throwIfAborted()
      await program.start()
      signal.throwIfAborted()
    },
    open: (_request, onPartial) => program.open(onPartial ?? (() => {})),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]()
  }
}

type Listening = Readonly<{
  onPartial(text: string): void
  answer: PromiseWithResolvers<Recognition | null>
  tellFailure(err: SpeechError): void
}>

class SherpaProgram implements AsyncDisposable {
  readonly #model: SherpaModel
  readonly #log: Logger
  readonly #listening = new Map<number, Listening>()
  #child: ChildProcess | undefined
  #starting: Promise<ChildProcess> | undefined
  #nextId = 1

  constructor(model: SherpaModel, log: Logger) {
    this.#model = model
    this.#log = log
  }

  /** Rejects with SPEECH_MISSING when the library or the model does not work; the next call tries again. */
  start(): Promise<ChildProcess> {
    this.#starting ??= new Promise<ChildProcess>((resolve, reject) => {
      const child = fork(new URL('./sherpa-program.ts', import.meta.url), [JSON.stringify(this.#model)], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc']
      })
      let reason: string | undefined
      let complaint = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        complaint = (complaint + text).slice(-MAX_COMPLAINT)
      })
      const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
      child.on('message', (reply: SherpaReply) => {
        if (reply.kind === 'missing') reason = reply.reason
        else if (reply.kind === 'ready') {
          clearTimeout(limit)
          this.#child = child
          this.#letGo(child)
          resolve(child)
        } else this.#take(reply)
      })
      // When its last words have been read.
      child.on('close', (code, signal) => {
        clearTimeout(limit)
        const { name } = this.#model
        const ended = code === null ? `ended by ${signal}` : `ended with code ${code}`
        const said = complaint.replace(/\s+/g, ' ').trim()
        const how = said === '' ? ended : `${ended}: ${said}`
        const err =
          this.#child === child
            ? new SpeechError('SPEECH_FAILED', `${name} ${how}`)
            : new SpeechError('SPEECH_MISSING', `${name} does not work: ${reason ?? how}`)
        this.#child = undefined
        this.#starting = undefined
        reject(err)
        if (this.#listening.size > 0) this.#log.warn({ err }, 'a speech recogniser ended')
        for (const id of [...this.#listening.keys()]) this.#fail(id, err)
      })
    })
    return this.#starting
  }

  open(onPartial: (text: string) => void): RecognitionStream {
    const id = this.#nextId++
    const answer = Promise.withResolvers<Recognition | null>()
    // Whoever disposes does not ask how it ended.
    answer.promise.catch(() => {})
    const failure = Promise.withResolvers<SpeechError>()
    this.#listening.set(id, { onPartial, answer, tellFailure: failure.resolve })
    const started = this.start()
    // In the order in which they come, after the start.
    const send = (request: SherpaRequest) =>
      started.then(
        child => {
          if (!this.#listening.has(id)) return
          this.#hold(child)
          child.send(request)
        },
        err => this.#fail(id, err)
      )
    let piece: Int16Array[] = []
    let length = 0
    const flush = () => {
      if (length === 0) return
      void send({ kind: 'audio', id, pcm: Buffer.concat(piece.map(pcmOf)) })
      piece = []
      length = 0
    }
    void send({ kind: 'open', id })
    const close = () => {
      if (!this.#listening.has(id)) return
      this.#child?.send({ kind: 'close', id } satisfies SherpaRequest)
      this.#end(id)
    }
    return {
      failure: failure.promise,
      write(samples) {
        piece.push(samples)
        length += samples.length
        if (length >= PIECE_SAMPLES) flush()
      },
      async finish() {
        flush()
        void send({ kind: 'finish', id })
        try {
          return await within(answer.promise, ANSWER_MS, 'sherpa-onnx')
        } finally {
          close()
        }
      },
      [Symbol.dispose]: close
    }
  }

  #take(reply: Extract<SherpaReply, { id: number }>): void {
    const one = this.#listening.get(reply.id)
    if (one === undefined) return
    if (reply.kind === 'partial') {
      one.onPartial(reply.text)
      return
    }
    this.#end(reply.id)
    const { text, confidence } = reply
    one.answer.resolve(text === '' ? null : { text, confidence: confidence ?? UNTOLD_CONFIDENCE })
  }

  #fail(id: number, err: SpeechError): void {
    const one = this.#listening.get(id)
    this.#end(id)
    one?.answer.reject(err)
    one?.tellFailure(err)
  }

  #end(id: number): void {
    this.#listening.delete(id)
    if (this.#listening.size === 0 && this.#child !== undefined) this.#letGo(this.#child)
  }

  /** Whoever waits for an answer hears how the process ends, too; otherwise it keeps nobody from ending. */
  #hold(child: ChildProcess): void {
    for (const one of handlesOf(child)) one.ref()
  }

  #letGo(child: ChildProcess): void {
    for (const one of handlesOf(child)) one.unref()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.disconnect()
    const limit = setTimeout(() => child.kill('SIGKILL'), 2_000)
    await exited
    clearTimeout(limit)
  }
}

function handlesOf(child: ChildProcess): readonly Readonly<{ ref(): void; unref(): void }>[] {
  return [child, child.channel, child.stderr as Socket | null].filter(one => one != null)
}
