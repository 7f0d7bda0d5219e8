import t from 'tap'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

for (const database of testDatabases())
  t.test(`agents talk to the people of a campaign, with ${database}`, { timeout: 110_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true })
    const world = await CampaignWorld.open(server, carrier)
    const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
    t.equal(queue.status, 201)
    const queueId = queue.body['id'] as string
    await server.api('POST', '/dispositions', { code: 'later', labels: { en: 'Later' } })

    await t.test('without an agent nothing is dialled, and the live view says why', async t => {
      const list = await world.list([['Ann', '+12025550201']])
      const id = await world.start('progressive', { lists: [list], queue: queueId })
      const live = await world.untilWhy(id, 'noAgents')
      t.match(live['why'], { values: { onBreak: 0, offline: Number } })
      await world.call('POST', `/campaigns/${id}/pause`, { reason: 'lunch' }, 200)
      t.match((await world.live(id)).why, { code: 'paused', values: { calls: 0 } })
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test('in preview the agent sees the person first, skips one and dials another', async t => {
      await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
      const list = await world.list([
        ['Skipped', '+12025550211'],
        ['Dialled', '+12025550212']
      ])
      const id = await world.start('preview', { lists: [list], queue: queueId, script: 'Ask for the meter.' })
      const first = await ana.until(state => state.offer !== null)
      t.match(first.offer, {
        kind: 'campaign',
        isAutoAnswered: false,
        campaign: { isPreview: true, script: 'Ask for the meter.' },
        customer: { name: 'Skipped' }
      })
      t.equal(carrier.received.filter(one => one.method === 'INVITE').length, 0, 'nobody is dialled yet')
      await ana.request('reject', { offerId: first.offer?.id ?? '', reason: 'wrong time' })
      const second = await ana.until(state => state.offer !== null && state.offer.id !== first.offer?.id)
      t.equal(second.missed, null, 'to skip is no missed call')
      t.match(second.offer, { customer: { name: 'Dialled' } })
      await ana.request('answer', { offerId: second.offer?.id ?? '' })
      const incoming = await carrier.nextInvite()
      await using person = await startRtpPeer()
      person.connect(incoming.sdp).sendTone(440)
      await incoming.answer(person.sdp())
      await Promise.all([ana.hears(440, 'call'), person.hears(600)])
      const talking = await ana.until(state => state.call !== null && state.call.connectedAt !== null)
      t.equal(talking.call?.script, 'Ask for the meter.')
      await incoming.bye()
      await ana.until(state => state.wrapUp !== null)
      await ana.request('wrapUp.finish', { callId: talking.call?.callId ?? '', disposition: null, note: '' })
      const attempts = await world.until(id, all => all.some(one => one.outcome === 'person'))
      t.match(
        attempts.find(one => one.contactName === 'Skipped'),
        { outcome: 'notDialled', detail: 'skipped: wrong time' }
      )
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test(
      'in progressive dialling an agent is held before the number rings, and the outcome decides what follows',
      async t => {
        await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
        const list = await world.list([['Later', '+12025550221']])
        const id = await world.start('progressive', {
          lists: [list],
          queue: queueId,
          dispositions: { later: { action: 'retry', gapMinutes: 90 } }
        })
        const ringing = await ana.until(state => state.call !== null)
        t.match(
          ringing.call,
          { mode: 'ringing', customer: { name: 'Later' } },
          'answered by itself, before the person is'
        )
        const incoming = await carrier.nextInvite()
        await using person = await startRtpPeer()
        person.connect(incoming.sdp).sendTone(440)
        await incoming.answer(person.sdp())
        await Promise.all([ana.hears(440, 'call'), person.hears(600)])
        const callId = ana.state.call?.callId ?? ''
        await incoming.bye()
        await ana.until(state => state.wrapUp !== null)
        await ana.request('wrapUp.finish', { callId, disposition: 'later', note: 'asks for the evening' })
        const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
        const contact = `/campaigns/${id}/contacts/${attempt?.contactId}`
        const limit = AbortSignal.timeout(10_000)
        for (;;) {
          const found = await world.call('GET', contact, undefined, 200)
          if (found['state'] === 'waiting') {
            t.equal(found['nextAt'], '2026-11-24T18:30:00.000Z')
            break
          }
          limit.throwIfAborted()
        }
        await world.call(
          'POST',
          `${contact}/callback`,
          { at: '2026-11-24T20:00:00Z', note: 'promised' },
          204,
          world.agents.ana.token
        )
        t.match(await world.call('GET', contact, undefined, 200), { callbackAt: '2026-11-24T20:00:00.000Z' })
        t.match((await world.untilWhy(id, 'retriesLater'))['why'], {
          values: { contacts: 1, at: '2026-11-24T20:00:00.000Z' }
        })
        await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      }
    )
  })
