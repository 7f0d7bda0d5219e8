import { sql } from 'kysely'
import t from 'tap'
import { newId } from '../../server/ids.ts'
import { insertQueueCallback } from '../../sql/queries/calls.ts'
import { LAWFUL_NOW, oneDatabase, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'

for (const database of oneDatabase())
  t.test(`a customer waits to be called back, with ${database}`, { timeout: 120_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => LAWFUL_NOW })
    const { ana } = await signInPeople(server, ['ana'])
    const trunk = await server.api('POST', '/trunks', {
      name: 'carrier',
      authentication: 'ip',
      outboundAddress: `127.0.0.1:${carrier.port}`,
      allowedPrefixes: ['+1'],
      defaultCallerNumber: '+12025550100'
    })
    t.equal(trunk.status, 201, JSON.stringify(trunk.body))
    const queue = await server.api('POST', '/queues', { name: 'callbacks' })
    const id = newId()

    await t.test('agents who do not take it use up none of the customer’s tries', async t => {
      await using page = await TestSoftphone.onShift(server, ana?.token ?? '', { hz: 600 })
      await insertQueueCallback(server.parley.db, {
        id,
        call_id: newId(),
        number: '+12025550123',
        queue: queue.body['id'] as string,
        language: 'en',
        place_from_at: LAWFUL_NOW
      })
      await sql`update queue_callbacks set created_at = ${LAWFUL_NOW}`.execute(server.parley.db)
      let last = ''
      for (let times = 0; times < 3; times += 1) {
        const { offer } = await page.until(state => state.offer !== null && state.offer.id !== last)
        last = offer?.id ?? ''
        await page.request('reject', { offerId: last, reason: 'in a minute' })
      }
      const { offer } = await page.until(state => state.offer !== null && state.offer.id !== last)
      await page.request('answer', { offerId: offer?.id ?? '' })
      const incoming = await carrier.nextInvite()
      t.match(incoming.invite.uri, /\+12025550123@/)
      await using person = await startRtpPeer()
      person.connect(incoming.sdp).sendTone(440)
      await incoming.answer(person.sdp())
      await page.hears(440, 'call')
      await incoming.bye()
      await page.until(state => state.wrapUp !== null)
    })
  })
