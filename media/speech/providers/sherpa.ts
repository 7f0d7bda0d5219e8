import type { Logger } from 'pino'
import { pcmOf } from '../../audio/pcm.ts'
import type { Recognition, RecognitionStream, Recognizer, SpeechError } from '../recognizer.ts'
import { within } from '../within.ts'
import type { SherpaReply, SherpaRequest } from './sherpa-messages.ts'
import type { SherpaModel } from './sherpa-models.ts'
import { SherpaProcess } from './sherpa-process.ts'

/** Also how long the process may be silent to everybody while somebody waits for an answer. */
const ANSWER_MS = 10_000
const UNTOLD_CONFIDENCE = 0.6
/** 100 ms: fewer messages, and the model decodes in larger steps anyway. */
const PIECE_SAMPLES = 800

/** A streaming model of sherpa-onnx: open speech on this machine. Its process starts with the first question. */
export function createSherpa(model: SherpaModel, log: Logger, answerMs = ANSWER_MS): Recognizer {
  const program = new SherpaProgram(model, log, answerMs)
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
  readonly #process: SherpaProcess<SherpaRequest, SherpaReply>
  readonly #listening = new Map<number, Listening>()
  /** What was asked of the process and is not answered, also where nobody waits for it any more. */
  readonly #owed = new Set<number>()
  readonly #name: string
  readonly #log: Logger
  readonly #answerMs: number
  #limit: NodeJS.Timeout | undefined
  #nextId = 1

  constructor(model: SherpaModel, log: Logger, answerMs: number) {
    this.#name = model.name
    this.#log = log
    this.#answerMs = answerMs
    this.#process = new SherpaProcess<SherpaRequest, SherpaReply>({
      program: new URL('./sherpa-program.ts', import.meta.url),
      model,
      onReply: reply => this.#take(reply),
      onEnd: err => {
        if (this.#listening.size > 0) log.warn({ err }, 'a speech recogniser ended')
        this.#owed.clear()
        clearTimeout(this.#limit)
        for (const id of [...this.#listening.keys()]) this.#fail(id, err)
      }
    })
  }

  start(): Promise<void> {
    return this.#process.start()
  }

  open(onPartial: (text: string) => void): RecognitionStream {
    const id = this.#nextId++
    const answerMs = this.#answerMs
    const answer = Promise.withResolvers<Recognition | null>()
    // Whoever disposes does not ask how it ended.
    answer.promise.catch(() => {})
    const failure = Promise.withResolvers<SpeechError>()
    this.#listening.set(id, { onPartial, answer, tellFailure: failure.resolve })
    const started = this.start()
    // In the order in which they come, after the start.
    const send = (request: SherpaRequest) =>
      started.then(
        () => {
          if (!this.#listening.has(id)) return
          this.#process.hold()
          this.#process.send(request)
          if (request.kind === 'finish') this.#owe(id)
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
      this.#process.send({ kind: 'close', id })
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
          return await within(answer.promise, answerMs, 'sherpa-onnx')
        } finally {
          close()
        }
      },
      [Symbol.dispose]: close
    }
  }

  #owe(id: number): void {
    if (this.#owed.size === 0) this.#limit = setTimeout(() => this.#giveUp(), this.#answerMs).unref()
    this.#owed.add(id)
  }

  /** Its end is told to everybody who waits, and the next one who asks starts another. */
  #giveUp(): void {
    this.#log.error({ recogniser: this.#name }, 'a speech recogniser does not answer and is started again')
    this.#process.kill()
  }

  #take(reply: SherpaReply): void {
    if (reply.kind === 'finished') this.#owed.delete(reply.id)
    if (this.#owed.size === 0) clearTimeout(this.#limit)
    else this.#limit?.refresh()
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
    if (this.#listening.size === 0) this.#process.letGo()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]()
  }
}
