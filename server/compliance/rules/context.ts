import type { Grade, Mode, Party, Purpose, Reason } from '../codes.ts'
import type { Consent, Facts } from '../facts.ts'
import { localDay, type Zone } from '../time/zone.ts'

/** How the house has set what it may set. Nothing here can loosen a law. */
export type Settings = Readonly<{
  /** Ramadan courtesy: `shorten` keeps 14:00 to sunset free, `strict` dawn to sunset. */
  ramadan: 'off' | 'shorten' | 'strict'
  /** Seconds before the end of a window in which no call begins any more, so that ringing does not run past it. */
  endGuardSeconds: number
  /** Optional packs that are on, by name. */
  optionalPacks: readonly string[]
  /** Courtesy and house packs that are off, by name. */
  disabledPacks: readonly string[]
  /** Lets an address proved within 12 months replace the places of the number, where no state presumes otherwise. */
  trustsVerifiedAddress: boolean
  /** UNVERIFIED rules that only warn, each by a named person. */
  warnOnly: readonly Readonly<{ rule: string; by: string; reason: string }>[]
  /** The days of a Ramadan as a country announced them, instead of the computed ones: `2027-02-08`. */
  ramadanDates: readonly Readonly<{ country: string; from: string; to: string }>[]
}>

export const DEFAULT_SETTINGS: Settings = Object.freeze({
  ramadan: 'off',
  endGuardSeconds: 60,
  optionalPacks: [],
  disabledPacks: [],
  trustsVerifiedAddress: false,
  warnOnly: [],
  ramadanDates: []
})

/** Consent as it stands at the planned instant for this mode and purpose. */
export type ConsentState = Readonly<{
  kind: 'none' | 'expired' | 'revoked' | 'unproven' | 'outOfScope' | 'valid'
  grade: Grade
  givenMs: number | null
  hasTerm: boolean
  coversHours: boolean
}>

export type Attempt = Readonly<{
  atMs: number
  subject: string | undefined
  outcome: string | undefined
  hasAlerted: boolean
}>

/** Facts made ready for the rules: read once, never changed. */
export type Context = Readonly<{
  facts: Facts
  atMs: number
  jurisdictions: readonly string[]
  zones: readonly Zone[]
  /** Local dates at the planned instant: earliest and latest over the zones. */
  minDay: number
  maxDay: number
  mode: Mode
  /** The purpose that the rules see: a callback that was not asked for within 24 hours is marketing. */
  purpose: Purpose
  party: Party
  isSolicited: boolean
  isDialling: boolean
  consent: ConsentState
  attempts: readonly Attempt[]
  lastInquiryMs: number | null
  settings: Settings
}>

export const HOUR_MS = 3_600_000
const SOLICITED_MS = 24 * HOUR_MS

/** Milliseconds of an instant in a fact; throws for text that is none, so that the decision fails closed. */
export function instant(text: string): number {
  const ms = parseUtc(text) ?? Date.parse(text)
  if (Number.isNaN(ms)) throw new RangeError(`"${text}" is not an instant`)
  return ms
}

const ZERO = 48

/** NaN for what is no digit, which no comparison lets through. */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - ZERO
  return value >= 0 && value <= 9 ? value : Number.NaN
}

function two(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1)
}

/** The usual form, `2026-12-01T13:00:00Z` or with `.000`, ten times faster than Date.parse; null for every other. */
function parseUtc(text: string): number | null {
  const { length } = text
  if ((length !== 20 && length !== 24) || text.charCodeAt(length - 1) !== 90 || text.charCodeAt(10) !== 84) return null
  const year = two(text, 0) * 100 + two(text, 2)
  const month = two(text, 5)
  const date = two(text, 8)
  const hour = two(text, 11)
  const minute = two(text, 14)
  const second = two(text, 17)
  const milliseconds = length === 24 ? two(text, 20) * 10 + digit(text, 22) : 0
  const isUsual =
    year >= 1970 &&
    month >= 1 &&
    month <= 12 &&
    date >= 1 &&
    date <= 28 &&
    hour >= 0 &&
    hour < 24 &&
    minute >= 0 &&
    minute < 60 &&
    second >= 0 &&
    second < 60 &&
    milliseconds >= 0 &&
    milliseconds < 1000
  // Every month has 28 days; the few dates after that are left to the careful way.
  if (!isUsual || text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return null
  if (length === 24 && text[19] !== '.') return null
  return Date.UTC(year, month - 1, date, hour, minute, second, milliseconds)
}

export function optionalInstant(text: string | undefined): number | null {
  return text === undefined ? null : instant(text)
}

/** Whether a callback was asked for within the last 24 hours, which makes the call solicited. */
export function isSolicited(facts: Facts, atMs: number): boolean {
  if (facts.callbackRequestedAt === undefined) return false
  const askedMs = instant(facts.callbackRequestedAt)
  return atMs >= askedMs && atMs - askedMs <= SOLICITED_MS
}

const NO_ATTEMPTS: readonly Attempt[] = []

/** Attempts in order of time. */
export function readAttempts(facts: Facts): readonly Attempt[] {
  if (facts.attempts === undefined || facts.attempts.length === 0) return NO_ATTEMPTS
  return facts.attempts
    .map(one => ({
      atMs: instant(one.at),
      subject: one.subject,
      outcome: one.outcome,
      hasAlerted: one.hasAlerted !== false
    }))
    .sort((a, b) => a.atMs - b.atMs)
}

const NO_CONSENT: ConsentState = Object.freeze({
  kind: 'none',
  grade: 'none',
  givenMs: null,
  hasTerm: false,
  coversHours: false
})

/** Reads the consent for one mode and purpose at one instant. A later grant cures an earlier revocation. */
export function readConsent(
  consent: Consent | null | undefined,
  atMs: number,
  mode: Mode,
  purpose: Purpose
): ConsentState {
  if (consent === null || consent === undefined) return NO_CONSENT
  const givenMs = optionalInstant(consent.givenAt)
  const revokedMs = optionalInstant(consent.revokedAt)
  const expiresMs = optionalInstant(consent.expiresAt)
  const state = (kind: ConsentState['kind']): ConsentState => ({
    kind,
    grade: consent.grade,
    givenMs,
    hasTerm: expiresMs !== null,
    coversHours: consent.coversHours === true
  })
  if (revokedMs !== null && revokedMs <= atMs && (givenMs === null || givenMs <= revokedMs)) return state('revoked')
  if (consent.grade === 'none' || (givenMs !== null && givenMs > atMs)) return NO_CONSENT
  if (expiresMs !== null && expiresMs <= atMs) return state('expired')
  if (consent.evidence === 'missing' || consent.evidence === 'unreadable') return state('unproven')
  const isInScope =
    (consent.modes === undefined || consent.modes.includes(mode)) &&
    (consent.purposes === undefined ||
      consent.purposes.includes(purpose) ||
      // Who agreed to marketing agreed to marketing as a customer.
      (purpose === 'existing_customer_marketing' && consent.purposes.includes('marketing'))) &&
    (consent.channels === undefined || consent.channels.includes('voice'))
  return state(isInScope ? 'valid' : 'outOfScope')
}

/** Earliest and latest local date over a set of zones. */
export function dayRange(zones: readonly Zone[], atMs: number): { minDay: number; maxDay: number } {
  let minDay = Number.POSITIVE_INFINITY
  let maxDay = Number.NEGATIVE_INFINITY
  for (const zone of zones) {
    const day = localDay(zone, atMs)
    if (day < minDay) minDay = day
    if (day > maxDay) maxDay = day
  }
  return { minDay, maxDay }
}

/** What a rule that looks at one instant found. `open` names a fact that must be settled before dialling. */
export type Finding = Readonly<{ reasons: readonly Reason[]; open?: string }>

export const PASS: Finding = Object.freeze({ reasons: [] })
