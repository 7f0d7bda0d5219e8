const FIRST_BYTES = 64 * 1024
const FIRST_TEXTS = 1024

/**
 * Many texts that are looked up by their number, kept as bytes: a million contacts have millions of them, which as strings would
 * take several times the memory and all of the time of a garbage collector.
 */
export class SharedTexts {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  /** Where each text ends. */
  #ends = new Uint32Array(FIRST_TEXTS)
  #size = 0
  #count = 0

  /** Bytes of UTF-8 that the texts take. */
  get bytes(): number {
    return this.#size
  }

  add(text: string): void {
    // UTF-8 takes three bytes at most for each unit of UTF-16.
    const most = this.#size + text.length * 3
    if (most > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(most, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    }
    if (this.#count === this.#ends.length) {
      const larger = new Uint32Array(this.#ends.length * 2)
      larger.set(this.#ends)
      this.#ends = larger
    }
    this.#size += this.#bytes.write(text, this.#size)
    this.#ends[this.#count] = this.#size
    this.#count += 1
  }

  /** Undefined where there is no such text. */
  get(index: number): string | undefined {
    const to = this.#ends[index]
    if (to === undefined || index >= this.#count) return undefined
    return this.#bytes.toString('utf8', index === 0 ? 0 : this.#ends[index - 1], to)
  }
}
