import type { TapConsumer, TapFrame } from './call-tap.ts'

const DEFAULT_MAX_WAITING = 250

/** One consumer of a tap: a fast one is called directly, a slow one finds its frames in a queue that has an end. */
export class TapConsumerQueue {
  readonly #consumer: TapConsumer
  readonly #onFailure: (err: unknown) => void
  readonly #maxWaiting: number
  #waiting: TapFrame[] = []
  #isBusy = false
  #isOver = false
  #missed: { fromMs: number; frames: number } | null = null
  /** When it was attached, in milliseconds since the answer: what was captured before is not for it. */
  readonly sinceMs: number

  constructor(consumer: TapConsumer, sinceMs: number, onFailure: (err: unknown) => void) {
    this.#consumer = consumer
    this.sinceMs = sinceMs
    this.#onFailure = onFailure
    this.#maxWaiting = consumer.maxWaitingFrames ?? DEFAULT_MAX_WAITING
  }

  push(frame: TapFrame): void {
    if (this.#isOver) return
    if (!this.#isBusy) {
      this.#hand(frame)
      return
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      const dropped = this.#waiting.shift() ?? frame
      this.#missed ??= { fromMs: dropped.atMs, frames: 0 }
      this.#missed.frames += 1
    }
    if (this.#maxWaiting > 0) this.#waiting.push(frame)
  }

  /** What still waits is dropped: the consumer said that it wants no more, or the call is over. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = []
    try {
      this.#consumer.onEnd?.()
    } catch (err) {
      this.#onFailure(err)
    }
  }

  #hand(frame: TapFrame): void {
    try {
      const missed = this.#missed
      this.#missed = null
      if (missed !== null) this.#consumer.onMissed?.(missed)
      const busy = this.#consumer.onFrame(frame)
      if (busy === undefined) return
      this.#isBusy = true
      busy.then(
        () => this.#ready(),
        err => this.#fail(err)
      )
    } catch (err) {
      this.#fail(err)
    }
  }

  #ready(): void {
    this.#isBusy = false
    while (!this.#isBusy && !this.#isOver) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#hand(next)
    }
  }

  #fail(err: unknown): void {
    if (this.#isOver) return
    this.#onFailure(err)
    this.end()
  }
}
