import type { Reason } from '../codes.ts'
import { parseDays } from '../packs/load.ts'
import type { Pack, RuleOf, VersionOf } from '../packs/schema.ts'
import { DAY_WORDS } from '../packs/schema.ts'
import { DAY_MS, parseDay, weekdayOf, yearOf } from '../time/calendar.ts'
import { type Holiday, holidaysOf } from '../time/holidays.ts'
import { fastingHours, fasts } from '../time/ramadan.ts'
import { localDay, startOfDay, zoneOf } from '../time/zone.ts'
import { zonesOfCountry } from '../numbers/numbering-plan.ts'
import { type Context, HOUR_MS, instant, type Settings } from './context.ts'
import { CLOSED, clockMs, complement, type DayHours, nextOpen, normalise } from './windows.ts'

/** A rule that time alone can cure. */
export type TimedCheck = Readonly<{
  /** Whether it is about hours and days of the calendar, as opposed to what happened before. */
  isCalendar: boolean
  /** The earliest instant from `fromMs` on at which it lets the call pass; Infinity when none is before `limitMs`. */
  firstOpen(context: Context, fromMs: number, limitMs: number): number
  /** Why it stops a call at this instant. */
  reasonAt(context: Context, atMs: number): Reason
}>

/** Versions that are in force, by local date. */
export type Dated<V> = Readonly<{ from: number; to: number; version: V }>

export function inForce<V>(versions: readonly Dated<V>[], day: number): V | null {
  for (const one of versions) if (day >= one.from && day <= one.to) return one.version
  return null
}

export type HolidayBook = Readonly<{
  on(day: number, regions: readonly string[]): string | null
  isKnown(day: number): boolean
}>

/** The holidays of a pack, computed once for each year and set of regions. */
export function holidayBook(pack: Pack): HolidayBook {
  const list: readonly Holiday[] = (pack.holidays ?? []).map(({ nth, dates, ...rest }) => ({
    ...rest,
    ...(nth !== undefined && { nth: { ...nth, weekday: DAY_WORDS.indexOf(nth.weekday) } }),
    ...(dates !== undefined && { days: dates.flatMap(date => parseDay(date) ?? []) })
  }))
  const isRegional = list.some(holiday => holiday.regions !== undefined)
  const years = new Map<string, ReadonlyMap<number, string>>()
  return {
    on(day, regions) {
      const year = yearOf(day)
      const key = isRegional ? `${year} ${regions.join()}` : String(year)
      let days = years.get(key)
      if (days === undefined) {
        // New Year of the next year may be kept on the last day of this one.
        days = new Map([...holidaysOf(list, year + 1, regions), ...holidaysOf(list, year, regions)])
        years.set(key, days)
      }
      return days.get(day) ?? null
    },
    isKnown: day => pack.holidaysKnownTo === undefined || yearOf(day) <= pack.holidaysKnownTo
  }
}

/** Hours by local wall time. */
export function windowCheck(
  versions: readonly Dated<VersionOf<'window'>>[],
  book: HolidayBook,
  settings: Settings
): TimedCheck {
  const guardMs = settings.endGuardSeconds * 1_000
  const compiled = versions.map(({ from, to, version }) => ({ from, to, version: compileWeek(version, guardMs) }))
  const isSpecial = compiled.some(one => one.version.holiday !== null || one.version.eve !== null)
  const hoursOn = (day: number, regions: readonly string[]): DayHours => {
    const week = inForce(compiled, day)
    if (week === null) return null
    if (isSpecial) {
      if (week.holiday !== null && book.on(day, regions) !== null) return week.holiday
      if (week.eve !== null && book.on(day + 1, regions) !== null) return week.eve
    }
    return week.days[weekdayOf(day)] ?? CLOSED
  }
  return {
    isCalendar: true,
    firstOpen: (context, fromMs, limitMs) =>
      inAllZones(context, day => hoursOn(day, context.jurisdictions), fromMs, limitMs),
    reasonAt(context, atMs) {
      for (const zone of context.zones)
        if (hoursOn(localDay(zone, atMs), context.jurisdictions)?.length === 0) return 'DAY_PROHIBITED'
      return 'HOURS_OUTSIDE'
    }
  }
}

type Week = Readonly<{ days: readonly DayHours[]; holiday: DayHours; eve: DayHours }>

function compileWeek(version: VersionOf<'window'>, guardMs: number): Week {
  const days: [number, number][][] = Array.from({ length: 7 }, () => [])
  const holiday: [number, number][] = []
  const eve: [number, number][] = []
  for (const { days: words, start, end } of version.windows) {
    const which = parseDays(words)
    if (which === null) continue
    const endMs = clockMs(end)
    // A window that ends with the day is followed by no forbidden hour of its own, so nothing is guarded.
    const window: [number, number] = [clockMs(start), endMs === DAY_MS ? endMs : endMs - guardMs]
    for (const day of which.weekdays) days[day]?.push(window)
    if (which.holiday) holiday.push(window)
    if (which.eve) eve.push(window)
  }
  return {
    days: days.map(normalise),
    holiday: holiday.length === 0 ? null : normalise(holiday),
    eve: eve.length === 0 ? null : normalise(eve)
  }
}

function inAllZones(context: Context, hoursOf: (day: number) => DayHours, fromMs: number, limitMs: number): number {
  const { zones } = context
  let at = fromMs
  for (let agreed = 0, index = 0; agreed < zones.length; index = (index + 1) % zones.length) {
    const zone = zones[index]
    if (zone === undefined) break
    const next = nextOpen(zone, hoursOf, at, limitMs)
    if (next === Number.POSITIVE_INFINITY) return next
    agreed = next === at ? agreed + 1 : 1
    at = next
  }
  return at
}

/** Days on which nobody may be called. */
export function holidayCheck(versions: readonly Dated<VersionOf<'holiday'>>[], book: HolidayBook): TimedCheck {
  const hoursOn = (day: number, regions: readonly string[]): DayHours => {
    const version = inForce(versions, day)
    if (version === null) return null
    if (!book.isKnown(day)) return CLOSED
    const name = book.on(day, regions)
    return name === null || version.except?.includes(name) === true ? null : CLOSED
  }
  return {
    isCalendar: true,
    firstOpen: (context, fromMs, limitMs) =>
      inAllZones(context, day => hoursOn(day, context.jurisdictions), fromMs, limitMs),
    // Beyond the years that the pack knows nobody has looked up the holidays yet.
    reasonAt: (context, atMs) =>
      context.zones.every(zone => book.isKnown(localDay(zone, atMs))) ? 'HOLIDAY_PROHIBITED' : 'JUR_NO_PACK'
  }
}

/** Hours and days that the person has ruled out with the operator or with us. */
export function preferenceCheck(book: HolidayBook): TimedCheck {
  return {
    isCalendar: true,
    firstOpen(context, fromMs, limitMs) {
      const preferences = context.facts.preferences
      if (preferences === undefined) return fromMs
      const blocked: [number, number][][] = Array.from({ length: 7 }, () => [])
      for (const { days = 'mon-sun', start, end } of preferences.blockedHours ?? []) {
        const which = parseDays(days)
        if (which === null) throw new RangeError(`"${days}" is not a list of days`)
        for (const day of which.weekdays) blocked[day]?.push([clockMs(start), clockMs(end)])
      }
      const free = blocked.map(day => complement(normalise(day) ?? []))
      return inAllZones(
        context,
        day =>
          preferences.blocksHolidays === true && book.on(day, context.jurisdictions) !== null
            ? CLOSED
            : (free[weekdayOf(day)] ?? CLOSED),
        fromMs,
        limitMs
      )
    },
    reasonAt: (context, atMs) =>
      context.facts.preferences?.blocksHolidays === true &&
      context.zones.some(zone => book.on(localDay(zone, atMs), context.jurisdictions) !== null)
        ? 'HOLIDAY_PROHIBITED'
        : 'HOURS_OUTSIDE'
  }
}

const SHORTEN_FROM_MS = 14 * HOUR_MS

/** Ramadan: from dawn (or from 14:00) to sunset of each day, where the number may be. */
export function courtesyCheck(versions: readonly Dated<VersionOf<'courtesy'>>[], settings: Settings): TimedCheck {
  const cache = new Map<string, { fromMs: number; toMs: number } | null>()
  type Place = VersionOf<'courtesy'>['places'][number]
  const fastOf = (place: Place, padDays: number, day: number) => {
    const key = `${place.city} ${day}`
    let span = cache.get(key)
    if (span === undefined) {
      span = computeFast(place, padDays, day)
      cache.set(key, span)
    }
    return span
  }
  const computeFast = (place: Place, padDays: number, day: number) => {
    if (settings.ramadan === 'off' || !isFasting(place.country, padDays, day)) return null
    const hours = fastingHours(day, place.latitude, place.longitude)
    if (hours === null) return null
    const zone = zoneOf(place.zone ?? zonesOfCountry(place.country)[0] ?? 'UTC')
    const toMs = hours.maghribMs + (place.sunsetPlusMinutes ?? 0) * 60_000
    const fromMs = settings.ramadan === 'strict' ? hours.fajrMs : startOfDay(zone, day) + SHORTEN_FROM_MS
    return { fromMs: Math.min(fromMs, toMs), toMs }
  }
  const isFasting = (country: string, padDays: number, day: number) => {
    const announced = settings.ramadanDates.filter(one => one.country === country)
    for (const { from, to } of announced) if (day >= (parseDay(from) ?? 0) && day <= (parseDay(to) ?? 0)) return true
    for (const fast of fasts()) {
      if (day < fast.from - padDays || day > fast.to + padDays) continue
      // An announcement for this Ramadan replaces the computed days and their padding.
      return !announced.some(one => Math.abs((parseDay(one.from) ?? 0) - fast.from) < 20)
    }
    return false
  }
  return {
    isCalendar: true,
    firstOpen(context, fromMs) {
      let at = fromMs
      for (let isMoved = true; isMoved; ) {
        isMoved = false
        for (const zone of context.zones) {
          const day = localDay(zone, at)
          const version = inForce(versions, day)
          for (const place of version?.places ?? []) {
            if (!context.jurisdictions.includes(place.country)) continue
            if (
              place.zone !== undefined &&
              context.zones.some(one => one.name === place.zone) &&
              place.zone !== zone.name
            )
              continue
            for (const near of [day - 1, day, day + 1]) {
              const span = fastOf(place, version?.padDays ?? 0, near)
              if (span === null || at < span.fromMs || at >= span.toMs) continue
              at = span.toMs
              isMoved = true
            }
          }
        }
      }
      return at
    },
    reasonAt: () => 'COURTESY_RAMADAN'
  }
}

/** `PT24H`, `P30D` or `forever` in milliseconds. */
export function durationMs(text: string): number {
  const found = /^P(?:(\d+)D|T(\d+)H)$/.exec(text)
  if (found === null) return Number.POSITIVE_INFINITY
  return found[1] === undefined ? Number(found[2]) * HOUR_MS : Number(found[1]) * DAY_MS
}

/** At most so many attempts within a period that rolls: it counts back from the planned instant. */
export function frequencyCheck(versions: readonly Dated<VersionOf<'frequency'>>[]): TimedCheck {
  const until = (context: Context, version: VersionOf<'frequency'>): number => {
    const counted = context.attempts.filter(
      one =>
        (version.key !== 'subject' ||
          one.subject === undefined ||
          context.facts.subject === undefined ||
          one.subject === context.facts.subject) &&
        (version.countsIf !== 'alerting' || one.hasAlerted) &&
        counts(version.counts ?? 'attempts', one.outcome)
    )
    const oldest = counted[counted.length - version.limit]
    // With the oldest of the last `limit` attempts out of the period, one more is within the limit.
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest.atMs + durationMs(version.per)
  }
  return {
    isCalendar: false,
    firstOpen: (context, fromMs) =>
      context.attempts.length === 0 ? fromMs : untilDone(context, versions, fromMs, version => until(context, version)),
    reasonAt: () => 'FREQ_EXCEEDED'
  }
}

function counts(which: NonNullable<VersionOf<'frequency'>['counts']>, outcome: string | undefined): boolean {
  switch (which) {
    case 'attempts':
      return true
    case 'answered':
      return outcome === 'answered' || outcome === 'conversation'
    case 'abandoned':
    case 'hung_up':
      return outcome === which
    default:
      return which satisfies never
  }
}

/** A time of silence after a refusal or a conversation. */
export function pauseCheck(versions: readonly Dated<VersionOf<'pause'>>[]): TimedCheck {
  const until = (context: Context, version: VersionOf<'pause'>): number => {
    const lastMs =
      version.after === 'refusal'
        ? Math.max(Number.NEGATIVE_INFINITY, ...(context.facts.refusals ?? []).map(instant))
        : (context.attempts.findLast(
            one =>
              one.outcome === 'conversation' &&
              (version.key !== 'subject' ||
                one.subject === undefined ||
                context.facts.subject === undefined ||
                one.subject === context.facts.subject)
          )?.atMs ?? Number.NEGATIVE_INFINITY)
    if (lastMs === Number.NEGATIVE_INFINITY || lastMs > context.atMs) return Number.NEGATIVE_INFINITY
    const lengthMs = durationMs(version.for)
    if (version.firstDay === undefined || !Number.isFinite(lengthMs)) return lastMs + lengthMs
    return Math.max(...context.zones.map(zone => startOfDay(zone, localDay(zone, lastMs) + lengthMs / DAY_MS)))
  }
  return {
    isCalendar: false,
    firstOpen: (context, fromMs) =>
      context.attempts.length === 0 && (context.facts.refusals ?? []).length === 0
        ? fromMs
        : untilDone(context, versions, fromMs, version => until(context, version)),
    reasonAt: () => (versions.some(one => one.version.after === 'refusal') ? 'REFUSAL_COOLDOWN' : 'FREQ_EXCEEDED')
  }
}

/** The first instant that every version in force there lets pass; a version may take over while one waits. */
function untilDone<V>(
  context: Context,
  versions: readonly Dated<V>[],
  fromMs: number,
  until: (version: V) => number
): number {
  let at = fromMs
  for (let isMoved = true; isMoved; ) {
    isMoved = false
    for (const zone of context.zones) {
      const day = localDay(zone, at)
      const current = versions.find(one => day >= one.from && day <= one.to)
      if (current === undefined) continue
      const wanted = until(current.version)
      if (wanted <= at) continue
      const endMs = current.to === Number.POSITIVE_INFINITY ? wanted : startOfDay(zone, current.to + 1)
      at = Math.min(wanted, endMs)
      if (at === Number.POSITIVE_INFINITY) return at
      isMoved = true
    }
  }
  return at
}

/** Emergencies and proclaimed holidays, switched on by hand or by a feed. */
export function suspensionCheck(): TimedCheck {
  const find = (context: Context, atMs: number) =>
    (context.facts.suspensions ?? []).find(
      one =>
        context.jurisdictions.includes(one.jurisdiction) &&
        instant(one.from) <= atMs &&
        (one.to === undefined || atMs < instant(one.to))
    )
  return {
    isCalendar: false,
    firstOpen(context, fromMs) {
      if (context.facts.suspensions === undefined) return fromMs
      let at = fromMs
      for (let found = find(context, at); found !== undefined; found = find(context, at)) {
        if (found.to === undefined) return Number.POSITIVE_INFINITY
        at = instant(found.to)
      }
      return at
    },
    reasonAt: (context, atMs) =>
      find(context, atMs)?.kind === 'holiday' ? 'HOLIDAY_PROHIBITED' : 'EMERGENCY_SUSPENSION'
  }
}

export type TimedRule = RuleOf<'window' | 'holiday' | 'preference' | 'courtesy' | 'frequency' | 'pause' | 'suspension'>
