import { addDays } from '../calendar/local-time.ts'
import { asciiDigits, readNumber } from './numbers.ts'
import { heard, inverted, isSpaced, type SpokenLanguage } from './text.ts'
import { answerWords } from './words.ts'

/** Which year is meant when none is said: the next such day, the last one, or this year’s. */
export type DatePreference = 'future' | 'past' | 'thisYear'

/** What a date is read by. `today`: the civil date where the caller is, `YYYY-MM-DD`. `tag`: the caller’s language. */
export type DateContext = Readonly<{ today: string; prefer: DatePreference; tag: string }>

/** A day that is said or written: `YYYY-MM-DD`, or null when the text is not exactly one that exists. */
export function readDate(text: string, language: SpokenLanguage, context: DateContext): string | null {
  const numeric = readNumeric(text, language, context)
  if (numeric !== undefined) return numeric
  const said = heard(text, language)
  const relative = relativeDay(said, language)
  if (relative !== null) return addDays(context.today, relative)
  const parts = isSpaced(language) ? readWords(said, language, context) : readCharacters(said, language)
  if (parts !== null) return dated(parts, context)
  return readWeekday(said, language, context)
}

type Parts = Readonly<{ year: number | null; month: number; day: number }>

/** 2026-03-05, 5.3.2026, 3/5/26; undefined when the text is not written so. Americans put the month first. */
function readNumeric(text: string, language: SpokenLanguage, context: DateContext): string | null | undefined {
  const found = /^\s*(\d{1,4})\s*([-./])\s*(\d{1,2})(?:\s*\2\s*(\d{1,4}))?\s*\.?\s*$/u.exec(asciiDigits(text))
  if (found === null) return undefined
  const [, first = '', , second = '', third] = found
  if (first.length === 4)
    return dated({ year: Number(first), month: Number(second), day: Number(third ?? Number.NaN) }, context)
  const isMonthFirst = language === 'zh' || language === 'ja' || /^en(-us)?$/i.test(context.tag)
  const [day, month] = isMonthFirst ? [second, first] : [first, second]
  return dated(
    {
      year: third === undefined ? null : yearOf(Number(third), third.length, context),
      month: Number(month),
      day: Number(day)
    },
    context
  )
}

function readWords(said: string, language: SpokenLanguage, context: DateContext): Parts | null {
  const { months, dateFillers } = answerWords(language)
  const fillers = new Set(dateFillers.map(one => heard(one, language)))
  const monthOf = inverted(months, language)
  const words = said.split(' ').filter(word => !fillers.has(word))
  for (const [at] of words.entries())
    for (const length of [2, 1]) {
      const month = monthOf.get(words.slice(at, at + length).join(' '))
      if (month === undefined) continue
      const found = around(words.slice(0, at), words.slice(at + length), Number(month), language, context)
      if (found !== null) return found
    }
  return null
}

/** The day stands before the month, or after it and before the year. */
function around(
  before: readonly string[],
  after: readonly string[],
  month: number,
  language: SpokenLanguage,
  context: DateContext
): Parts | null {
  const parts = (dayWords: readonly string[], yearWords: readonly string[]): Parts | null => {
    const day = readDay(dayWords.join(' '), language)
    if (day === null) return null
    if (yearWords.length === 0) return { year: null, month, day }
    const year = readYear(yearWords.join(' '), language, context)
    return year === null ? null : { year, month, day }
  }
  if (before.length > 0) return parts(withoutWeekday(before, language), after)
  for (let length = after.length; length > 0; length -= 1) {
    const found = parts(after.slice(0, length), after.slice(length))
    if (found !== null) return found
  }
  return null
}

function withoutWeekday(words: readonly string[], language: SpokenLanguage): readonly string[] {
  const days = inverted(answerWords(language).weekdays, language)
  return days.has(words[0] ?? '') ? words.slice(1) : words
}

function readDay(words: string, language: SpokenLanguage): number | null {
  const written = /^(\d{1,2})(?:st|nd|rd|th|te|ten|er|º)?$/.exec(words)?.[1]
  const ordinal = inverted(answerWords(language).ordinals, language).get(words)
  const day = written ?? ordinal ?? readNumber(words, language)
  return day !== null && Number(day) >= 1 && Number(day) <= 31 ? Number(day) : null
}

/** 1985, “nineteen eighty-five”, „neunzehnhundertfünfundachtzig“, “oh five”, “85”. */
function readYear(words: string, language: SpokenLanguage, context: DateContext): number | null {
  if (/^\d{2}$|^\d{4}$/.test(words)) return yearOf(Number(words), words.length, context)
  const whole = readNumber(words, language)
  if (whole !== null && whole >= 1_000) return yearOf(whole, 4, context)
  if (language === 'de') {
    const [hundreds = '', rest = ''] = words.replaceAll(' ', '').split('hundert')
    const century = readNumber(hundreds, language)
    const years = rest === '' ? 0 : readNumber(rest, language)
    if (words.includes('hundert') && century !== null && years !== null)
      return yearOf(century * 100 + years, 4, context)
  }
  const all = words.split(' ')
  for (let split = 1; language === 'en' && split < all.length; split += 1) {
    const century = readNumber(all.slice(0, split).join(' '), language)
    const tail = all.slice(split)
    const isHundred = tail.length === 1 && tail[0] === 'hundred'
    const years = isHundred
      ? 0
      : readNumber((tail[0] === 'oh' || tail[0] === 'o' ? tail.slice(1) : tail).join(' '), language)
    if (century !== null && century >= 16 && century <= 21 && years !== null && years < 100)
      return yearOf(century * 100 + years, 4, context)
  }
  return whole !== null && whole < 100 ? yearOf(whole, 2, context) : null
}

/** Two digits mean the year that lies nearest on the side that is meant. */
function yearOf(value: number, digits: number, { today, prefer }: DateContext): number | null {
  if (digits > 2) return value >= 1_600 && value <= 2_200 ? value : null
  const now = Number(today.slice(0, 4))
  const year = Math.floor(now / 100) * 100 + value
  if (prefer === 'past') return year > now ? year - 100 : year
  return prefer === 'future' && year < now ? year + 100 : year
}

const ERAS: Readonly<Record<string, number>> = { 令和: 2018, 平成: 1988, 昭和: 1925 }

/** 一九八五年三月五日, 2026年3月5号, 三月五日, 昭和六十年三月五日. */
function readCharacters(said: string, language: SpokenLanguage): Parts | null {
  const fillers = answerWords(language).dateFillers.map(one => heard(one, language))
  const plain = fillers.reduce((text, word) => text.replace(new RegExp(`^${word}|${word}$`, 'gu'), ''), said)
  const found = /^(?:(令和|平成|昭和)?([^年月日号]+)年)?([^年月日号]+)月([^年月日号]+)[日号]?$/u.exec(plain)
  if (found === null) return null
  const [, era, yearText, monthText = '', dayText = ''] = found
  const month = readNumber(monthText, language)
  const day = readNumber(dayText, language)
  if (month === null || day === null) return null
  if (yearText === undefined) return { year: null, month, day }
  const number = yearText === '元' ? 1 : (readNumber(yearText, language) ?? readYearDigits(yearText))
  if (number === null) return null
  return { year: era === undefined ? number : number + (ERAS[era] ?? 0), month, day }
}

const YEAR_DIGITS = '零一二三四五六七八九'

function readYearDigits(text: string): number | null {
  const digits = [...text].map(one => (one === '〇' ? 0 : YEAR_DIGITS.indexOf(one)))
  return digits.length === 4 && digits.every(one => one >= 0) ? Number(digits.join('')) : null
}

function relativeDay(said: string, language: SpokenLanguage): number | null {
  const days = inverted(answerWords(language).relativeDays, language).get(said)
  return days === undefined ? null : Number(days)
}

/**
 * The next such day from tomorrow on, or the last one before today. “Last” and “next” say which; in Chinese and Japanese the
 * week is said, from Monday on.
 */
function readWeekday(said: string, language: SpokenLanguage, { today, prefer }: DateContext): string | null {
  const { weekdays, dateFillers, past, coming, weeks } = answerWords(language)
  const days = inverted(weekdays, language)
  const now = weekdayOf(today)
  if (!isSpaced(language)) {
    const plain = said.replace(/です$/u, '')
    for (const [words, away] of inverted(weeks, language)) {
      const wanted = plain.startsWith(words) ? days.get(plain.slice(words.length)) : undefined
      if (wanted !== undefined) return addDays(today, Number(away) * 7 + Number(wanted) - now)
    }
    return sideOf(plain, prefer)
  }
  const words = said.split(' ')
  const holds = (some: readonly string[]) => some.some(one => words.includes(heard(one, language)))
  const fillers = new Set(dateFillers.map(one => heard(one, language)))
  const side = holds(past) ? 'past' : holds(coming) ? 'future' : prefer
  return sideOf(words.filter(word => !fillers.has(word)).join(' '), side)

  function sideOf(day: string, side: DatePreference): string | null {
    const wanted = days.get(day)
    if (wanted === undefined) return null
    const ahead = (Number(wanted) - now + 7) % 7 || 7
    return addDays(today, side !== 'past' ? ahead : ahead === 7 ? -7 : ahead - 7)
  }
}

function dated({ year, month, day }: Parts, { today, prefer }: DateContext): string | null {
  if (year !== null) return civil(year, month, day)
  const thisYear = Number(today.slice(0, 4))
  // A leap day may be up to eight years away.
  for (let away = 0; away <= 8; away += 1) {
    const date = civil(prefer === 'past' ? thisYear - away : thisYear + away, month, day)
    if (date === null) continue
    if (prefer === 'thisYear' || (prefer === 'past' ? date <= today : date >= today)) return date
  }
  return null
}

/** The date in ISO form; null when there is no such day. */
function civil(year: number, month: number, day: number): string | null {
  const date = new Date(Date.UTC(year, month - 1, day))
  const isReal = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isReal ? date.toISOString().slice(0, 10) : null
}

/** From Monday, 1. */
function weekdayOf(date: string): number {
  return new Date(date).getUTCDay() || 7
}
