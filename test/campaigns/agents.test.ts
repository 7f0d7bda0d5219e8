import t from 'tap'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { LAWFUL_NOW, testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

for (const database of testDatabases())
  t.test(`agents talk to the people of a campaign, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    let nowMs = LAWFUL_NOW.getTime()
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => new Date(nowMs) })
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
        t.match((await world.live(id))['calls'], { talking: 1, ringing: 0, dialling: 0 })
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
        const promises = async () =>
          (await world.call('GET', `/campaigns/${id}/promises`, undefined, 200))['items'] as unknown[]
        const contactId = attempt?.contactId
        t.match(await promises(), [
          { contactId, name: 'Later', at: '2026-11-24T20:00:00.000Z', agentId: world.agents.ana.id, note: 'promised' }
        ])
        await world.call('PATCH', `${contact}/callback`, { agentId: 'nobody' }, 400)
        await world.call('PATCH', `${contact}/callback`, { agentId: world.agents.karim.id }, 204)
        t.match(await promises(), [{ agentId: world.agents.karim.id }], 'given to another agent')
        const ofCall = `/campaign-attempts/${attempt?.id}/promise`
        const again = { at: '2026-11-24T20:30:00Z', note: 'later still' }
        await world.call('PUT', ofCall, again, 404, world.agents.karim.token)
        await world.call('PUT', ofCall, { ...again, at: '2026-11-24T10:00:00Z' }, 400, world.agents.ana.token)
        await world.call('PUT', ofCall, again, 204, world.agents.ana.token)
        t.match(await world.call('GET', ofCall, undefined, 200, world.agents.ana.token), {
          isOfCampaign: true,
          at: '2026-11-24T20:30:00.000Z',
          note: 'later still'
        })
        await world.call('DELETE', `${contact}/callback`, undefined, 204)
        t.same(await promises(), [], 'taken back')
        await world.call('DELETE', `${contact}/callback`, undefined, 409)
        await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      }
    )

    for (const [index, pacing] of (['progressive', 'predictive'] as const).entries())
      await t.test(`in ${pacing} dialling a promised call is made by who has promised it`, async t => {
        const number = `+1202555023${index}`
        const list = await world.list([['Promised', number]])
        const id = await world.start(pacing, { lists: [list], queue: queueId, promiseWaitMinutes: 5 })
        await world.untilWhy(id, 'noAgents')
        const contacts = (await world.call('GET', `/contact-lists/${list}/contacts`, undefined, 200))['items']
        const contactId = (contacts as { id: string }[])[0]?.id
        const at = new Date(nowMs + 30 * 60_000).toISOString()
        const callback = `/campaigns/${id}/contacts/${contactId}/callback`
        await world.call('POST', callback, { at, note: 'the bill' }, 204, world.agents.ana.token)
        await using karim = await TestSoftphone.onShift(server, world.agents.karim.token, { hz: 700 })
        {
          await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
          await world.untilWhy(id, 'retriesLater')
          nowMs += 31 * 60_000
          const incoming = await carrier.nextInvite()
          await using person = await startRtpPeer()
          person.connect(incoming.sdp).sendTone(440)
          await incoming.answer(person.sdp())
          await Promise.all([ana.hears(440, 'call'), person.hears(600)])
          t.equal(karim.state.call, null, 'and by nobody else who is free')
          const callId = ana.state.call?.callId ?? ''
          await incoming.bye()
          await ana.until(state => state.wrapUp !== null)
          await world.until(id, all => all.find(one => one.id === callId)?.outcome === 'person')
          const again = { at: new Date(nowMs + 30 * 60_000).toISOString(), note: 'again' }
          await world.call('PUT', `/campaign-attempts/${callId}/promise`, again, 204, world.agents.ana.token)
          await ana.request('wrapUp.finish', { callId, disposition: null, note: '' })
        }
        const before = carrier.received.filter(one => one.method === 'INVITE').length
        nowMs += 31 * 60_000
        await world.untilWhy(id, 'promised')
        t.equal(carrier.received.filter(one => one.method === 'INVITE').length, before, 'ana is waited for')
        nowMs += 5 * 60_000
        const incoming = await carrier.nextInvite()
        await using person = await startRtpPeer()
        person.connect(incoming.sdp).sendTone(440)
        await incoming.answer(person.sdp())
        await Promise.all([karim.hears(440, 'call'), person.hears(700)])
        const callId = karim.state.call?.callId ?? ''
        await incoming.bye()
        await karim.until(state => state.wrapUp !== null)
        await karim.request('wrapUp.finish', { callId, disposition: null, note: '' })
        const { events } = await server.story(`${callId}.parley`)
        t.match(
          events.filter(one => one.kind === 'promisePassedOn').map(one => one.data),
          [{ fromAgentId: world.agents.ana.id, toAgentId: world.agents.karim.id }]
        )
        const attempts = await world.until(id, all => all.find(one => one.id === callId)?.outcome === 'person')
        t.match(
          attempts.find(one => one.id === callId),
          { agentId: world.agents.karim.id, detail: 'promised by an agent who was not there' }
        )
        await world.untilWhy(id, 'ended')
      })
  })
