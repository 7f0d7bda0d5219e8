import { toCardinal as sayArabic } from 'n2words/ar-SA'
import { toCardinal as sayGerman } from 'n2words/de-DE'
import { toCardinal as sayEnglish } from 'n2words/en-GB'
import { toCardinal as saySpanish } from 'n2words/es-ES'
import { readCharacterNumber } from './character-numbers.ts'
import { heard, type SpokenLanguage } from './text.ts'

/** The greatest number that is read. */
export const MAX_NUMBER = 999_999

/**
 * A whole number from 0 to {@link MAX_NUMBER}, in words or digits; null when the text is not exactly one. What may
 * vary does: “a hundred (and) five”, „hundertfünf“ and „einhundertfünf“, « treinta y un(o) ».
 */
export function readNumber(text: string, language: SpokenLanguage): number | null {
  const digits = /^\s*([1-9]\d{0,2}([.,' ])\d{3}(?:\2\d{3})*|\d+)\s*$/u.exec(asciiDigits(text))
  if (digits !== null) return inRange(Number((digits[1] ?? '').replace(/\D/g, '')))
  if (NO_WHOLE_NUMBER.test(asciiDigits(text))) return null
  if (language === 'zh' || language === 'ja') return inRange(readCharacterNumber(heard(text, language), language))
  return inRange(readWords(heard(text, language), language))
}

/** 3.5, 1/2, 2:30, -5: without the sign, which is not heard, another number would be left. */
const NO_WHOLE_NUMBER = /^\s*[-−–]\s*\d|\d\s*[^\p{L}\p{M}\p{N}\s]+\s*\d/u

function inRange(value: number | null): number | null {
  return value !== null && value <= MAX_NUMBER ? value : null
}

/** NFKC, with Arabic digits as ASCII. */
export function asciiDigits(text: string): string {
  return text.normalize('NFKC').replace(/[٠-٩]/g, digit => String(digit.charCodeAt(0) - 0x660))
}

type WordLanguage = Exclude<SpokenLanguage, 'zh' | 'ja'>

/** How a language counts: its words, a form in which variants are the same, and its word for a thousand in that form. */
type Counting = Readonly<{ say(value: number): string; fold(words: string): string; thousand: RegExp }>

const COUNTING: Readonly<Record<WordLanguage, Counting>> = {
  en: {
    say: sayEnglish,
    fold: words => joined(words, { a: 'one', and: '', an: 'one' }),
    thousand: /thousand/
  },
  es: {
    say: saySpanish,
    // The hundreds have a gender, “cien” a short form, and accents are often left out.
    fold: words =>
      joined(words.normalize('NFD').replace(/\p{M}/gu, ''), { y: '', un: 'uno', una: 'uno', cien: 'ciento' })
        .replace(/ientas/g, 'ientos')
        .replace(/quinientas/g, 'quinientos')
        .replace(/veintiun(?!o)/g, 'veintiuno'),
    thousand: /mil/
  },
  de: {
    say: sayGerman,
    // “hundert” hides an “und”; without any “und”, “hundertundeins” is “hunderteins”.
    fold: words =>
      words
        .replaceAll(' ', '')
        .replaceAll('ß', 'ss')
        .replaceAll('zwo', 'zwei')
        .replaceAll('hundert', 'H')
        .replaceAll('tausend', 'T')
        .replaceAll('und', '')
        .replace(/(^|T)H/g, '$1einH')
        .replace(/^T/, 'einT')
        .replace(/eins|eine/g, 'ein'),
    thousand: /T/
  },
  ar: { say: sayArabic, fold: foldArabicNumber, thousand: /(?:الف|الاف)(?!ين)/ }
}

/** “and” is a letter before the next word in Arabic; ones and hundreds have a gender, tens and twos a case. */
function foldArabicNumber(words: string): string {
  return (
    words
      .split(' ')
      .map(word => (/^و(?!احد)/.test(word) ? word.slice(1) : word))
      .map(word => word.replace(/^الفا$/, 'الف').replace(/^(الف|ماي?ت|ميت)ان$/, '$1ين'))
      .map(word =>
        word
          .replace(/(?<=..)ون$/, 'ين')
          .replace(/^ا(?:ث|ت)ن(?:ان|ين|تان|تين|ا)$/, 'اثنين')
          .replace(/^اثنت[اي]$/, 'اثنين')
      )
      .map(word => word.replace(/^احدي$/, 'احد').replace(/^واحده$/, 'واحد'))
      .map(word => word.replace(/ماي?ه|مايت(?=ين)|مييه|ميه|ميت(?=ين)/g, 'M').replace(/ه$/, ''))
      .map(word =>
        word
          .replace(/^ثماني?$/, 'ثمان')
          .replace(/ثمانيM/, 'ثمانM')
          .replace(/^ثمانيي?ن$/, 'ثمانين')
      )
      .join('')
      // “and eleven” is written as “one ten”.
      .replaceAll('واحدعشر', 'احدعشر')
      // After hundreds “one thousand” may be said as “thousand thousand”.
      .replace(/(?<=.)الفالف/, 'واحدالف')
  )
}

function joined(words: string, replaced: Readonly<Record<string, string>>): string {
  return words
    .split(' ')
    .map(word => replaced[word] ?? word)
    .join('')
}

const tables = new Map<WordLanguage, ReadonlyMap<string, number>>()

/** All numbers below a thousand by their folded words. */
function belowThousand(language: WordLanguage): ReadonlyMap<string, number> {
  let table = tables.get(language)
  if (table === undefined) {
    const { say, fold } = COUNTING[language]
    table = new Map(
      Array.from({ length: 1_000 }, (_, value) => [fold(heard(say(value), language)), value] as const).toReversed()
    )
    tables.set(language, table)
  }
  return table
}

function readWords(words: string, language: WordLanguage): number | null {
  const { fold, thousand } = COUNTING[language]
  const table = belowThousand(language)
  const folded = fold(words)
  const small = table.get(folded)
  if (small !== undefined) return small
  if (language === 'ar' && folded.startsWith('الفين')) return sum(2, folded.slice('الفين'.length), table)
  const found = thousand.exec(folded)
  if (found === null) return null
  const before = folded.slice(0, found.index)
  const count = before === '' ? 1 : table.get(before)
  return count === undefined || count === 0 ? null : sum(count, folded.slice(found.index + found[0].length), table)
}

function sum(thousands: number, rest: string, table: ReadonlyMap<string, number>): number | null {
  const small = rest === '' ? 0 : table.get(rest)
  return small === undefined ? null : thousands * 1_000 + small
}
