import { analyzeNumber } from '../numbers/analyze.ts'

/**
 * Forms in which registries hand out their lists. Facts about them come from the registries' own pages; `csv` takes any
 * file with a heading.
 */
export const LIST_FORMATS = ['ftc', 'ftc-change', 'ftc-xml', 'dncl', 'tps', 'bloctel', 'rpo', 'dncr', 'csv'] as const
export type ListFormat = (typeof LIST_FORMATS)[number]

/** What one line says. */
export type LineFinding =
  | Readonly<{ kind: 'listed'; value: number }>
  | Readonly<{ kind: 'unlisted'; value: number }>
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'wrong'; message: string }>

/** Which numbers a format carries when they are written the national way. */
export type National = Readonly<{
  callingCode: string
  /** Digit before national numbers, which E.164 leaves out; Italy keeps its zero. */
  trunk: string
  minDigits: number
  maxDigits: number
  /** First digit of the area code and of the exchange are 2 to 9 (NANP). */
  isNanp: boolean
}>

const NANP: National = { callingCode: '1', trunk: '1', minDigits: 10, maxDigits: 10, isNanp: true }

export const NATIONAL: Readonly<Record<ListFormat, National | null>> = {
  ftc: NANP,
  'ftc-change': NANP,
  'ftc-xml': NANP,
  dncl: NANP,
  tps: { callingCode: '44', trunk: '0', minDigits: 9, maxDigits: 10, isNanp: false },
  bloctel: { callingCode: '33', trunk: '0', minDigits: 9, maxDigits: 9, isNanp: false },
  rpo: { callingCode: '39', trunk: '', minDigits: 6, maxDigits: 11, isNanp: false },
  dncr: { callingCode: '61', trunk: '0', minDigits: 9, maxDigits: 9, isNanp: false },
  csv: null
}

/** Formats in which a line is a number and nothing else, so that bytes can be read without making text of them. */
export function isPlain(format: ListFormat): boolean {
  return format === 'ftc' || format === 'dncl' || format === 'tps' || format === 'bloctel'
}

const WRONG_DIGITS: LineFinding = { kind: 'wrong', message: 'is not a telephone number of this list' }

/** The value of national digits, or a finding that says what is wrong with them. */
export function fromNational(digits: string, national: National): LineFinding {
  let rest = digits
  if (rest.startsWith('+')) {
    if (!rest.startsWith(`+${national.callingCode}`)) return WRONG_DIGITS
    rest = rest.slice(1 + national.callingCode.length)
  } else if (rest.startsWith(`00${national.callingCode}`)) rest = rest.slice(2 + national.callingCode.length)
  else if (national.trunk !== '' && rest.startsWith(national.trunk) && rest.length > national.minDigits)
    rest = rest.slice(national.trunk.length)
  if (rest.length < national.minDigits || rest.length > national.maxDigits || !/^\d+$/.test(rest)) return WRONG_DIGITS
  if (national.isNanp && !/^[2-9]\d\d[2-9]/.test(rest)) return WRONG_DIGITS
  return { kind: 'listed', value: Number(national.callingCode + rest) }
}

/** Reads the lines of one file; holds what the heading said. */
export type LineReader = (line: string, lineNumber: number) => LineFinding

const HEADING = /[a-z]{3}/i
const NUMBER_HEADINGS =
  /^(e164|number|phone|telephone|tel|phone[_ ]?number|msisdn|mobile|numero|numéro|telefono|telefon|rufnummer|nummer)$/i
const STATUS_HEADINGS = /^(status|result|listed|esito|action|change|typ|type)$/i
const LISTED_WORDS = /^(y|yes|s|si|sì|1|true|listed|iscritto|a|add|added|on)$/i
const UNLISTED_WORDS = /^(n|no|0|false|not listed|unlisted|non iscritto|d|delete|deleted|remove|removed|off)$/i

export function lineReader(format: ListFormat): LineReader {
  switch (format) {
    case 'ftc':
    case 'dncl':
    case 'tps':
    case 'bloctel':
      return plainReader(NATIONAL[format] ?? NANP)
    case 'ftc-change':
      return changeReader()
    case 'ftc-xml':
      return xmlReader()
    case 'rpo':
    case 'dncr':
    case 'csv':
      return tableReader(NATIONAL[format])
    default:
      return format satisfies never
  }
}

function plainReader(national: National): LineReader {
  return (line, lineNumber) => {
    const text = line.replace(/[\s",;.()\-/]/g, '')
    if (text === '') return { kind: 'nothing' }
    if (lineNumber === 1 && HEADING.test(text)) return { kind: 'nothing' }
    return fromNational(text, national)
  }
}

/** Area code, number, instant of the change, A for added or D for deleted. */
function changeReader(): LineReader {
  return (line, lineNumber) => {
    if (line.trim() === '') return { kind: 'nothing' }
    const fields = splitFields(line, line.includes(';') ? ';' : ',').map(field => field.trim())
    if (lineNumber === 1 && fields.every(field => !/\d{3}/.test(field))) return { kind: 'nothing' }
    const last = fields.at(-1) ?? ''
    const digits = fields[0]?.length === 3 ? `${fields[0]}${fields[1] ?? ''}` : (fields[0] ?? '')
    const found = fromNational(digits.replace(/\D/g, ''), NANP)
    if (found.kind !== 'listed') return found
    if (LISTED_WORDS.test(last)) return found
    return UNLISTED_WORDS.test(last)
      ? { kind: 'unlisted', value: found.value }
      : { kind: 'wrong', message: 'says neither A (added) nor D (deleted)' }
  }
}

/** `<ac val="202">` around `<ph val="5550101"/>`, one element on a line. */
function xmlReader(): LineReader {
  let areaCode = ''
  return line => {
    const area = /<ac\s[^>]*val="(\d{3})"/.exec(line)
    if (area !== null) areaCode = area[1] ?? ''
    const phone = /<ph\s[^>]*val="(\d{7})"/.exec(line)
    if (phone === null)
      return /<ph\b/.test(line) ? { kind: 'wrong', message: 'is a number without seven digits' } : { kind: 'nothing' }
    if (areaCode === '') return { kind: 'wrong', message: 'stands before any area code' }
    return fromNational(areaCode + phone[1], NANP)
  }
}

function tableReader(national: National | null): LineReader {
  let delimiter = ','
  let numberAt = 0
  let statusAt = -1
  return (line, lineNumber) => {
    if (line.trim() === '') return { kind: 'nothing' }
    if (lineNumber === 1) {
      delimiter = [';', '\t', '|', ','].find(one => line.includes(one)) ?? ','
      const heading = splitFields(line, delimiter).map(field => field.trim())
      const found = heading.findIndex(field => NUMBER_HEADINGS.test(field))
      if (found >= 0) {
        numberAt = found
        statusAt = heading.findIndex(field => STATUS_HEADINGS.test(field))
        return { kind: 'nothing' }
      }
      if (heading.every(field => !/\d{5}/.test(field)))
        return { kind: 'wrong', message: 'is a heading without a column of numbers (number, phone, telephone …)' }
      // Washed lists come back without a heading: number and answer.
      if (national !== null && heading.length > 1) statusAt = 1
    }
    const fields = splitFields(line, delimiter)
    const found = readNumber(fields[numberAt]?.trim() ?? '', national)
    if (found.kind !== 'listed' || statusAt < 0) return found
    const status = fields[statusAt]?.trim() ?? ''
    if (LISTED_WORDS.test(status)) return found
    return UNLISTED_WORDS.test(status)
      ? { kind: 'unlisted', value: found.value }
      : { kind: 'wrong', message: 'does not say whether the number is listed' }
  }
}

function readNumber(text: string, national: National | null): LineFinding {
  const compact = text.replace(/[\s.()\-/]/g, '')
  if (national !== null && !compact.startsWith('+') && !compact.startsWith('00')) return fromNational(compact, national)
  const found = analyzeNumber(text)
  if (found.e164 === null || found.kind === 'invalid') return WRONG_DIGITS
  return { kind: 'listed', value: Number(found.e164.slice(1)) }
}

/** Fields of one line of a table; quotes as in RFC 4180 §2, without line breaks inside. */
export function splitFields(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter)
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index] ?? ''
    if (isQuoted && char === '"' && line[index + 1] === '"') {
      field += '"'
      index += 1
    } else if (char === '"') isQuoted = !isQuoted
    else if (char === delimiter && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += char
  }
  fields.push(field)
  return fields
}
