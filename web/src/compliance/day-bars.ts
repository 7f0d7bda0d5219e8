import type { OpenSpan } from './answers.ts'

/** One local day: its date as `2026-12-01`, how long it is, and the stretches of it that are open, in minutes of the day. */
export type DayRow = Readonly<{
  date: string
  startMs: number
  /** 1440, but 1380 or 1500 when the clock changes. */
  minutes: number
  open: readonly Readonly<{ from: number; to: number }>[]
}>

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Cuts open spans into the local days of a zone, `days` days from the one that holds `from` on. */
export function dayRows(spans: readonly OpenSpan[], timeZone: string, from: Date, days: number): readonly DayRow[] {
  const dateAt = localDates(timeZone)
  const cut = spans.map(span => ({ from: Date.parse(span.from), to: Date.parse(span.to) }))
  const rows: DayRow[] = []
  let startMs = startOfDay(from.getTime(), dateAt)
  for (let day = 0; day < days; day += 1) {
    // A local day lasts 23 to 25 hours; a look past the longest lands in the next one.
    const endMs = startOfDay(startMs + 26 * HOUR_MS, dateAt)
    const open = cut
      .filter(span => span.to > startMs && span.from < endMs)
      .map(span => ({
        from: (Math.max(span.from, startMs) - startMs) / MINUTE_MS,
        to: (Math.min(span.to, endMs) - startMs) / MINUTE_MS
      }))
    rows.push({ date: dateAt(startMs), startMs, minutes: (endMs - startMs) / MINUTE_MS, open })
    startMs = endMs
  }
  return rows
}

function localDates(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return ms => format.format(ms)
}

/** The first minute with the same local date, found by halving: zones change their clocks at whole minutes. */
function startOfDay(atMs: number, dateAt: (ms: number) => string): number {
  const date = dateAt(atMs)
  let low = Math.floor(atMs / MINUTE_MS) - 26 * 60
  let high = Math.floor(atMs / MINUTE_MS)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (dateAt(middle * MINUTE_MS) === date) high = middle
    else low = middle
  }
  return high * MINUTE_MS
}
