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
  #seq = 0
  #end: CallEnd | undefined
  #isComplete = false

  constructor(options: Readonly<{ direction: Direction; log: Logger; sink: EventSink; id?: string }>) {
    this.startedAt = new Date()
    this.id = options.id ?? newId(this.startedAt.getTime())
    this.direction = options.direction
    this.log = options.log.child({ callId: this.id })
    this.#sink = options.sink
  }

  /** Aborted with {@link CallEndedError} as soon as the call ends for any reason. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get ended(): CallEnd | undefined {
    return this.#end
  }

  /** Adds an event to the call's story. After the story is complete nothing is added. */
  record(data: CallEventData): void {
    if (this.#isComplete) {
      this.log.warn({ kind: data.kind }, 'an event came after the end of the call')
      return
    }
    this.#seq += 1
    this.#sink({ callId: this.id, seq: this.#seq, at: new Date(), ...data })
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
