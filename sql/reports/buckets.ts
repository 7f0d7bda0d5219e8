import { DateTime } from 'luxon'

export const INTERVALS = ['15min', 'hour', 'day'] as const
export type Interval = (typeof INTERVALS)[number]

/** A span of time, half-open. */
export type Bucket = Readonly<{ from: Date; until: Date }>

const STEPS = { '15min': { minutes: 15 }, hour: { hours: 1 }, day: { days: 1 } } as const
const UNITS = { '15min': 'hour', hour: 'hour', day: 'day' } as const

/**
 * Cuts a span into the intervals of a time zone's clock. Days go from midnight to midnight there and so have 23 or 25
 * hours when the clock changes; a repeated hour is two. The first and the last are cut to the span.
 * Throws RangeError for more than `limit` intervals.
 */
export function bucketsOf(from: Date, until: Date, interval: Interval | null, zone: string, limit = 3_000): Bucket[] {
  if (interval === null) return [{ from, until }]
  const buckets: Bucket[] = []
  let start = DateTime.fromJSDate(from, { zone }).startOf(UNITS[interval])
  while (start.toMillis() < until.getTime()) {
    const end = interval === 'day' ? start.plus(STEPS.day).startOf('day') : start.plus(STEPS[interval])
    const bucket = {
      from: new Date(Math.max(start.toMillis(), from.getTime())),
      until: new Date(Math.min(end.toMillis(), until.getTime()))
    }
    if (bucket.from < bucket.until) buckets.push(bucket)
    if (buckets.length > limit) throw new RangeError(`more than ${limit} intervals`)
    start = end
  }
  return buckets
}

/** An instant, or a date as midnight in the zone. Null when it is neither. */
export function instantOf(text: string, zone: string): Date | null {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const time = isDate ? DateTime.fromISO(text, { zone }).startOf('day') : DateTime.fromISO(text, { setZone: true })
  return time.isValid && (isDate || /(Z|[+-]\d{2}:?\d{2})$/i.test(text)) ? time.toJSDate() : null
}
