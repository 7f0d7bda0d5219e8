import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { ClosedRecording } from './recording-file-writer.ts'
import type { GapMark } from './recording-format.ts'
import type { FromRecordingThread, ToRecordingThread } from './recording-messages.ts'
import { FRAME_BYTES, FRAME_MS } from '../tap/timeline.ts'

/** So much is handed over at once: fewer messages, and with a chunk of 2 s still well below the 5 s that a crash may lose. */
const PIECE_FRAMES = 50
const FRAME_SAMPLES = FRAME_BYTES / 2
/** A thread that is so far behind gets no more; what it does not get is a gap. */
const MAX_PIECES_WAITING = 60
const START_LIMIT_MS = 15_000

/** The recording could not be opened or went down with its thread; what was written is on the disk. */
export class RecordingThreadError extends Error {
  override readonly name = 'RecordingThreadError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A recording that is being written. Methods return at once; the thread follows. */
export interface RecordingSink {
  /** Takes 20 ms; frames that do not follow each other begin a new piece of the timeline. */
  write(frame: Buffer, atMs: number): void
  mark(mark: GapMark): void
  /** Resolves when everything is on the disk, which a full disk may delay for long; rejects with RecordingThreadError. */
  close(durationMs: number): Promise<ClosedRecording>
  /** Writes no more and leaves the file as it is; resolves when the thread has let go of it. */
  abandon(): Promise<void>
}

export type SinkOptions = Readonly<{
  path: string
  id: string
  key: Buffer
  isResumed?: boolean
  /** The disk takes nothing for the moment: audio waits in memory, a minute of it at most. */
  onTrouble?(code: string, message: string): void
  onRecovered?(): void
  /** The recording has gone down with its thread, or could not be opened; nothing more of it is written. */
  onFailed?(code: string, message: string): void
}>

type OpenSink = {
  readonly options: SinkOptions
  readonly closed: PromiseWithResolvers<ClosedRecording>
  readonly abandoned: PromiseWithResolvers<void>
  taken: number
  sent: number
}

/**
 * The one thread in which recordings are compressed, sealed and written. A thread that dies is started again; the
 * recordings that it was writing fail, and their files are finished by whoever looks after the spool.
 */
export class RecordingThread implements AsyncDisposable {
  readonly #log: Logger
  readonly #name: string
  readonly #sinks = new Map<number, OpenSink>()
  readonly #requests = new Map<number, PromiseWithResolvers<Int16Array | Uint8Array | number>>()
  #worker: Worker | undefined
  #ready: Promise<void> | undefined
  #nextNumber = 1
  #isStopping = false

  /** `name` is what the thread is called in tools that list threads. */
  constructor(log: Logger, name = 'recordings') {
    this.#log = log
    this.#name = name
  }

  /** Starts the thread; without it the first recording waits for that. */
  async ready(): Promise<void> {
    this.#ready ??= this.#start()
    await this.#ready
  }

  open(options: SinkOptions): RecordingSink {
    const file = this.#nextNumber++
    const sink: OpenSink = {
      options,
      closed: Promise.withResolvers<ClosedRecording>(),
      abandoned: Promise.withResolvers<void>(),
      taken: 0,
      sent: 0
    }
    sink.closed.promise.catch(() => {
      // Thrown to whoever closes it; until then nobody waits.
    })
    this.#sinks.set(file, sink)
    const { path, id, key, isResumed = false } = options
    this.#send({ kind: 'open', file, path, id, key: Uint8Array.from(key), isResumed })
    const batch = new Batch((atMs, samples) => {
      if (sink.sent - sink.taken >= MAX_PIECES_WAITING) return
      sink.sent += 1
      this.#send({ kind: 'audio', file, atMs, samples }, [samples.buffer as ArrayBuffer])
    })
    return {
      write: (frame, atMs) => batch.push(frame, atMs),
      mark: mark => {
        batch.flush()
        this.#send({ kind: 'mark', file, mark })
      },
      close: durationMs => {
        batch.flush()
        this.#send({ kind: 'close', file, durationMs: Math.round(durationMs) })
        return sink.closed.promise
      },
      abandon: async () => {
        this.#send({ kind: 'abandon', file })
        await sink.abandoned.promise
      }
    }
  }

  /** FLAC to interleaved samples. */
  async decode(flac: Buffer): Promise<Int16Array> {
    return (await this.#ask(request => ({ kind: 'decode', request, flac: Uint8Array.from(flac) }))) as Int16Array
  }

  /** A FLAC stream of interleaved samples that come piece by piece; `perChannel` of them in all. */
  async *encode(pieces: AsyncIterable<Int16Array>, perChannel: number): AsyncGenerator<Buffer> {
    const stream = this.#nextNumber++
    this.#send({ kind: 'flacStart', stream, perChannel })
    const push = async (samples: Int16Array | null) =>
      Buffer.from((await this.#ask(request => ({ kind: 'flacPush', request, stream, samples }))) as Uint8Array)
    try {
      for await (const samples of pieces) {
        const part = await push(samples)
        if (part.length > 0) yield part
      }
      yield await push(null)
    } finally {
      this.#send({ kind: 'flacAbandon', stream })
    }
  }

  /** CPU time that the thread has used so far, in milliseconds. */
  async cpuMs(): Promise<number> {
    return (await this.#ask(request => ({ kind: 'cpu', request }))) as number
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    const worker = this.#worker
    if (worker === undefined) return
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    worker.postMessage({ kind: 'stop' } satisfies ToRecordingThread)
    await ended
  }

  async #ask(message: (request: number) => ToRecordingThread): Promise<Int16Array | Uint8Array | number> {
    const request = this.#nextNumber++
    const asked = Promise.withResolvers<Int16Array | Uint8Array | number>()
    this.#requests.set(request, asked)
    this.#send(message(request))
    return await asked.promise
  }

  #send(message: ToRecordingThread, transfer: ArrayBuffer[] = []): void {
    if (this.#isStopping) return
    // The port keeps messages until the thread listens.
    this.#ready ??= this.#start()
    this.#ready.catch(() => {
      // Whoever waits for ready() hears of it; recordings hear it by their own failure.
    })
    this.#worker?.postMessage(message, transfer)
  }

  async #start(): Promise<void> {
    const worker = new Worker(new URL('./recording-worker.ts', import.meta.url), { name: this.#name })
    this.#worker = worker
    const started = Promise.withResolvers<void>()
    const limit = setTimeout(
      () => started.reject(new Error(`the recording thread was not ready within ${START_LIMIT_MS} ms`)),
      START_LIMIT_MS
    )
    worker.on('message', (message: FromRecordingThread) => {
      if (message.kind === 'ready') started.resolve()
      else this.#heard(message)
    })
    worker.on('error', err => {
      this.#log.error({ err }, 'the recording thread failed')
      started.reject(err instanceof Error ? err : new Error(String(err)))
    })
    worker.on('exit', () => this.#ended(worker))
    try {
      await started.promise
    } finally {
      clearTimeout(limit)
    }
  }

  #heard(message: Exclude<FromRecordingThread, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'taken': {
        const sink = this.#sinks.get(message.file)
        if (sink !== undefined) sink.taken = message.pieces
        break
      }
      case 'trouble':
        this.#sinks.get(message.file)?.options.onTrouble?.(message.code, message.message)
        break
      case 'recovered':
        this.#sinks.get(message.file)?.options.onRecovered?.()
        break
      case 'closed':
        this.#sinks.get(message.file)?.closed.resolve(message.closed)
        this.#sinks.delete(message.file)
        break
      case 'abandoned':
        this.#sinks.get(message.file)?.abandoned.resolve()
        this.#sinks.delete(message.file)
        break
      case 'failed': {
        const sink = this.#sinks.get(message.file)
        this.#sinks.delete(message.file)
        sink?.abandoned.resolve()
        sink?.closed.reject(new RecordingThreadError(message.code, message.message))
        sink?.options.onFailed?.(message.code, message.message)
        break
      }
      case 'done':
        this.#requests.get(message.request)?.resolve(message.result)
        this.#requests.delete(message.request)
        break
      case 'refused':
        this.#requests.get(message.request)?.reject(new RecordingThreadError('CODEC_FAILED', message.message))
        this.#requests.delete(message.request)
        break
      default:
        message satisfies never
    }
  }

  #ended(worker: Worker): void {
    if (this.#worker === worker) {
      this.#worker = undefined
      this.#ready = undefined
    }
    const failure = new RecordingThreadError('THREAD_ENDED', 'the recording thread has ended')
    for (const sink of this.#sinks.values()) {
      sink.abandoned.resolve()
      sink.closed.reject(failure)
      if (!this.#isStopping) sink.options.onFailed?.(failure.code, failure.message)
    }
    for (const request of this.#requests.values()) request.reject(failure)
    this.#sinks.clear()
    this.#requests.clear()
  }
}

/** Puts frames that follow each other together. */
class Batch {
  readonly #send: (atMs: number, samples: Int16Array) => void
  #samples = new Int16Array(PIECE_FRAMES * FRAME_SAMPLES)
  #frames = 0
  #fromMs = 0

  constructor(send: (atMs: number, samples: Int16Array) => void) {
    this.#send = send
  }

  push(frame: Buffer, atMs: number): void {
    if (this.#frames > 0 && atMs !== this.#fromMs + this.#frames * FRAME_MS) this.flush()
    if (this.#frames === 0) this.#fromMs = atMs
    this.#samples.set(new Int16Array(frame.buffer, frame.byteOffset, FRAME_SAMPLES), this.#frames * FRAME_SAMPLES)
    this.#frames += 1
    if (this.#frames === PIECE_FRAMES) this.flush()
  }

  flush(): void {
    if (this.#frames === 0) return
    const samples = this.#frames === PIECE_FRAMES ? this.#samples : this.#samples.slice(0, this.#frames * FRAME_SAMPLES)
    this.#send(this.#fromMs, samples)
    this.#samples = new Int16Array(PIECE_FRAMES * FRAME_SAMPLES)
    this.#frames = 0
  }
}
