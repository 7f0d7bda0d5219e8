import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import type { Socket } from 'node:net'
import { SpeechError } from '../recognizer.ts'

/** Large models take their time to load. */
const START_LIMIT_MS = 60_000
/** The library says on its error output what is wrong with a model; the end of it is enough. */
const MAX_COMPLAINT = 400

/** What every process of sherpa-onnx may say beside its answers. */
export type SherpaStart =
  | Readonly<{ kind: 'ready' }>
  /** The library or the model does not work; the process ends. */
  | Readonly<{ kind: 'missing'; reason: string }>

export type SherpaProcessOptions<Reply> = Readonly<{
  program: URL
  /** Its only argument, as JSON. `name` stands in errors. */
  model: Readonly<{ name: string }>
  onReply(reply: Reply): void
  /** It ended by itself after it had been ready. */
  onEnd(err: SpeechError): void
}>

/** A program with a model of sherpa-onnx: started when it is needed first, and again after it has ended. */
export class SherpaProcess<Request extends Serializable, Reply extends Readonly<{ kind: string }>>
  implements AsyncDisposable
{
  readonly #options: SherpaProcessOptions<Reply>
  #child: ChildProcess | undefined
  #starting: Promise<void> | undefined
  #latest: ChildProcess | undefined

  constructor(options: SherpaProcessOptions<Reply>) {
    this.#options = options
  }

  /** Rejects with SPEECH_MISSING when the library or the model does not work; the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= new Promise<void>((resolve, reject) => {
      const { program, model, onReply, onEnd } = this.#options
      const child = fork(program, [JSON.stringify(model)], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc']
      })
      this.#latest = child
      let reason: string | undefined
      let complaint = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        complaint = (complaint + text).slice(-MAX_COMPLAINT)
      })
      const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
      // One that cannot be started closes too; without a listener it would end this program.
      child.on('error', err => {
        reason ??= err.message
      })
      child.on('message', (message: SherpaStart | Reply) => {
        if (isStart(message)) {
          if (message.kind === 'missing') {
            reason = message.reason
            return
          }
          clearTimeout(limit)
          this.#child = child
          this.letGo()
          resolve()
        } else onReply(message)
      })
      // When its last words have been read.
      child.on('close', (code, signal) => {
        clearTimeout(limit)
        const ended = code === null ? `ended by ${signal}` : `ended with code ${code}`
        const said = complaint.replace(/\s+/g, ' ').trim()
        const how = said === '' ? ended : `${ended}: ${said}`
        const wasReady = this.#child === child
        const err = wasReady
          ? new SpeechError('SPEECH_FAILED', `${model.name} ${how}`)
          : new SpeechError('SPEECH_MISSING', `${model.name} does not work: ${reason ?? how}`)
        this.#child = undefined
        this.#starting = undefined
        reject(err)
        if (wasReady) onEnd(err)
      })
    })
    return this.#starting
  }

  /** Does nothing while it does not run. */
  send(request: Request): void {
    const child = this.#child
    // One that is just ending cannot be told any more; its end is told to everybody who waits.
    if (child?.connected) child.send(request, () => {})
  }

  /** Whoever waits for an answer hears how the process ends, too. */
  hold(): void {
    for (const one of handlesOf(this.#child)) one.ref()
  }

  /** It keeps nobody from ending. */
  letGo(): void {
    for (const one of handlesOf(this.#child)) one.unref()
  }

  /** It does not answer: the next one who asks starts another. */
  kill(): void {
    this.#latest?.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#latest
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    // Its end is waited for, also when it has to be ended.
    child.ref()
    if (child.connected) child.disconnect()
    const limit = setTimeout(() => child.kill('SIGKILL'), 2_000)
    await exited
    clearTimeout(limit)
  }
}

function isStart(message: Readonly<{ kind: string }>): message is SherpaStart {
  return message.kind === 'ready' || message.kind === 'missing'
}

function handlesOf(child: ChildProcess | undefined): readonly Readonly<{ ref(): void; unref(): void }>[] {
  return child === undefined ? [] : [child, child.channel, child.stderr as Socket | null].filter(one => one != null)
}
