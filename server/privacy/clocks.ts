import { DateTime } from 'luxon'
import { EEA } from '../compliance/residency.ts'

/** What a law gives a person, and how long one may take. Sources with their grade: P primary, S secondary, K well known. */
export type Regime = Readonly<{
  id: string
  title: string
  /** Time to answer, from the day of receipt. */
  answer: Span
  /** How much longer, when the person is told in time. */
  extension: Readonly<{ by: Span; tellWithin: Span }> | null
  acknowledge: Span | null
  /** For opting out of sale and of calls; ours are in force at once whatever the law gives. */
  optOut: Span | null
  /** Our own goal, earlier than the law's. */
  houseDays: number
  /** A day that ends on a weekend moves to the next working day. */
  movesToWorkingDay: boolean
  source: string
  isUnverified: boolean
}>

export type Span = Readonly<{ months: number } | { days: number } | { businessDays: number } | { hours: number }>

const gdpr = (id: string, title: string): Regime => ({
  id,
  title,
  answer: { months: 1 },
  extension: { by: { months: 2 }, tellWithin: { months: 1 } },
  acknowledge: null,
  optOut: { hours: 0 },
  houseDays: 25,
  movesToWorkingDay: true,
  source: 'Art. 12(3), 21(2)-(3); Regulation 1182/71 Art. 3(4) (K)',
  isUnverified: false
})

/** Every regime by its id. */
export const REGIMES: Readonly<Record<string, Regime>> = {
  gdpr: gdpr('gdpr', 'GDPR'),
  'uk-gdpr': gdpr('uk-gdpr', 'UK GDPR'),
  ccpa: {
    id: 'ccpa',
    title: 'CCPA/CPRA',
    answer: { days: 45 },
    extension: { by: { days: 45 }, tellWithin: { days: 45 } },
    acknowledge: { businessDays: 10 },
    optOut: { businessDays: 15 },
    houseDays: 35,
    movesToWorkingDay: false,
    source: 'Cal. Civ. Code 1798.130, 11 CCR 7021, 7026 (S/K)',
    isUnverified: false
  },
  'sg-pdpa': {
    id: 'sg-pdpa',
    title: 'PDPA (Singapore)',
    answer: { days: 30 },
    extension: null,
    acknowledge: null,
    optOut: { businessDays: 10 },
    houseDays: 25,
    movesToWorkingDay: false,
    source: 'PDP Regulations 2021 reg. 5 (K)',
    isUnverified: false
  },
  'id-pdp': {
    id: 'id-pdp',
    title: 'UU PDP (Indonesia)',
    answer: { hours: 72 },
    extension: null,
    acknowledge: null,
    optOut: { hours: 72 },
    houseDays: 2,
    movesToWorkingDay: false,
    source: 'UU 27/2022 Art. 30-41: 3x24 hours (S/K)',
    isUnverified: false
  },
  'th-pdpa': {
    id: 'th-pdpa',
    title: 'PDPA (Thailand)',
    answer: { days: 30 },
    extension: null,
    acknowledge: null,
    optOut: null,
    houseDays: 25,
    movesToWorkingDay: false,
    source: 'PDPA s. 30 (S)',
    isUnverified: false
  },
  'sa-pdpl': {
    id: 'sa-pdpl',
    title: 'PDPL (Saudi Arabia)',
    answer: { days: 30 },
    extension: { by: { days: 30 }, tellWithin: { days: 30 } },
    acknowledge: null,
    optOut: null,
    houseDays: 25,
    movesToWorkingDay: false,
    source: 'PDPL implementing regulation Art. 3 (UNVERIFIED)',
    isUnverified: true
  },
  'br-lgpd': {
    id: 'br-lgpd',
    title: 'LGPD (Brazil)',
    answer: { days: 15 },
    extension: null,
    acknowledge: null,
    optOut: null,
    houseDays: 12,
    movesToWorkingDay: false,
    source: 'LGPD Art. 19 II (K)',
    isUnverified: false
  },
  house: {
    id: 'house',
    title: 'House rule',
    answer: { days: 30 },
    extension: null,
    acknowledge: null,
    optOut: null,
    houseDays: 25,
    movesToWorkingDay: false,
    source: 'No regime of this place is on file: the house rule of 30 days',
    isUnverified: true
  }
}

const BY_COUNTRY: Readonly<Record<string, string>> = {
  GB: 'uk-gdpr',
  US: 'ccpa',
  SG: 'sg-pdpa',
  ID: 'id-pdp',
  TH: 'th-pdpa',
  SA: 'sa-pdpl',
  BR: 'br-lgpd'
}

/** The regime of a person's country; California's holds for the whole of the United States, as the strictest there. */
export function regimeOf(country: string | null): Regime {
  const id = country === null ? 'house' : EEA.includes(country) ? 'gdpr' : (BY_COUNTRY[country] ?? 'house')
  return REGIMES[id] ?? (REGIMES['house'] as Regime)
}

export type Clock = Readonly<{
  acknowledgeBy: Date | null
  dueAt: Date
  houseDueAt: Date
  optOutBy: Date | null
  /** Until when the person may be told that it takes longer. */
  extendBy: Date | null
}>

/** When what is due. Days end at midnight UTC; hours count exactly, weekends included. */
export function clockOf(regime: Regime, receivedAt: Date): Clock {
  const add = (span: Span) => addSpan(receivedAt, span, regime.movesToWorkingDay)
  return {
    acknowledgeBy: regime.acknowledge === null ? null : add(regime.acknowledge),
    dueAt: add(regime.answer),
    houseDueAt: addSpan(receivedAt, { days: regime.houseDays }, false),
    optOutBy: regime.optOut === null ? null : add(regime.optOut),
    extendBy: regime.extension === null ? null : addSpan(receivedAt, regime.extension.tellWithin, false)
  }
}

/** The later day, or null when the law gives none or the person was told too late. */
export function extended(regime: Regime, receivedAt: Date, toldAt: Date): Date | null {
  const { extendBy } = clockOf(regime, receivedAt)
  if (regime.extension === null || extendBy === null || toldAt > extendBy) return null
  const total = sumOf(regime.answer, regime.extension.by)
  return total === null ? null : addSpan(receivedAt, total, regime.movesToWorkingDay)
}

function sumOf(a: Span, b: Span): Span | null {
  if ('months' in a && 'months' in b) return { months: a.months + b.months }
  if ('days' in a && 'days' in b) return { days: a.days + b.days }
  return null
}

function addSpan(from: Date, span: Span, movesToWorkingDay: boolean): Date {
  const start = DateTime.fromJSDate(from, { zone: 'utc' })
  if ('hours' in span) return start.plus({ hours: span.hours }).toJSDate()
  let day = start.startOf('day')
  if ('months' in span) day = day.plus({ months: span.months })
  else if ('days' in span) day = day.plus({ days: span.days })
  else
    for (let left = span.businessDays; left > 0; ) {
      day = day.plus({ days: 1 })
      if (day.weekday <= 5) left -= 1
    }
  if (movesToWorkingDay) while (day.weekday > 5) day = day.plus({ days: 1 })
  return day.endOf('day').toJSDate()
}
