import i18next from 'i18next'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { prefs } from '../prefs.ts'
import { useStore } from '../store.ts'

/** Everything that is written by `Intl` in the language of the page; instants are Date or ISO 8601 strings. */
export type Format = Readonly<{
  locale: string
  number(value: number): string
  percent(share: number): string
  /** `14:05` or `2:05 PM`. */
  time(at: Date | string): string
  /** With seconds. */
  clock(at: Date | string): string
  date(at: Date | string): string
  dateTime(at: Date | string): string
  /** `m:ss`, from an hour `h:mm:ss`. Counts whole seconds down to the one that is running. */
  duration(ms: number): string
  /** A length of time in spoken words: "38 seconds". */
  spokenDuration(ms: number): string
  /** `14:05` where another person is. */
  timeIn(at: Date, timeZone: string): string
  /** Date and time in a named zone, as reports write them. */
  dateTimeIn(at: Date | string, timeZone: string): string
  languageName(tag: string): string
  regionName(code: string): string
  compare(a: string, b: string): number
}>

export function useFormat(): Format {
  const { i18n } = useTranslation()
  const digits = useStore(prefs, one => one.digits)
  return useMemo(() => createFormat(i18n.language, digits), [i18n.language, digits])
}

/** Names one after the other, as the language of this moment writes them. Empty when there are none. */
export function listOf(names: readonly string[]): string {
  return new Intl.ListFormat(i18next.language, { type: 'conjunction', style: 'narrow' }).format(names)
}

/** For code outside React, in the language of this moment. */
export function currentFormat(): Format {
  return createFormat(i18next.language, prefs.get().digits)
}

export function createFormat(language: string, digits: 'latn' | 'arab'): Format {
  const locale = language === 'ar' ? `ar-u-nu-${digits}` : language
  const plain = new Intl.NumberFormat(locale)
  const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2, useGrouping: false })
  const one = new Intl.NumberFormat(locale, { useGrouping: false })
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' })
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' })
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
  const languageNames = new Intl.DisplayNames(locale, { type: 'language' })
  const regionNames = new Intl.DisplayNames(locale, { type: 'region' })
  const collator = new Intl.Collator(locale, { sensitivity: 'base', numeric: true })
  const unit = (name: string) => new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long' })

  return {
    locale,
    number: value => plain.format(value),
    percent: share => percent.format(share),
    time: at => time.format(new Date(at)),
    clock: at => clock.format(new Date(at)),
    date: at => date.format(new Date(at)),
    dateTime: at => dateTime.format(new Date(at)),
    duration(ms) {
      const seconds = Math.max(0, Math.floor(ms / 1000))
      const hours = Math.floor(seconds / 3600)
      const minutes = Math.floor(seconds / 60) % 60
      const tail = `${hours > 0 ? two.format(minutes) : one.format(minutes)}:${two.format(seconds % 60)}`
      return hours > 0 ? `${one.format(hours)}:${tail}` : tail
    },
    spokenDuration(ms) {
      const seconds = Math.max(0, Math.round(ms / 1000))
      if (seconds < 60) return unit('second').format(seconds)
      const minutes = unit('minute').format(Math.floor(seconds / 60))
      return seconds % 60 === 0 ? minutes : `${minutes} ${unit('second').format(seconds % 60)}`
    },
    timeIn: (at, timeZone) => new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone }).format(at),
    dateTimeIn: (at, timeZone) =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(new Date(at)),
    languageName: tag => languageNames.of(tag) ?? tag,
    regionName: code => regionNames.of(code) ?? code,
    compare: (a, b) => collator.compare(a, b)
  }
}

/** For search: without case, accents and the full width of CJK input methods. */
export function foldForSearch(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLocaleLowerCase()
}
