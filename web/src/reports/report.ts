/** Shares are 0 to 1, times milliseconds; null is unknown. */
export type ReportFigures = Readonly<Record<string, number | null>>

type Bucket = Readonly<{ from: string; until: string; isPartial: boolean }>

/** `GET /reports/:kind`; instants are written in the report's time zone. */
export type Report = Readonly<{
  from: string
  until: string
  timeZone: string
  interval: string | null
  asOf: string
  rows: readonly (Bucket & Readonly<{ key: string; name: string; figures: ReportFigures }>)[]
  totals: readonly (Bucket & Readonly<{ figures: ReportFigures }>)[]
  total: ReportFigures
}>

export const KINDS = ['queues', 'agents', 'numbers', 'languages'] as const
export type Kind = (typeof KINDS)[number]
export const INTERVALS = ['15min', 'hour', 'day'] as const
export type Interval = (typeof INTERVALS)[number]

/** What an address of a report says; dates are `2026-11-01`, the second one included. */
export type Wanted = Readonly<{
  kind: Kind
  from: string
  to: string
  timeZone: string
  interval: Interval
  figure: string
  queueId: readonly string[]
}>

const DAY_MS = 86_400_000

/** Figures in the order of the table. What a report does not hold is left out. */
export const FIGURES = [
  'offered',
  'answered',
  'answeredWithin',
  'abandoned',
  'overflowed',
  'callbacks',
  'voicemails',
  'lost',
  'serviceLevel',
  'abandonment',
  'meanAnswerWaitMs',
  'longestWaitMs',
  'meanHandleMs',
  'meanTalkMs',
  'meanHoldMs',
  'meanWrapUpMs',
  'transferred',
  'transferShare',
  'signedInMs',
  'breakMs',
  'idleMs',
  'ringingMs',
  'talkingMs',
  'wrapUpMs',
  'occupancy',
  'missed',
  'rejected',
  'device',
  'network',
  'callerGone'
] as const
export type Figure = (typeof FIGURES)[number]

/** Offers that came to nothing: the reasons, each of which is a figure. */
const MISSES = ['missed', 'rejected', 'device', 'network', 'callerGone'] as const
type Miss = (typeof MISSES)[number]

export function isMiss(outcome: CountedCall['outcome']): outcome is Miss {
  return MISSES.some(one => one === outcome)
}

/** One call behind a figure: `GET /reports/:kind/calls`. */
export type CountedCall = Readonly<{
  callId: string
  at: string
  queueName: string | null
  agentName: string | null
  direction: 'inbound' | 'outbound' | null
  callerNumber: string | null
  calledNumber: string | null
  outcome: 'answered' | 'abandoned' | 'overflow' | 'callback' | 'voicemail' | 'transferred' | 'lost' | Miss
  isWithinThreshold: boolean | null
  waitedMs: number | null
  talkMs: number | null
}>

/** Figures of time by state: they count minutes of a day, not calls. */
const TIMES_OF_DAY: ReadonlySet<string> = new Set([
  'signedInMs',
  'breakMs',
  'idleMs',
  'ringingMs',
  'talkingMs',
  'wrapUpMs',
  'occupancy'
])

/** Whether a figure can show its calls: it counts calls, and there are some. */
export function isOpenable(figure: Figure, value: number | null): boolean {
  return value !== null && !TIMES_OF_DAY.has(figure) && (value !== 0 || unitOf(figure) !== 'count')
}

/** A figure that was opened: of one row, of one interval, or of all. `name` is what the row is called. */
export type Opened = Readonly<{ figure: Figure; name: string; key?: string; from?: string; until?: string }>

/** The path of the API for the calls behind a figure. */
export function toCallsPath(wanted: Wanted, { figure, key, from, until }: Opened): string {
  const [path = '', query = ''] = toPath(wanted).split('?')
  const search = new URLSearchParams(query)
  search.set('figure', figure)
  if (key !== undefined) search.set('key', key)
  if (from !== undefined) search.set('from', from)
  if (until !== undefined) search.set('until', until)
  return `${path}/calls?${search}`
}

const SHARES: ReadonlySet<string> = new Set(['serviceLevel', 'abandonment', 'transferShare', 'occupancy'])

export function unitOf(figure: string): 'share' | 'time' | 'count' {
  if (SHARES.has(figure)) return 'share'
  return figure.endsWith('Ms') ? 'time' : 'count'
}

/** The date in a time zone, as `2026-11-01`. */
export function dateIn(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at)
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Reads an address; what is missing or not so becomes the last seven days by queue, in the reader's own zone. */
export function readWanted(search: URLSearchParams, now: Date, ownZone: string): Wanted {
  const zone = search.get('zone') ?? ownZone
  const timeZone = isZone(zone) ? zone : ownZone
  const today = dateIn(now, timeZone)
  const date = (name: string, otherwise: string) => {
    const text = search.get(name) ?? ''
    return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) ? text : otherwise
  }
  const to = date('to', today)
  const from = date('from', addDays(to, -6))
  return {
    kind: KINDS.find(kind => kind === search.get('by')) ?? 'queues',
    from: from <= to ? from : to,
    to,
    timeZone,
    interval: INTERVALS.find(one => one === search.get('interval')) ?? 'day',
    figure: search.get('figure') ?? '',
    queueId: search.getAll('queue')
  }
}

/** The address that shows the same to everybody: the zone is always in it. */
export function toAddress(wanted: Wanted): URLSearchParams {
  const search = new URLSearchParams({
    by: wanted.kind,
    from: wanted.from,
    to: wanted.to,
    zone: wanted.timeZone,
    interval: wanted.interval
  })
  if (wanted.figure !== '') search.set('figure', wanted.figure)
  for (const id of wanted.queueId) search.append('queue', id)
  return search
}

/** The path of the API for it, after `/api/v1`. */
export function toPath(wanted: Wanted, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({
    from: wanted.from,
    until: addDays(wanted.to, 1),
    timeZone: wanted.timeZone,
    ...more
  })
  for (const id of wanted.queueId) query.append('queueId', id)
  return `/reports/${wanted.kind}?${query}`
}

/**
 * Since when a share has been below its goal without a break until the end, as the start of that interval; null when the
 * last known one is not below.
 */
export function belowSince(report: Report, figure: string, goal: number): string | null {
  let since: string | null = null
  for (const { from, figures } of report.totals) {
    const value = figures[figure]
    if (value == null) continue
    since = value < goal ? (since ?? from) : null
  }
  return since
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    // The only way to ask whether the browser knows a zone.
    return false
  }
}
