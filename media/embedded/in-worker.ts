import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/**
 * What a stand-in engine returns from its `start…` function: where it listens, what it counts, how it stops.
 * `ready` and `stats()` must be plain data, because they cross a thread boundary.
 */
export interface EngineHandle<Ready, Stats> extends AsyncDisposable {
  readonly ready: Ready
  stats(): Stats
}

/** A stand-in engine that runs in a worker thread, so that the control plane's work never disturbs its 20 ms clock. */
export interface EngineWorker<Ready, Stats> extends AsyncDisposable {
  readonly ready: Ready
  /** A snapshot of the engine's own counters. Rejects when the worker has gone or does not answer within 5 s. */
  stats(): Promise<Stats>
  /** CPU time that the worker's thread has used so far, in milliseconds. */
  cpuMs(): Promise<number>
  /** Resolves when the worker has ended, with the error that ended it, or undefined after a wanted stop. */
  readonly ended: Promise<Error | undefined>
}

type ToWorker = { kind: 'stats'; id: number } | { kind: 'stop' }
type FromWorker =
  | { kind: 'ready'; ready: unknown }
  | { kind: 'stats'; id: number; stats: unknown }
  | { kind: 'failed'; message: string; stack: string | undefined; code: string | undefined }

const STATS_LIMIT_MS = 5_000
const START_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 5_000

/** Starts `entry` (a file that calls {@link serveInWorker}) in a worker thread and waits until it listens. */
export async function startInWorker<Options, Ready, Stats>(
  entry: URL,
  options: Options
): Promise<EngineWorker<Ready, Stats>> {
  const worker = new Worker(entry, { workerData: options })
  const pending = new Map<number, (stats: Stats) => void>()
  let nextId = 1
  let failure: Error | undefined
  let markReady: (ready: Ready) => void = () => {}
  const becameReady = new Promise<Ready>(resolve => {
    markReady = resolve
  })
  worker.on('message', (message: FromWorker) => {
    switch (message.kind) {
      case 'ready':
        markReady(message.ready as Ready)
        break
      case 'stats':
        pending.get(message.id)?.(message.stats as Stats)
        pending.delete(message.id)
        break
      case 'failed':
        failure = Object.assign(new Error(message.message), { stack: message.stack, code: message.code })
        break
      default:
        message satisfies never
    }
  })
  worker.on('error', err => {
    failure = err instanceof Error ? err : new Error(String(err))
  })
  const ended = once(worker, 'exit').then(
    ([code]) => failure ?? (code === 0 ? undefined : new Error(`worker ended with code ${code}`))
  )
  let isLate = false
  const startLimit = setTimeout(() => {
    isLate = true
    void worker.terminate()
  }, START_LIMIT_MS)
  let ready: Ready
  try {
    ready = await Promise.race([
      becameReady,
      ended.then(err => {
        throw isLate
          ? new Error(`worker was not ready within ${START_LIMIT_MS} ms`)
          : (err ?? new Error('worker ended before it was ready'))
      })
    ])
  } finally {
    clearTimeout(startLimit)
  }
  const post = (message: ToWorker) => worker.postMessage(message)
  return {
    ready,
    ended,
    async cpuMs() {
      const { user, system } = await worker.cpuUsage()
      return (user + system) / 1000
    },
    stats() {
      const id = nextId++
      return new Promise<Stats>((resolve, reject) => {
        const limit = setTimeout(() => {
          pending.delete(id)
          reject(new Error('the engine did not answer'))
        }, STATS_LIMIT_MS)
        pending.set(id, stats => {
          clearTimeout(limit)
          resolve(stats)
        })
        post({ kind: 'stats', id })
      })
    },
    async [Symbol.asyncDispose]() {
      post({ kind: 'stop' })
      const limit = setTimeout(() => void worker.terminate(), STOP_LIMIT_MS)
      await ended
      clearTimeout(limit)
    }
  }
}

/** The worker's side: starts the engine with the options it was given and answers until told to stop. */
export async function serveInWorker<Options, Ready, Stats>(
  start: (options: Options) => Promise<EngineHandle<Ready, Stats>>
): Promise<void> {
  const port = parentPort
  if (isMainThread || port === null) throw new Error('this file runs in a worker thread only')
  try {
    const engine = await start(workerData as Options)
    port.on('message', (message: ToWorker) => {
      switch (message.kind) {
        case 'stats':
          port.postMessage({ kind: 'stats', id: message.id, stats: engine.stats() } satisfies FromWorker)
          break
        case 'stop':
          void engine[Symbol.asyncDispose]().then(() => port.close())
          break
        default:
          message satisfies never
      }
    })
    port.postMessage({ kind: 'ready', ready: engine.ready } satisfies FromWorker)
  } catch (err) {
    const { message, stack, code } = err as NodeJS.ErrnoException
    port.postMessage({ kind: 'failed', message, stack, code } satisfies FromWorker)
    port.close()
  }
}
