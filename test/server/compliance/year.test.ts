import { fileURLToPath } from 'node:url'
import t from 'tap'
import { decide } from '../../../server/compliance/decide.ts'
import type { Facts } from '../../../server/compliance/facts.ts'
import { compilePacks } from '../../../server/compliance/packs/compile.ts'
import { loadPacks } from '../../../server/compliance/packs/load.ts'

const packs = compilePacks(await loadPacks(fileURLToPath(new URL('../../../config/rule-packs', import.meta.url))))

const CONTACTS = 100_000
const ATTEMPTS = 3
const HOUR_MS = 3_600_000
const YEAR_FROM = Date.UTC(2026, 11, 1)
const YEAR_MS = 365 * 24 * HOUR_MS

/**
 * What the law of a place says, written down a second time and read with `Intl` alone, so that it shares neither code nor
 * data with the engine. Weekdays 1 (Monday) to 7; clock times are local, the end excluded.
 */
type Law = Readonly<{
  place: string
  number: (subscriber: string) => string
  zones: readonly string[]
  windows: Readonly<Record<number, readonly (readonly [from: string, to: string])[]>>
  closedDates?: readonly string[]
  /** At most `count` attempts within any `hours` hours. */
  cap?: Readonly<{ count: number; hours: number }>
}>

const daily = (...windows: (readonly [string, string])[]) =>
  Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map(day => [day, windows]))
const weekdays = (...windows: (readonly [string, string])[]) =>
  Object.fromEntries([1, 2, 3, 4, 5].map(day => [day, windows]))

const LAWS: readonly Law[] = [
  { place: 'New York', number: s => `+1212${s}`, zones: ['America/New_York'], windows: daily(['08:00', '21:00']) },
  {
    place: 'Florida, where 850 lies in two zones',
    number: s => `+1850${s}`,
    zones: ['America/New_York', 'America/Chicago'],
    windows: daily(['08:00', '20:00']),
    cap: { count: 3, hours: 24 }
  },
  { place: 'Connecticut', number: s => `+1860${s}`, zones: ['America/New_York'], windows: daily(['09:00', '20:00']) },
  {
    place: 'Texas',
    number: s => `+1512${s}`,
    zones: ['America/Chicago'],
    windows: { ...daily(['09:00', '21:00']), 7: [['12:00', '21:00']] }
  },
  {
    place: 'Rhode Island',
    number: s => `+1401${s}`,
    zones: ['America/New_York'],
    windows: { ...weekdays(['09:00', '18:00']), 6: [['10:00', '17:00']] },
    closedDates: ['2026-12-25', '2027-01-01', '2027-05-31', '2027-09-06', '2027-11-11', '2027-11-25']
  },
  {
    place: 'California',
    number: s => `+1415${s}`,
    zones: ['America/Los_Angeles'],
    windows: daily(['08:00', '21:00'])
  },
  {
    place: 'Ontario',
    number: s => `+1416${s}`,
    zones: ['America/Toronto'],
    windows: { ...weekdays(['09:00', '21:30']), 6: [['10:00', '18:00']], 7: [['10:00', '18:00']] }
  },
  {
    place: 'France',
    number: s => `+3317${s}`,
    zones: ['Europe/Paris'],
    windows: weekdays(['10:00', '13:00'], ['14:00', '20:00']),
    closedDates: [
      '2026-12-25',
      '2027-01-01',
      '2027-03-29',
      '2027-05-06',
      '2027-05-17',
      '2027-07-14',
      '2027-11-01',
      '2027-11-11'
    ],
    cap: { count: 4, hours: 30 * 24 }
  },
  {
    place: 'Spain',
    number: s => `+3491${s}`,
    zones: ['Europe/Madrid'],
    windows: weekdays(['09:00', '21:00']),
    closedDates: ['2026-12-08', '2026-12-25', '2027-01-01', '2027-01-06', '2027-03-26', '2027-10-12', '2027-11-01']
  },
  {
    place: 'Sydney',
    number: s => `+612${s.slice(0, 1)}${s}`,
    zones: ['Australia/Sydney'],
    windows: { ...weekdays(['09:00', '20:00']), 6: [['09:00', '17:00']] },
    closedDates: ['2026-12-25', '2027-01-01', '2027-01-26', '2027-03-26', '2027-03-29', '2027-04-25']
  },
  {
    place: 'Emirates',
    number: s => `+9714${s}`,
    zones: ['Asia/Dubai'],
    windows: daily(['09:00', '18:00']),
    cap: { count: 1, hours: 24 }
  },
  {
    place: 'Colombia',
    number: s => `+57601${s}`,
    zones: ['America/Bogota'],
    windows: { ...weekdays(['07:00', '19:00']), 6: [['08:00', '15:00']] },
    closedDates: ['2026-12-08', '2026-12-25', '2027-01-01', '2027-05-01', '2027-07-20', '2027-08-07']
  }
]

const REGISTRIES = ['us-dnc', 'ca-dncl', 'fr-bloctel', 'es-robinson', 'au-dncr', 'ae-dncr', 'co-rne']
const REGISTRATIONS = ['us-tx', 'ca-dncl', 'ae-approval']
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const clocks = new Map<string, Intl.DateTimeFormat>()

function localTime(zone: string, ms: number): { date: string; weekday: number; clock: string } {
  let format = clocks.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23'
    })
    clocks.set(zone, format)
  }
  const parts: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(ms)) parts[type] = value
  return {
    date: `${parts['year']}-${parts['month']}-${parts['day']}`,
    weekday: WEEKDAYS.indexOf(parts['weekday']?.slice(0, 3) ?? '') + 1,
    clock: `${parts['hour']}:${parts['minute']}`
  }
}

/** Why an attempt at this instant breaks the law; null when it does not. */
function breach(law: Law, ms: number, earlier: readonly number[]): string | null {
  for (const zone of law.zones) {
    const { date, weekday, clock } = localTime(zone, ms)
    if (law.closedDates?.includes(date) === true) return `${date} is a holiday`
    if (!(law.windows[weekday] ?? []).some(([from, to]) => clock >= from && clock < to))
      return `${WEEKDAYS[weekday - 1]} ${clock} ${zone}`
  }
  if (law.cap !== undefined) {
    const { count, hours } = law.cap
    if (earlier.filter(at => ms - at < hours * HOUR_MS).length >= count) return `more than ${count} in ${hours} h`
  }
  return null
}

/** Numbers that look like chance and are the same in every run (Lehmer's generator, modulus 2^31 - 1). */
function chance(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

t.test(
  'in a year of 100,000 contacts no attempt leaves its window or passes its cap',
  { timeout: 280_000 },
  async t => {
    const random = chance(20_261_201)
    const attempts = new Map<string, number>()
    const breaches: string[] = []
    let decisions = 0
    for (let index = 0; index < CONTACTS; index += 1) {
      const law = LAWS[index % LAWS.length] as Law
      const number = law.number(String(5_550_000 + (index % 10_000)))
      const dialled: number[] = []
      let at = YEAR_FROM + Math.floor(random() * YEAR_MS)
      // A dialer that always wants to go on: deferred to the instant that the decision names, then again soon.
      for (let step = 0; step < 12 && dialled.length < ATTEMPTS; step += 1) {
        decisions += 1
        const decision = decide(factsOf(number, at, dialled), packs)
        if (decision.outcome === 'ALLOW') {
          const why = breach(law, at, dialled)
          if (why !== null) breaches.push(`${law.place} ${number} ${new Date(at).toISOString()}: ${why}`)
          dialled.push(at)
          at += Math.floor((0.2 + random() * 30) * HOUR_MS)
        } else if (decision.outcome === 'DEFER' && decision.nextAt !== null) at = Date.parse(decision.nextAt)
        else {
          breaches.push(
            `${law.place} ${number} could not be called: ${decision.reasons.join(' ')} ${decision.error ?? ''}`
          )
          break
        }
      }
      attempts.set(law.place, (attempts.get(law.place) ?? 0) + dialled.length)
    }
    t.same(breaches.slice(0, 20), [], `${breaches.length} breaches`)
    for (const [place, count] of attempts)
      t.ok(count > (CONTACTS / LAWS.length) * 2, `${place}: ${count} attempts were made, so the windows were tried`)
    t.ok(decisions > CONTACTS * 4, `${decisions} decisions`)
  }
)

t.test('the second reading of the law objects when it should', async t => {
  const law = (place: string) => LAWS.find(one => one.place === place) as Law
  const at = (text: string) => Date.parse(text)
  t.match(breach(law('New York'), at('2026-12-02T07:59:59-05:00'), []), /Wed 07:59/)
  t.equal(breach(law('New York'), at('2026-12-02T08:00:00-05:00'), []), null)
  t.match(breach(law('France'), at('2027-07-14T11:00:00+02:00'), []), /holiday/)
  t.match(breach(law('Emirates'), at('2026-12-02T12:00:00+04:00'), [at('2026-12-01T13:00:00+04:00')]), /more than 1/)
})

function factsOf(number: string, at: number, dialled: readonly number[]): Facts {
  const yesterday = new Date(at - 20 * HOUR_MS).toISOString()
  return {
    at: new Date(at).toISOString(),
    number,
    mode: 'human_manual',
    purpose: 'marketing',
    subject: 'offer',
    consent: { grade: 'written_signed', givenAt: '2026-11-01T00:00:00Z', evidence: 'held' },
    registries: Object.fromEntries(REGISTRIES.map(name => [name, { obtainedAt: yesterday, listed: false }])),
    registrations: REGISTRATIONS,
    attempts: dialled.map(one => ({ at: new Date(one).toISOString(), subject: 'offer', outcome: 'no_answer' as const }))
  }
}
