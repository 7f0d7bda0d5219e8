import type { VisitOutcome } from '../../sql/queue-tables.ts'
import type { MissReason } from '../agents/agent-state.ts'
import type { OverflowDestination, Queue } from './queue.ts'

/** An agent who is held for the waiting caller and whose phone should ring now. */
export type OfferFacts = Readonly<{
  id: string
  agentId: string
  /** Where the agent's softphone is; null for one with a desk phone alone. */
  agentControlPlaneId: string | null
  ringMs: number
  isAutoAnswered: boolean
  /** One line for people: why this agent. */
  reason: string
  /** Aborts when the offer is over for another reason than `settle`: somebody else answered, the caller left. */
  withdrawn: AbortSignal
}>

/** What happens next to a waiting caller. */
export type VisitEvent =
  | Readonly<{ kind: 'offer'; offer: OfferFacts }>
  | Readonly<{ kind: 'announce'; position: number; estimatedWaitMs: number | null }>
  | Readonly<{ kind: 'maxWait'; overflow: OverflowDestination | null }>
  | Readonly<{ kind: 'callbackOffer' }>
  /** The place is lost, which only a long outage of the database does. */
  | Readonly<{ kind: 'lost' }>

export type SettleOutcome = Readonly<{ kind: 'answered' | 'withdrawn' | MissReason }>

export type VisitParts = Readonly<{
  entryId: string
  queue: Queue
  enteredAtMs: number
  maxWaitMs: number | null
  announceEveryMs: number | null
  offersCallback: boolean
  holdMs: number | null
  nowMs(): number
  settle(offerId: string, outcome: SettleOutcome['kind']): Promise<boolean>
  leave(outcome: VisitOutcome): Promise<void>
  requeue(): Promise<boolean>
  place(): Readonly<{ position: number; estimatedWaitMs: number | null }> | null
}>

/** A first word about the place comes so soon; whoever is served at once never hears it. */
const FIRST_ANNOUNCEMENT_MS = 3_000

/** One caller's wait: from entering until served or gone. Disposing it leaves as abandoned unless it is over. */
export class QueueVisit implements AsyncDisposable {
  readonly entryId: string
  readonly queue: Queue
  readonly #parts: VisitParts
  readonly #offers: OfferFacts[] = []
  /** Offers that are not settled, by id. */
  readonly #ringing = new Map<string, AbortController>()
  #wake: () => void = () => {}
  #nextAnnouncementMs: number
  #enteredAtMs: number
  #hasOfferedCallback: boolean
  #isServed = false
  #isLost = false
  #leaving: Promise<void> | undefined

  constructor(parts: VisitParts) {
    this.#parts = parts
    this.entryId = parts.entryId
    this.queue = parts.queue
    this.#enteredAtMs = parts.enteredAtMs
    this.#nextAnnouncementMs = parts.enteredAtMs + Math.min(FIRST_ANNOUNCEMENT_MS, parts.announceEveryMs ?? 0)
    this.#hasOfferedCallback = !parts.offersCallback
  }

  /** How long an agent is held for this visit instead of the queue's ring time; null: as the queue says. */
  get holdMs(): number | null {
    return this.#parts.holdMs
  }

  /** Whether the caller is still in the queue, waiting or talking to its agent. */
  get isOver(): boolean {
    return this.#leaving !== undefined
  }

  /**
   * Waits for the next thing that happens to the caller. While an agent rings, only further agents are told of (with
   * ringAll). One wait at a time. Rejects with the signal's reason when it is aborted.
   */
  async next(signal: AbortSignal): Promise<VisitEvent> {
    for (;;) {
      signal.throwIfAborted()
      const event = this.#due()
      if (event !== null) return event
      await this.#pause(signal)
    }
  }

  /**
   * What became of ringing an agent. Anything but `answered` sends the caller back to the same place. False when the
   * offer was over before: then this agent does not get the call.
   */
  async settle(offerId: string, outcome: SettleOutcome): Promise<boolean> {
    // From here on the end of the offer is our own doing and nobody need be told.
    const ringing = this.#ringing.get(offerId)
    this.#ringing.delete(offerId)
    const isSettled = await this.#parts.settle(offerId, outcome.kind)
    if (!isSettled) ringing?.abort()
    if (isSettled && outcome.kind === 'answered') {
      this.#isServed = true
      this.withdrawAll()
    }
    this.#wake()
    return isSettled
  }

  /** Ends the visit; the first outcome counts. */
  leave(outcome: VisitOutcome): Promise<void> {
    this.#leaving ??= this.#parts.leave(outcome)
    this.withdrawAll()
    return this.#leaving
  }

  /** Back into the queue before all others, after the agent was lost. False when the visit is over. */
  async backToHead(): Promise<boolean> {
    if (this.#leaving !== undefined || !(await this.#parts.requeue())) return false
    this.#isServed = false
    this.#enteredAtMs = this.#parts.nowMs()
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave(this.#isServed ? 'answered' : 'abandoned')
  }

  /** For the service: an agent is held for this caller. */
  offer(offer: Omit<OfferFacts, 'withdrawn'>): void {
    const controller = new AbortController()
    this.#ringing.set(offer.id, controller)
    this.#offers.push({ ...offer, withdrawn: controller.signal })
    this.#wake()
  }

  /** For the service: an offer is over. One that `next` has not given out yet is never given out. */
  withdraw(offerId: string): void {
    const controller = this.#ringing.get(offerId)
    if (controller === undefined) return
    this.#ringing.delete(offerId)
    const at = this.#offers.findIndex(offer => offer.id === offerId)
    if (at !== -1) this.#offers.splice(at, 1)
    controller.abort()
    this.#wake()
  }

  withdrawAll(): void {
    for (const offerId of [...this.#ringing.keys()]) this.withdraw(offerId)
  }

  /** For the service: the place cannot be kept. */
  lose(): void {
    this.#isLost = true
    this.withdrawAll()
    this.#wake()
  }

  #due(): VisitEvent | null {
    if (this.#isLost) return { kind: 'lost' }
    const offer = this.#offers.shift()
    if (offer !== undefined) return { kind: 'offer', offer }
    if (this.#ringing.size > 0 || this.#isServed) return null
    const nowMs = this.#parts.nowMs()
    const { maxWaitMs, announceEveryMs } = this.#parts
    if (maxWaitMs !== null && nowMs >= this.#enteredAtMs + maxWaitMs)
      return { kind: 'maxWait', overflow: this.queue.overflow }
    const { callbackAfterMs } = this.queue
    if (!this.#hasOfferedCallback && callbackAfterMs !== null && nowMs >= this.#enteredAtMs + callbackAfterMs) {
      this.#hasOfferedCallback = true
      return { kind: 'callbackOffer' }
    }
    if (announceEveryMs !== null && nowMs >= this.#nextAnnouncementMs) {
      this.#nextAnnouncementMs = nowMs + announceEveryMs
      const place = this.#parts.place()
      if (place !== null) return { kind: 'announce', ...place }
    }
    return null
  }

  /** Until something happens that `#due` may want to know. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { maxWaitMs, announceEveryMs, nowMs } = this.#parts
    const times: number[] = []
    if (this.#ringing.size === 0 && !this.#isServed) {
      if (maxWaitMs !== null) times.push(this.#enteredAtMs + maxWaitMs)
      if (announceEveryMs !== null) times.push(this.#nextAnnouncementMs)
      const { callbackAfterMs } = this.queue
      if (!this.#hasOfferedCallback && callbackAfterMs !== null) times.push(this.#enteredAtMs + callbackAfterMs)
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    const timer = times.length === 0 ? undefined : setTimeout(wake, Math.max(1, Math.min(...times) - nowMs()))
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      this.#wake = () => {}
    }
  }
}
