/** Spans such as `09:00-17:30` by day (`mon`), range of days (`mon-fri`) or `daily`. */
export type Week = Readonly<Record<string, readonly string[]>>

const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)'
const LINE = new RegExp(`^(daily|${DAY}(?:-${DAY})?)\\s+(.+)$`)
const SPAN = /^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/

/** One line for each day or range: `mon-fri 09:00-12:00, 13:00-17:00`. */
export function toLines(week: Week): string {
  return Object.entries(week)
    .map(([days, spans]) => `${days} ${spans.join(', ')}`)
    .join('\n')
}

/** The reverse; null when a line is not so. */
export function fromLines(text: string): Week | null {
  const week: Record<string, readonly string[]> = {}
  for (const line of text.split('\n').map(one => one.trim().toLowerCase())) {
    if (line === '') continue
    const [, days, hours] = LINE.exec(line) ?? []
    if (days === undefined || hours === undefined || days in week) return null
    const spans = hours.split(',').map(span => span.trim())
    if (!spans.every(span => SPAN.test(span))) return null
    week[days] = spans
  }
  return week
}
