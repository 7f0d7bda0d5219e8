import t from 'tap'
import { headerIn, type IncomingCall, startSipPhone } from '../support/sip-phone.ts'
import { LAWFUL_NOW, oneDatabase, TestParley } from '../support/parley.ts'
import { CampaignWorld, SHOWN } from './support.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Numbers of ours, by the region in which they are shown. */
const NEAR = { '+1212': '+12125550100', '+1': '+12025550109', '+49': '+493023125190' } as const

const calledNumber = (incoming: IncomingCall) => /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
const shownNumber = (incoming: IncomingCall) => /sip:(\+\d+)@/.exec(headerIn(incoming.invite, 'from'))?.[1] ?? ''

for (const database of oneDatabase())
  t.test(`what people see of a campaign, and on which days, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    let nowMs = LAWFUL_NOW.getTime()
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => new Date(nowMs) })
    const world = await CampaignWorld.open(server, carrier)
    const message = { flowId: 'campaign-message' }

    await t.test('each sees the number of ours that is nearest to theirs', async t => {
      const callerIds = await Promise.all(
        Object.entries(NEAR).map(async ([prefix, number]) => {
          const proof = { carrier: 'Example Carrier', evidence: 'Letter of authorisation', attestation: 'A' }
          const made = await server.api('POST', '/caller-ids', { number, prefixes: [prefix], ...proof })
          t.equal(made.status, 201)
          return made.body['id'] as string
        })
      )
      const expected = {
        '+12125550131': NEAR['+1212'],
        '+12025550132': NEAR['+1'],
        '+493023125133': NEAR['+49'],
        '+442079460134': SHOWN
      }
      const people = Object.keys(expected).map(number => [`At ${number}`, number] as const)
      const id = await world.start('agentless', {
        ...message,
        lists: [await world.list(people)],
        callerIds: [...callerIds, world.callerId]
      })
      const seen: Record<string, string> = {}
      for (const _ of people) {
        const incoming = await carrier.nextInvite()
        seen[calledNumber(incoming)] = shownNumber(incoming)
        incoming.reject(486, 'Busy Here')
      }
      t.same(seen, expected)
      await world.untilWhy(id, 'ended')
    })

    await t.test('nobody is called on a day of theirs that is left out, nor after their last one', async t => {
      const [newYork, sydney] = ['+12125550141', '+61255501234']
      const timesCalled = (number: string) =>
        carrier.received.filter(one => one.method === 'INVITE' && one.uri?.includes(number) === true).length
      const busyNext = async () => {
        const incoming = await carrier.nextInvite()
        incoming.reject(486, 'Busy Here')
        return calledNumber(incoming)
      }
      const people = [
        ['In New York', newYork],
        ['In Sydney', sydney]
      ] as const
      const id = await world.draft('agentless', {
        ...message,
        lists: [await world.list(people)],
        schedule: { weekly: { daily: ['09:00-18:00'] }, except: ['2026-11-25'], until: '2026-11-26' },
        retries: { busy: { times: 10, gapMinutes: 600 } },
        maxAttempts: 11
      })
      await world.agree(id)
      // Wednesday half past five in the afternoon in New York, Thursday half past nine in the morning in Sydney.
      nowMs = Date.parse('2026-11-25T22:30:00Z')
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      t.equal(await busyNext(), sydney)
      await world.until(id, all => all.some(one => one.outcome === 'busy'))
      const leftOut = await world.untilWhy(id, 'quietHours')
      t.match(
        (leftOut['places'] as { zones: string[] }[]).find(one => one.zones.includes('America/New_York')),
        { isOpen: false, due: 1, opensAt: '2026-11-26T14:00:00.000Z' }
      )
      t.equal(timesCalled(newYork), 0, 'on their Wednesday')

      nowMs += DAY_MS
      t.equal(await busyNext(), newYork)
      await world.until(id, all => all.filter(one => one.outcome === 'busy').length === 2)
      const over = await world.untilWhy(id, 'quietHours')
      t.match(
        (over['places'] as { zones: string[] }[]).find(one => one.zones.includes('Australia/Sydney')),
        { isOpen: false, due: 1, opensAt: null }
      )
      t.equal(timesCalled(sydney), 1, 'not on their Friday')
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test('the live view says how many are dialled in a minute, as soon as that is known', async t => {
      nowMs = LAWFUL_NOW.getTime()
      const people = Array.from({ length: 22 }, (_, at) => [`P${at}`, `+12025550${150 + at}`] as const)
      const id = await world.start('agentless', {
        ...message,
        lists: [await world.list(people)],
        maxLines: 1,
        maxCallsPerSecond: 3
      })
      t.match(await world.live(id), { perMinute: 2, isPaceMeasured: false }, 'as planned: one line, two a minute')
      for (const _ of people) {
        const incoming = await carrier.nextInvite()
        // Three a minute by the clock by which calls are written.
        nowMs += MINUTE_MS / 3
        incoming.reject(486, 'Busy Here')
      }
      t.match((await world.untilWhy(id, 'ended'))['perMinute'], 3)
      t.match(await world.live(id), { isPaceMeasured: true })
    })
  })
