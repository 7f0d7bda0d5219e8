import type { Logger } from 'pino'
import { type Endpoint, MediaError } from '../endpoint.ts'
import { TapConsumerQueue } from './consumer-queue.ts'
import { type DeadAirChange, DeadAirWatch } from './dead-air.ts'
import type { Tap, TapServer } from './tap-server.ts'
import { FRAME_BYTES, FRAME_MS, TapTimeline } from './timeline.ts'

/** 20 ms of a call. */
export type TapFrame = Readonly<{
  /** 640 bytes: 160 pairs of 16-bit little-endian samples; left is what the customer says, right what the customer hears. Shared by all consumers: do not write into it. */
  leftAndRight: Buffer
  /** Where the frame begins, in milliseconds since the customer's leg was answered. */
  atMs: number
  /** The frame never arrived, and silence stands in for it. */
  isFilled: boolean
  /** The frame did arrive, and nobody may hear it: a card number is being given. Silence stands in for it. */
  isHidden: boolean
}>

/** Frames that a consumer did not get because it was too slow. */
export type MissedFrames = Readonly<{ fromMs: number; frames: number }>

export type TapConsumer = Readonly<{
  /** For logs. */
  name: string
  /**
   * Gets each frame in order. Return at once; a promise that is returned is waited for before the next frame, which
   * meanwhile waits in a queue of `maxWaitingFrames`.
   */
  onFrame(frame: TapFrame): void | Promise<void>
  /** Told before the next frame when the queue was full and its oldest frames were dropped. */
  onMissed?(missed: MissedFrames): void
  /** The call has ended, or the consumer threw and was detached; no frame comes any more. */
  onEnd?(): void
  /** 250 by default, which is 5 s. */
  maxWaitingFrames?: number
}>

/** A consumer on a tap; disposing it detaches. */
export interface TapAttachment extends Disposable {
  /** Resolves when audio flows, which takes some 10 ms after the first consumer of a call; never rejects. */
  readonly flowing: Promise<void>
}

export type TapFacts = Readonly<{
  frames: number
  /** Frames that never came and were replaced by silence. */
  filled: number
  /** Frames that came after their time had been filled, and were thrown away. */
  late: number
  /** How often the media server's connection had to be made anew. */
  reconnects: number
}>

export type CallTapOptions = Readonly<{
  taps: TapServer
  endpoint: Endpoint
  log: Logger
  /** The customer hears nothing for so long: dead air. 0 switches the watchdog off. */
  deadAirMs: number
  onDeadAir(change: DeadAirChange): void
  /** The leg goes on when the tap is disposed, so that the fork is taken from it. Otherwise its end takes the fork along. */
  isLegKept?: boolean
  /** Milliseconds on a clock that never jumps; for tests. */
  now?: () => number
}>

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 2_000
const TICK_MS = 250
/** While nobody listens, 100 ms come in one message: the watchdog has time, and each message costs a system call on both sides. */
const UNHEARD_FRAMES = 5
/** An abort without a reason makes an error with a stack, on every call. */
const OVER = 'the call is over'

/**
 * The one stereo fork of a customer's leg, from {@link CallTap.start} or the first consumer until the call ends, over whatever the
 * call goes through: bot, queue, hold, transfer, conference. Its audio is in memory only, one frame at a time: what nobody listens to is gone
 * once it was looked at for dead air. Whoever listens gets one frame for each 20 ms of the call's clock, whatever the network does.
 */
export class CallTap implements AsyncDisposable {
  readonly #options: CallTapOptions
  readonly #now: () => number
  readonly #answeredAtMs: number
  readonly #consumers = new Set<TapConsumerQueue>()
  readonly #flowing = Promise.withResolvers<void>()
  readonly #ending = new AbortController()
  readonly #timeline: TapTimeline
  readonly #deadAir: DeadAirWatch | null
  readonly #hiddenBy = new Set<symbol>()
  readonly #listenedBy = new Set<symbol>()
  #hiddenUntilMs = 0
  #running: Promise<void> | undefined
  #ticker: NodeJS.Timeout | undefined
  #reconnects = 0
  #rest: Buffer = EMPTY
  #fork: Tap | undefined
  /** About when the frame that is delivered was heard, in milliseconds since the answer: `atMs` lags behind it while frames are missing. */
  #heardAtMs = 0

  /** To be made when the leg is answered: the call's clock starts now. */
  constructor(options: CallTapOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#answeredAtMs = this.#now()
    this.#timeline = new TapTimeline((leftAndRight, atMs, isFilled) => this.#deliver(leftAndRight, atMs, isFilled))
    this.#deadAir = options.deadAirMs === 0 ? null : new DeadAirWatch(options.deadAirMs)
  }

  /** Milliseconds since the leg was answered, on the clock of `atMs`. */
  get elapsedMs(): number {
    return this.#now() - this.#answeredAtMs
  }

  get facts(): TapFacts {
    return { ...this.#timeline.facts, reconnects: this.#reconnects }
  }

  get isOver(): boolean {
    return this.#ending.signal.aborted
  }

  /** Begins to hand frames to a consumer, from now on; what was before is gone. Never throws, never waits. */
  attach(consumer: TapConsumer): TapAttachment {
    const queue = new TapConsumerQueue(consumer, this.elapsedMs, err => {
      this.#options.log.error({ err, consumer: consumer.name }, 'a consumer of a call’s audio failed and was detached')
      this.#consumers.delete(queue)
      this.#gather()
    })
    if (this.isOver) queue.end()
    else {
      this.#consumers.add(queue)
      this.start()
      this.#gather()
    }
    return {
      flowing: this.#flowing.promise,
      [Symbol.dispose]: () => {
        if (!this.#consumers.delete(queue)) return
        queue.end()
        this.#gather()
      }
    }
  }

  /** Starts the fork without a consumer, at the answer, so that the watchdog sees the whole call. */
  start(): void {
    if (this.isOver || this.#running !== undefined) return
    this.#running = this.#keepForked()
    this.#ticker = setInterval(() => {
      // What has arrived already is taken first: after a pause of this program it lies in the sockets.
      setImmediate(() => {
        this.#heardAtMs = this.elapsedMs
        this.#timeline.tick(this.#heardAtMs)
      })
    }, TICK_MS)
  }

  /**
   * Lets nobody hear the call until the returned handle is disposed: consumers get silence that is marked as hidden.
   * Several may hide at once.
   */
  hide(): Disposable {
    const handle = Symbol('hidden')
    this.#hiddenBy.add(handle)
    return {
      [Symbol.dispose]: () => {
        // What was said until now may still be on its way here.
        if (this.#hiddenBy.delete(handle)) this.#hiddenUntilMs = this.elapsedMs
      }
    }
  }

  /** The customer has been asked to speak, as for a message, so that silence is no dead air until the returned handle is disposed. */
  expectSilence(): Disposable {
    const handle = Symbol('listening')
    this.#listenedBy.add(handle)
    return { [Symbol.dispose]: () => void this.#listenedBy.delete(handle) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isOver) return
    this.#ending.abort(OVER)
    clearInterval(this.#ticker)
    this.#flowing.resolve()
    for (const queue of this.#consumers) queue.end()
    this.#consumers.clear()
    await this.#running
  }

  /** One fork after the other: when the media server's connection breaks, the next one is made. */
  async #keepForked(): Promise<void> {
    const { endpoint, log } = this.#options
    const over = AbortSignal.any([this.#ending.signal, endpoint.lost])
    let retryMs = FIRST_RETRY_MS
    let hasToldTrouble = false
    for (let turn = 1; !over.aborted; turn += 1) {
      const name = `tap-${turn}`
      using tap = this.#options.taps.expect(data => this.#take(data))
      let wasConnected = false
      try {
        await endpoint.startFork({ url: tap.url, mix: 'stereo', name })
        await Promise.race([tap.connected, aborted(over)])
        wasConnected = true
        retryMs = FIRST_RETRY_MS
        this.#fork = tap
        this.#gather()
        await Promise.race([tap.ended, aborted(over)])
      } catch (err) {
        // A media server that cannot fork at all would say so every two seconds of every call.
        if (!over.aborted)
          log[hasToldTrouble ? 'debug' : 'warn']({ err }, 'a call’s audio could not be tapped; it is tried again')
        hasToldTrouble = true
      }
      this.#fork = undefined
      // The end of the leg takes the fork with it. Asking for it would hold up the hang-up: mod_audio_fork answers only when
      // its thread has slept out, which takes seconds.
      if (over.aborted) {
        if (this.#options.isLegKept === true && !endpoint.lost.aborted) await this.#stopFork(name, tap)
        return
      }
      await this.#stopFork(name, tap)
      if (wasConnected) log.warn({ facts: this.facts }, 'the tap of a call was cut off and is made anew')
      this.#rest = EMPTY
      this.#timeline.cutOff()
      this.#reconnects += 1
      await pause(retryMs, over)
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
    }
  }

  #gather(): void {
    this.#fork?.gather(this.#consumers.size === 0 ? UNHEARD_FRAMES : 1)
  }

  /** Makes room for the next fork. */
  async #stopFork(name: string, tap: Tap): Promise<void> {
    const { endpoint, log } = this.#options
    tap[Symbol.dispose]()
    try {
      await endpoint.stopFork(name)
    } catch (err) {
      if (!(err instanceof MediaError)) throw err
      // One that was cut off may have ended by itself; what cannot be stopped now ends with the leg.
      log.debug({ err }, 'a fork that was cut off could not be stopped')
    }
  }

  /** The media server may send several frames in one message, or parts of one. */
  #take(data: Buffer): void {
    if (this.isOver) return
    const elapsedMs = this.elapsedMs
    let rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    for (; rest.length >= FRAME_BYTES; rest = rest.length === FRAME_BYTES ? EMPTY : rest.subarray(FRAME_BYTES)) {
      // The last frame of a message ends now, and the others were heard before it.
      const later = Math.floor(rest.length / FRAME_BYTES) - 1
      this.#heardAtMs = elapsedMs - later * FRAME_MS
      const frame = rest.length === FRAME_BYTES ? rest : rest.subarray(0, FRAME_BYTES)
      this.#timeline.push(aligned(frame), this.#heardAtMs)
    }
    this.#rest = rest
  }

  #deliver(leftAndRight: Buffer, atMs: number, isFilled: boolean): void {
    this.#flowing.resolve()
    const isHidden = this.#hiddenBy.size > 0 || atMs < this.#hiddenUntilMs
    // Most frames of most calls are looked at for dead air only.
    if (this.#consumers.size > 0) {
      const frame: TapFrame = isHidden
        ? { leftAndRight: SILENCE, atMs, isFilled: false, isHidden }
        : { leftAndRight, atMs, isFilled, isHidden }
      for (const queue of this.#consumers) if (this.#heardAtMs >= queue.sinceMs) queue.push(frame)
    }
    if (this.#deadAir === null) return
    // What was lost on the way to us may well have been heard, and whoever gives a card number or a message is listened to.
    if (isHidden || isFilled || this.#listenedBy.size > 0) {
      this.#deadAir.skip()
      return
    }
    const change = this.#deadAir.push(leftAndRight, atMs)
    if (change !== null) this.#options.onDeadAir(change)
  }
}

const SILENCE = Buffer.alloc(FRAME_BYTES)
const EMPTY = Buffer.alloc(0)

/** Samples begin at an even address, so that a consumer may lay an Int16Array over them. */
function aligned(frame: Buffer): Buffer {
  return frame.byteOffset % 2 === 0 ? frame : Buffer.from(new Uint8Array(frame).buffer)
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true }
    )
  })
}
