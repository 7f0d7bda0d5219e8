import { hash } from 'node:crypto'

/** One link: what was written, the hash of the link before, and the hash over both. */
export type ChainEntry = Readonly<{ seq: number; id: string; body: string; prev: string; hash: string }>

/** What stands before the first link. */
export const CHAIN_START = 'sha256:0'

/** Hash of a link: over the sequence number, the hash before and the body, byte for byte. */
export function chainHash(seq: number, prev: string, body: string): string {
  return `sha256:${hash('sha256', `${seq}\n${prev}\n${body}`)}`
}

/** The first place at which a chain is broken, and why. */
export type ChainBreak = Readonly<{ seq: number; id: string; why: 'changed' | 'missing' | 'reordered' }>

/**
 * Checks links in order. Keeps nothing of them, so a chain of any length can be streamed through.
 * `expected` is the link that must come last (from a checkpoint kept elsewhere), so that a cut end is found too.
 */
export class ChainVerifier {
  #seq = 0
  #hash = CHAIN_START
  #first: ChainBreak | null = null

  /** Links checked so far. */
  get length(): number {
    return this.#seq
  }

  get head(): Readonly<{ seq: number; hash: string }> {
    return { seq: this.#seq, hash: this.#hash }
  }

  push(entry: ChainEntry): void {
    if (this.#first !== null) return
    if (entry.seq !== this.#seq + 1)
      this.#first = { seq: entry.seq, id: entry.id, why: entry.seq > this.#seq + 1 ? 'missing' : 'reordered' }
    else if (entry.prev !== this.#hash || chainHash(entry.seq, entry.prev, entry.body) !== entry.hash)
      this.#first = { seq: entry.seq, id: entry.id, why: 'changed' }
    this.#seq = entry.seq
    this.#hash = entry.hash
  }

  finish(expected?: Readonly<{ seq: number; hash: string }>): ChainBreak | null {
    if (this.#first !== null || expected === undefined) return this.#first
    if (this.#seq < expected.seq) return { seq: this.#seq + 1, id: '', why: 'missing' }
    return null
  }
}

/** JSON with the keys of every object in order, so that equal data is equal text (as RFC 8785 §3.2.3 sorts). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : one
  )
}
