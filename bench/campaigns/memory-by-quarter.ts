/** The most that this process holds beyond what it began with, while each quarter of a file goes through. */
export class MemoryByQuarter {
  readonly #before = process.memoryUsage.rss()
  readonly #peaks = [0, 0, 0, 0]
  readonly #lines: number
  #done = 0

  constructor(lines: number) {
    this.#lines = lines
  }

  /** So many lines have gone through since the last time. */
  passed(lines: number): void {
    const quarter = Math.min(3, Math.floor((4 * this.#done) / this.#lines))
    this.#peaks[quarter] = Math.max(this.#peaks[quarter] ?? 0, process.memoryUsage.rss() - this.#before)
    this.#done += lines
  }

  get peakMbs(): readonly number[] {
    return this.#peaks.map(bytes => bytes / 1024 ** 2)
  }
}

/** "40, 41, 41 and 40 MB". */
export function inQuarters(peakMbs: readonly number[]): string {
  const shown = peakMbs.map(one => Math.round(one))
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)} MB`
}
