import type { Call } from './call.ts'

/** The calls that this control plane is serving now, and the door that closes when it drains. */
export class LiveCalls {
  readonly #calls = new Map<string, Call>()
  #isDraining = false
  #emptied: (() => void)[] = []

  get size(): number {
    return this.#calls.size
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  get(callId: string): Call | undefined {
    return this.#calls.get(callId)
  }

  values(): IterableIterator<Call> {
    return this.#calls.values()
  }

  add(call: Call): void {
    this.#calls.set(call.id, call)
  }

  remove(call: Call): void {
    this.#calls.delete(call.id)
    if (this.#calls.size === 0) for (const resolve of this.#emptied.splice(0)) resolve()
  }

  /** Takes no more calls, lets the running ones end by themselves for `limitMs`, then ends them. */
  async drain(limitMs: number): Promise<void> {
    this.#isDraining = true
    if (await this.#emptyWithin(limitMs)) return
    for (const call of this.#calls.values()) call.end('draining')
    await this.#emptyWithin(5_000)
  }

  async #emptyWithin(limitMs: number): Promise<boolean> {
    if (this.#calls.size === 0) return true
    return await new Promise<boolean>(resolve => {
      const limit = setTimeout(() => resolve(false), limitMs)
      this.#emptied.push(() => {
        clearTimeout(limit)
        resolve(true)
      })
    })
  }
}
