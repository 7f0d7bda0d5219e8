/** Values that arrive and are awaited, in either order. Every wait has a limit. */
export class Inbox<T> {
  readonly #kept: T[] = []
  readonly #waiting: { wanted: (item: T) => boolean; take: (item: T) => void; fail: (err: Error) => void }[] = []

  put(item: T): void {
    const at = this.#waiting.findIndex(w => w.wanted(item))
    if (at >= 0) this.#waiting.splice(at, 1)[0]?.take(item)
    else this.#kept.push(item)
  }

  /** The first kept or coming item that `wanted` accepts; each item is given out once. Rejects after `limitMs`. */
  next(what: string, limitMs: number, wanted: (item: T) => boolean = () => true): Promise<T> {
    const at = this.#kept.findIndex(wanted)
    if (at >= 0) return Promise.resolve(this.#kept.splice(at, 1)[0] as T)
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        const index = this.#waiting.indexOf(entry)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(new Error(`no ${what} within ${limitMs} ms`))
      }, limitMs)
      const entry = {
        wanted,
        take: (item: T) => {
          clearTimeout(limit)
          resolve(item)
        },
        fail: (err: Error) => {
          clearTimeout(limit)
          reject(err)
        }
      }
      this.#waiting.push(entry)
    })
  }

  /** Ends every wait with an error. */
  close(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.fail(new Error('the phone was closed'))
  }
}
