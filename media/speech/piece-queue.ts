/** Pieces from something that calls, for somebody who iterates. */
export class PieceQueue<T> implements AsyncIterable<T> {
  readonly #pieces: T[] = []
  #outcome: 'open' | 'ended' | Readonly<{ err: unknown }> = 'open'
  #wake: () => void = () => {}

  push(piece: T): void {
    if (this.#outcome !== 'open') return
    this.#pieces.push(piece)
    this.#wake()
  }

  /** No more pieces come; those that are there are still taken. */
  end(): void {
    if (this.#outcome === 'open') this.#outcome = 'ended'
    this.#wake()
  }

  /** Whoever iterates gets this error after the pieces that are there. */
  fail(err: unknown): void {
    if (this.#outcome === 'open') this.#outcome = { err }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (true) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const piece = this.#pieces.shift()
      if (piece !== undefined) yield piece
      else if (this.#outcome === 'open') await promise
      else if (this.#outcome === 'ended') return
      else throw this.#outcome.err
    }
  }
}
