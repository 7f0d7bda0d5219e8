import { holidayOn } from './holidays.ts'
import { isRamadan } from './islamic.ts'
import { addDays, type Day, dayOf, daysOf, localTime } from './local-time.ts'
import type { Calendar, Week } from './schema.ts'
import { clock, MINUTES_PER_DAY, parseSpan, type Span } from './spans.ts'

/** Which rule of the calendar decided about a day. */
export type DayRule = 'weekly' | 'ramadan' | 'holiday' | 'special'

export type DayPlan = Readonly<{ rule: DayRule; name: string | null; spans: readonly Span[] }>

/** Whether it is open, why, until when, and when it opens next (local date and time; null when not within 30 days). */
export type OpeningState = Readonly<{
  isOpen: boolean
  rule: DayRule
  name: string | null
  closesAt: string | null
  opensOn: string | null
  opensAt: string | null
}>

const LOOK_AHEAD_DAYS = 30

/** The spans of a day. Special days win over holidays, holidays over Ramadan, Ramadan over the usual week. */
export function planOf(calendar: Calendar, date: string): DayPlan {
  const special = calendar.specialDays?.find(one => one.date === date)
  if (special !== undefined) return { rule: 'special', name: special.name ?? null, spans: spansOf(special.hours) }
  const { holidays, ramadan } = calendar
  const holiday = holidays === undefined ? null : holidayOn(date, holidays)
  if (holiday !== null) return { rule: 'holiday', name: holiday, spans: spansOf(holidays?.hours ?? []) }
  if (ramadan !== undefined && isInRamadan(date, ramadan)) {
    return { rule: 'ramadan', name: null, spans: weekSpans(ramadan.weekly, dayOf(date)) }
  }
  return { rule: 'weekly', name: null, spans: weekSpans(calendar.weekly, dayOf(date)) }
}

/**
 * Whether a calendar is open at an instant. Hours are read off the wall clock of the calendar's time zone: when the
 * clock is put back, a repeated hour counts twice; an hour that is skipped does not occur. Spans are half-open.
 */
export function openingState(calendar: Calendar, instant: Date): OpeningState {
  const { date, minutes } = localTime(instant, calendar.timeZone)
  const today = planOf(calendar, date)
  const open = openSpan(today.spans, minutes)
  if (open !== undefined) return opened(today, open)
  // A span that goes past midnight belongs to the day on which it begins.
  const yesterday = planOf(calendar, addDays(date, -1))
  const overnight = openSpan(yesterday.spans, minutes + MINUTES_PER_DAY)
  if (overnight !== undefined) return opened(yesterday, overnight)
  return { isOpen: false, rule: today.rule, name: today.name, closesAt: null, ...nextOpening(calendar, date, minutes) }
}

function openSpan(spans: readonly Span[], minutes: number): Span | undefined {
  return spans.find(span => span.from <= minutes && minutes < span.until)
}

function opened({ rule, name }: DayPlan, span: Span): OpeningState {
  return { isOpen: true, rule, name, closesAt: clock(span.until), opensOn: null, opensAt: null }
}

function nextOpening(calendar: Calendar, today: string, minutes: number) {
  for (let ahead = 0; ahead <= LOOK_AHEAD_DAYS; ahead += 1) {
    const date = addDays(today, ahead)
    const starts = planOf(calendar, date)
      .spans.map(span => span.from)
      .filter(from => ahead > 0 || from > minutes)
    if (starts.length > 0) return { opensOn: date, opensAt: clock(Math.min(...starts)) }
  }
  return { opensOn: null, opensAt: null }
}

function isInRamadan(date: string, { dates = [] }: NonNullable<Calendar['ramadan']>): boolean {
  const year = date.slice(0, 4)
  const announced = dates.filter(({ from, until }) => from.startsWith(year) || until.startsWith(year))
  return announced.length === 0 ? isRamadan(date) : announced.some(({ from, until }) => from <= date && date <= until)
}

/** A day's own entry wins over a range, and the narrower range over the wider one. */
function weekSpans(week: Week, day: Day): readonly Span[] {
  const key = Object.keys(week)
    .filter(one => daysOf(one).includes(day))
    .sort((one, other) => daysOf(one).length - daysOf(other).length)[0]
  return key === undefined ? [] : spansOf(week[key] ?? [])
}

function spansOf(texts: readonly string[]): readonly Span[] {
  return texts.flatMap(text => parseSpan(text) ?? [])
}
