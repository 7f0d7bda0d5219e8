/** Clocks of this machine and of the database; tests may have their own. */
export type Clocks = Readonly<{
  /** What this machine takes for the time. */
  wall(): Date
  /** Milliseconds since some moment, which nobody sets. */
  steady(): number
  database(): Promise<Date>
}>

/**
 * Why nobody knows what time it is. `differs`: this machine's clock is so far ahead of the database's, or behind when it is
 * negative. `wasSet`: both agree, and both have been set by so much, as on one machine; nobody can tell which time is right.
 */
export type ClockDoubt = Readonly<{ kind: 'differs' | 'wasSet'; byMs: number }>

/** Both less the steady clock, when both were believed. */
type Believed = Readonly<{ wallMs: number; databaseMs: number }>

/**
 * Watches the clock by which hours and gaps are kept. It is in doubt while it and the database's differ by more than the limit,
 * and when both were set together. What agrees with a clock that nobody has set is believed again by itself; after both
 * were set it takes a person, or the old time.
 */
export class ClockWatch {
  readonly #clocks: Clocks
  readonly #limitMs: number
  #databaseMs: number | null = null
  #believed: Believed | null = null
  /** The wall clock less the steady one, after both were set. */
  #setToMs: number | null = null
  #timesSet = 0
  #confirmedSets = 0

  constructor(clocks: Clocks, limitMs: number) {
    this.#clocks = clocks
    this.#limitMs = limitMs
  }

  /** How often both clocks were found to have been set together. */
  get timesSet(): number {
    return this.#timesSet
  }

  /** Reads the database's clock. Rejects when it cannot be read. */
  async compare(): Promise<void> {
    const { steady, database } = this.#clocks
    const askedAtMs = steady()
    const toldMs = (await database()).getTime()
    const answeredAtMs = steady()
    // What took so long says nothing about so small a difference.
    if (answeredAtMs - askedAtMs > this.#limitMs) return
    const databaseMs = toldMs - (askedAtMs + answeredAtMs) / 2
    this.#databaseMs = databaseMs
    const wallMs = this.#wallMs()
    if (!this.#agree(wallMs, databaseMs)) return
    if (this.#believed === null || this.#agree(wallMs, this.#believed.wallMs)) {
      this.#believed ??= { wallMs, databaseMs }
      this.#setToMs = null
      return
    }
    if (this.#agree(databaseMs, this.#believed.databaseMs)) {
      // Nobody has set the database's, and this machine's agrees with it.
      this.#believed = { wallMs, databaseMs }
      return
    }
    if (this.#setToMs === null || !this.#agree(wallMs, this.#setToMs)) {
      this.#setToMs = wallMs
      this.#timesSet += 1
    }
  }

  /** A person has said that the time is right, whatever was found so far. */
  confirm(): void {
    this.#confirmedSets = this.#timesSet
  }

  /** `believedSets`: what {@link timesSet} was when a person last vouched for the time; left out, what was confirmed here. */
  doubt(believedSets = this.#confirmedSets): ClockDoubt | null {
    const wallMs = this.#wallMs()
    const databaseMs = this.#databaseMs
    if (databaseMs === null) return null
    if (!this.#agree(wallMs, databaseMs)) return { kind: 'differs', byMs: Math.round(wallMs - databaseMs) }
    if (this.#believed === null || this.#agree(wallMs, this.#believed.wallMs)) return null
    const isCounted = this.#setToMs !== null && this.#agree(wallMs, this.#setToMs)
    if (isCounted && believedSets >= this.#timesSet) return null
    return { kind: 'wasSet', byMs: Math.round(wallMs - this.#believed.wallMs) }
  }

  #wallMs(): number {
    return this.#clocks.wall().getTime() - this.#clocks.steady()
  }

  #agree(oneMs: number, otherMs: number): boolean {
    return Math.abs(oneMs - otherMs) <= this.#limitMs
  }
}
