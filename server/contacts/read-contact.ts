import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { CountryCode } from 'libphonenumber-js/max'
import { GRADES, type Grade } from '../compliance/codes.ts'
import { analyzeNumber, type NumberAnalysis, toE164 } from '../compliance/numbers/analyze.ts'
import { isZone } from '../compliance/time/zone.ts'
import type { ContactParty, NumberKind } from '../../sql/campaign-tables.ts'
import type { Mapping } from './mapping.ts'
import type { Row } from './rows.ts'

/** What is wrong with a line, as a code that screens translate and a sentence for everybody else. */
export type RowProblem = Readonly<{ line: number; code: RowProblemCode; message: string; shown?: string }>
export const ROW_PROBLEMS = [
  'SHEET_FULL',
  'SPREADSHEET_NUMBER',
  'NUMBER_MISSING',
  'NUMBER_NO_COUNTRY',
  'NUMBER_INVALID',
  'NUMBER_SPECIAL',
  'NUMBER_TWICE',
  'PLACE_MISSING',
  'ZONE_UNKNOWN',
  'COUNTRY_UNKNOWN',
  'LANGUAGE_UNKNOWN',
  'CONSENT_UNREADABLE',
  'TEXT_BROKEN',
  'TEXT_TOO_LONG',
  'DUPLICATE'
] as const
export type RowProblemCode = (typeof ROW_PROBLEMS)[number]

export type ContactNumber = Readonly<{
  number: string
  kind: NumberKind
  analysis: Extract<NumberAnalysis, { kind: 'number' }>
}>

/** A contact as a file or a program gives it, checked. */
export type NewContact = Readonly<{
  line: number
  externalId: string | null
  name: string
  language: string | null
  country: string | null
  region: string | null
  zone: string | null
  party: ContactParty
  isCustomer: boolean | null
  custom: Readonly<Record<string, string>>
  numbers: readonly ContactNumber[]
  consent: Readonly<{ grade: Grade; at: Date | null; reference: string | null }> | null
}>

/** `contact` is null when the line cannot be used at all; `problems` may also be about parts of a line that is used. */
export type ReadRow = Readonly<{ contact: NewContact | null; problems: readonly RowProblem[] }>

const MAX_VALUE = 1_000
const MAX_NUMBERS = 10
/** Controls mean nothing in a name; some of them no database stores. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u
const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/
const YES = new Set(['1', 'true', 'yes', 'y', 'ja', 'si', 'sí', '是', 'はい', 'نعم', 'x'])
const NO = new Set(['0', 'false', 'no', 'n', 'nein', '否', 'いいえ', 'لا', ''])

/** Reads one line by the mapping. Pure. */
export function readContact(row: Row, mapping: Mapping): ReadRow {
  const problems: RowProblem[] = []
  const complain = (code: RowProblemCode, message: string, shown?: string) =>
    problems.push({ line: row.line, code, message, ...(shown !== undefined && { shown }) })
  const numbers: ContactNumber[] = []
  const custom: Record<string, string> = {}
  const one: Partial<Record<string, string>> = {}
  let isBroken = false
  for (const [index, column] of mapping.columns.entries()) {
    if (column.role === 'ignore') continue
    const written = row.cells[index] ?? ''
    const value = CONTROL.test(written) ? written.replace(CONTROLS, ' ').trim() : written
    if (value === '') continue
    if (value.includes('\ufffd')) isBroken = true
    if (value.length > MAX_VALUE) {
      complain('TEXT_TOO_LONG', `Column ${index + 1} is longer than ${MAX_VALUE} characters and is left out.`)
      continue
    }
    if (column.role === 'number') {
      const found = readNumber(value, mapping.defaultCountry, complain)
      if (found === null) continue
      if (numbers.some(other => other.number === found.number)) continue
      if (numbers.length < MAX_NUMBERS) numbers.push(found)
    } else if (column.role === 'custom') custom[column.field ?? column.header ?? `column ${index + 1}`] = value
    else one[column.role] = value
  }
  if (isBroken) {
    complain('TEXT_BROKEN', 'The line has bytes that are not of this encoding. Choose the encoding of the file.')
    return { contact: null, problems }
  }
  if (numbers.length === 0) {
    if (problems.length === 0) complain('NUMBER_MISSING', 'The line has no number.')
    return { contact: null, problems }
  }
  const country = readCountry(one['country'], complain)
  const zone = readZone(one['zone'], complain)
  const first = numbers[0]
  if (first?.analysis.isPlaceless && country === null && zone === null)
    complain('PLACE_MISSING', 'The number rings anywhere: without an address nobody knows when it may be called.')
  return {
    contact: {
      line: row.line,
      externalId: one['externalId'] ?? null,
      name: one['name'] ?? [one['firstName'], one['lastName']].filter(part => part !== undefined).join(' '),
      language: readLanguage(one['language'], complain) ?? mapping.defaultLanguage ?? null,
      country,
      region: readRegion(one['region']),
      zone,
      party: readParty(one['party']),
      isCustomer: readYes(one['isCustomer']),
      custom,
      numbers,
      consent: readConsent(one, mapping, complain)
    },
    problems
  }
}

type Complain = (code: RowProblemCode, message: string, shown?: string) => void

function readNumber(written: string, country: string | undefined, complain: Complain): ContactNumber | null {
  if (/^[+\d]\d*[.,]?\d*E\+?\d+$/i.test(written.trim())) {
    const short = /^\d[.,]\d{0,4}/.exec(written)?.[0] ?? ''
    const power = /E\+?\d+$/i.exec(written)?.[0].toUpperCase() ?? ''
    complain(
      'SPREADSHEET_NUMBER',
      `${short}${power} was changed by a spreadsheet. Save the column as text.`,
      `${short}${power}`
    )
    return null
  }
  // 491512345678.0 is what programs make of a column of numbers.
  const text = written.replace(/^(\d+)\.0$/, '$1')
  const e164 = toE164(text) ?? fromNational(text, country)
  if (e164 === null) {
    if (country === undefined)
      complain('NUMBER_NO_COUNTRY', 'The number has no country code. Choose the country of such numbers.')
    else complain('NUMBER_INVALID', `This is not a number of ${country}.`)
    return null
  }
  const analysis = analyzeNumber(e164)
  switch (analysis.kind) {
    case 'invalid':
      complain('NUMBER_INVALID', 'The number cannot exist in its country’s numbering plan.')
      return null
    case 'special':
      complain('NUMBER_SPECIAL', 'Emergency, short and premium numbers are never called.')
      return null
    case 'number':
      return { number: analysis.e164, kind: kindOf(analysis.line), analysis }
    default:
      return analysis satisfies never
  }
}

function fromNational(text: string, country: string | undefined): string | null {
  if (country === undefined) return null
  const parsed = parsePhoneNumberFromString(text, country as CountryCode)
  return parsed === undefined ? null : parsed.number
}

function kindOf(line: string): NumberKind {
  return line === 'mobile' ? 'mobile' : line === 'fixed' ? 'landline' : 'unknown'
}

function readCountry(text: string | undefined, complain: Complain): string | null {
  if (text === undefined) return null
  const code = text.trim().toUpperCase()
  if (/^[A-Z]{2}$/.test(code)) return code === 'UK' ? 'GB' : code
  complain('COUNTRY_UNKNOWN', 'Write the country with two letters, such as DE.')
  return null
}

function readRegion(text: string | undefined): string | null {
  const code = text
    ?.trim()
    .toUpperCase()
    .replace(/^[A-Z]{2}-/, '')
  return code !== undefined && /^[A-Z0-9]{1,3}$/.test(code) ? code : null
}

function readZone(text: string | undefined, complain: Complain): string | null {
  if (text === undefined) return null
  if (isZone(text)) return text
  complain('ZONE_UNKNOWN', 'Write the time zone as Europe/Berlin.')
  return null
}

function readLanguage(text: string | undefined, complain: Complain): string | null {
  if (text === undefined) return null
  if (LANGUAGE.test(text)) return text
  complain('LANGUAGE_UNKNOWN', 'Write the language as a tag, such as de or pt-BR.')
  return null
}

function readParty(text: string | undefined): ContactParty {
  const word = text?.trim().toLowerCase()
  if (word === 'business' || word === 'b2b' || word === 'company') return 'business'
  if (word === 'consumer' || word === 'b2c' || word === 'private') return 'consumer'
  return 'unknown'
}

function readYes(text: string | undefined): boolean | null {
  if (text === undefined) return null
  const word = text.trim().toLowerCase()
  return YES.has(word) ? true : NO.has(word) ? false : null
}

function readConsent(
  one: Partial<Record<string, string>>,
  mapping: Mapping,
  complain: Complain
): NewContact['consent'] {
  const { consent } = mapping
  if (consent === undefined) return null
  const written = one['consentGrade']
  const grade = written === undefined ? consent.grade : gradeOf(written, consent.grade)
  if (grade === undefined) {
    complain('CONSENT_UNREADABLE', 'The form of consent cannot be read; the line is taken without consent.')
    return null
  }
  if (grade === 'none') return null
  const at = one['consentAt'] === undefined ? null : new Date(one['consentAt'])
  if (at !== null && Number.isNaN(at.getTime())) {
    complain('CONSENT_UNREADABLE', 'The date of consent cannot be read; the line is taken without consent.')
    return null
  }
  return { grade, at, reference: one['consentReference'] ?? null }
}

function gradeOf(text: string, whenYes: Grade | undefined): Grade | undefined {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
  const named = GRADES.find(grade => grade === word)
  if (named !== undefined) return named
  const isYes = readYes(text)
  return isYes === null ? undefined : isYes ? whenYes : 'none'
}
