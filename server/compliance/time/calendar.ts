/** Days are counted from 1970-01-01 as whole numbers, without any zone. */
export const DAY_MS = 86_400_000
export const MINUTE_MS = 60_000

/** Monday is 0, as the packs write `mon-sun`. 1970-01-01 was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

export function dayOf(year: number, month: number, date: number): number {
  return Date.UTC(year, month - 1, date) / DAY_MS
}

export function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear()
}

/** `2026-12-01` → day number; null when there is no such date. */
export function parseDay(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null
  const [year = 0, month = 0, date = 0] = text.split('-').map(Number)
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const at = new Date(0).setUTCFullYear(year, month - 1, date)
  return new Date(at).toISOString().startsWith(text) ? at / DAY_MS : null
}

export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/**
 * The instant `months` months later; a day that the month lacks becomes its last day.
 * Law counts periods such as "18 months" by the calendar.
 */
export function addMonths(atMs: number, months: number): number {
  const date = new Date(atMs)
  const wanted = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(wanted, last))
  return date.getTime()
}

/** Western Easter Sunday (the anonymous Gregorian computus, as in Butcher's almanac of 1876). */
export function easterOf(year: number): number {
  const a = year % 19
  const century = Math.floor(year / 100)
  const rest = year % 100
  const leapSkips = Math.floor(century / 4)
  const moon = (19 * a + century - leapSkips - Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3) + 15) % 30
  const sunday = (32 + 2 * (century % 4) + 2 * Math.floor(rest / 4) - moon - (rest % 4)) % 7
  const shift = Math.floor((a + 11 * moon + 22 * sunday) / 451)
  const month = Math.floor((moon + sunday - 7 * shift + 114) / 31)
  return dayOf(year, month, ((moon + sunday - 7 * shift + 114) % 31) + 1)
}
