import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import type { Settings } from './campaign-api.ts'
import own from './campaigns.module.css'

type Weekly = Settings['schedule']['weekly']

const USUAL_DAYS = ['mon-fri', 'sat', 'sun'] as const
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const HOURS = /^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/
/** 2024-01-01 was a Monday. */
const MONDAY = Date.UTC(2024, 0, 1)
const DAY_MS = 86_400_000

/** The hours of a week. Days that a program has put together in another way have a line of their own. */
export function Hours({
  schedule,
  onChange
}: Readonly<{ schedule: Settings['schedule']; onChange(weekly: Weekly): void }>) {
  const { t } = useTranslation('campaigns')
  const { weekly } = schedule
  const label = useDayLabel()
  // Those of the first look: a line does not go while somebody types in it.
  const [lines] = useState(() => linesOf(weekly))
  return (
    <>
      {lines.some(day => !isUsual(day)) && <p className={own['says']}>{t('setup.daysSay')}</p>}
      {lines.map(day => (
        <HoursInput
          key={day}
          label={label(day)}
          text={(weekly[day] ?? []).join(' ')}
          wrong={t('setup.hoursWrong')}
          onChange={spans => onChange({ ...weekly, [day]: spans })}
        />
      ))}
    </>
  )
}

/** A usual line that nothing is said about is left out where other lines hold for all of its days: empty, it would lie. */
function linesOf(weekly: Weekly): readonly string[] {
  const others = Object.keys(weekly).filter(day => !isUsual(day))
  const covered = new Set(others.flatMap(daysOf))
  return [
    ...others,
    ...USUAL_DAYS.filter(day => weekly[day] !== undefined || daysOf(day).some(one => !covered.has(one)))
  ]
}

function isUsual(day: string): boolean {
  return USUAL_DAYS.some(usual => usual === day)
}

/** Weeks begin on Monday; a span may go past Sunday. */
function daysOf(key: string): readonly string[] {
  if (key === 'daily') return WEEKDAYS
  const [from = '', to = from] = key.split('-')
  const first = WEEKDAYS.indexOf(from)
  const count = ((WEEKDAYS.indexOf(to) - first + 7) % 7) + 1
  return [...WEEKDAYS, ...WEEKDAYS].slice(first, first + count)
}

function useDayLabel(): (day: string) => string {
  const { t } = useTranslation('campaigns')
  const { locale } = useFormat()
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long', timeZone: 'UTC' })
  const name = (day: string) => weekday.format(new Date(MONDAY + WEEKDAYS.indexOf(day) * DAY_MS))
  return day => {
    const usual = [...USUAL_DAYS, 'daily' as const].find(one => one === day)
    if (usual !== undefined) return t(`day.${usual}`)
    const [from = '', to] = day.split('-')
    return to === undefined ? name(from) : t('day.range', { from: name(from), to: name(to) })
  }
}

function HoursInput({
  label,
  text,
  wrong,
  onChange
}: Readonly<{ label: string; text: string; wrong: string; onChange(spans: readonly string[]): void }>) {
  const [typed, setTyped] = useState(text)
  const spans = typed.split(/[\s,;]+/).filter(one => one !== '')
  const isRight = spans.every(one => HOURS.test(one))
  return (
    <TextInput
      label={label}
      className="ltr"
      placeholder="09:00-18:00"
      value={typed}
      error={isRight ? null : wrong}
      onChange={event => {
        const next = event.currentTarget.value
        setTyped(next)
        const found = next.split(/[\s,;]+/).filter(one => one !== '')
        if (found.every(one => HOURS.test(one))) onChange(found)
      }}
    />
  )
}
