import t from 'tap'
import { bringForward } from '../../sql/queries/campaigns/put-off.ts'
import { type IncomingCall, startSipPhone } from '../support/sip-phone.ts'
import { ADMIN_PASSWORD, LAWFUL_NOW, oneDatabase, TestParley } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { CampaignWorld, WORDS } from './support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** With this number a decision is a minute old before the call may go out. */
const SLOW = '+12025550361'

function numberOf(incoming: IncomingCall): string {
  return /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
}

for (const database of oneDatabase())
  t.test(`what changes while people wait for their call counts, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    let nowMs = LAWFUL_NOW.getTime()
    let isSlow = true
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      now: () => new Date(nowMs),
      campaignStep: async (step, lead) => {
        if (step !== 'permitted' || lead.number !== SLOW || !isSlow) return
        isSlow = false
        nowMs += 61_000
      }
    })
    const world = await CampaignWorld.open(server, carrier)
    const message = { flowId: 'campaign-message' }
    const timesCalled = (number: string) =>
      carrier.received.filter(one => one.method === 'INVITE' && one.uri?.includes(number) === true).length
    const busyNext = async () => {
      const incoming = await carrier.nextInvite()
      incoming.reject(486, 'Busy Here')
      return numberOf(incoming)
    }

    await t.test('a decision that is older than a minute is asked for anew before anybody is dialled', async t => {
      const id = await world.start('agentless', { ...message, lists: [await world.list([['Slow', SLOW]])] })
      const [old] = await world.until(id, all => all.some(one => one.outcome !== null))
      t.match(old, { outcome: 'notDialled', detail: 'The decision is more than a minute old.', decisionId: String })
      t.equal(timesCalled(SLOW), 0, 'nothing has left')
      nowMs += 2_000
      t.equal(await busyNext(), SLOW)
      const [again, ...others] = await world.until(id, all => all.some(one => one.outcome === 'busy'))
      t.equal(others.length, 1)
      t.not(again?.decisionId, old?.decisionId, 'on a decision of its own')
    })

    await t.test('a number that comes with a new version of a register is never dialled', async t => {
      const number = '+12025550364'
      const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true })
      const list = (await world.call('POST', '/contact-lists', { name: 'Registered' }, 201))['id'] as string
      await world.call('POST', `/contact-lists/${list}/contacts`, { contacts: [{ name: 'R', numbers: [number] }] }, 201)
      const id = await world.start('progressive', {
        lists: [list],
        queue: queue.body['id'] as string,
        purpose: 'marketing'
      })
      await world.untilWhy(id, 'noAgents')
      const register = await server.api('POST', '/dnc-lists', { name: 'National', registry: 'us-dnc', format: 'ftc' })
      const imported = await fetch(
        `${server.url}/api/v1/dnc-lists/${register.body['id']}/imports?obtainedAt=2026-11-20T00:00:00Z`,
        {
          method: 'POST',
          headers: {
            'content-type': 'text/plain',
            authorization: `Bearer ${(await server.signIn('admin', ADMIN_PASSWORD)).body['token']}`
          },
          body: '202,5550364\n'
        }
      )
      t.equal(imported.status, 201, await imported.text())
      await using ana = await TestSoftphone.onShift(server, world.agents.ana.token)
      const [attempt] = await world.until(id, ([one]) => one?.outcome != null)
      t.match(attempt, { outcome: 'notLawful', detail: 'BLOCK DNC_REGISTRY_LISTED' })
      t.equal(timesCalled(number), 0)
      t.equal(ana.state.call, null)
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test('whoever lives elsewhere than the number says is called when both clocks allow it', async t => {
      // Noon in New York, 9 o’clock in Los Angeles.
      nowMs = LAWFUL_NOW.getTime()
      const list = await world.list([['At home', '+12125550171']])
      await world.add(list, [['Moved', '+12125550172']], { zone: 'America/Los_Angeles' })
      const id = await world.start('agentless', {
        ...message,
        lists: [list],
        schedule: { weekly: { daily: ['10:00-18:00'] } }
      })
      t.equal(await busyNext(), '+12125550171')
      await world.untilWhy(id, 'quietHours')
      t.equal(timesCalled('+12125550172'), 0)
      nowMs += HOUR_MS
      t.equal(await busyNext(), '+12125550172', 'an hour later')
      await world.untilWhy(id, 'ended')
    })

    await t.test('only the segment is called, those who come first before the others', async t => {
      const list = await world.list([['Bronze', '+12025550371']], { custom: { value: 'bronze', city: 'Bonn' } })
      await world.add(list, [['Elsewhere', '+12025550372']], { custom: { value: 'gold', city: 'Ulm' } })
      await world.add(list, [['Silver', '+12025550373']], { custom: { value: 'silver', city: 'Bonn' } })
      await world.add(list, [['Gold', '+12025550374']], { custom: { value: 'gold', city: 'Bonn' } })
      const id = await world.start('agentless', {
        ...message,
        lists: [list],
        maxLines: 1,
        segment: { custom: { city: ['Bonn'] } },
        first: [
          { field: 'value', value: 'gold', priority: 1 },
          { field: 'value', value: 'silver', priority: 2 }
        ]
      })
      const called = [await busyNext(), await busyNext(), await busyNext()]
      t.same(called, ['+12025550374', '+12025550373', '+12025550371'])
      await world.untilWhy(id, 'ended')
      t.equal(timesCalled('+12025550372'), 0)
    })

    await t.test('when the machine’s clock is set, nobody is called twice or at night', async t => {
      const noonMs = LAWFUL_NOW.getTime() + 30 * 24 * HOUR_MS
      nowMs = noonMs
      const [once, west] = ['+12025550391', '+12135550172']
      const list = await world.list([
        ['Once', once],
        ['In the west', west]
      ])
      const id = await world.start('agentless', {
        ...message,
        lists: [list],
        schedule: { weekly: { daily: ['09:30-18:00'] } },
        retries: { busy: { times: 1, gapMinutes: 60 } }
      })
      t.equal(await busyNext(), once, 'in Los Angeles it is 9 o’clock')
      await world.untilWhy(id, 'quietHours')
      /** The dialler looks at the campaign at this instant, and nobody is called. */
      const isQuietAt = async (atMs: number) => {
        const before = carrier.received.filter(one => one.method === 'INVITE').length
        nowMs = atMs
        await world.untilWhy(id, 'quietHours')
        await new Promise(resolve => setTimeout(resolve, 600))
        t.equal(carrier.received.filter(one => one.method === 'INVITE').length, before, new Date(atMs).toISOString())
      }
      await isQuietAt(noonMs - 10 * HOUR_MS)
      await isQuietAt(noonMs + 10 * HOUR_MS)
      // Back to before the first call, at an hour at which it could be made again.
      await isQuietAt(noonMs - 2 * HOUR_MS)
      nowMs = noonMs
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      t.equal(timesCalled(once), 1)
      t.equal(timesCalled(west), 0)
    })

    await t.test(
      'who was put off by a clock that was ahead waits no longer than by the right one, and no less',
      async t => {
        const noonMs = LAWFUL_NOW.getTime() + 36 * 24 * HOUR_MS
        nowMs = noonMs
        const [once, west] = ['+12025550392', '+12135550173']
        const list = await world.list([
          ['Once', once],
          ['In the west', west]
        ])
        const settings = {
          ...message,
          // California wants it said.
          languages: { en: { ...WORDS, aiDisclosure: 'No human speaks.' } },
          lists: [list],
          schedule: { weekly: { daily: ['09:30-18:00'] } },
          retries: { busy: { times: 1, gapMinutes: 60 } }
        }
        const id = await world.draft('agentless', settings)
        await world.agree(id)
        // At noon in New York it is 9 o’clock in Los Angeles, a week later too.
        nowMs = noonMs + 7 * 24 * HOUR_MS
        await world.call('POST', `/campaigns/${id}/start`, {}, 200)
        t.equal(await busyNext(), once)
        await world.until(id, all => all.some(one => one.outcome === 'busy'))
        await world.untilWhy(id, 'quietHours')
        const leadOf = async (name: string) =>
          await server.parley.db
            .selectFrom('campaign_leads as l')
            .innerJoin('contacts as c', 'c.id', 'l.contact_id')
            .innerJoin('campaigns as k', 'k.no', 'l.campaign_no')
            .select(['l.next_at as nextAt', 'l.state'])
            .where('k.id', '=', id)
            .where('c.name', '=', name)
            .executeTakeFirstOrThrow()
        t.same((await leadOf('Once')).nextAt, new Date(nowMs + HOUR_MS))

        // Somebody sets it right.
        nowMs = noonMs
        const limit = AbortSignal.timeout(40_000)
        while ((await leadOf('Once')).nextAt.getTime() > noonMs + 2 * HOUR_MS) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        t.same(await leadOf('Once'), { state: 'waiting', nextAt: new Date(noonMs + HOUR_MS) }, 'the whole gap again')
        t.same(
          await leadOf('In the west'),
          { state: 'waiting', nextAt: new Date(noonMs) },
          'due, but it is too early there'
        )
        await world.untilWhy(id, 'quietHours')
        t.equal(timesCalled(west), 0)
        nowMs = noonMs + 31 * MINUTE_MS
        t.equal(await busyNext(), west, 'half past nine there')
        t.equal(timesCalled(once), 1)
        nowMs = noonMs + HOUR_MS + MINUTE_MS
        t.equal(await busyNext(), once)
        t.equal(timesCalled(once), 2)
        await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      }
    )

    await t.test(
      'what is decided again after the clock was set: rules at once, gaps in full, promises when promised',
      async t => {
        const { db } = server.parley
        const now = new Date(nowMs)
        const inHours = (hours: number) => new Date(nowMs + hours * HOUR_MS)
        const campaignNo = 999_999
        const wrong = { put_off_at: inHours(100) }
        const rows = [
          { ...wrong, next_at: inHours(120), reasons: ['QUIET_HOURS'] },
          { ...wrong, next_at: inHours(102) },
          { ...wrong, next_at: inHours(101), callback_at: inHours(5), reasons: ['QUIET_HOURS'] },
          { put_off_at: null, next_at: inHours(200), callback_at: inHours(200) },
          { put_off_at: inHours(-1), next_at: inHours(72) },
          { ...wrong, next_at: inHours(120), state: 'reserved' as const }
        ]
        await db
          .insertInto('campaign_leads')
          .values(rows.map((row, index) => ({ campaign_no: campaignNo, contact_id: index + 1, place_id: 1, ...row })))
          .execute()
        const hours = async () =>
          (
            await db
              .selectFrom('campaign_leads')
              .select('next_at')
              .where('campaign_no', '=', campaignNo)
              .orderBy('contact_id')
              .execute()
          ).map(row => (row.next_at.getTime() - nowMs) / HOUR_MS)
        t.equal(await bringForward(db, campaignNo, now, MINUTE_MS), 3)
        t.same(await hours(), [0, 2, 5, 200, 72, 120])
        t.equal(await bringForward(db, campaignNo, now, MINUTE_MS), 0, 'once')
        await db.deleteFrom('campaign_leads').where('campaign_no', '=', campaignNo).execute()
      }
    )

    await t.test('nor is one that is put on our own list', async t => {
      // What is said over the API is said now, and the law's clock must not be before that.
      nowMs = Date.parse('2035-01-16T17:00:00Z')
      const number = '+12025550363'
      const list = await world.list([
        ['Rings', '+12025550362'],
        ['Stops', number]
      ])
      const id = await world.start('agentless', { ...message, lists: [list], maxLines: 1 })
      const ringing = await carrier.nextInvite()
      t.equal(numberOf(ringing), '+12025550362')
      const stop = await server.api('POST', '/dnc-lists/internal/stop', { number, scope: 'all', channel: 'call' })
      t.equal(stop.status, 204)
      ringing.reject(486, 'Busy Here')
      const attempts = await world.until(id, all => all.some(one => one.outcome === 'notLawful'))
      t.match(
        attempts.find(one => one.contactName === 'Stops'),
        { detail: 'BLOCK DNC_INTERNAL' }
      )
      t.equal(timesCalled(number), 0)
    })

    await t.test('a dry run counts who is on a list, who has not agreed and who sleeps until when', async t => {
      const list = await world.list([
        ['Now', '+12025550381'],
        ['Stopped', '+12025550363'],
        ['In Tokyo', '+81312345678'],
        ['In Osaka', '+81612345678']
      ])
      await world.call(
        'POST',
        `/contact-lists/${list}/contacts`,
        { contacts: [{ name: 'Not agreed', numbers: ['+12025550382'] }] },
        201
      )
      const id = await world.draft('agentless', {
        ...message,
        lists: [list],
        schedule: { weekly: { daily: ['09:00-18:00'] } }
      })
      const found = (await world.dryRun(id)) as unknown as Record<string, unknown>
      t.match(found, {
        total: 5,
        parts: { now: 1, doNotCall: 1, consent: 1, hours: 2 },
        places: [{ zones: ['Asia/Tokyo'], contacts: 2, opensAt: '2035-01-17T00:00:00.000Z' }]
      })
    })
  })
