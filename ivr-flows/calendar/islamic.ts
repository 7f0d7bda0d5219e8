/** A day of the Islamic civil calendar of Saudi Arabia (Umm al-Qura), as Unicode's tables have it. Months from 1. */
export type IslamicDate = Readonly<{ year: number; month: number; day: number }>

const format = new Intl.DateTimeFormat('en-u-ca-islamic-umalqura-nu-latn', {
  timeZone: 'UTC',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric'
})

/** The Islamic date of a civil day, which by custom began at the sunset before. */
export function islamicDate(date: string): IslamicDate {
  const parts = Object.fromEntries(
    format.formatToParts(new Date(`${date}T12:00:00Z`)).map(part => [part.type, part.value])
  )
  return { year: Number(parts['year']), month: Number(parts['month']), day: Number(parts['day']) }
}

const RAMADAN = 9

export function isRamadan(date: string): boolean {
  return islamicDate(date).month === RAMADAN
}
