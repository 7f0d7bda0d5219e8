import { DAY_MS, formatDay, MINUTE_MS } from './calendar.ts'

/** The program does not know this zone, or an instant lies outside the years it has rules for. */
export class ZoneError extends Error {
  override readonly name = 'ZoneError'
  readonly code = 'ZONE_UNKNOWN'
}

const FROM_MS = Date.UTC(2010, 0, 1)
const TO_MS = Date.UTC(2045, 0, 1)
/** No zone has ever changed its offset twice within this time and come back to where it was. */
const PROBE_MS = 6 * DAY_MS

/**
 * The offsets of one IANA zone from 2010 to 2044: `offsetsMs[i]` holds from `startsMs[i]` (inclusive) to `startsMs[i+1]`.
 * Local wall time is the instant plus the offset.
 */
export type Zone = Readonly<{ name: string; startsMs: readonly number[]; offsetsMs: readonly number[] }>

const known = new Map<string, Zone>()

/** The zone by its IANA name; its transitions are found once, from the zone database of the runtime. Throws ZoneError. */
export function zoneOf(name: string): Zone {
  let zone = known.get(name)
  if (zone === undefined) {
    zone = findTransitions(name)
    known.set(name, zone)
  }
  return zone
}

/** The zones that were asked for so far. */
export function knownZones(): readonly Zone[] {
  return [...known.values()]
}

/** Takes over zones that `knownZones` gave to a program of the same zone database. */
export function learnZones(zones: readonly Zone[]): void {
  for (const { name, startsMs, offsetsMs } of zones)
    if (!known.has(name))
      known.set(name, Object.freeze({ name, startsMs: Object.freeze(startsMs), offsetsMs: Object.freeze(offsetsMs) }))
}

export function isZone(name: string): boolean {
  try {
    zoneOf(name)
    return true
  } catch (err) {
    if (err instanceof ZoneError) return false
    throw err
  }
}

/** Index of the stretch with one offset that holds the instant. Throws ZoneError for years without rules. */
export function stretchAt(zone: Zone, atMs: number): number {
  if (!(atMs >= FROM_MS && atMs < TO_MS))
    throw new ZoneError(`no zone rules for ${Number.isFinite(atMs) ? new Date(atMs).toISOString() : atMs}`)
  const { startsMs } = zone
  let low = 0
  let high = startsMs.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((startsMs[middle] ?? Number.POSITIVE_INFINITY) <= atMs) low = middle
    else high = middle - 1
  }
  return low
}

export function offsetAt(zone: Zone, atMs: number): number {
  return zone.offsetsMs[stretchAt(zone, atMs)] ?? 0
}

/** The local date as a day number. */
export function localDay(zone: Zone, atMs: number): number {
  return Math.floor((atMs + offsetAt(zone, atMs)) / DAY_MS)
}

/** The first instant whose local date is `day` or later. */
export function startOfDay(zone: Zone, day: number): number {
  let low = day * DAY_MS - DAY_MS * 2
  let high = day * DAY_MS + DAY_MS * 2
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (localDay(zone, middle) >= day) high = middle
    else low = middle
  }
  return high
}

/** Wall time with its offset, as in RFC 3339: `2026-12-01T07:59:59-05:00`. */
export function formatLocal(zone: Zone, atMs: number): string {
  const offsetMs = offsetAt(zone, atMs)
  const local = atMs + offsetMs
  const day = Math.floor(local / DAY_MS)
  const seconds = Math.floor((local - day * DAY_MS) / 1_000)
  const clock = `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `${dateText(day)}T${clock}${offsetText(offsetMs)}`
}

/** The instant as `Date.prototype.toISOString` writes it, four times faster: `2026-12-01T12:59:59.000Z`. */
export function formatUtc(atMs: number): string {
  const day = Math.floor(atMs / DAY_MS)
  const rest = atMs - day * DAY_MS
  const seconds = Math.floor(rest / 1_000)
  const millis = rest - seconds * 1_000
  const clock = `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `${dateText(day)}T${clock}.${millis === 0 ? '000' : String(Math.floor(millis)).padStart(3, '0')}Z`
}

const TWO_DIGITS: readonly string[] = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'))

function two(value: number): string {
  return TWO_DIGITS[value] ?? ''
}

const dates = new Map<number, string>()
const MAX_DATES = 5_000

function dateText(day: number): string {
  let text = dates.get(day)
  if (text === undefined) {
    if (dates.size > MAX_DATES) dates.clear()
    text = formatDay(day)
    dates.set(day, text)
  }
  return text
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / MINUTE_MS)
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function findTransitions(name: string): Zone {
  const offset = offsetReader(name)
  const startsMs = [FROM_MS]
  const offsetsMs = [offset(FROM_MS)]
  let before = offsetsMs[0]
  for (let at = FROM_MS; at < TO_MS; at += PROBE_MS) {
    const next = Math.min(at + PROBE_MS, TO_MS)
    const after = offset(next)
    if (after === before) continue
    let low = at
    let high = next
    // Offsets have only ever changed at whole seconds.
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000
      if (offset(middle) === before) low = middle
      else high = middle
    }
    startsMs.push(high)
    offsetsMs.push(after)
    before = after
  }
  return Object.freeze({ name, startsMs: Object.freeze(startsMs), offsetsMs: Object.freeze(offsetsMs) })
}

function offsetReader(name: string): (atMs: number) => number {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', { timeZone: name, timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new ZoneError(`${name} is not a zone of this runtime's database (${process.versions['tz']})`, { cause })
  }
  return atMs => {
    const text = format.format(atMs)
    const found = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text)
    if (found === null) throw new ZoneError(`the offset of ${name} cannot be read from "${text}"`)
    const [, sign, hours, minutes, seconds] = found
    const size = Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * MINUTE_MS + Number(seconds ?? 0) * 1_000
    return sign === '-' ? -size : size
  }
}
