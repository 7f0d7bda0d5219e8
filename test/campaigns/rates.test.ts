import t from 'tap'
import { startSipPhone } from '../support/sip-phone.ts'
import { LAWFUL_NOW, testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

const PEOPLE_EACH = 3

for (const database of testDatabases())
  t.test(`a trunk that takes two calls a second gets two, with ${database}`, { timeout: 120_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    const aheadMs = LAWFUL_NOW.getTime() - Date.now()
    const now = () => new Date(Date.now() + aheadMs)
    await using server = await TestParley.start({ database, hasDemoData: true, now })
    const world = await CampaignWorld.open(server, carrier)
    const trunks = (await server.api('GET', '/trunks')).body['items'] as { id: string; name: string }[]
    const trunk = trunks.find(one => one.name === 'carrier')
    const limited = await server.api('PATCH', `/trunks/${trunk?.id}`, { maxCallsPerSecond: 2 })
    t.match(limited, { status: 200, body: { maxCallsPerSecond: 2 } })

    const drafts = await Promise.all(
      [0, 1].map(async campaign => {
        const people = Array.from({ length: PEOPLE_EACH }, (_, at) => [`P${at}`, `+120255502${campaign}${at}`] as const)
        const id = await world.draft('agentless', { lists: [await world.list(people)], flowId: 'campaign-message' })
        await world.agree(id)
        return id
      })
    )
    for (const id of drafts) await world.call('POST', `/campaigns/${id}/start`, {}, 200)
    const arrivedAtMs: number[] = []
    for (let calls = 0; calls < drafts.length * PEOPLE_EACH; calls += 1) {
      const incoming = await carrier.nextInvite()
      arrivedAtMs.push(performance.now())
      incoming.reject(486, 'Busy Here')
    }
    for (const [at, one] of arrivedAtMs.entries()) {
      const third = arrivedAtMs[at + 2]
      if (third !== undefined) t.ok(third - one > 900, `three calls within ${Math.round(third - one)} ms`)
    }
    for (const id of drafts) {
      const attempts = await world.until(id, all => all.filter(one => one.outcome === 'busy').length === PEOPLE_EACH)
      t.equal(attempts.length, PEOPLE_EACH, 'nobody who had a place was sent back for want of one')
    }
  })
