import type { Endpoint } from '../../media/endpoint.ts'
import { CallTap } from '../../media/tap/call-tap.ts'
import type { TapServer } from '../../media/tap/tap-server.ts'
import { FRAME_MS } from '../../media/tap/timeline.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import type { CallEvent, CallEventData, Direction } from './call-events.ts'
import { END_REASONS, type EndReason } from './end-reasons.ts'

/** What a call's signal is aborted with. It is not a fault: whoever waits on the call stops waiting. */
export class CallEndedError extends Error {
  override readonly name = 'CallEndedError'
  readonly code = 'CALL_ENDED'
  readonly reason: EndReason

  constructor(reason: EndReason) {
    super(END_REASONS[reason].says)
    this.reason = reason
  }
}

export type CallEnd = Readonly<{ reason: EndReason; hangupCause: string | null; detail: string | undefined }>

/** How the audio of calls is tapped. */
export type TapSettings = Readonly<{
  taps: TapServer
  /** Tap every call from its answer to its end, so that dead air is seen on all of them; otherwise from the first listener on. */
  isAlwaysOn: boolean
  /** 0 switches the watchdog off. */
  deadAirMs: number
}>

/** Where a call's events go: the story writer, metrics and live listeners. Must not throw. */
export type EventSink = (event: CallEvent) => void

/**
 * One customer contact, from the first INVITE until its last leg is gone. It has one way to end, and the first wins.
 * Its story is complete when it is disposed: that writes the last event.
 */
export class Call implements AsyncDisposable {
  readonly id: string
  readonly direction: Direction
  readonly startedAt: Date
  readonly log: Logger
  readonly #sink: EventSink
  readonly #abort = new AbortController()
  readonly #cleanups: (() => PromiseLike<void> | void)[] = []
  readonly #tapping: TapSettings | undefined
  readonly #followers = new Set<(event: CallEvent) => void>()
  #tap: CallTap | null = null
  #customer: Endpoint | null = null
  #seq = 0
  #end: CallEnd | undefined
  #isComplete = false

  constructor(
    options: Readonly<{ direction: Direction; log: Logger; sink: EventSink; id?: string; tapping?: TapSettings }>
  ) {
    this.startedAt = new Date()
    this.id = options.id ?? newId(this.startedAt.getTime())
    this.direction = options.direction
    this.log = options.log.child({ callId: this.id })
    this.#sink = options.sink
    this.#tapping = options.tapping
  }

  /** Aborted with {@link CallEndedError} as soon as the call ends for any reason. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get ended(): CallEnd | undefined {
    return this.#end
  }

  /** The audio of the customer's leg, for whoever listens; null before the answer. */
  get tap(): CallTap | null {
    return this.#tap
  }

  /** The customer's leg; null before the answer. */
  get customer(): Endpoint | null {
    return this.#customer
  }

  /** The customer's leg is answered: the story says so, and from now on the leg can be listened to. */
  customerAnswered(endpoint: Endpoint, setupMs: number): void {
    this.record({ kind: 'answered', codec: endpoint.codec, setupMs: Math.round(setupMs) })
    this.#customer = endpoint
    if (this.#tapping === undefined) return
    const { taps, deadAirMs, isAlwaysOn } = this.#tapping
    const tap = new CallTap({
      taps,
      endpoint,
      log: this.log,
      deadAirMs,
      onDeadAir: change =>
        this.record(
          change.kind === 'started'
            ? { kind: 'deadAir', fromMs: change.fromMs, customerSpoke: change.customerSpoke }
            : { kind: 'deadAirOver', fromMs: change.fromMs, silentMs: change.silentMs }
        )
    })
    this.#tap = tap
    this.defer(async () => {
      await tap[Symbol.asyncDispose]()
      const { filled, late, reconnects } = tap.facts
      if (filled > 0 || reconnects > 0)
        this.record({ kind: 'audioLost', filledMs: filled * FRAME_MS, lateMs: late * FRAME_MS, reconnects })
    })
    if (isAlwaysOn) tap.start()
  }

  /**
   * The audio of another leg, from the first listener until it is disposed, after which the leg goes on: for somebody who is
   * asked before they are connected. Null where calls are not tapped.
   */
  tapLeg(endpoint: Endpoint): CallTap | null {
    if (this.#tapping === undefined) return null
    const { taps } = this.#tapping
    return new CallTap({ taps, endpoint, log: this.log, deadAirMs: 0, onDeadAir() {}, isLegKept: true })
  }

  /** Adds an event to the call's story. After the story is complete nothing is added. */
  record(data: CallEventData): void {
    if (this.#isComplete) {
      this.log.warn({ kind: data.kind }, 'an event came after the end of the call')
      return
    }
    this.#seq += 1
    const event: CallEvent = { callId: this.id, seq: this.#seq, at: new Date(), ...data }
    this.#sink(event)
    for (const follow of this.#followers) follow(event)
  }

  /** Hears of every event from now on, until the returned function is called. It must not throw, nor steer the call. */
  onEvent(follow: (event: CallEvent) => void): () => void {
    this.#followers.add(follow)
    return () => this.#followers.delete(follow)
  }

  /** Ends the call. The first reason wins; later ones change nothing. */
  end(reason: EndReason, options: Readonly<{ hangupCause?: string; detail?: string }> = {}): void {
    if (this.#end !== undefined) return
    this.#end = { reason, hangupCause: options.hangupCause ?? null, detail: options.detail }
    this.#abort.abort(new CallEndedError(reason))
  }

  /** Something to release when the call is over; the last one added goes first. */
  defer(cleanup: () => PromiseLike<void> | void): void {
    this.#cleanups.push(cleanup)
  }

  /** Releases everything and writes the last event. A call that nobody ended is a fault of the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.end('internalError', { detail: 'the call was left without a reason' })
    while (this.#cleanups.length > 0) {
      try {
        await this.#cleanups.pop()?.()
      } catch (err) {
        this.log.error({ err }, 'a part of the call could not be released')
      }
    }
    const { reason, hangupCause, detail } = this.#end as CallEnd
    const { endedBy, fault } = END_REASONS[reason]
    this.record({ kind: 'ended', reason, endedBy, fault, hangupCause, ...(detail !== undefined && { detail }) })
    this.#isComplete = true
    this.log.info({ reason, endedBy, fault }, 'call ended')
  }
}
