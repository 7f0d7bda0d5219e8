/** How evenly packets came, against the timestamps that they carry. */
export type ArrivalFigures = Readonly<{
  packets: number
  missing: number
  duplicates: number
  /** Deviation from the ideal 20 ms grid, in milliseconds. */
  p50Ms: number
  p99Ms: number
  maxMs: number
  within5Ms: number
}>

/** Collects arrival times of one stream. */
export class ArrivalLog {
  readonly #offsets: number[] = []
  readonly #seen = new Set<number>()
  #first = -1
  #highest = 0
  #extended = 0
  #duplicates = 0

  add(sequenceNumber: number, timestamp: number): void {
    if (this.#first < 0) {
      this.#first = sequenceNumber
      this.#highest = sequenceNumber
      this.#extended = sequenceNumber
    }
    const ahead = ((sequenceNumber - this.#highest) << 16) >> 16
    const extended = this.#extended + ahead
    if (ahead > 0) {
      this.#highest = sequenceNumber
      this.#extended = extended
    }
    if (this.#seen.has(extended)) this.#duplicates++
    this.#seen.add(extended)
    this.#offsets.push(performance.now() - timestamp / 8)
  }

  figures(): ArrivalFigures {
    const sorted = [...this.#offsets].sort((a, b) => a - b)
    // The middle of the distribution is taken as the true slot.
    const slot = sorted[Math.floor(sorted.length / 2)] ?? 0
    const deviations = this.#offsets.map(offset => Math.abs(offset - slot)).sort((a, b) => a - b)
    const at = (share: number) =>
      deviations[Math.min(deviations.length - 1, Math.floor(deviations.length * share))] ?? 0
    return {
      packets: this.#offsets.length,
      missing: this.#first < 0 ? 0 : Math.max(0, this.#extended - this.#first + 1 - this.#seen.size),
      duplicates: this.#duplicates,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: deviations.at(-1) ?? 0,
      within5Ms: deviations.length === 0 ? 1 : deviations.filter(value => value <= 5).length / deviations.length
    }
  }
}
