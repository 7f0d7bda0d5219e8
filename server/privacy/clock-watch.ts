/** What is known of the time when a sweep is to begin; milliseconds since 1970 where nothing else is said. */
export type ClockFacts = Readonly<{
  nowMs: number
  /** The database server's clock. */
  databaseMs: number
  /** How much further this machine's clock has gone since the start than a clock that never jumps. */
  driftMs: number
  /** When a sweep last found the clock to be right; null before the first. */
  lastSeenMs: number | null
}>

export type ClockDoubt = 'databaseDiffers' | 'jumped' | 'wentBack' | 'unseenForLong'

const TOLERANCE_MS = 5 * 60_000
/** The sweep runs every day. After a longer rest a person says whether it is really so late. */
const LONGEST_REST_MS = 31 * 86_400_000

/**
 * Why nothing may be deleted for its age now; null when the clock can be believed. What a wrong clock deletes is gone, and
 * what a day's doubt keeps is not. Pure.
 */
export function doubtAbout({ nowMs, databaseMs, driftMs, lastSeenMs }: ClockFacts): ClockDoubt | null {
  if (Math.abs(nowMs - databaseMs) > TOLERANCE_MS) return 'databaseDiffers'
  if (Math.abs(driftMs) > TOLERANCE_MS) return 'jumped'
  if (lastSeenMs === null) return null
  if (nowMs < lastSeenMs - TOLERANCE_MS) return 'wentBack'
  return nowMs - lastSeenMs > LONGEST_REST_MS ? 'unseenForLong' : null
}
