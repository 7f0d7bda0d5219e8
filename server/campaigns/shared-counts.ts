import type { LeadCounts } from '../../sql/queries/campaigns/campaigns.ts'

/** So many leads are counted in a few hundredths of a second: never an old figure for the sake of that. */
const FEW = 200_000
/** Counting takes a fifth of one processor of the database at most, however many people look. */
const KEPT_TIMES = 4

type Kept = { counting: Promise<LeadCounts>; untilMs: number }

/**
 * Counts of a campaign's leads for screens. Who looks while somebody else's look is being counted gets that; those of large
 * campaigns are kept for a few times as long as counting them took.
 */
export class SharedCounts {
  readonly #count: (campaignNo: number) => Promise<LeadCounts>
  readonly #nowMs: () => number
  readonly #kept = new Map<number, Kept>()

  constructor(count: (campaignNo: number) => Promise<LeadCounts>, nowMs = () => performance.now()) {
    this.#count = count
    this.#nowMs = nowMs
  }

  async of(campaignNo: number): Promise<LeadCounts> {
    const known = this.#kept.get(campaignNo)
    if (known !== undefined && this.#nowMs() < known.untilMs) return await known.counting
    const fromMs = this.#nowMs()
    const kept: Kept = { counting: this.#count(campaignNo), untilMs: Number.POSITIVE_INFINITY }
    this.#kept.set(campaignNo, kept)
    try {
      const counts = await kept.counting
      const total = Object.values(counts.byState).reduce((sum, one) => sum + one, 0)
      const nowMs = this.#nowMs()
      kept.untilMs = total > FEW ? nowMs + KEPT_TIMES * (nowMs - fromMs) : nowMs
      return counts
    } finally {
      if (kept.untilMs === Number.POSITIVE_INFINITY) this.#kept.delete(campaignNo)
    }
  }
}
