import t from 'tap'
import { addDays, isDate } from '../../../ivr-flows/calendar/local-time.ts'
import { isOccasion, occasions } from '../../../ivr-flows/calendar/occasions.ts'

/** First days of an occasion in the years of the table, found day by day. */
function firstDays(id: string): string[] {
  const found: string[] = []
  for (let date = '2025-01-01'; date < '2032-01-01'; date = addDays(date, 1)) {
    if (isOccasion(id, date) && !isOccasion(id, addDays(date, -1))) found.push(date)
  }
  return found
}

/** Days on which a calendar shows a month and day, by the calendars that Unicode computes. */
function computed(calendar: string, month: string, day: string): string[] {
  const format = new Intl.DateTimeFormat(`en-u-ca-${calendar}-nu-latn`, {
    timeZone: 'UTC',
    month: 'numeric',
    day: 'numeric'
  })
  const found: string[] = []
  for (let date = '2025-01-01'; date < '2032-01-01'; date = addDays(date, 1)) {
    const parts = Object.fromEntries(
      format.formatToParts(new Date(`${date}T12:00:00Z`)).map(part => [part.type, part.value])
    )
    if (parts['month'] === month && parts['day'] === day) found.push(date)
  }
  return found
}

t.test('every dated occasion is there once for each year', async t => {
  for (const [id, { dates = [] }] of occasions()) {
    t.ok(dates.every(isDate), id)
    if (dates.length > 0)
      t.same(
        dates.map(date => date.slice(0, 4)),
        ['2025', '2026', '2027', '2028', '2029', '2030', '2031'],
        id
      )
  }
})

t.test('a caller is greeted at Eid when Saudi Arabia’s calendar has it', async t => {
  t.same(firstDays('eid-al-fitr').slice(0, 4), ['2025-03-30', '2026-03-20', '2027-03-09', '2028-02-26'])
  t.same(firstDays('eid-al-adha').slice(0, 4), ['2025-06-06', '2026-05-27', '2027-05-16', '2028-05-05'])
  t.ok(isOccasion('ramadan', '2026-02-18'))
  t.notOk(isOccasion('ramadan', '2026-02-17'))
})

t.test('the table agrees with computed calendars but where it says why not', async t => {
  t.same(firstDays('nowruz'), computed('persian', '1', '1'))
  t.same(firstDays('rosh-hashanah'), computed('hebrew', 'Tishri', '1'))
  t.same(firstDays('mid-autumn-festival'), computed('chinese', '8', '15'))
  t.same(firstDays('dragon-boat-festival'), computed('chinese', '5', '5'))
  const lunar = computed('chinese', '1', '1')
  t.same(
    firstDays('lunar-new-year').filter(date => !lunar.includes(date)),
    ['2027-02-06', '2030-02-03']
  )
})

t.test('a caller is greeted for fixed days each year and for Diwali on its day', async t => {
  t.ok(isOccasion('christmas', '2029-12-26'))
  t.notOk(isOccasion('christmas', '2029-12-27'))
  t.ok(isOccasion('diwali', '2026-11-08'))
  t.notOk(isOccasion('diwali', '2026-11-07'))
  t.notOk(isOccasion('nothing', '2026-11-08'))
})
