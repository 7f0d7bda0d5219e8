import metadata from 'libphonenumber-js/max/metadata'
import { placeOf } from './numbering-plan.ts'

/** What the digits of a number say by themselves. */
export type NumberAnalysis =
  | Readonly<{ kind: 'invalid'; e164: string | null }>
  | Readonly<{ kind: 'special'; e164: string | null; what: SpecialKind }>
  | Readonly<{
      kind: 'number'
      e164: string
      /** ISO 3166-1 of the numbering plan. */
      country: string
      /** Whose law the plan points to: countries (`FR`) and their parts (`US-CT`), never empty unless `isPlaceless`. */
      jurisdictions: readonly string[]
      /** Every zone where the number may be. */
      zones: readonly string[]
      /** What the zones rest on, such as `npa:860`. */
      evidence: string
      line: LineKind
      /** The number has no place at all (toll-free and satellite): only an address can say where it rings. */
      isPlaceless: boolean
    }>

export type SpecialKind = 'emergency' | 'short' | 'premium'
export type LineKind = 'fixed' | 'mobile' | 'fixed_or_mobile' | 'toll_free' | 'voip' | 'other'

/** Positions in a country's row of libphonenumber's compact metadata, format 4. */
const PATTERN = 2
const TYPES = 11
const LEADING_DIGITS = 10
const TYPE_NAMES = [
  'fixed',
  'mobile',
  'toll_free',
  'premium',
  'personal',
  'voicemail',
  'uan',
  'pager',
  'voip',
  'shared_cost'
] as const
type TypeName = (typeof TYPE_NAMES)[number]

type Plan = Readonly<{
  country: string
  general: RegExp
  leading: RegExp | null
  types: readonly Readonly<{ name: TypeName; pattern: RegExp }>[]
}>

const EMERGENCY: ReadonlySet<string> = new Set(
  [
    '000',
    '061',
    '080',
    '088',
    '100',
    '101',
    '102',
    '103',
    '104',
    '105',
    '108',
    '110',
    '111',
    '112',
    '113',
    '114',
    '115'
  ]
    .concat(['116', '117', '118', '119', '120', '122', '123', '190', '191', '192', '193', '199', '911', '912', '916'])
    .concat(['917', '919', '933', '988', '990', '991', '993', '995', '997', '998', '999'])
)
/** Numbers that are dialled whole within a country and never from outside. */
const SHORT_DIGITS = 6

/** Country code of a network that belongs to no country (satellite, international freephone) → whether it costs extra. */
const NON_GEOGRAPHIC = new Set(Object.keys(metadata.nonGeographic ?? {}))

const plansByCode = new Map<string, readonly Plan[]>()

/** Reads a number in any writing. Pure; costs about a microsecond for E.164 input. */
export function analyzeNumber(written: string): NumberAnalysis {
  const e164 = toE164(written)
  if (e164 === null) {
    const digits = asciiDigits(written).replace(/\D/g, '')
    if (EMERGENCY.has(digits)) return { kind: 'special', e164: null, what: 'emergency' }
    if (digits.length > 0 && digits.length <= SHORT_DIGITS) return { kind: 'special', e164: null, what: 'short' }
    return { kind: 'invalid', e164: null }
  }
  const code = callingCode(e164)
  if (code === null) return { kind: 'invalid', e164 }
  const national = e164.slice(1 + code.length)
  if (EMERGENCY.has(national)) return { kind: 'special', e164, what: 'emergency' }
  const plan = findPlan(code, national)
  if (plan === null) return { kind: 'invalid', e164 }
  const type = typeIn(plan, national)
  if (type === null) return { kind: 'invalid', e164 }
  if (type === 'premium' || type === 'shared_cost' || type === 'pager' || type === 'voicemail')
    return { kind: 'special', e164, what: 'premium' }
  if (NON_GEOGRAPHIC.has(code)) return placeless(e164, plan.country, type)
  // Freephone and "follow me" numbers of the North American plan ring anywhere in it (47 CFR 52.103; 500-series).
  if (code === '1' && (type === 'toll_free' || type === 'personal')) return placeless(e164, plan.country, type)
  if (type === 'personal') return { kind: 'special', e164, what: 'premium' }
  const place = placeOf(plan.country, code, national, type === 'mobile')
  if (place === null) return placeless(e164, plan.country, type)
  return {
    kind: 'number',
    e164,
    country: plan.country,
    jurisdictions: place.jurisdictions,
    zones: place.zones,
    evidence: place.evidence,
    line: code === '1' && type === 'fixed' ? 'fixed_or_mobile' : lineOf(plan, national, type),
    isPlaceless: false
  }
}

/**
 * E.164 from what people and lists write: separators, brackets, full-width and Arabic-Indic digits, `tel:`, `00` for `+`.
 * Null when no country code can be told.
 */
export function toE164(written: string): string | null {
  if (/^\+[1-9]\d{6,14}$/.test(written)) return written
  const cleaned = asciiDigits(written)
    .trim()
    .replace(/^tel:/i, '')
    .replace(/^\((\+|00)/, '$1')
    .replace(/\(0\)/g, '')
    .replace(/[\s().\-/\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u2010-\u2015]/g, '')
    .replace(/;.*$/, '')
  const international = cleaned.startsWith('00') ? `+${cleaned.slice(2)}` : cleaned
  return /^\+[1-9]\d{6,14}$/.test(international) ? international : null
}

/** Digits of every script become 0-9, and the full-width plus becomes +. */
function asciiDigits(text: string): string {
  return text
    .replace(/[\uff0b\ufe62]/g, '+')
    .replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19]/g, digit =>
      String(digitValue(digit.charCodeAt(0)))
    )
}

function digitValue(code: number): number {
  for (const zero of [0x0660, 0x06f0, 0x0966, 0xff10]) if (code >= zero && code <= zero + 9) return code - zero
  return 0
}

/** The country code at the start of a number in E.164 form (ITU-T E.164 §6.2.1: one to three digits, prefix-free). */
export function callingCode(e164: string): string | null {
  for (let length = 1; length <= 3; length += 1) {
    const code = e164.slice(1, 1 + length)
    if (code in metadata.country_calling_codes || NON_GEOGRAPHIC.has(code)) return code
  }
  return null
}

function placeless(e164: string, country: string, type: TypeName): NumberAnalysis {
  const line = type === 'toll_free' ? 'toll_free' : 'other'
  return { kind: 'number', e164, country, jurisdictions: [], zones: [], evidence: 'none', line, isPlaceless: true }
}

function lineOf(plan: Plan, national: string, type: TypeName): LineKind {
  switch (type) {
    case 'fixed':
      // A plan without a pattern for mobiles does not tell them apart, as in North America.
      return plan.types.every(one => one.name !== 'mobile' || one.pattern.test(national)) ? 'fixed_or_mobile' : 'fixed'
    case 'mobile':
    case 'toll_free':
    case 'voip':
      return type
    default:
      return 'other'
  }
}

/** Countries that share a code are told apart as libphonenumber does: by leading digits, else by what is valid there. */
function findPlan(code: string, national: string): Plan | null {
  for (const plan of plansOf(code)) {
    if (plan.leading !== null) {
      if (plan.leading.test(national)) return plan
    } else if (typeIn(plan, national) !== null) return plan
  }
  return null
}

function typeIn(plan: Plan, national: string): TypeName | null {
  if (!plan.general.test(national)) return null
  for (const { name, pattern } of plan.types) if (pattern.test(national)) return name
  return null
}

function plansOf(code: string): readonly Plan[] {
  let plans = plansByCode.get(code)
  if (plans === undefined) {
    plans = compilePlans(code)
    plansByCode.set(code, plans)
  }
  return plans
}

type MetadataRow = readonly unknown[]

function compilePlans(code: string): readonly Plan[] {
  const countries: Readonly<Record<string, MetadataRow>> = metadata.countries
  const codes: Readonly<Record<string, readonly string[]>> = metadata.country_calling_codes
  const shared: Readonly<Record<string, MetadataRow>> = metadata.nonGeographic ?? {}
  const own = shared[code]
  if (own !== undefined) return [compilePlan('001', own)]
  return (codes[code] ?? []).flatMap(country => {
    const row = countries[country]
    return row === undefined ? [] : [compilePlan(country, row)]
  })
}

function compilePlan(country: string, row: MetadataRow): Plan {
  const leading = row[LEADING_DIGITS]
  const general = new RegExp(`^(?:${String(row[PATTERN])})$`)
  const types = Array.isArray(row[TYPES]) ? row[TYPES] : []
  // Order of asking as in libphonenumber: the dear types first, then fixed and mobile.
  const order: readonly TypeName[] = [
    'premium',
    'toll_free',
    'shared_cost',
    'voip',
    'personal',
    'pager',
    'uan',
    'voicemail',
    'fixed',
    'mobile'
  ]
  return {
    country,
    general,
    leading: typeof leading === 'string' ? new RegExp(`^(?:${leading})`) : null,
    types: order.flatMap(name => {
      const type: unknown = types[TYPE_NAMES.indexOf(name)]
      const pattern: unknown = Array.isArray(type) ? type[0] : undefined
      return typeof pattern === 'string' ? [{ name, pattern: new RegExp(`^(?:${pattern})$`) }] : []
    })
  }
}
