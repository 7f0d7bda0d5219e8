/** A wall clock: the date as YYYY-MM-DD and minutes since midnight. */
export type LocalTime = Readonly<{ date: string; minutes: number }>

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Day = (typeof DAYS)[number]

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the clocks of a time zone show at an instant. */
export function localTime(instant: Date, timeZone: string): LocalTime {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit'
    })
    formats.set(timeZone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(instant).map(part => [part.type, part.value]))
  return {
    date: `${parts['year']?.padStart(4, '0')}-${parts['month']}-${parts['day']}`,
    minutes: Number(parts['hour']) * 60 + Number(parts['minute'])
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // Offsets such as +01:00 are accepted by Intl but know no summer time: opening hours need a place.
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

/** The date some days later; dates are civil days without a time zone. */
export function addDays(date: string, days: number): string {
  return isoDate(new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000))
}

export function isoDate(utc: Date): string {
  return utc.toISOString().slice(0, 10)
}

export function dayOf(date: string): Day {
  return DAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? 'sun'
}

/** Whether a text is a date that exists. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && isoDate(new Date(time)) === text
}

const WEEK: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** The days that `mon`, `mon-fri`, `sat-tue` or `daily` stand for. */
export function daysOf(key: string): readonly Day[] {
  if (key === 'daily') return WEEK
  const [from = '', until = from] = key.split('-')
  const start = WEEK.indexOf(from as Day)
  const end = WEEK.indexOf(until as Day)
  if (start < 0 || end < 0) return []
  return start <= end ? WEEK.slice(start, end + 1) : [...WEEK.slice(start), ...WEEK.slice(0, end + 1)]
}
