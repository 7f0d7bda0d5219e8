import t from 'tap'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CampaignWorld } from './support.ts'

/** Ten seconds before six in the afternoon of a Tuesday in New York, and six seconds after it. */
const BEFORE = Date.parse('2026-11-24T22:59:50Z')
const AFTER = Date.parse('2026-11-24T23:00:06Z')

for (const database of oneDatabase())
  t.test(`nobody is called after the hours of a campaign, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    let nowMs = BEFORE
    let hasToWait = false
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      now: () => new Date(nowMs),
      campaignStep: async step => {
        if (step === 'permitted' && hasToWait) nowMs = AFTER
      }
    })
    const world = await CampaignWorld.open(server, carrier)
    const agreed = async (people: readonly (readonly [string, string])[]) => {
      const id = await world.draft('agentless', {
        flowId: 'campaign-message',
        lists: [await world.list(people)],
        schedule: { weekly: { daily: ['09:00-18:00'] } },
        maxLines: 1
      })
      await world.agree(id)
      return id
    }
    const invites = () => carrier.received.filter(one => one.method === 'INVITE').length

    await t.test('who was next when they were over is not taken any more', async t => {
      const id = await agreed([
        ['Ann', '+12125550131'],
        ['Bea', '+12125550132']
      ])
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      const incoming = await carrier.nextInvite()
      nowMs = AFTER
      incoming.reject(486, 'Busy Here')
      await world.until(id, all => all.some(one => one.outcome === 'busy'))
      await world.untilWhy(id, 'quietHours')
      t.equal((await world.attempts(id)).length, 1)
      t.equal(invites(), 1)
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test('who was taken before they were over is left in peace', async t => {
      nowMs = BEFORE
      hasToWait = true
      const id = await agreed([['Cleo', '+12125550133']])
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      const [attempt] = await world.until(id, ([one]) => one !== undefined && one.outcome !== null)
      t.match(attempt, { outcome: 'notDialled', detail: 'the hours of the campaign are over' })
      t.equal(invites(), 1)
      await world.untilWhy(id, 'quietHours')
    })
  })
