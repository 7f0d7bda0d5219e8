import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import {
  RouterError,
  type RouterOptions,
  type SfuConsumer,
  type SfuPlainTransport,
  type SfuProducer,
  type SfuRouter,
  type SfuTransport,
  type SfuWebRtcTransport,
  type WebRtcState
} from '../router-api.ts'
import type { OrtcDocument } from '../softphone-media.ts'
import type { Core, CoreOptions } from './core.ts'
import type { CoreArguments, CoreMethod, CoreResult, FromThread, ToThread } from './thread-messages.ts'

const START_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 5_000
const CALL_LIMIT_MS = 5_000

type Pending = Readonly<{ resolve(result: unknown): void; reject(err: Error): void; limit: NodeJS.Timeout }>

/** Starts the stand-in in a worker thread of its own, so that the control plane's work never delays a packet. */
export async function openEmbeddedRouter(options: RouterOptions): Promise<SfuRouter> {
  const { mediaCodecs, legCodec, plain, consentTimeoutMs, log } = options
  const { listenAddress, announcedAddress, udpPort, tcp } = options.webRtc
  if (tcp) log.warn({}, 'the embedded SFU has no ICE over TCP; browsers need UDP')
  const webRtc = { listenAddress, udpPort, ...(announcedAddress === undefined ? {} : { announcedAddress }) }
  const coreOptions: CoreOptions = { mediaCodecs, legCodec, plain, consentTimeoutMs, webRtc }
  const thread = new SfuThread(coreOptions, log)
  const ready = await thread.ready
  return new EmbeddedRouter(thread, ready)
}

/** The control plane's end of the thread: calls go out, answers and events come back. */
class SfuThread {
  readonly ready: Promise<Core['ready']>
  readonly died = new AbortController()
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #closed = new Map<string, AbortController>()
  readonly #states = new Map<string, (state: WebRtcState) => void>()
  readonly #ended: Promise<unknown>
  #nextCall = 1
  readonly #log: RouterOptions['log']
  #failure: Error | undefined
  #isStopping = false

  constructor(options: CoreOptions, log: RouterOptions['log']) {
    const started = Promise.withResolvers<Core['ready']>()
    this.#log = log
    this.ready = started.promise
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: options, name: 'sfu' })
    const limit = setTimeout(() => {
      this.#failure = new Error(`it was not ready within ${START_LIMIT_MS} ms`)
      void this.#worker.terminate()
    }, START_LIMIT_MS)
    this.#worker.on('message', (message: FromThread) => {
      if (message.kind === 'ready') {
        clearTimeout(limit)
        started.resolve(message.ready)
      } else this.#onMessage(message)
    })
    this.#worker.on('error', err => {
      this.#failure = err instanceof Error ? err : new Error(String(err))
    })
    this.#ended = once(this.#worker, 'exit').then(() => {
      clearTimeout(limit)
      const cause = this.#failure
      const why = cause === undefined ? 'its thread ended' : cause.message
      started.reject(new RouterError('SFU_REFUSED', `the embedded SFU does not start: ${why}`, { cause }))
      this.#onEnd(new RouterError('SFU_LOST', 'the embedded SFU has ended', { cause }))
    })
  }

  call<Name extends CoreMethod>(method: Name, ...parameters: CoreArguments<Name>): Promise<CoreResult<Name>> {
    if (this.died.signal.aborted || this.#isStopping) {
      return Promise.reject(new RouterError('SFU_LOST', 'the SFU has gone', { cause: this.#failure }))
    }
    const callId = this.#nextCall++
    // First, because it throws for what cannot cross: then nobody is left waiting.
    this.#post({ kind: 'call', callId, method, parameters })
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const limit = setTimeout(() => {
      this.#pending.delete(callId)
      reject(new RouterError('SFU_LOST', 'the SFU does not answer'))
    }, CALL_LIMIT_MS)
    this.#pending.set(callId, { resolve, reject, limit })
    return promise as Promise<CoreResult<Name>>
  }

  /** For calls whose outcome nobody waits for: they fail only when the thread has gone, and everything with it. */
  tell<Name extends CoreMethod>(method: Name, ...parameters: CoreArguments<Name>): void {
    if (!this.died.signal.aborted && !this.#isStopping) this.#post({ kind: 'call', callId: 0, method, parameters })
  }

  /** Aborted when the object with this id has closed. */
  closedSignal(id: string): AbortController {
    const controller = new AbortController()
    this.#closed.set(id, controller)
    return controller
  }

  /** Says at once that an object is closed; the thread's own word for it comes later and finds nothing. */
  markClosed(id: string): void {
    const controller = this.#closed.get(id)
    this.#closed.delete(id)
    this.#states.delete(id)
    controller?.abort()
  }

  watchState(id: string, onState: (state: WebRtcState) => void): void {
    this.#states.set(id, onState)
  }

  async cpuMs(): Promise<number> {
    const { user, system } = await this.#worker.cpuUsage()
    return (user + system) / 1000
  }

  async stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#post({ kind: 'stop' })
    }
    const limit = setTimeout(() => void this.#worker.terminate(), STOP_LIMIT_MS)
    await this.#ended
    clearTimeout(limit)
  }

  #onMessage(message: Exclude<FromThread, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'result':
        this.#take(message.callId)?.resolve(message.result)
        break
      case 'refusal':
        this.#take(message.callId)?.reject(new RouterError(message.code, message.message))
        break
      case 'state':
        this.#states.get(message.id)?.(message.state)
        break
      case 'closed':
        this.markClosed(message.id)
        break
      case 'refused':
        this.#log.warn({ transportId: message.id, reason: message.reason }, 'a softphone’s DTLS handshake was refused')
        break
      case 'raised':
        if (message.refusal === undefined) this.#log.info({}, 'packets leave late: the SFU’s thread goes before others')
        else this.#log.warn({ reason: message.refusal }, 'packets leave late, and the SFU may not go before others')
        break
      case 'failed':
        this.#failure = Object.assign(new Error(message.message), { stack: message.stack })
        break
      default:
        message satisfies never
    }
  }

  #take(callId: number): Pending | undefined {
    const pending = this.#pending.get(callId)
    this.#pending.delete(callId)
    clearTimeout(pending?.limit)
    return pending
  }

  #onEnd(lost: RouterError): void {
    for (const callId of [...this.#pending.keys()]) this.#take(callId)?.reject(lost)
    for (const id of [...this.#closed.keys()]) this.markClosed(id)
    if (!this.#isStopping) this.died.abort(lost)
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }
}

class EmbeddedRouter implements SfuRouter {
  readonly rtpCapabilities: OrtcDocument
  readonly udpPort: number
  readonly silence: SfuProducer
  readonly #thread: SfuThread

  constructor(thread: SfuThread, ready: Core['ready']) {
    this.#thread = thread
    this.rtpCapabilities = ready.rtpCapabilities
    this.udpPort = ready.udpPort
    this.silence = producerOf(thread, ready.silenceId)
  }

  get died(): AbortSignal {
    return this.#thread.died.signal
  }

  async createWebRtcTransport(): Promise<SfuWebRtcTransport> {
    const offer = await this.#thread.call('createWebRtcTransport')
    return new EmbeddedWebRtcTransport(this.#thread, offer)
  }

  async createPlainTransport(): Promise<SfuPlainTransport> {
    const thread = this.#thread
    const { id, address, port, rtcpPort } = await thread.call('createPlainTransport')
    return {
      ...transportOf(thread, id),
      address,
      port,
      rtcpPort,
      connect: remote => thread.call('connectPlain', id, remote)
    }
  }

  async usage(): Promise<Readonly<{ cpuMs: number; memoryBytes: number | null }>> {
    const [cpuMs, memoryBytes] = await Promise.all([this.#thread.cpuMs(), this.#thread.call('memoryBytes')])
    return { cpuMs, memoryBytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.stop()
  }
}

class EmbeddedWebRtcTransport implements SfuWebRtcTransport {
  readonly id: string
  readonly iceParameters: OrtcDocument
  readonly iceCandidates: readonly OrtcDocument[]
  readonly dtlsParameters: OrtcDocument
  readonly closed: AbortSignal
  readonly produce: SfuTransport['produce']
  readonly consume: SfuTransport['consume']
  readonly figures: SfuTransport['figures']
  readonly close: () => void
  readonly #thread: SfuThread
  readonly #listeners = new Set<(state: WebRtcState) => void>()
  #state: WebRtcState = 'new'

  constructor(thread: SfuThread, offer: CoreResult<'createWebRtcTransport'>) {
    const base = transportOf(thread, offer.id)
    this.id = offer.id
    this.iceParameters = offer.iceParameters
    this.iceCandidates = offer.iceCandidates
    this.dtlsParameters = offer.dtlsParameters
    this.closed = base.closed
    this.produce = base.produce
    this.consume = base.consume
    this.figures = base.figures
    this.close = base.close
    this.#thread = thread
    thread.watchState(offer.id, state => {
      this.#state = state
      for (const listener of this.#listeners) listener(state)
    })
  }

  get state(): WebRtcState {
    return this.#state
  }

  onState(listener: (state: WebRtcState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  connect(dtlsParameters: OrtcDocument): Promise<void> {
    return this.#thread.call('connectWebRtc', this.id, dtlsParameters)
  }

  restartIce(): Promise<OrtcDocument> {
    return this.#thread.call('restartIce', this.id)
  }
}

function transportOf(thread: SfuThread, id: string): SfuTransport {
  const { signal } = thread.closedSignal(id)
  return {
    id,
    closed: signal,
    async produce({ rtpParameters, isPaused }) {
      return producerOf(thread, await thread.call('produce', id, rtpParameters, isPaused ?? false))
    },
    async consume({ producerId, rtpCapabilities }) {
      const consumer = await thread.call('consume', id, producerId, rtpCapabilities)
      return consumerOf(thread, consumer.id, producerId, consumer.rtpParameters)
    },
    figures: () => thread.call('transportFigures', id),
    close() {
      if (signal.aborted) return
      thread.tell('closeTransport', id)
      thread.markClosed(id)
    }
  }
}

function producerOf(thread: SfuThread, id: string): SfuProducer {
  const { signal } = thread.closedSignal(id)
  return {
    id,
    closed: signal,
    pause: () => thread.call('setProducerPaused', id, true),
    resume: () => thread.call('setProducerPaused', id, false),
    figures: () => thread.call('producerFigures', id),
    close() {
      if (signal.aborted) return
      thread.tell('closeProducer', id)
      thread.markClosed(id)
    }
  }
}

function consumerOf(thread: SfuThread, id: string, producerId: string, rtpParameters: OrtcDocument): SfuConsumer {
  const { signal } = thread.closedSignal(id)
  return {
    id,
    producerId,
    rtpParameters,
    closed: signal,
    pause: () => thread.call('setConsumerPaused', id, true),
    resume: () => thread.call('setConsumerPaused', id, false),
    figures: () => thread.call('consumerFigures', id),
    close() {
      if (signal.aborted) return
      thread.tell('closeConsumer', id)
      thread.markClosed(id)
    }
  }
}
