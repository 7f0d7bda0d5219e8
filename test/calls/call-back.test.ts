import { sql } from 'kysely'
import t from 'tap'
import { newId } from '../../server/ids.ts'
import { insertQueueCallback } from '../../sql/queries/calls.ts'
import { LONG_TONE } from '../support/flows.ts'
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

for (const database of oneDatabase())
  t.test(
    `who waits to be called back loses nothing by a lack of lines, with ${database}`,
    { timeout: 120_000 },
    async t => {
      await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
      await using server = await TestParley.start({
        database,
        hasDemoData: true,
        now: () => LAWFUL_NOW,
        env: { PARLEY_MAX_CALLS: '2' }
      })
      const { ana, karim } = await signInPeople(server, ['ana', 'karim'])
      const trunk = await server.api('POST', '/trunks', {
        name: 'carrier',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${carrier.port}`,
        allowedPrefixes: ['+1'],
        defaultCallerNumber: '+12025550100',
        maxCalls: 1
      })
      t.equal(trunk.status, 201, JSON.stringify(trunk.body))
      const queue = (await server.api('POST', '/queues', { name: 'callbacks' })).body['id'] as string
      await server.addNumber('+12025550101', await server.publish(LONG_TONE))
      const { db } = server.parley
      const book = async (number: string) => {
        const id = newId()
        await insertQueueCallback(db, {
          id,
          call_id: newId(),
          number,
          queue,
          language: 'en',
          place_from_at: LAWFUL_NOW
        })
        await sql`update queue_callbacks set created_at = ${LAWFUL_NOW} where id = ${id}`.execute(db)
        return id
      }

      await t.test('while the server is full no agent is taken, and the customer is called when it is not', async t => {
        await using first = await server.phone()
        await using second = await server.phone()
        const calls = [first, second].map(({ phone, audio }) =>
          phone.call(server.uri('+12025550101'), { sdp: audio.sdp() })
        )
        for (const call of calls) t.equal((await call.answered()).status, 200)
        await book('+12025550124')
        await using page = await TestSoftphone.onShift(server, ana?.token ?? '', { hz: 600 })
        // Callbacks are looked for every second.
        const limit = AbortSignal.timeout(3_000)
        while (!limit.aborted) {
          const entries = await db.selectFrom('queue_entries').select('id').execute()
          if (entries.length > 0) t.fail('it has begun')
          if (entries.length > 0) break
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        for (const call of calls) await call.bye()
        const { offer } = await page.until(state => state.offer !== null)
        await page.request('answer', { offerId: offer?.id ?? '' })
        const incoming = await carrier.nextInvite()
        t.match(incoming.invite.uri, /\+12025550124@/)
        incoming.reject(486, 'Busy Here')
        await page.until(state => state.call === null && state.offer === null)
      })

      await t.test('a trunk that is full uses up none of the tries', async t => {
        await using page = await TestSoftphone.onShift(server, ana?.token ?? '', { hz: 600 })
        await using other = await TestSoftphone.onShift(server, karim?.token ?? '', { hz: 700 })
        await other.request('dial', { destination: { kind: 'number', number: '+12025550125' } })
        const incoming = await carrier.nextInvite()
        t.match(incoming.invite.uri, /\+12025550125@/)
        await using person = await startRtpPeer()
        person.connect(incoming.sdp)
        await incoming.answer(person.sdp())
        const id = await book('+12025550126')
        const { offer } = await page.until(state => state.offer !== null)
        await page.request('answer', { offerId: offer?.id ?? '' })
        const limit = AbortSignal.timeout(15_000)
        for (;;) {
          const turn = await db
            .selectFrom('queue_callback_turns')
            .select(['attempts', 'not_before'])
            .where('callback_id', '=', id)
            .executeTakeFirst()
          // It has been put off.
          if (turn !== undefined && turn.not_before.getTime() > Date.now() + 5_000) {
            t.equal(turn.attempts, 0)
            break
          }
          limit.throwIfAborted()
        }
        await incoming.bye()
      })
    }
  )
