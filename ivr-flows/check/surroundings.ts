import { holidayCountries, holidaySubdivisions } from '../calendar/holidays.ts'
import { daysOf, isDate, isTimeZone } from '../calendar/local-time.ts'
import { occasions } from '../calendar/occasions.ts'
import { MINUTES_PER_DAY, parseSpan } from '../calendar/spans.ts'
import { isRecord } from '../json.ts'
import { didYouMean } from '../nearest.ts'
import type { ParseOptions } from '../parse.ts'
import type { Finding, Path } from '../problem.ts'
import type { RawFlow } from './meaning.ts'
import type { RoleValue } from './structure.ts'

/** Checks names that stand for something outside of the nodes: zones, countries, calendars, occasions, flows, queues. */
export function checkSurroundings(flow: RawFlow, roles: readonly RoleValue[], { known }: ParseOptions): Finding[] {
  return roles.flatMap(({ role, value, path }): Finding[] => {
    switch (role) {
      case 'timeZone':
        return isTimeZone(String(value)) ? [] : [unknownTimeZone(String(value), path)]
      case 'holidays':
        return checkHolidays(value, path)
      case 'span':
        return checkSpan(String(value), path)
      case 'week':
        return checkWeek(value, path)
      case 'date':
        return isDate(String(value)) ? [] : [badDate(String(value), path)]
      case 'calendar':
        return checkCalendar(flow, String(value), path)
      case 'occasion':
        return occasions().has(String(value)) ? [] : [unknownOccasion(String(value), path)]
      case 'url':
        return checkUrl(String(value), path)
      case 'flow':
        return checkFlowName(flow, String(value), path, known?.flows)
      case 'queue':
        return checkQueue(String(value), path, known?.queues)
      default:
        return []
    }
  })
}

function unknownTimeZone(name: string, path: Path): Finding {
  const { suggestion = 'Time zones are places, such as Europe/Berlin.' } = didYouMean(
    name,
    Intl.supportedValuesOf('timeZone')
  )
  return { code: 'UNKNOWN_TIME_ZONE', message: `There is no time zone “${name}”`, path, suggestion }
}

function checkHolidays(value: unknown, path: Path): Finding[] {
  const { country, subdivision } = value as { country: string; subdivision?: string }
  const countries = Object.keys(holidayCountries())
  if (!countries.includes(country)) {
    const { suggestion = 'Countries are codes of two letters, such as DE.' } = didYouMean(country, [
      ...(countries.includes(country.toUpperCase()) ? [country.toUpperCase()] : []),
      ...countries
    ])
    return [
      {
        code: 'UNKNOWN_COUNTRY',
        message: `No holidays are known for “${country}”`,
        path: [...path, 'country'],
        suggestion
      }
    ]
  }
  if (subdivision === undefined) return []
  const parts = Object.keys(holidaySubdivisions(country))
  if (parts.includes(subdivision)) return []
  const {
    suggestion = parts.length === 0 ? `Leave it out: “${country}” has none.` : `Known are ${parts.join(', ')}.`
  } = didYouMean(subdivision, parts)
  const message = `No holidays are known for “${subdivision}” in “${country}”`
  return [{ code: 'UNKNOWN_COUNTRY', message, path: [...path, 'subdivision'], suggestion }]
}

function checkSpan(text: string, path: Path): Finding[] {
  if (parseSpan(text) !== null) return []
  const suggestion = 'Write them as 09:00-17:30; use 24:00 for midnight at the end.'
  return [{ code: 'BAD_HOURS', message: `The hours “${text}” cannot be read`, path, suggestion }]
}

function checkWeek(value: unknown, path: Path): Finding[] {
  if (!isRecord(value)) return []
  const seen = new Map<string, string>()
  const findings: Finding[] = []
  for (const [key, texts] of Object.entries(value)) {
    for (const day of daysOf(key)) {
      const other = seen.get(`${day} ${daysOf(key).length}`)
      if (other !== undefined && other !== key) {
        const message = `Both “${other}” and “${key}” give hours for ${day}`
        findings.push({
          code: 'BAD_HOURS',
          message,
          path: [...path, key],
          at: 'key',
          suggestion: 'Give each day once.'
        })
      }
      seen.set(`${day} ${daysOf(key).length}`, key)
    }
    if (Array.isArray(texts)) findings.push(...checkOverlaps(texts.map(String), [...path, key]))
  }
  return findings
}

function checkOverlaps(texts: readonly string[], path: Path): Finding[] {
  const spans = texts.flatMap((text, index) => {
    const span = parseSpan(text)
    return span === null ? [] : [{ ...span, index, text }]
  })
  const ordered = spans.toSorted((one, other) => one.from - other.from)
  return ordered.flatMap((span, position): Finding[] => {
    const before = ordered[position - 1]
    if (before === undefined || before.until <= span.from || before.until > MINUTES_PER_DAY * 2) return []
    const suggestion = 'Join them, or make one end where the other begins.'
    return [
      {
        code: 'BAD_HOURS',
        message: `The hours “${span.text}” overlap “${before.text}”`,
        path: [...path, span.index],
        suggestion
      }
    ]
  })
}

function badDate(text: string, path: Path): Finding {
  return { code: 'BAD_DATE', message: `There is no date “${text}”`, path, suggestion: 'Write dates as 2026-12-24.' }
}

function checkCalendar(flow: RawFlow, name: string, path: Path): Finding[] {
  const calendars = isRecord(flow['calendars']) ? flow['calendars'] : {}
  if (Object.hasOwn(calendars, name)) return []
  const { suggestion = `Declare it under calendars: ${name}: ….` } = didYouMean(name, Object.keys(calendars))
  return [{ code: 'UNKNOWN_CALENDAR', message: `The flow declares no calendar “${name}”`, path, suggestion }]
}

function unknownOccasion(name: string, path: Path): Finding {
  const all = [...occasions().keys()]
  const { suggestion = `Known are ${all.join(', ')}.` } = didYouMean(name, all)
  return { code: 'UNKNOWN_OCCASION', message: `The table of occasions has no “${name}”`, path, at: 'key', suggestion }
}

function checkUrl(text: string, path: Path): Finding[] {
  if (text.startsWith('{{') || /^https?:\/\/./i.test(text)) return []
  const suggestion = 'Start it with https:// or http://, or with a template.'
  return [{ code: 'BAD_URL', message: `The address “${text.slice(0, 60)}” is not http or https`, path, suggestion }]
}

function checkFlowName(flow: RawFlow, name: string, path: Path, known: readonly string[] | undefined): Finding[] {
  if (name === flow['id']) {
    const suggestion = 'Point to the first node instead.'
    return [{ code: 'RECURSION', message: 'The flow calls itself', path, suggestion }]
  }
  if (known === undefined || known.includes(name)) return []
  return [{ code: 'UNKNOWN_FLOW', message: `There is no flow “${name}”`, path, ...didYouMean(name, known) }]
}

function checkQueue(name: string, path: Path, known: readonly string[] | undefined): Finding[] {
  if (known === undefined || name.includes('{{') || known.includes(name)) return []
  return [{ code: 'UNKNOWN_QUEUE', message: `There is no queue “${name}”`, path, ...didYouMean(name, known) }]
}
