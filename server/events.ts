import { EventEmitter } from 'node:events'
import type { CallEvent } from './calls/call-events.ts'
import type { Cdr } from './calls/cdr.ts'
import type { StoryWriter } from './calls/story-writer.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What goes out to screens and webhooks. Events never steer a call. */
export type LiveEvent = Readonly<{ kind: 'call'; event: CallEvent; cdr: Cdr }>

/**
 * The one place through which business events leave, so that the stored story, the metrics and the live stream
 * cannot drift apart. A listener's error never reaches the call.
 */
export class BusinessEvents {
  readonly #story: StoryWriter
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #emitter = new EventEmitter()

  constructor(story: StoryWriter, metrics: Metrics, log: Logger) {
    this.#story = story
    this.#metrics = metrics
    this.#log = log
    this.#emitter.setMaxListeners(0)
  }

  /** Events that are not in the database yet. */
  get backlog(): number {
    return this.#story.backlog
  }

  /** Takes one event of a call: into the story, into the metrics, out to listeners. */
  readonly call = (event: CallEvent): void => {
    const cdr = this.#story.write(event)
    // Figures are of people.
    if (!cdr.isSimulated) this.#count(event, cdr)
    this.#emit({ kind: 'call', event, cdr })
  }

  #count(event: CallEvent, cdr: Cdr): void {
    if (event.kind === 'started') this.#metrics.callsStarted.inc({ direction: event.direction })
    if (event.kind === 'answered') this.#metrics.setupSeconds.observe(event.setupMs / 1000)
    if (event.kind === 'ended')
      this.#metrics.callsEnded.inc({ direction: cdr.direction, reason: event.reason, fault: event.fault })
  }

  /** Hears every event until the signal is aborted. */
  listen(listener: (event: LiveEvent) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#emitter.on('event', listener)
    signal.addEventListener('abort', () => this.#emitter.off('event', listener), { once: true })
  }

  #emit(event: LiveEvent): void {
    for (const listener of this.#emitter.listeners('event')) {
      try {
        listener(event)
      } catch (err) {
        this.#log.error({ err }, 'a listener of live events failed')
      }
    }
  }
}
