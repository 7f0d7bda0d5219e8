import { DateTime } from 'luxon'
import t from 'tap'
import { openingState, planOf } from '../../../ivr-flows/calendar/hours.ts'
import type { Calendar } from '../../../ivr-flows/calendar/schema.ts'

const MINUTE = 60_000

type Spans = readonly (readonly [string, string])[]

/** Judges by the wall clock as another library shows it, by comparing texts: nothing in common with the code under test. */
function oracle(zone: string, spansOn: (date: string, weekday: number) => Spans) {
  return (instant: number): boolean => {
    const local = DateTime.fromMillis(instant, { zone })
    const time = local.toFormat('HH:mm')
    const yesterday = local.minus({ days: 1 })
    const on = (day: DateTime) => spansOn(day.toFormat('yyyy-MM-dd'), day.weekday)
    const today = on(local).some(([from, until]) => from <= time && (time < until || until <= from))
    return today || on(yesterday).some(([from, until]) => until <= from && time < until)
  }
}

function firstDifference(
  calendar: Calendar,
  isOpen: (instant: number) => boolean,
  from: string,
  until: string
): string | null {
  for (let instant = Date.parse(from); instant < Date.parse(until); instant += MINUTE) {
    if (openingState(calendar, new Date(instant)).isOpen !== isOpen(instant)) return new Date(instant).toISOString()
  }
  return null
}

const SPLIT: Spans = [
  ['00:30', '02:15'],
  ['02:30', '02:45'],
  ['08:00', '12:00'],
  ['13:00', '18:00']
]
const NIGHT: Spans = [['22:00', '02:30']]
const texts = (spans: Spans) => spans.map(([from, until]) => `${from}-${until}`)

for (const [zone, clockChanges] of [
  [
    'Europe/Berlin',
    [
      ['2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z'],
      ['2026-10-24T00:00:00Z', '2026-10-26T12:00:00Z']
    ]
  ],
  [
    'America/New_York',
    [
      ['2026-03-07T00:00:00Z', '2026-03-09T12:00:00Z'],
      ['2026-10-31T00:00:00Z', '2026-11-02T12:00:00Z']
    ]
  ],
  [
    'Australia/Lord_Howe',
    [
      ['2026-04-03T12:00:00Z', '2026-04-05T12:00:00Z'],
      ['2026-10-02T12:00:00Z', '2026-10-04T12:00:00Z']
    ]
  ],
  ['Asia/Kathmandu', [['2026-05-01T00:00:00Z', '2026-05-02T12:00:00Z']]]
] as const) {
  t.test(`a caller is told the truth in every minute around the clock changes of ${zone}`, async t => {
    const calendar: Calendar = {
      timeZone: zone,
      weekly: { 'mon-fri': texts(SPLIT), sat: texts(NIGHT), sun: texts([...SPLIT, ...NIGHT]) }
    }
    const isOpen = oracle(zone, (_date, weekday) =>
      weekday === 6 ? NIGHT : weekday === 7 ? [...SPLIT, ...NIGHT] : SPLIT
    )
    for (const [from, until] of clockChanges) t.equal(firstDifference(calendar, isOpen, from, until), null)
  })
}

t.test('in Ramadan a caller in Riyadh finds the hours of Ramadan, from its first day to its last', async t => {
  const usual: Spans = [['09:00', '17:00']]
  const fasting: Spans = [
    ['10:00', '15:00'],
    ['21:00', '01:00']
  ]
  const calendar: Calendar = {
    timeZone: 'Asia/Riyadh',
    weekly: { daily: texts(usual) },
    ramadan: { weekly: { daily: texts(fasting) } }
  }
  // Ramadan 1447 after the Umm al-Qura calendar as Saudi Arabia publishes it.
  const inRamadan = (date: string) => date >= '2026-02-18' && date <= '2026-03-19'
  const isOpen = oracle('Asia/Riyadh', date => (inRamadan(date) ? fasting : usual))
  t.equal(firstDifference(calendar, isOpen, '2026-02-16T00:00:00Z', '2026-02-20T00:00:00Z'), null)
  t.equal(firstDifference(calendar, isOpen, '2026-03-18T00:00:00Z', '2026-03-22T00:00:00Z'), null)
  const announced: Calendar = {
    ...calendar,
    ramadan: { weekly: { daily: texts(fasting) }, dates: [{ from: '2026-02-19', until: '2026-03-20' }] }
  }
  t.equal(planOf(announced, '2026-02-18').rule, 'weekly')
  t.equal(planOf(announced, '2026-03-20').rule, 'ramadan')
  t.equal(planOf(announced, '2027-02-08').rule, 'ramadan', 'other years follow the calendar')
})

t.test('a caller is told of holidays where they are, and special days win', async t => {
  const calendar: Calendar = {
    timeZone: 'Europe/Berlin',
    weekly: { 'mon-fri': ['09:00-17:00'], wed: ['09:00-12:00'] },
    holidays: { country: 'DE', subdivision: 'BE' },
    specialDays: [{ date: '2026-03-08', name: 'Open day', hours: ['10:00-14:00'] }]
  }
  t.match(planOf(calendar, '2026-03-08'), { rule: 'special', name: 'Open day' })
  t.match(planOf(calendar, '2027-03-08'), { rule: 'holiday', spans: [] }, 'Women’s Day is a holiday in Berlin')
  t.match(planOf({ ...calendar, holidays: { country: 'DE', subdivision: 'BY' } }, '2027-03-08'), { rule: 'weekly' })
  t.match(planOf(calendar, '2026-03-04').spans, [{ from: 540, until: 720 }], 'a day of its own wins over the range')
  t.match(openingState(calendar, new Date('2026-04-03T10:00:00Z')), {
    isOpen: false,
    rule: 'holiday',
    name: 'Good Friday',
    opensOn: '2026-04-07',
    opensAt: '09:00'
  })
})

t.test('opening hours include their first minute and not their last', async t => {
  const calendar: Calendar = { timeZone: 'UTC', weekly: { daily: ['09:00-12:00', '12:00-17:00', '23:00-24:00'] } }
  const isOpen = (time: string) => openingState(calendar, new Date(`2026-03-02T${time}Z`)).isOpen
  t.same(['08:59:59.999', '09:00:00', '12:00:00', '16:59:59.999', '17:00:00', '23:59:59'].map(isOpen), [
    false,
    true,
    true,
    true,
    false,
    true
  ])
  t.equal(openingState(calendar, new Date('2026-03-03T00:00:00Z')).isOpen, false)
  t.equal(openingState(calendar, new Date('2026-03-02T10:00:00Z')).closesAt, '12:00')
})
