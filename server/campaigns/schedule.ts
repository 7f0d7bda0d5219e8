import type { Calendar } from '../../ivr-flows/calendar/schema.ts'
import { openingState } from '../../ivr-flows/calendar/hours.ts'
import { formatLocal, zoneOf } from '../compliance/time/zone.ts'
import type { CallTimes } from '../compliance/decide.ts'
import { openSpans } from '../compliance/plan/times.ts'
import type { Span } from './forecast.ts'
import type { CampaignSettings } from './settings.ts'

type Schedule = CampaignSettings['schedule']

const MINUTE_MS = 60_000
const STEP_MS = 5 * MINUTE_MS
const HORIZON_MS = 15 * 86_400_000
/** So far ahead plans look. */
const PLAN_MS = 14 * 86_400_000

/** When contacts of one place may be called: by the law and by the campaign's own hours, in every zone of the place. */
export type PlaceTimes = Readonly<{
  isOpen: boolean
  /** The next instant at which it opens, when it is closed; null when not within fifteen days. */
  opensAt: Date | null
}>

/** Whether the campaign's own hours let somebody be called, in all of these zones. */
export function isScheduled(schedule: Schedule, zones: readonly string[], at: Date): boolean {
  return zones.every(zone => {
    const day = formatLocal(zoneOf(zone), at.getTime()).slice(0, 10)
    if (schedule.from !== undefined && day < schedule.from) return false
    if (schedule.until !== undefined && day > schedule.until) return false
    return openingState(calendarOf(schedule, zone), at).isOpen
  })
}

const calendars = new WeakMap<Schedule, Map<string, Calendar>>()

function calendarOf(schedule: Schedule, zone: string): Calendar {
  let byZone = calendars.get(schedule)
  if (byZone === undefined) {
    byZone = new Map()
    calendars.set(schedule, byZone)
  }
  let calendar = byZone.get(zone)
  if (calendar === undefined) {
    calendar = {
      timeZone: zone,
      weekly: schedule.weekly,
      ...(schedule.except !== undefined && { specialDays: schedule.except.map(date => ({ date, hours: [] })) })
    }
    byZone.set(zone, calendar)
  }
  return calendar
}

/** Pure, apart from the zone database of the runtime. */
export function placeTimes(
  times: CallTimes | null,
  schedule: Schedule,
  zones: readonly string[],
  at: Date
): PlaceTimes {
  // Nobody knows where such people are; each is looked at by itself, and goes to a person.
  if (times === null || zones.length === 0) return { isOpen: true, opensAt: null }
  const fromMs = at.getTime()
  const limitMs = fromMs + HORIZON_MS
  if (times.firstOpen(fromMs, limitMs) <= fromMs && isScheduled(schedule, zones, at))
    return { isOpen: true, opensAt: null }
  let nowMs = Math.ceil((fromMs + 1) / MINUTE_MS) * MINUTE_MS
  while (nowMs < limitMs) {
    const lawMs = times.firstOpen(nowMs, limitMs)
    if (lawMs >= limitMs) return { isOpen: false, opensAt: null }
    if (lawMs > nowMs) {
      nowMs = Math.ceil(lawMs / MINUTE_MS) * MINUTE_MS
      continue
    }
    if (isScheduled(schedule, zones, new Date(nowMs))) return { isOpen: false, opensAt: new Date(nowMs) }
    nowMs = Math.floor(nowMs / STEP_MS) * STEP_MS + STEP_MS
  }
  return { isOpen: false, opensAt: null }
}

/** The open times of a place in the next two weeks within the campaign's own hours, in steps of five minutes. */
export function scheduledSpans(
  times: CallTimes | null,
  schedule: Schedule,
  zones: readonly string[],
  at: Date
): readonly Span[] {
  if (times === null) return []
  const spans: { from: number; to: number }[] = []
  for (const span of openSpans(times, at.getTime(), at.getTime() + PLAN_MS))
    for (let fromMs = span.from; fromMs < span.to; fromMs += STEP_MS) {
      if (!isScheduled(schedule, zones, new Date(fromMs))) continue
      const to = Math.min(fromMs + STEP_MS, span.to)
      const last = spans.at(-1)
      if (last !== undefined && last.to === fromMs) last.to = to
      else spans.push({ from: fromMs, to })
    }
  return spans
}
