import type { CallTap, TapAttachment, TapConsumer, TapFrame } from '../../../media/tap/call-tap.ts'

/** Ten seconds: longer than a recogniser may take to get ready. */
const MAX_FRAMES = 500

/**
 * A call's audio from this moment on, for those who are not ready to hear it yet: what comes meanwhile waits in memory, and
 * whoever attaches gets it first. What may not be kept when it is said waits as silence.
 */
export class HeldTap implements Disposable {
  readonly #tap: Pick<CallTap, 'attach' | 'elapsedMs'>
  readonly #frames: TapFrame[] = []
  readonly #own: TapAttachment

  constructor(tap: Pick<CallTap, 'attach' | 'elapsedMs'>, isOpen: () => boolean) {
    this.#tap = tap
    this.#own = tap.attach({
      name: 'live transcript, not ready',
      onFrame: frame => {
        this.#frames.push(isOpen() ? frame : { ...frame, isHidden: true })
        if (this.#frames.length > MAX_FRAMES) this.#frames.shift()
      }
    })
  }

  get elapsedMs(): number {
    return this.#tap.elapsedMs
  }

  /** For consumers that return at once. */
  attach(consumer: TapConsumer): TapAttachment {
    for (const frame of this.#frames) void consumer.onFrame(frame)
    return this.#tap.attach(consumer)
  }

  /** Everybody is attached: nothing waits any more. */
  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]()
    this.#frames.length = 0
  }
}
