import type { Db } from '../../sql/database.ts'
import {
  beginCallback,
  claimCallbacks,
  type DueCallback,
  endCallback,
  putOffCallback,
  queuesOfCallbacks,
  retryCallback
} from '../../sql/queries/queue-callbacks.ts'
import type { WakeUps } from '../../sql/wake-ups.ts'
import { Refresher } from '../agents/refresher.ts'
import { storeFirst } from '../calls/store-surely.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import type { QueueService } from './queue-service.ts'
import type { OfferFacts, QueueVisit } from './queue-visit.ts'
import type { Queue } from './queue.ts'

/** A callback whose turn has come, with an agent held for it. */
export type CallbackDue = Readonly<{
  callbackId: string
  /** The call in which it was booked. */
  callId: string
  /** The id that the call back must have: agent and place are held for it. */
  newCallId: string
  number: string
  language: string | null
  queue: Queue
  /** Tries, with this one. */
  attempt: number
  offer: OfferFacts
  /** Settle the offer here: `answered` once agent and customer talk, `withdrawn` when the customer was not reached. */
  visit: QueueVisit
}>

/**
 * `tryLater`: nobody answered; the callback keeps its place and comes again until its tries are used up. `notNow`: nobody may be
 * dialled now; it was no try, and comes again at `until`, or as soon as somebody may be called.
 */
export type CallbackOutcome =
  | Readonly<{ kind: 'done' | 'failed' | 'tryLater' }>
  | Readonly<{ kind: 'notNow'; until: Date | null }>

export type CallbackHandler = (due: CallbackDue, signal: AbortSignal) => Promise<CallbackOutcome>

export type CallbackSettings = Readonly<{
  /** Callbacks that wait for an agent at the same time, on this control plane. */
  maxAtOnce: number
  maxAttempts: number
  retryMs: number
}>

const SETTINGS: CallbackSettings = { maxAtOnce: 200, maxAttempts: 3, retryMs: 15 * 60_000 }
const LOOK_MS = 1_000

type Claimed = Readonly<{ callback: DueCallback; visit: QueueVisit; queue: Queue; newCallId: string }>

/**
 * Callbacks that keep their place: each waits in its queue like a caller, from the instant at which its place was
 * taken, and is handed to the dialler together with the agent whose turn it is. Only while the queue is open.
 */
export class CallbackDesk implements AsyncDisposable {
  readonly #db: Db
  readonly #queues: QueueService
  readonly #wakeUps: WakeUps
  readonly #log: Logger
  readonly #now: () => Date
  readonly #mayCall: () => boolean
  readonly #settings: CallbackSettings
  readonly #handler: CallbackHandler
  readonly #ended = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #look = new Refresher(() => this.#claim())
  readonly #timer: NodeJS.Timeout
  #hasFailed = false

  constructor(
    parts: Readonly<{
      db: Db
      queues: QueueService
      wakeUps: WakeUps
      log: Logger
      now?: () => Date
      /** While nobody may be called from here, callbacks wait without an agent being held for them, or go to others. */
      mayCall?: () => boolean
      settings?: Partial<CallbackSettings>
    }>,
    handler: CallbackHandler
  ) {
    this.#db = parts.db
    this.#queues = parts.queues
    this.#wakeUps = parts.wakeUps
    this.#log = parts.log
    this.#now = parts.now ?? (() => new Date())
    this.#mayCall = parts.mayCall ?? (() => true)
    this.#settings = { ...SETTINGS, ...parts.settings }
    this.#handler = handler
    this.#timer = setInterval(() => this.#lookSoon(), LOOK_MS)
    parts.wakeUps.listen(topic => {
      if (topic === 'callbacks') this.#lookSoon()
    }, this.#ended.signal)
    this.#lookSoon()
  }

  /** Callbacks that wait for an agent go back to be taken by others; those being dialled are waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new Error('the control plane stops'))
    clearInterval(this.#timer)
    await this.#look.idle()
    await Promise.allSettled(this.#running)
  }

  #lookSoon(): void {
    if (this.#ended.signal.aborted) return
    this.#look.run().then(
      () => {
        this.#hasFailed = false
      },
      err => {
        if (!this.#hasFailed) this.#log.warn({ err }, 'callbacks cannot be looked for')
        this.#hasFailed = true
      }
    )
  }

  async #claim(): Promise<void> {
    const room = this.#settings.maxAtOnce - this.#running.size
    if (room <= 0 || this.#ended.signal.aborted || !this.#mayCall()) return
    const open = (await queuesOfCallbacks(this.#db)).filter(name => this.#openQueue(name) !== null)
    if (open.length === 0) return
    const visits = new Map<string, Claimed>()
    try {
      await claimCallbacks(this.#db, this.#now(), open, room, callback => {
        const queue = this.#openQueue(callback.queue ?? '')
        if (queue === null) return null
        const newCallId = newId()
        const { visit, row } = this.#queues.prepare(queue, {
          callId: newCallId,
          queue: queue.id,
          language: callback.language ?? 'en',
          priority: 50,
          skills: [],
          placeFromAt: callback.place_from_at,
          calledNumber: null,
          kind: 'callback'
        })
        visits.set(callback.id, { callback, visit, queue, newCallId })
        return row
      })
    } catch (err) {
      for (const { visit } of visits.values()) this.#queues.forget(visit)
      throw err
    }
    if (visits.size > 0) this.#wakeUps.wake('entries')
    for (const claimed of visits.values()) {
      const { callback } = claimed
      const serving = this.#serve(claimed)
        .catch(err => this.#log.error({ err, callbackId: callback.id }, 'a callback failed'))
        .finally(() => this.#running.delete(serving))
      this.#running.add(serving)
    }
  }

  #openQueue(name: string): Queue | null {
    const queue = this.#queues.findQueue(name)
    return queue !== undefined && this.#queues.isOpen(queue) ? queue : null
  }

  async #serve({ callback, visit, queue, newCallId }: Claimed): Promise<void> {
    const { signal } = this.#ended
    await using held = visit
    const offer = await this.#nextOffer(held, signal)
    if (offer === null) return
    if (!this.#mayCall()) {
      await held.settle(offer.id, { kind: 'withdrawn' })
      await held.leave('callback')
      return
    }
    if (!(await beginCallback(this.#db, callback.id))) {
      await held.settle(offer.id, { kind: 'withdrawn' })
      return
    }
    const attempt = callback.attempts + 1
    let outcome: CallbackOutcome = { kind: 'tryLater' }
    try {
      const { id: callbackId, call_id: callId, number, language } = callback
      outcome = await this.#handler(
        { callbackId, callId, newCallId, number, language, queue, attempt, offer, visit: held },
        signal
      )
    } finally {
      // Before the entry leaves, however long the database is away: what has no live entry and no end may be taken by others.
      await storeFirst(() => this.#end(callback.id, attempt, outcome), this.#log, 'the end of a callback', signal)
      // Whatever the dialler left open.
      await held.settle(offer.id, { kind: 'withdrawn' })
      if (outcome.kind !== 'done') await held.leave('callback')
    }
  }

  async #end(id: string, attempt: number, outcome: CallbackOutcome): Promise<void> {
    const { maxAttempts, retryMs } = this.#settings
    switch (outcome.kind) {
      case 'done':
      case 'failed':
        return await endCallback(this.#db, id, outcome.kind)
      case 'notNow':
        return await putOffCallback(this.#db, id, outcome.until)
      case 'tryLater':
        return attempt >= maxAttempts
          ? await endCallback(this.#db, id, 'failed')
          : await retryCallback(this.#db, id, new Date(this.#now().getTime() + retryMs))
      default:
        return outcome satisfies never
    }
  }

  async #nextOffer(visit: QueueVisit, signal: AbortSignal): Promise<OfferFacts | null> {
    try {
      for (;;) {
        const event = await visit.next(signal)
        if (event.kind === 'offer') return event.offer
        if (event.kind === 'lost') return null
      }
    } catch (err) {
      if (signal.aborted) {
        await visit.leave('callback')
        return null
      }
      throw err
    }
  }
}
