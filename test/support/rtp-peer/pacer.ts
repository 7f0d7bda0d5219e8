/** Calls every member once in each 20 ms, from one timer for all test peers, without drift. */
class Pacer {
  readonly #members = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0

  add(member: () => void): void {
    this.#members.add(member)
    if (this.#timer !== undefined) return
    this.#dueMs = performance.now() + 20
    this.#timer = setTimeout(this.#tick, 20)
  }

  remove(member: () => void): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #tick = (): void => {
    while (performance.now() >= this.#dueMs) {
      for (const member of [...this.#members]) member()
      this.#dueMs += 20
    }
    if (this.#members.size > 0)
      this.#timer = setTimeout(this.#tick, Math.max(0, Math.floor(this.#dueMs - performance.now())))
  }
}

export const pacer = new Pacer()
