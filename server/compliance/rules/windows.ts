import { DAY_MS } from '../time/calendar.ts'
import { stretchAt, type Zone } from '../time/zone.ts'

/**
 * The open hours of one local date as a flat list of milliseconds from midnight: start, end, start, end …
 * Half-open, in order, not touching. Null: no rule is in force on that date, so all of it is open.
 */
export type DayHours = readonly number[] | null

export const CLOSED: DayHours = Object.freeze([])

/** How far ahead an opening is looked for. Every calendar rule that opens at all opens within this. */
export const HORIZON_MS = 400 * DAY_MS

/**
 * The earliest instant from `fromMs` on whose local wall time in `zone` lies in the hours of its local date,
 * or Infinity when there is none before `limitMs`.
 *
 * Walks stretches of equal offset, so that hours which a clock change skips are skipped and hours which it repeats
 * are open twice.
 */
export function nextOpen(zone: Zone, hoursOf: (day: number) => DayHours, fromMs: number, limitMs: number): number {
  const { startsMs, offsetsMs } = zone
  let stretch = stretchAt(zone, fromMs)
  let at = fromMs
  while (at < limitMs) {
    const offset = offsetsMs[stretch] ?? 0
    const endMs = startsMs[stretch + 1] ?? Number.POSITIVE_INFINITY
    const local = at + offset
    const day = Math.floor(local / DAY_MS)
    const hours = hoursOf(day)
    if (hours === null) return at
    const inDay = local - day * DAY_MS
    let next = (day + 1) * DAY_MS - offset
    for (let index = 0; index < hours.length; index += 2) {
      const start = hours[index] ?? 0
      if (inDay >= (hours[index + 1] ?? 0)) continue
      if (inDay >= start) return at
      next = day * DAY_MS + start - offset
      break
    }
    if (next < endMs) at = next
    else {
      at = endMs
      stretch += 1
    }
    // The start of a window is reached: it is open unless the clock jumped over it, which the next round sees.
  }
  return Number.POSITIVE_INFINITY
}

/** Hours open in both. */
export function intersect(a: DayHours, b: DayHours): DayHours {
  if (a === null) return b
  if (b === null) return a
  const both: number[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const start = Math.max(a[i] ?? 0, b[j] ?? 0)
    const end = Math.min(a[i + 1] ?? 0, b[j + 1] ?? 0)
    if (start < end) both.push(start, end)
    if ((a[i + 1] ?? 0) < (b[j + 1] ?? 0)) i += 2
    else j += 2
  }
  return both
}

/** Sorts and joins windows that touch or overlap. */
export function normalise(windows: readonly (readonly [number, number])[]): DayHours {
  const sorted = [...windows].sort((a, b) => a[0] - b[0])
  const flat: number[] = []
  for (const [start, end] of sorted) {
    const lastEnd = flat.at(-1)
    if (lastEnd !== undefined && start <= lastEnd) flat[flat.length - 1] = Math.max(lastEnd, end)
    else flat.push(start, end)
  }
  return flat
}

/** Everything of the day that the windows leave free. */
export function complement(hours: readonly number[]): DayHours {
  const free: number[] = []
  let from = 0
  for (let index = 0; index < hours.length; index += 2) {
    if ((hours[index] ?? 0) > from) free.push(from, hours[index] ?? 0)
    from = Math.max(from, hours[index + 1] ?? 0)
  }
  if (from < DAY_MS) free.push(from, DAY_MS)
  return free
}

/** `09:30` → milliseconds from midnight. */
export function clockMs(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return (hours * 60 + minutes) * 60_000
}
