import t from 'tap'
import { startSipPhone } from '../support/sip-phone.ts'
import { LAWFUL_NOW, testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

/** The campaign is paused in the moment in which this number is to be dialled. */
const CROSSED = '+12025550241'

for (const database of testDatabases())
  t.test(`whoever pauses a campaign stops its calls, with ${database}`, { timeout: 120_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    const aheadMs = LAWFUL_NOW.getTime() - Date.now()
    let pauseNow: (() => Promise<unknown>) | null = null
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      now: () => new Date(Date.now() + aheadMs),
      campaignStep: async (step, lead) => {
        if (step !== 'dialling' || lead.number !== CROSSED) return
        const pause = pauseNow
        pauseNow = null
        await pause?.()
      }
    })
    const world = await CampaignWorld.open(server, carrier)
    const numbersCalled = () =>
      carrier.received.flatMap(one => (one.method === 'INVITE' ? (/sip:(\+\d+)@/.exec(one.uri ?? '')?.[1] ?? []) : []))
    const busyNext = async () => (await carrier.nextInvite()).reject(486, 'Busy Here')
    const called = (all: Awaited<ReturnType<typeof world.attempts>>) => all.filter(one => one.outcome === 'busy').length

    await t.test('people who were taken from the list already, and wait for their place, are not called', async t => {
      const people = Array.from({ length: 6 }, (_, at) => [`Person ${at}`, `+1202555023${at}`] as const)
      const id = await world.start('agentless', {
        lists: [await world.list(people)],
        flowId: 'campaign-message',
        maxCallsPerSecond: 2
      })
      await busyNext()
      await world.until(id, all => all.length === people.length)
      await world.call('POST', `/campaigns/${id}/pause`, {}, 200)
      const before = numbersCalled()
      t.ok(before.length < people.length)
      await Promise.all(before.slice(1).map(busyNext))
      const attempts = await world.until(id, all => all.every(one => one.outcome !== null))
      t.same(numbersCalled(), before, 'nothing leaves after the answer')
      t.equal(called(attempts), before.length)
      for (const one of attempts.filter(other => other.outcome !== 'busy'))
        t.match(one, { outcome: 'notDialled', detail: 'the campaign does not run any more' })

      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      for (let calls = before.length; calls < people.length; calls += 1) await busyNext()
      await world.until(id, all => called(all) === people.length)
      t.same(
        numbersCalled().toSorted(),
        people.map(([, number]) => number),
        'each is called once after all'
      )
      await world.untilWhy(id, 'ended')
    })

    await t.test('nor is whoever was about to be dialled in that moment', async t => {
      const id = await world.draft('agentless', {
        lists: [await world.list([['Crossed', CROSSED]])],
        flowId: 'campaign-message'
      })
      await world.agree(id)
      pauseNow = () => world.call('POST', `/campaigns/${id}/pause`, {}, 200)
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      const [attempt] = await world.until(id, ([one]) => one?.outcome != null)
      t.match(attempt, { outcome: 'notDialled', detail: 'the campaign does not run any more' })
      t.notOk(numbersCalled().includes(CROSSED))
      t.match(await server.story(`${attempt?.id}.parley`), { endReason: 'unreachable' })
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      await busyNext()
      await world.untilWhy(id, 'ended')
    })
  })
