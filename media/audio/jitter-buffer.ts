import { sequenceDistance } from './rtp.ts'

/** How many consecutive packets have a place of their own: sequence numbers are taken modulo this. */
export const JITTER_RING = 64
const RING = JITTER_RING

/** How deep the buffer may be, in packets. `target`: how many are gathered before the first is given out. */
export type JitterBufferOptions = Readonly<{ target?: number; max?: number }>

/** What happened to packets since the start. */
export type JitterBufferCounters = Readonly<{ late: number; duplicate: number; lost: number; dropped: number }>

/**
 * Puts packets back into order and evens out their arrival: `push` as they come, `pull` once a slot. It is bounded; it
 * follows sequence wraps; a sender that pauses is started anew.
 */
export class JitterBuffer<Item> {
  readonly #slots: (Item | undefined)[] = new Array(RING).fill(undefined)
  readonly #target: number
  readonly #max: number
  #next = -1
  #newest = -1
  #count = 0
  #isFilling = true
  #emptyPulls = 0
  #late = 0
  #duplicate = 0
  #lost = 0
  #dropped = 0

  constructor(options: JitterBufferOptions = {}) {
    this.#max = Math.min(options.max ?? 10, RING / 2)
    this.#target = Math.min(options.target ?? 1, this.#max)
  }

  get depth(): number {
    return this.#count
  }

  get counters(): JitterBufferCounters {
    return { late: this.#late, duplicate: this.#duplicate, lost: this.#lost, dropped: this.#dropped }
  }

  /** Takes a packet with its 16-bit sequence number; false when it is late or a duplicate. */
  push(sequenceNumber: number, item: Item): boolean {
    if (this.#next < 0) this.#startAt(sequenceNumber)
    const ahead = sequenceDistance(this.#next, sequenceNumber)
    if (ahead < 0) {
      // While nothing has been given out yet, an earlier packet may still become the first.
      if (this.#isFilling && ahead > -this.#max && this.#count > 0) this.#next = sequenceNumber
      else if (ahead > -RING * 4) {
        this.#late++
        return false
      } else this.#startAt(sequenceNumber)
    } else if (ahead >= RING / 2) {
      // The sender jumped: whatever is held belongs to another stream.
      this.#dropped += this.#count
      this.#startAt(sequenceNumber)
    }
    const slot = sequenceNumber % RING
    if (this.#slots[slot] !== undefined) {
      this.#duplicate++
      return false
    }
    this.#slots[slot] = item
    this.#count++
    if (this.#newest < 0 || sequenceDistance(this.#newest, sequenceNumber) > 0) this.#newest = sequenceNumber
    while (this.#count > this.#max) this.#discardOldest()
    if (this.#count >= this.#target) this.#isFilling = false
    return true
  }

  /** The packet whose turn it is; undefined when it was lost, has not arrived, or the buffer is still filling. */
  pull(): Item | undefined {
    if (this.#isFilling || this.#next < 0) return undefined
    if (this.#count === 0) {
      // The sender may only be late: its turn is kept until it has been silent for a while.
      if (++this.#emptyPulls >= this.#max) this.#startOver()
      return undefined
    }
    this.#emptyPulls = 0
    const slot = this.#next % RING
    const item = this.#slots[slot]
    this.#next = (this.#next + 1) & 0xffff
    if (item === undefined) {
      this.#lost++
      return undefined
    }
    this.#slots[slot] = undefined
    this.#count--
    return item
  }

  /** Forgets everything held. */
  reset(): void {
    this.#startOver()
  }

  #startOver(): void {
    if (this.#count > 0) this.#slots.fill(undefined)
    this.#count = 0
    this.#next = -1
    this.#newest = -1
    this.#isFilling = true
    this.#emptyPulls = 0
  }

  #startAt(sequenceNumber: number): void {
    this.#startOver()
    this.#next = sequenceNumber
  }

  #discardOldest(): void {
    while (this.#slots[this.#next % RING] === undefined) this.#next = (this.#next + 1) & 0xffff
    this.#slots[this.#next % RING] = undefined
    this.#next = (this.#next + 1) & 0xffff
    this.#count--
    this.#dropped++
  }
}
