import t from 'tap'
import { startEmbeddedDrachtio } from '../../media/embedded/drachtio/server.ts'
import { startEmbeddedFreeswitch } from '../../media/embedded/freeswitch/server.ts'
import type { CallEvent } from '../../server/calls/call-events.ts'
import { deriveCdr } from '../../server/calls/cdr.ts'
import { fromCdrRow } from '../../server/calls/story-writer.ts'
import { LONG_TONE, TONE_MENU } from '../support/flows.ts'
import { type TestCall, type TestDatabase, oneDatabase, TestParley } from '../support/parley.ts'
import { headerIn } from '../support/sip-phone.ts'

const NUMBER = '+12025550100'
const LONG_NUMBER = '+12025550101'
const TRANSFER_NUMBER = '+12025550102'
const PASSWORD = 'desk phone secret'

type Caller = Awaited<ReturnType<TestParley['phone']>>

for (const database of oneDatabase())
  t.test(`limits and guards hold, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await startServer(database)

    await t.test('two callers in the same flow take different branches', async t => {
      await using first = await server.phone()
      await using second = await server.phone()
      const calls = await Promise.all([listen(server, first, NUMBER, 440), listen(server, second, NUMBER, 440)])
      first.audio.sendDigits('1')
      second.audio.sendDigits('2')
      await Promise.all([first.audio.hears(880), second.audio.hears(1200)])
      await calls[1]?.waitForBye()
      await calls[0]?.bye()
      t.match(outcomes(await server.story(calls[0]?.callId)), ['menu key 1'])
      t.same(outcomes(await server.story(calls[1]?.callId)), ['menu key 2', 'two next', 'bye hangup'])
    })

    await t.test('twenty callers at once hear each their own tone', async t => {
      const tones = [500, 700, 900, 1100]
      for (const hz of tones)
        await server.addNumber(`+1202555${String(hz).padStart(4, '0')}`, await server.publish(toneFlow(hz)))
      const callers = await Promise.all(Array.from({ length: 20 }, () => server.phone()))
      const calls = await Promise.all(
        callers.map((caller, index) => {
          const hz = tones[index % tones.length] ?? 0
          return listen(server, caller, `+1202555${String(hz).padStart(4, '0')}`, hz)
        })
      )
      await Promise.all(calls.map(call => call.bye()))
      for (const [index, call] of calls.entries())
        t.match(await server.story(call.callId), {
          endReason: 'callerHungUp',
          flowId: `tone-${tones[index % tones.length]}`
        })
      await Promise.all(callers.map(caller => caller[Symbol.asyncDispose]()))
    })

    await t.test('a caller cannot make us dial by REFER', async t => {
      await using caller = await server.phone()
      const call = await listen(server, caller, LONG_NUMBER, 400)
      t.equal((await call.refer('<sip:+12025550199@premium.example>')).status, 603)
      t.equal((await call.request('MESSAGE', { body: 'hi', contentType: 'text/plain' })).status, 405)
      t.equal((await call.info('x', 'application/x-unknown')).status, 415)
      await call.bye()
      const story = await server.story(call.callId)
      t.match(
        story.events.find(one => one.kind === 'transferRequested'),
        { data: { by: 'caller' } }
      )
      t.notOk(story.events.some(one => one.kind === 'legStarted'))
    })

    await t.test('a trunk at its limit refuses with 503, and takes calls again afterwards', async t => {
      const trunk = await server.api('POST', '/trunks', {
        name: 'narrow',
        authentication: 'ip',
        addresses: ['127.0.0.1'],
        maxCalls: 1,
        maxCallsPerSecond: 100
      })
      t.equal(trunk.status, 201)
      await using first = await server.phone()
      await using second = await server.phone()
      const call = await listen(server, first, LONG_NUMBER, 400)
      const refused = second.phone.call(server.uri(LONG_NUMBER), { sdp: second.audio.sdp() })
      const answer = await refused.answered()
      t.equal(answer.status, 503)
      t.ok(headerIn(answer.message, 'retry-after'))
      t.match(await server.story(refused.callId), { endReason: 'trunkLimit', trunkId: trunk.body['id'] })
      await call.bye()
      await server.story(call.callId)
      const again = await listen(server, second, LONG_NUMBER, 400)
      await again.bye()
      t.equal((await server.api('DELETE', `/trunks/${trunk.body['id']}`)).status, 204)
    })

    await t.test('a trunk with digest authentication has to sign its calls', async t => {
      const trunk = await server.api('POST', '/trunks', {
        name: 'signed',
        authentication: 'digest',
        addresses: ['127.0.0.0/8'],
        username: 'carrier',
        password: 'carrier secret'
      })
      t.equal(trunk.status, 201)
      await using caller = await server.phone()
      const bare = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp() })
      const challenge = await bare.answered()
      t.equal(challenge.status, 401)
      t.match(headerIn(challenge.message, 'www-authenticate'), /^Digest .*realm="parley".*nonce=/)
      for (const auth of [
        { user: 'carrier', password: 'wrong' },
        { user: 'stranger', password: 'carrier secret' }
      ]) {
        const forged = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp(), auth })
        t.equal((await forged.answered()).status, 403)
      }
      const signed = caller.phone.call(server.uri(LONG_NUMBER), {
        sdp: caller.audio.sdp(),
        auth: { user: 'carrier', password: 'carrier secret' }
      })
      const answer = await signed.answered()
      t.equal(answer.status, 200)
      caller.audio.connect(answer.sdp).sendSilence()
      await caller.audio.hears(400)
      await signed.bye()
      t.match(await server.story(signed.callId), { endReason: 'callerHungUp', trunkId: trunk.body['id'] })
      t.equal((await server.api('DELETE', `/trunks/${trunk.body['id']}`)).status, 204)
    })

    await t.test('all phones of an extension ring, the first to answer gets the call', async t => {
      await using kitchen = await registered(server)
      await using office = await registered(server)
      await using caller = await server.phone()
      const call = await startTransfer(server, caller)
      const [lost, won] = await Promise.all([kitchen.phone.nextInvite(), office.phone.nextInvite()])
      lost.ring()
      won.ring()
      office.audio.connect(won.sdp).sendTone(1000)
      await won.answer(office.audio.sdp())
      const { message } = await lost.waitForCancel()
      t.match(headerIn(message, 'reason'), /cause=200/, 'no missed call on the other one')
      await Promise.all([office.audio.hears(600), caller.audio.hears(1000)])
      await won.bye()
      await caller.audio.hears(760)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.match(story, { endReason: 'flowHungUp' }, 'the flow goes on when the other side has hung up')
      t.same(
        story.events
          .filter(one => one.kind === 'legEnded')
          .map(one => one.data['outcome'])
          .sort(),
        ['answeredElsewhere', 'hungUp']
      )
    })

    await t.test('a contact that is gone neither delays an answer nor, for long, a busy phone', async t => {
      await (await registered(server))[Symbol.asyncDispose]()
      await using desk = await registered(server)
      await using caller = await server.phone()
      const call = await startTransfer(server, caller)
      const incoming = await desk.phone.nextInvite()
      incoming.ring()
      desk.audio.connect(incoming.sdp).sendTone(1000)
      await incoming.answer(desk.audio.sdp())
      await caller.audio.hears(1000)
      await call.bye()
      await incoming.waitForBye()
      await server.story(call.callId)

      await using next = await server.phone()
      const second = await startTransfer(server, next)
      ;(await desk.phone.nextInvite()).reject(486, 'Busy Here')
      await next.audio.hears(350)
      await second.waitForBye()
      t.match(outcomes(await server.story(second.callId)), ['to busy'])
    })

    await t.test('a caller who hangs up while the other phone rings stops its ringing', async t => {
      await using desk = await registered(server)
      await using caller = await server.phone()
      const call = await startTransfer(server, caller)
      const incoming = await desk.phone.nextInvite()
      incoming.ring()
      await call.bye()
      await incoming.waitForCancel()
      t.match(await server.story(call.callId), { endReason: 'callerHungUp' })
    })

    await t.test('a called party whose answer cannot be used is the flow’s failure branch', async t => {
      await using desk = await registered(server)
      await using caller = await server.phone()
      const call = await startTransfer(server, caller)
      const incoming = await desk.phone.nextInvite()
      await incoming.answer(
        desk.audio
          .sdp()
          .replace(/RTP\/AVP.*/, 'RTP/AVP 18')
          .replace(/a=rtpmap.*\r\n|a=fmtp.*\r\n/g, '')
      )
      await incoming.waitForBye()
      await caller.audio.hears(350)
      await call.waitForBye()
      t.match(outcomes(await server.story(call.callId)), ['to failed'])
    })

    await t.test('every stored CDR is what its events say', async t => {
      await server.parley.storiesWritten()
      const rows = await server.parley.db.selectFrom('cdrs').selectAll().execute()
      t.ok(rows.length > 25)
      for (const row of rows) {
        const events = await server.parley.db
          .selectFrom('call_events')
          .selectAll()
          .where('call_id', '=', row.call_id)
          .orderBy('seq')
          .execute()
        t.same(
          events.map(event => event.seq),
          events.map((_, index) => index + 1),
          'no event is missing'
        )
        const story = events.map(({ call_id, seq, at, kind, data }) => ({ callId: call_id, seq, at, kind, ...data }))
        t.same(deriveCdr(story as unknown as CallEvent[]), fromCdrRow(row))
      }
    })

    await t.test('nothing is left in the engines', async t => {
      t.equal(server.parley.liveCalls.size, 0)
      if (server.engines.freeswitch !== null)
        t.match(await server.engines.freeswitch.stats(), { channels: 0, bridges: 0, forks: 0, rtpPortsInUse: 0 })
      if (server.engines.drachtio !== null) t.match(await server.engines.drachtio.stats(), { dialogs: 0 })
    })
  })

t.test('a server at its limit of calls answers 503 with Retry-After', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ env: { PARLEY_MAX_CALLS: '1' } })
  await server.addNumber(LONG_NUMBER, await server.publish(LONG_TONE))
  const callers = await Promise.all(Array.from({ length: 4 }, () => server.phone()))
  const calls = callers.map(({ phone, audio }) => phone.call(server.uri(LONG_NUMBER), { sdp: audio.sdp() }))
  const answers = await Promise.all(calls.map(call => call.answered()))
  t.same(answers.map(answer => answer.status).sort(), [200, 503, 503, 503], 'also when all come at once')
  for (const answer of answers) if (answer.status === 503) t.ok(headerIn(answer.message, 'retry-after'))
  t.match(await server.api('POST', '/calls', { to: '1001', flowId: 'long-tone' }), {
    status: 503,
    body: { code: 'OVERLOADED' }
  })
  t.equal(server.logs.filter(line => line.includes('"reason":"overloaded"')).length, 3, 'each is in the log once')
  const served = calls[answers.findIndex(answer => answer.status === 200)]
  await served?.bye()
  await server.story(served?.callId)
  const caller = callers[0] as Caller
  const again = await listen(server, caller, LONG_NUMBER, 400)
  await again.bye()
  await Promise.all(callers.map(one => one[Symbol.asyncDispose]()))
})

for (const [unknownSources, what] of [
  ['refuse', 'gets 403'],
  ['ignore', 'gets no answer']
] as const)
  t.test(`a stranger ${what} and leaves no row`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ env: { PARLEY_UNKNOWN_SOURCES: unknownSources } })
    await server.addNumber(LONG_NUMBER, await server.publish(LONG_TONE))
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp() })
    if (unknownSources === 'refuse') t.equal((await call.answered()).status, 403)
    else {
      const limit = AbortSignal.timeout(5_000)
      while (!server.logs.some(line => line.includes('is ignored'))) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      t.notOk(
        caller.phone.received.some(message => (message.status ?? 0) > 100),
        'nothing but the SIP server’s own 100'
      )
      await call.cancel()
    }
    t.equal(server.logs.filter(line => line.includes('from an unknown source')).length, 1)
    await server.parley.storiesWritten()
    t.same(await server.parley.db.selectFrom('cdrs').select('call_id').execute(), [])
    t.same(await server.parley.db.selectFrom('call_events').select('call_id').execute(), [])
  })

t.test('calls that have died without a BYE are ended', { timeout: 280_000 }, async t => {
  await using stack = new AsyncDisposableStack()
  const host = '127.0.0.1'
  const media = stack.use(
    await startEmbeddedFreeswitch({
      eventSocket: { host, port: 0, secret: 'media' },
      sip: { host, port: 0 },
      rtp: { host, portRange: [58_000, 58_400] },
      rtpTimeoutMs: 1_000
    })
  )
  // 64·T1 without an ACK are over in 1.3 s.
  const sip = stack.use(
    await startEmbeddedDrachtio({
      admin: { host, port: 0, secret: 'sip' },
      sip: { host, udpPort: 0, tcpPort: 0 },
      timers: { t1Ms: 20, t2Ms: 80, t4Ms: 100 }
    })
  )
  const server = stack.use(
    await TestParley.start({
      env: {
        PARLEY_DRACHTIO: `${host}:${sip.ready.adminPort}:sip`,
        PARLEY_FREESWITCH: `${host}:${media.ready.eventSocketPort}:media`
      },
      sip: { host, port: sip.ready.udpPort }
    })
  )
  await server.addNumber(LONG_NUMBER, await server.publish(LONG_TONE))

  await t.test('a caller whose voice stops arriving', async t => {
    await using caller = await server.phone()
    const call = await listen(server, caller, LONG_NUMBER, 400)
    caller.audio.stopSending()
    await call.waitForBye()
    t.match(await server.story(call.callId), { endReason: 'mediaTimeout', endedBy: 'network', fault: 'network' })
  })

  await t.test('a caller who never acknowledges the answer', async t => {
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp(), autoAck: false })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await call.waitForBye()
    t.match(await server.story(call.callId), { endReason: 'notAcknowledged', endedBy: 'network', fault: 'network' })
  })
})

async function startServer(database: TestDatabase): Promise<TestParley> {
  const server = await TestParley.start({ database })
  await server.addNumber(NUMBER, await server.publish(TONE_MENU))
  await server.addNumber(LONG_NUMBER, await server.publish(LONG_TONE))
  await server.publish(`
id: to-desk
name: To desk
languages: [en]
defaultLanguage: en
start: to
onFailure: sorry
nodes:
  to: { kind: transfer, to: { extension: "1001" }, next: after, busy: sorry, noAnswer: sorry, failed: sorry }
  after: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,760)" }, next: bye }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,350)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.addNumber(TRANSFER_NUMBER, 'to-desk')
  const account = await server.api('PUT', '/sip-accounts/1001', { password: PASSWORD, extension: '1001' })
  if (account.status !== 200) throw new Error(JSON.stringify(account.body))
  return server
}

function toneFlow(hz: number): string {
  return LONG_TONE.replace('id: long-tone', `id: tone-${hz}`)
    .replace('Long tone', `Tone of ${hz} Hz`)
    .replace('60000,0,400', `60000,0,${hz}`)
}

/** Calls and waits until the caller hears a tone. */
async function listen(server: TestParley, { phone, audio }: Caller, number: string, hz: number) {
  const call = phone.call(server.uri(number), { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendSilence()
  await audio.hears(hz)
  return call
}

async function startTransfer(server: TestParley, { phone, audio }: Caller) {
  const call = phone.call(server.uri(TRANSFER_NUMBER), { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(600)
  return call
}

/** A desk phone with the extension 1001; other registrations of it stay. */
async function registered(server: TestParley): Promise<Caller> {
  const desk = await server.phone({ user: '1001' })
  const answer = await desk.phone.register(server.uri('').replace('@', ''), { user: '1001', password: PASSWORD })
  if (answer.status !== 200) throw new Error(`registration: ${answer.status}`)
  return desk
}

function outcomes(story: TestCall): string[] {
  return story.events
    .filter(event => event.kind === 'nodeLeft')
    .map(event => `${event.data['node']} ${event.data['outcome']}`)
}
