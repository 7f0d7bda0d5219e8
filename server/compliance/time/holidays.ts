import { dayOf, easterOf, weekdayOf, yearOf } from './calendar.ts'

/**
 * How a day off moves when it falls on a weekend. `us`: Saturday → also Friday, Sunday → also Monday.
 * `sunday_monday`: Sunday → also Monday. `next_weekday`: a weekend → also the next free weekday.
 * `move_monday`: the day itself moves to the Monday on or after it.
 */
export const OBSERVANCES = ['us', 'sunday_monday', 'next_weekday', 'move_monday'] as const
export type Observance = (typeof OBSERVANCES)[number]

/** One holiday: the same date each year, the nth weekday of a month, a distance from Easter, or dates year by year. */
export type Holiday = Readonly<{
  name: string
  /** `12-25`. */
  on?: string
  /** `{ n: 3, weekday: 0, month: 1 }`: third Monday of January; n = -1 is the last. `plusDays` counts on from there. */
  nth?: Readonly<{ n: number; weekday: number; month: number; plusDays?: number }>
  /** Days after Western Easter Sunday. */
  easter?: number
  /** Day numbers, for calendars that no simple rule gives. */
  days?: readonly number[]
  observed?: Observance
  fromYear?: number
  toYear?: number
  /** Only in every second year, such as elections. */
  years?: 'even' | 'odd'
  /** Parts of the country, `FR-57`, where it is kept; everywhere when left out. */
  regions?: readonly string[]
}>

/** The days of one year that are holidays, with their names; `region` filters those that are kept in parts only. */
export function holidaysOf(
  list: readonly Holiday[],
  year: number,
  regions: readonly string[]
): ReadonlyMap<number, string> {
  const found = new Map<number, string>()
  for (const holiday of list) {
    if (holiday.fromYear !== undefined && year < holiday.fromYear) continue
    if (holiday.toYear !== undefined && year > holiday.toYear) continue
    if (holiday.years !== undefined && (year % 2 === 0) !== (holiday.years === 'even')) continue
    if (holiday.regions !== undefined && !holiday.regions.some(region => regions.includes(region))) continue
    for (const day of daysOf(holiday, year)) found.set(day, holiday.name)
  }
  for (const holiday of list) {
    if (holiday.observed !== 'next_weekday') continue
    for (const day of daysOf(holiday, year)) {
      if (found.get(day) !== holiday.name || weekdayOf(day) < 5) continue
      let next = day + 1
      while (weekdayOf(next) >= 5 || found.has(next)) next += 1
      found.set(next, holiday.name)
    }
  }
  return found
}

function daysOf(holiday: Holiday, year: number): readonly number[] {
  if (holiday.days !== undefined) return holiday.days.filter(day => yearOf(day) === year)
  const day = baseDay(holiday, year)
  const weekday = weekdayOf(day)
  switch (holiday.observed) {
    case undefined:
    case 'next_weekday':
      return [day]
    case 'us':
      return weekday === 5 ? [day - 1, day] : weekday === 6 ? [day, day + 1] : [day]
    case 'sunday_monday':
      return weekday === 6 ? [day, day + 1] : [day]
    case 'move_monday':
      return [day + ((7 - weekday) % 7)]
    default:
      return holiday.observed satisfies never
  }
}

function baseDay(holiday: Holiday, year: number): number {
  if (holiday.on !== undefined) {
    const [month = 1, date = 1] = holiday.on.split('-').map(Number)
    return dayOf(year, month, date)
  }
  if (holiday.nth !== undefined) {
    const { n, weekday, month, plusDays = 0 } = holiday.nth
    if (n > 0) {
      const first = dayOf(year, month, 1)
      return first + ((weekday - weekdayOf(first) + 7) % 7) + (n - 1) * 7 + plusDays
    }
    const last = dayOf(year, month + 1, 1) - 1
    return last - ((weekdayOf(last) - weekday + 7) % 7) + (n + 1) * 7 + plusDays
  }
  return easterOf(year) + (holiday.easter ?? 0)
}
