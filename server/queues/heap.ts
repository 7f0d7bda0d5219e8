/** A binary heap; `isBefore` must be a strict total order for results to be the same every time. */
export class Heap<T> {
  readonly #isBefore: (one: T, other: T) => boolean
  #items: T[] = []

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above] as T
      if (!this.#isBefore(item, parent)) break
      items[at] = parent
      at = above
    }
    items[at] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length > 0 && last !== undefined) this.#sink(0, last)
    return top
  }

  /** Keeps only what `isWanted` says, in one pass. */
  retain(isWanted: (item: T) => boolean): void {
    this.#items = this.#items.filter(isWanted)
    for (let at = (this.#items.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at, this.#items[at] as T)
  }

  #sink(from: number, item: T): void {
    const items = this.#items
    const { length } = items
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      if (below + 1 < length && this.#isBefore(items[below + 1] as T, items[below] as T)) below += 1
      const child = items[below] as T
      if (!this.#isBefore(child, item)) break
      items[at] = child
      at = below
    }
    items[at] = item
  }
}
