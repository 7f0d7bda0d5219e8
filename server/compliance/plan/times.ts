import { type CallTimes, callTimes } from '../decide.ts'
import type { Facts } from '../facts.ts'
import type { PackSet } from '../packs/compile.ts'
import { DAY_MS, formatDay, MINUTE_MS } from '../time/calendar.ts'

/** A stretch of time in which a call may begin: from inclusive, to exclusive, whole minutes. */
export type OpenSpan = Readonly<{ from: string; to: string }>

/** The minutes in which the calendar rules let a call begin, joined to spans. Times are instants in milliseconds. */
export function openSpans(
  times: CallTimes,
  fromMs: number,
  toMs: number
): readonly Readonly<{ from: number; to: number }>[] {
  const spans: { from: number; to: number }[] = []
  let at = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS
  while (at < toMs) {
    const open = times.firstOpen(at, toMs)
    if (open >= toMs) break
    const from = Math.ceil(open / MINUTE_MS) * MINUTE_MS
    let to = from
    // Windows end at whole minutes less the guard, so the last minute that is open decides.
    while (to < toMs && times.firstOpen(to, toMs) === to) to += MINUTE_MS
    if (to > from) spans.push({ from, to })
    at = Math.max(to, from + MINUTE_MS)
  }
  return spans
}

/** "When may I call?" for one number, day by day in UTC dates, by the calendar rules alone. */
export function timeline(
  facts: Facts,
  packs: PackSet,
  days: number
): Readonly<{
  jurisdictions: readonly string[]
  zones: readonly string[]
  spans: readonly OpenSpan[]
  minutesByDay: Readonly<Record<string, number>>
}> | null {
  const times = callTimes(facts, packs)
  if (times === null) return null
  const fromMs = Date.parse(facts.at)
  const spans = openSpans(times, fromMs, fromMs + days * DAY_MS)
  return {
    jurisdictions: times.jurisdictions,
    zones: times.zones,
    spans: spans.map(({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })),
    minutesByDay: minutesByDay(spans)
  }
}

export function minutesByDay(
  spans: readonly Readonly<{ from: number; to: number }>[]
): Readonly<Record<string, number>> {
  const minutes: Record<string, number> = {}
  for (const { from, to } of spans)
    for (let at = from; at < to; ) {
      const day = Math.floor(at / DAY_MS)
      const end = Math.min(to, (day + 1) * DAY_MS)
      const key = formatDay(day)
      minutes[key] = (minutes[key] ?? 0) + (end - at) / MINUTE_MS
      at = end
    }
  return minutes
}
