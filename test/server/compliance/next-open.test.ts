import fc from 'fast-check'
import t from 'tap'
import plan from '../../../server/compliance/numbers/numbering-plan.json' with { type: 'json' }
import { type DayHours, nextOpen, normalise } from '../../../server/compliance/rules/windows.ts'
import { weekdayOf } from '../../../server/compliance/time/calendar.ts'
import { formatLocal, formatUtc, startOfDay, zoneOf } from '../../../server/compliance/time/zone.ts'

const MINUTE = 60_000
const QUARTER = 15 * MINUTE
const FROM = Date.UTC(2024, 0, 1)
const TO = Date.UTC(2031, 0, 1)

const zones = [
  ...new Set(
    [Object.values(plan.countries), Object.values(plan.regions), plan.prefixes.map(one => one.zones)]
      .flat(2)
      .concat(Object.values(plan.areaCodes).flatMap(one => one.zones))
  )
].sort()

type Week = readonly (readonly (readonly [number, number])[])[]

/** The naive check: wall clock and weekday by Intl, nothing of ours. */
function oracle(zone: string, week: Week): (at: number) => boolean {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23'
  })
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
  return at => {
    const parts = Object.fromEntries(format.formatToParts(at).map(part => [part.type, part.value]))
    const minute = Number(parts['hour']) * 60 + Number(parts['minute'])
    const windows = week[days.indexOf(parts['weekday'] ?? '')] ?? []
    return windows.some(([start, end]) => minute >= start && minute < end)
  }
}

const quarter = fc.integer({ min: 0, max: 95 }).map(value => value * 15)
const window = fc
  .tuple(quarter, quarter)
  .filter(([a, b]) => a !== b)
  .map(([a, b]): readonly [number, number] => [Math.min(a, b), Math.max(a, b)])
const week = fc.array(fc.array(window, { maxLength: 2 }), { minLength: 7, maxLength: 7 })

t.test(
  'the next opening is the one that trying every quarter of an hour finds, in every zone around every clock change',
  async t => {
    let tried = 0
    for (const name of zones) {
      const zone = zoneOf(name)
      const format = oracle
      const changes = zone.startsMs.filter(at => at > FROM && at < TO)
      const around = changes.length > 0 ? changes : [FROM]
      for (const [which, change] of around.entries()) {
        const samples = fc.sample(fc.tuple(week, fc.integer({ min: -150, max: 20 })), {
          numRuns: 2,
          seed: name.length * 1000 + which
        })
        for (const [hours, quarters] of samples) {
          const days: readonly DayHours[] = hours.map(day => normalise(day.map(([a, b]) => [a * MINUTE, b * MINUTE])))
          const start = Math.floor(change / QUARTER) * QUARTER + quarters * QUARTER
          const limit = start + 3 * 86_400_000
          const isOpen = format(name, hours)
          let expected = start
          while (expected < limit && !isOpen(expected)) expected += QUARTER
          const found = nextOpen(zone, day => days[weekdayOf(day)] ?? null, start, limit)
          const wanted = expected < limit ? expected : Number.POSITIVE_INFINITY
          if (found !== wanted) {
            // An opening that lies beyond the limit may be given as such.
            if (wanted === Number.POSITIVE_INFINITY && found >= limit) continue
            t.equal(found, wanted, `${name} from ${formatLocal(zone, start)} with ${JSON.stringify(hours)}`)
          }
          tried += 1
        }
      }
    }
    t.ok(tried > 2_000, `${tried} cases in ${zones.length} zones`)
  }
)

t.test('hours that a clock change skips are skipped, and hours that it repeats are open twice', async t => {
  const zone = zoneOf('America/New_York')
  const hours: DayHours = [150 * MINUTE, 165 * MINUTE]
  const spring = nextOpen(zone, () => hours, Date.parse('2027-03-14T06:00:00Z'), TO)
  t.equal(formatLocal(zone, spring), '2027-03-15T02:30:00-04:00')
  const autumn: DayHours = [90 * MINUTE, 105 * MINUTE]
  const first = nextOpen(zone, () => autumn, Date.parse('2026-11-01T04:30:00Z'), TO)
  t.equal(formatLocal(zone, first), '2026-11-01T01:30:00-04:00')
  const second = nextOpen(zone, () => autumn, first + 15 * MINUTE, TO)
  t.equal(formatLocal(zone, second), '2026-11-01T01:30:00-05:00')
})

t.test('a local day begins at its first instant, also where midnight does not exist', async t => {
  const zone = zoneOf('America/Santiago')
  const day = Math.floor(Date.UTC(2026, 8, 6) / 86_400_000)
  t.equal(formatLocal(zone, startOfDay(zone, day)), '2026-09-06T01:00:00-03:00')
})

t.test('an instant is written as the standard library writes it', async t => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2099, 11, 31) }), ms => {
      return formatUtc(ms) === new Date(ms).toISOString()
    }),
    { seed: 20261128, numRuns: 5_000 }
  )
  t.equal(formatUtc(Date.UTC(2028, 1, 29, 23, 59, 59, 7)), '2028-02-29T23:59:59.007Z')
})
