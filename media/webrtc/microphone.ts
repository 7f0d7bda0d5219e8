import type { SfuProducer } from './router-api.ts'
import type { AudioSource } from './softphone-media.ts'

/** A source inside this folder: what can be heard is a producer of the router. */
export interface ProducedSource extends AudioSource {
  readonly producer: SfuProducer
}

/** An agent's microphone. Whoever sends it on is told when it falls silent, to send silence instead. */
export class Microphone implements ProducedSource {
  readonly producer: SfuProducer
  readonly #listeners = new Set<() => void>()
  #isMuted: boolean
  #isReachable = true

  constructor(producer: SfuProducer, isMuted: boolean) {
    this.producer = producer
    this.#isMuted = isMuted
  }

  get id(): string {
    return this.producer.id
  }

  get closed(): AbortSignal {
    return this.producer.closed
  }

  /** Whether packets are to be expected from it now. */
  get isLive(): boolean {
    return !this.#isMuted && this.#isReachable
  }

  /** Called on each change of `isLive`, until the returned function is called. */
  onLive(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async mute(isMuted: boolean): Promise<void> {
    if (isMuted === this.#isMuted) return
    await (isMuted ? this.producer.pause() : this.producer.resume())
    this.#change(() => {
      this.#isMuted = isMuted
    })
  }

  setReachable(isReachable: boolean): void {
    this.#change(() => {
      this.#isReachable = isReachable
    })
  }

  #change(apply: () => void): void {
    const before = this.isLive
    apply()
    if (this.isLive !== before) for (const listener of this.#listeners) listener()
  }
}
