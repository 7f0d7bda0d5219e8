import t from 'tap'
import { startSipPhone } from '../support/sip-phone.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

const HOUR_MS = 3_600_000

/** People of one campaign: where they are, and the night in which their clocks change. */
const PEOPLE = {
  America: { number: '+12125550131', zone: 'America/New_York' },
  Europe: { number: '+493023125131', zone: 'Europe/Berlin' },
  Australia: { number: '+61292500131', zone: 'Australia/Sydney' }
} as const
type Name = keyof typeof PEOPLE

type Hours = readonly [from: number, until: number] | null

/**
 * Clocks go forward in Sydney on 3 October, and back in Berlin on 31 October and in New York on 7 November, 2027, each time on
 * a Sunday. The campaign itself may call at any time: what binds it are the laws on sales calls (Industry Standard 2017 s. 8;
 * 47 CFR 64.1200(c)(1)) and, in Germany, the house rule. `next`: the first day after the change on which people may be called.
 */
const CHANGES = {
  Australia: { eve: '2027-10-02', next: '2027-10-05', weekday: [9, 20], saturday: [9, 17], sunday: null },
  Europe: { eve: '2027-10-30', next: '2027-11-01', weekday: [9, 20], saturday: [10, 18], sunday: null },
  America: { eve: '2027-11-06', next: '2027-11-07', weekday: [8, 21], saturday: [8, 21], sunday: [8, 21] }
} as const satisfies Record<Name, { eve: string; next: string; weekday: Hours; saturday: Hours; sunday: Hours }>

/** The law's hours in a place on the day of this instant. */
function hoursOf(name: Name, at: Date): Hours {
  const { weekday, saturday, sunday } = CHANGES[name]
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: PEOPLE[name].zone }).format(at)
  return day === 'Sun' ? sunday : day === 'Sat' ? saturday : weekday
}

function hourAt(zone: string, at: Date): number {
  return Number(new Intl.DateTimeFormat('en-GB', { hour: '2-digit', timeZone: zone }).format(at))
}

/** The first full hour of a day at which it is so late in a zone. */
function instantOf(day: string, hour: number, zone: string): number {
  const fromMs = Date.parse(`${day}T00:00:00Z`) - 14 * HOUR_MS
  for (let atMs = fromMs; atMs < fromMs + 52 * HOUR_MS; atMs += HOUR_MS) {
    const at = new Date(atMs)
    const isDay = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(at) === day
    if (isDay && hourAt(zone, at) === hour) return atMs
  }
  throw new Error(`${zone} has no ${hour} o’clock on ${day}`)
}

/** Resolves as well when it does not come true: the assert after it says what is missing. */
async function until(isTrue: () => boolean): Promise<void> {
  const limit = AbortSignal.timeout(20_000)
  while (!isTrue() && !limit.aborted) await new Promise(resolve => setTimeout(resolve, 20))
}

for (const database of oneDatabase())
  t.test(
    `one campaign on three continents keeps the hours of everybody’s law when clocks change, with ${database}`,
    { timeout: 280_000 },
    async t => {
      let nowMs = instantOf(CHANGES.Australia.eve, 6, PEOPLE.Australia.zone)
      await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
      await using server = await TestParley.start({ database, hasDemoData: true, now: () => new Date(nowMs) })
      const world = await CampaignWorld.open(server, carrier)
      const rung: { name: Name; at: Date }[] = []
      let isOver = false
      const answering = (async () => {
        for (;;) {
          const incoming = await carrier.nextInvite(500).catch(() => null)
          if (incoming === null && isOver) return
          if (incoming === null) continue
          const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1]
          const name = (Object.keys(PEOPLE) as Name[]).find(one => PEOPLE[one].number === number)
          if (name !== undefined) rung.push({ name, at: new Date(nowMs) })
          incoming.reject(486, 'Busy Here')
        }
      })()
      const names = Object.keys(PEOPLE) as Name[]
      const id = await world.start('agentless', {
        lists: [await world.list(names.map(name => [name, PEOPLE[name].number] as const))],
        flowId: 'campaign-message',
        purpose: 'marketing',
        schedule: { weekly: { daily: ['00:00-24:00'] } },
        retries: { busy: { times: 20, gapMinutes: 60 } },
        maxAttempts: 50
      })
      /** Nothing is dialled any more at this instant: everybody who may be called has been. */
      const settled = async () => {
        const limit = AbortSignal.timeout(20_000)
        for (;;) {
          const live = await world.live(id)
          const underWay = Object.values(live['calls'] as Record<string, number>).some(count => count > 0)
          if (!underWay && (live.why.code === 'quietHours' || live.why.code === 'retriesLater')) return
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
      }

      // Whoever may be called at the start has been, before the clock is moved.
      await settled()
      for (const [name, { eve, next, saturday, weekday, sunday }] of Object.entries(CHANGES) as [
        Name,
        (typeof CHANGES)[Name]
      ][])
        await t.test(`in ${name}`, async t => {
          const { zone } = PEOPLE[name]
          const before = rung.length
          const opens = (sunday ?? weekday)[0]
          // The last hour and the first after it of the eve, and the last before and the first of the first day by the new clock.
          for (const [date, hour, mayRing] of [
            [eve, saturday[1] - 1, true],
            [eve, saturday[1], false],
            [next, opens - 1, false],
            [next, opens, true]
          ] as const) {
            nowMs = instantOf(date, hour, zone)
            const times = () => rung.filter(one => one.name === name).length
            const earlier = times()
            // What the live view says may be of the moment before the clock was moved.
            if (mayRing) await until(() => times() > earlier)
            await settled()
            const isRung = times() > earlier
            const reasons = JSON.stringify((await world.attempts(id)).find(one => one.contactName === name))
            t.equal(isRung, mayRing, `${date} ${hour} o’clock there: ${reasons}`)
          }
          for (const one of rung.slice(before)) {
            const hour = hourAt(PEOPLE[one.name].zone, one.at)
            const hours = hoursOf(one.name, one.at)
            t.ok(
              hours !== null && hour >= hours[0] && hour < hours[1],
              `${one.name} was called at ${hour} o’clock their time, ${one.at.toISOString()}`
            )
          }
        })
      isOver = true
      await answering
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    }
  )
