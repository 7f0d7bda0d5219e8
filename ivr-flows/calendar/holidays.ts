import { createRequire } from 'node:module'
import type HolidaysClass from 'date-holidays'
import { addDays } from './local-time.ts'

export type HolidayRule = Readonly<{
  country: string
  subdivision?: string | undefined
  types?: readonly string[] | undefined
}>

let loaded: typeof HolidaysClass | undefined

/** The library takes a quarter of a second to load: only flows that name a country pay for it, when they are checked. */
function library(): typeof HolidaysClass {
  loaded ??= createRequire(import.meta.url)('date-holidays') as typeof HolidaysClass
  return loaded
}

let reference: HolidaysClass | undefined
const years = new Map<string, ReadonlyMap<string, string>>()
const MAX_YEARS = 500

/** The name of the holiday on a date, or null. */
export function holidayOn(date: string, rule: HolidayRule): string | null {
  return holidaysOf(Number(date.slice(0, 4)), rule).get(date) ?? null
}

/** Countries that holidays are known for, by code. */
export function holidayCountries(): Readonly<Record<string, string>> {
  reference ??= new (library())()
  return reference.getCountries('en')
}

/** Parts of a country that have holidays of their own, by code. */
export function holidaySubdivisions(country: string): Readonly<Record<string, string>> {
  reference ??= new (library())()
  return reference.getStates(country, 'en') ?? {}
}

function holidaysOf(
  year: number,
  { country, subdivision, types = ['public'] }: HolidayRule
): ReadonlyMap<string, string> {
  const key = [year, country, subdivision, ...types].join(' ')
  const known = years.get(key)
  if (known !== undefined) return known
  const Holidays = library()
  const source = subdivision === undefined ? new Holidays(country) : new Holidays(country, subdivision)
  const found = new Map<string, string>()
  for (const holiday of source.getHolidays(year, 'en')) {
    if (!types.includes(holiday.type)) continue
    // Some begin at sunset of the day before; the civil day named is the one that offices close.
    const first = holiday.date.slice(0, 10)
    const days = Math.round((holiday.end.getTime() - holiday.start.getTime()) / 86_400_000)
    // Holidays of half a day, or for some people only, are listed as afternoons: they close nothing for the whole day.
    if (holiday.date.slice(11, 16) !== '00:00') continue
    for (let index = 0; index < days; index += 1) {
      const date = addDays(first, index)
      if (!found.has(date)) found.set(date, holiday.name)
    }
  }
  if (years.size >= MAX_YEARS) years.delete(years.keys().next().value ?? '')
  years.set(key, found)
  return found
}
