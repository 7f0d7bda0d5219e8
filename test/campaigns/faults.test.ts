import t from 'tap'
import { TrunkHealth } from '../../server/campaigns/trunk-health.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { headerIn, type IncomingCall, startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { LAWFUL_NOW, oneDatabase, testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

const SECOND_MS = 1_000

t.test(
  'a trunk rests after three calls that it could not carry, and one call finds out whether it is back',
  async t => {
    const health = new TrunkHealth()
    const at = (seconds: number) => new Date(LAWFUL_NOW.getTime() + seconds * SECOND_MS)
    t.equal(health.callsAtOnce(['one'], at(0)), Number.POSITIVE_INFINITY)
    t.notOk(health.failed('one', at(0)))
    t.notOk(health.failed('one', at(1)))
    t.ok(health.failed('one', at(2)), 'said once')
    t.notOk(health.failed('one', at(3)))
    t.notOk(health.isUsable('one', at(4)))
    t.equal(health.callsAtOnce(['one'], at(4)), 0)
    t.equal(health.callsAtOnce(['one', 'other'], at(4)), Number.POSITIVE_INFINITY, 'the other one goes on')
    t.equal(health.callsAtOnce(['one'], at(34)), 1, 'after its rest')
    health.began('one', at(34))
    t.equal(health.callsAtOnce(['one'], at(35)), 0, 'no second one before the first has told')
    health.worked('one')
    t.equal(health.callsAtOnce(['one'], at(36)), Number.POSITIVE_INFINITY)
  }
)

t.test('a trunk that another control plane has put to rest rests here too, until that one says it is back', async t => {
  const health = new TrunkHealth()
  const rest = { trunkId: 'one', faults: 3, restsUntil: new Date(LAWFUL_NOW.getTime() + 30 * SECOND_MS) }
  health.adopt([rest])
  t.notOk(health.isUsable('one', LAWFUL_NOW))
  t.ok(health.isInDoubt('one'))
  t.notOk(health.failed('one', LAWFUL_NOW), 'the alarm was raised there')
  health.adopt([])
  t.ok(health.isUsable('one', LAWFUL_NOW))
  for (let fault = 0; fault < 3; fault += 1) health.failed('other', LAWFUL_NOW)
  health.adopt([])
  t.notOk(health.isUsable('other', LAWFUL_NOW), 'what was seen here and is not written yet stands')
})

if (testDatabases().includes('postgres'))
  t.test(
    'control planes tell each other of a trunk that is down, and one call finds out',
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const databaseUrl = await freshDatabase(stack)
      let nowMs = LAWFUL_NOW.getTime()
      const shared = { database: 'postgres', databaseUrl, hasDemoData: true, now: () => new Date(nowMs) } as const
      const carrier = stack.use(await startSipPhone({ transport: 'udp', user: 'carrier' }))
      const one = stack.use(await TestParley.start(shared))
      const world = await CampaignWorld.open(one, carrier)
      let invites = 0
      let isOver = false
      const answering = (async () => {
        for (;;) {
          const incoming = await carrier.nextInvite(500).catch(() => null)
          if (incoming === null && isOver) return
          if (incoming === null) continue
          invites += 1
          incoming.reject(503, 'Service Unavailable')
        }
      })()
      const people = Array.from({ length: 8 }, (_, index) => [`Person ${index}`, `+120255502${50 + index}`] as const)
      const id = await world.start('agentless', {
        lists: [await world.list(people)],
        flowId: 'campaign-message',
        maxLines: 6
      })
      await world.untilWhy(id, 'trunksDown', 20_000)
      const other = stack.use(await TestParley.start(shared))
      const there = world.at(other)
      t.match((await there.untilWhy(id, 'trunksDown', 20_000))['why'], { values: { trunks: 'carrier' } })

      const before = invites
      nowMs += 400 * SECOND_MS
      await there.until(id, () => invites > before)
      // Both look several times more while that call has told that nothing has changed.
      await there.untilWhy(id, 'trunksDown', 20_000)
      await world.untilWhy(id, 'trunksDown', 20_000)
      t.equal(invites, before + 1, 'one of both has tried')
      isOver = true
      await answering
    }
  )

for (const database of oneDatabase())
  t.test(`what fails in mid-campaign costs nobody their turn, with ${database}`, { timeout: 280_000 }, async t => {
    let nowMs = LAWFUL_NOW.getTime()
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    // Seconds by which this machine's clock and the database's are away from what they were.
    const away = { wall: 0, database: 0 }
    const clockOf = (name: keyof typeof away) => new Date(Date.now() + away[name] * SECOND_MS)
    const clocks = {
      wall: () => clockOf('wall'),
      steady: () => performance.now(),
      database: async () => clockOf('database')
    }
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => new Date(nowMs), clocks })
    const world = await CampaignWorld.open(server, carrier)

    await t.test('a trunk that dies is seen, and when it is back everybody is called', async t => {
      const people = ['71', '72', '73', '74', '75', '76'].map(end => [`Person ${end}`, `+120255502${end}`] as const)
      let isDown = true
      let isOver = false
      const answered: string[] = []
      const answering = (async () => {
        for (;;) {
          const incoming = await carrier.nextInvite(500).catch(() => null)
          if (incoming === null && isOver) return
          if (incoming === null) continue
          const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
          if (isDown) incoming.reject(503, 'Service Unavailable')
          else {
            answered.push(number)
            incoming.reject(486, 'Busy Here')
          }
        }
      })()
      const id = await world.start('agentless', {
        lists: [await world.list(people)],
        flowId: 'campaign-message',
        maxLines: 1
      })
      await world.until(id, all => all.filter(one => one.outcome === 'trunkDown').length === 3)
      const live = await world.untilWhy(id, 'trunksDown', 20_000)
      t.match(live['why'], { values: { trunks: 'carrier', calls: 0 } })
      t.match(live['leads'], { byState: { waiting: people.length } }, 'nobody has lost their turn')
      const failed = (await world.attempts(id)).filter(one => one.outcome === 'trunkDown')
      t.equal(failed.length, 3, 'three calls were enough to see it')
      t.match(failed[0], { sipStatus: 503 })
      const alarms = await world.call('GET', '/campaign-alarms', undefined, 200)
      t.match(alarms['items'], [{ kind: 'trunkDown', detail: { trunk: 'carrier', status: 503 } }])

      isDown = false
      nowMs += 31 * SECOND_MS
      await world.until(id, all => all.filter(one => one.outcome === 'busy').length === 3)
      nowMs += 300 * SECOND_MS
      t.match((await world.untilWhy(id, 'ended', 20_000))['leads'], { byState: { exhausted: people.length } })
      t.same(
        answered.toSorted(),
        people.map(([, number]) => number),
        'each once'
      )
      isOver = true
      await answering
    })

    await t.test(
      'when all agents leave nothing more is dialled, the talk goes on, and the screen says why',
      async t => {
        const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
        const ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
        const karim = await TestSoftphone.onShift(server, world.agents.karim.token, { hz: 700 })
        const list = await world.list([
          ['Talks', '+12025550281'],
          ['Waits', '+12025550282']
        ])
        await karim.request('status', { status: 'onBreak' })
        const id = await world.start('progressive', { lists: [list], queue: queue.body['id'] as string, maxLines: 1 })
        const incoming = await carrier.nextInvite()
        await using person = await startRtpPeer()
        person.connect(incoming.sdp).sendTone(440)
        await incoming.answer(person.sdp())
        await ana.hears(440, 'call')
        await karim[Symbol.asyncDispose]()
        await ana.request('status', { status: 'onBreak' })
        await incoming.bye()
        const talked = await ana.until(state => state.wrapUp !== null)
        await ana.request('wrapUp.finish', { callId: talked.wrapUp?.callId ?? '', disposition: null, note: '' })
        t.match((await world.untilWhy(id, 'noAgents'))['why'], { values: { onBreak: Number, offline: Number } })
        t.match((await world.live(id))['calls'], { reserved: 0, dialling: 0, answered: 0, talking: 0 })
        await ana.request('status', { status: 'available' })
        const next = await carrier.nextInvite()
        next.reject(486, 'Busy Here')
        await world.until(id, all => all.some(one => one.outcome === 'busy'))
        await ana[Symbol.asyncDispose]()
      }
    )

    await t.test('nobody is dialled while nobody knows what time it is, and the screen says so', async t => {
      const people = Array.from({ length: 6 }, (_, index) => [`Person ${index}`, `+1202555021${index}`] as const)
      const id = await world.start('agentless', {
        lists: [await world.list(people)],
        flowId: 'campaign-message',
        maxLines: 1
      })
      let ringing = await carrier.nextInvite()
      /** Why no other one is dialled when the call that rings is over; resolves with how many have been. */
      const heldBy = async (code: string) => {
        const { why } = (await world.untilWhy(id, code)) as { why: { values: { byMs: number } } }
        ringing.reject(486, 'Busy Here')
        await world.until(id, all => all.every(one => one.outcome !== null))
        t.match(Math.round(why.values.byMs / 60_000), 5, 'minutes')
        return (await world.attempts(id)).filter(one => one.outcome === 'busy').length
      }
      /** Whoever is next is dialled by itself, and was not before. */
      const goesOn = async (dialled: number) => {
        ringing = await carrier.nextInvite()
        const attempts = await world.attempts(id)
        t.equal(attempts.filter(one => one.outcome === 'busy').length, dialled, 'nobody was dialled meanwhile')
      }

      away.wall = 300
      let dialled = await heldBy('clockDiffers')
      away.wall = 0
      await goesOn(dialled)

      away.database = 300
      dialled = await heldBy('clockDiffers')
      away.database = 0
      await goesOn(dialled)

      // On one machine both are the same clock.
      Object.assign(away, { wall: -300, database: -300 })
      dialled = await heldBy('clockWasSet')
      Object.assign(away, { wall: 0, database: 0 })
      await goesOn(dialled)

      Object.assign(away, { wall: 300, database: 300 })
      dialled = await heldBy('clockWasSet')
      await world.call('POST', `/campaigns/${id}/pause`, {}, 200)
      await world.call('POST', `/campaigns/${id}/start`, {}, 200)
      await goesOn(dialled)
      ringing.reject(486, 'Busy Here')
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      Object.assign(away, { wall: 0, database: 0 })
    })

    await t.test('whoever picks up has answered, whatever crosses their answer', async t => {
      const people = {
        '+12025550291': 'Hangs up at once',
        '+12025550292': 'Hangs up at once, codec unknown',
        '+12025550293': 'Codec unknown',
        '+12025550294': 'Answers as the call is ended'
      } as const
      const id = await world.start('agentless', {
        lists: [await world.list(Object.entries(people).map(([number, name]) => [name, number]))],
        flowId: 'campaign-message'
      })
      await using phone = await startRtpPeer()
      const useless = phone
        .sdp()
        .replace(/RTP\/AVP.*/, 'RTP/AVP 18')
        .replace(/a=rtpmap.*\r\n|a=fmtp.*\r\n/g, '')
      // The network loses every CANCEL, so that the answer crosses it.
      carrier.dropNext(100, one => one.method === 'CANCEL')
      const isCancelled = (callId: string) =>
        carrier.received.some(one => one.method === 'CANCEL' && headerIn(one, 'call-id') === callId)
      // Said once: whoever hangs up before the ACK comes waits for none.
      const pickUp = (incoming: IncomingCall, sdp: string) => incoming.progress(200, 'OK', sdp)
      const answer = async () => {
        const incoming = await carrier.nextInvite()
        const name = people[/sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] as keyof typeof people]
        switch (name) {
          case 'Hangs up at once':
          case 'Hangs up at once, codec unknown':
            // Both lie in the server's socket before it has begun on either.
            pickUp(incoming, name === 'Hangs up at once' ? phone.sdp() : useless)
            t.equal((await incoming.bye()).status, 200, name)
            return
          case 'Codec unknown':
            pickUp(incoming, useless)
            await incoming.waitForBye()
            return
          case 'Answers as the call is ended': {
            incoming.ring()
            const callId = headerIn(incoming.invite, 'call-id').replace(/\..*/, '')
            t.equal((await server.api('DELETE', `/calls/${callId}`)).status, 204)
            while (!isCancelled(incoming.callId)) await new Promise(resolve => setTimeout(resolve, 5))
            pickUp(incoming, phone.sdp())
            t.ok(await incoming.waitForBye(), 'is let go')
          }
        }
      }
      await Promise.all([answer(), answer(), answer(), answer()])
      const attempts = await world.until(id, all => all.filter(one => one.outcome !== null).length === 4)
      const of = (name: string) => attempts.find(one => one.contactName === name)
      t.match(of('Hangs up at once'), { outcome: 'person', isAbandoned: false })
      t.match(of('Hangs up at once, codec unknown'), { outcome: 'person', isAbandoned: false })
      t.match(of('Codec unknown'), { outcome: 'abandoned', isAbandoned: true })
      t.match(of('Answers as the call is ended'), { outcome: 'abandoned', isAbandoned: true })
      const [thirtyDays] = (await world.live(id))['windows'] as { live: number; abandoned: number }[]
      t.match(thirtyDays, { live: 4, abandoned: 2 }, 'the law counts all of them')
    })
  })
