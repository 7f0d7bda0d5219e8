import { DAY_MS, dayOf, MINUTE_MS } from './calendar.ts'

/** The days of one Ramadan, both included, as day numbers. */
export type Fast = Readonly<{ hijriYear: number; from: number; to: number }>

const FIRST_YEAR = 2015
const LAST_YEAR = 2044
const RAMADAN = 9

let computed: readonly Fast[] | undefined

/**
 * Every Ramadan by the Umm al-Qura calendar, from Unicode's tables in the runtime.
 * The sighting of the moon can move either end by a day.
 */
export function fasts(): readonly Fast[] {
  computed ??= findFasts()
  return computed
}

function findFasts(): readonly Fast[] {
  const format = new Intl.DateTimeFormat('en-u-ca-islamic-umalqura-nu-latn', {
    timeZone: 'UTC',
    year: 'numeric',
    month: 'numeric'
  })
  const monthOf = (day: number) => {
    const parts = Object.fromEntries(format.formatToParts(day * DAY_MS).map(part => [part.type, part.value]))
    return { year: Number.parseInt(parts['year'] ?? '', 10), month: Number(parts['month']) }
  }
  const found: Fast[] = []
  const end = dayOf(LAST_YEAR, 12, 1)
  for (let day = dayOf(FIRST_YEAR, 1, 1); day < end; day += 1) {
    const { year, month } = monthOf(day)
    // Ramadan is 29 or 30 days long: jump to it, then walk to its end.
    if (month !== RAMADAN) {
      day += Math.max(0, ((RAMADAN - month + 12) % 12) * 29 - 30)
      continue
    }
    let from = day
    while (monthOf(from - 1).month === RAMADAN) from -= 1
    let to = day
    while (monthOf(to + 1).month === RAMADAN) to += 1
    found.push({ hijriYear: year, from, to })
    day = to + 200
  }
  return found
}

const RADIANS = Math.PI / 180
/** Centre of the sun at rising and setting: half its disc and the refraction of the air (34′ + 16′). */
const HORIZON_DEGREES = -0.833
/** Dawn as the Umm al-Qura calendar reckons it. */
const FAJR_DEGREES = -18.5

/** Dawn and sunset of one civil day at a place, as instants; null where the sun does neither. */
export function fastingHours(
  day: number,
  latitude: number,
  longitude: number
): { fajrMs: number; maghribMs: number } | null {
  const fajr = sunAt(day, latitude, longitude, FAJR_DEGREES, -1)
  const maghrib = sunAt(day, latitude, longitude, HORIZON_DEGREES, 1)
  if (fajr === null || maghrib === null) return null
  // Published timetables name whole minutes.
  return {
    fajrMs: Math.round(fajr / MINUTE_MS) * MINUTE_MS,
    maghribMs: Math.round(maghrib / MINUTE_MS) * MINUTE_MS
  }
}

/** Low-precision solar position (Astronomical Almanac, page C24), good to half a minute between 1950 and 2050. */
function sunAt(day: number, latitude: number, longitude: number, altitude: number, side: 1 | -1): number | null {
  const noonMs = day * DAY_MS + DAY_MS / 2 - (longitude / 360) * DAY_MS
  let at = noonMs
  for (let round = 0; round < 3; round += 1) {
    const { declination, equationMs } = sun(at)
    const cosine =
      (Math.sin(altitude * RADIANS) - Math.sin(latitude * RADIANS) * Math.sin(declination)) /
      (Math.cos(latitude * RADIANS) * Math.cos(declination))
    if (cosine < -1 || cosine > 1) return null
    at = noonMs - equationMs + side * (Math.acos(cosine) / (2 * Math.PI)) * DAY_MS
  }
  return at
}

function sun(atMs: number): { declination: number; equationMs: number } {
  const days = (atMs - Date.UTC(2000, 0, 1, 12)) / DAY_MS
  const anomaly = (357.528 + 0.9856003 * days) * RADIANS
  const meanLongitude = 280.46 + 0.9856474 * days
  const longitude = (meanLongitude + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RADIANS
  const obliquity = (23.439 - 0.0000004 * days) * RADIANS
  const rightAscension = Math.atan2(Math.cos(obliquity) * Math.sin(longitude), Math.cos(longitude)) / RADIANS
  const difference = ((((meanLongitude - rightAscension + 180) % 360) + 360) % 360) - 180
  return { declination: Math.asin(Math.sin(obliquity) * Math.sin(longitude)), equationMs: (difference / 360) * DAY_MS }
}
