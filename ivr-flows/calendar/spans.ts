/** Opening time in minutes since midnight, half-open. `until` above 1440 reaches into the next day. */
export type Span = Readonly<{ from: number; until: number }>

const MIDNIGHT = 24 * 60

/** Reads `09:00-17:30`. Null when it cannot be read or is empty. */
export function parseSpan(text: string): Span | null {
  const match = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text)
  if (match === null) return null
  const [fromHour = 0, fromMinute = 0, untilHour = 0, untilMinute = 0] = match.slice(1).map(Number)
  if (fromMinute > 59 || untilMinute > 59) return null
  const from = fromHour * 60 + fromMinute
  const until = untilHour * 60 + untilMinute
  if (from >= MIDNIGHT || until > MIDNIGHT || from === until) return null
  return { from, until: until > from ? until : until + MIDNIGHT }
}

/** Minutes as HH:MM, within one day. */
export function clock(minutes: number): string {
  const inDay = minutes % MIDNIGHT
  return `${String(Math.floor(inDay / 60)).padStart(2, '0')}:${String(inDay % 60).padStart(2, '0')}`
}

export const MINUTES_PER_DAY = MIDNIGHT
