const HALF = 0x8000
const ROUND = 0x1_0000
/** How far behind the newest packet a late one may be. */
const WINDOW = 128

/**
 * The 48-bit index of one stream's packets: 16 bits of sequence number and the roll-over counter above them, which both
 * sides count for themselves (RFC 3711 §3.3.1). Survives the loss of up to 32,767 packets in a row.
 */
export class PacketIndex {
  #highest = -1
  // Which index was seen last in each place of the window.
  readonly #seen = new Float64Array(WINDOW).fill(-1)

  /** The index that a packet with this sequence number has most likely; negative for one from before the beginning. */
  guess(sequence: number): number {
    if (this.#highest < 0) return sequence
    const highestSequence = this.#highest % ROUND
    const round = this.#highest - highestSequence
    if (highestSequence < HALF) return sequence - highestSequence > HALF ? round - ROUND + sequence : round + sequence
    return highestSequence - HALF > sequence ? round + ROUND + sequence : round + sequence
  }

  /** Whether a packet with this index is new (RFC 3711 §3.3.2). */
  isFresh(index: number): boolean {
    return index >= 0 && index > this.#highest - WINDOW && this.#seen[index % WINDOW] !== index
  }

  /** Remembers a packet; only after its tag was found right. */
  accept(index: number): void {
    this.#seen[index % WINDOW] = index
    if (index > this.#highest) this.#highest = index
  }
}
