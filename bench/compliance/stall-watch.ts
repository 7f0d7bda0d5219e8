/** Sees how late a timer of one millisecond is. */
export class StallWatch {
  #longest = 0
  #last = performance.now()
  #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#longest = Math.max(this.#longest, now - this.#last - 1)
      this.#last = now
    }, 1)
  }

  /** The longest stall since the last time that was asked, in milliseconds. */
  longest(): number {
    const longest = this.#longest
    this.#longest = 0
    return longest
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
