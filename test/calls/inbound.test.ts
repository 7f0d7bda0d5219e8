import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { LONG_TONE, TONE_MENU } from '../support/flows.ts'
import { type TestCall, type TestDatabase, testDatabases, TestParley } from '../support/parley.ts'
import { patient } from '../support/patience.ts'

const NUMBER = '+12025550100'
const LONG_NUMBER = '+12025550101'

for (const database of testDatabases())
  t.test(`callers are served, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await startWithFlows(database)

    await t.test('a caller hears the prompt, presses a key and takes that branch', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      const answer = await call.answered()
      t.equal(answer.status, 200)
      caller.audio.connect(answer.sdp).sendSilence()
      await caller.audio.hears(440)
      caller.audio.sendDigits('1')
      await caller.audio.hears(880)
      await caller.audio.hears(440)
      caller.audio.sendDigits('2')
      await caller.audio.hears(1200)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.match(story, {
        endReason: 'flowHungUp',
        endedBy: 'flow',
        fault: 'none',
        direction: 'inbound',
        flowId: 'tone-menu'
      })
      t.same(outcomes(story), ['menu key 1', 'one next', 'menu key 2', 'two next', 'bye hangup'])
      t.match(story.events[0], { kind: 'started' })
      t.match(story.events.at(-1), { kind: 'ended' })
    })

    await t.test('a caller who hangs up in the prompt is gone at once', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(400)
      const at = performance.now()
      t.equal((await call.bye()).status, 200)
      const story = await server.story(call.callId)
      t.match(story, { endReason: 'callerHungUp', endedBy: 'caller', fault: 'none' })
      t.ok(performance.now() - at < patient(2_000))
    })

    await t.test('a key ends a prompt of several parts as a whole', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550108'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      caller.audio.sendDigits('1')
      await caller.audio.hears(1200)
      const heard = caller.audio.captured()
      const windows = Array.from({ length: Math.floor(heard.length / 800) }, (_, at) =>
        heard.subarray(at * 800, at * 800 + 800)
      )
      t.ok(windows.some(one => toneShare(one, 440) > 0.6))
      t.notOk(
        windows.some(one => toneShare(one, 880) > 0.6),
        'the second part is not played'
      )
      await call.waitForBye()
    })

    await t.test('a caller who says nothing is asked again and then told so', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(600, { limitMs: 9_000 })
      await call.waitForBye()
      t.same(outcomes(await server.story(call.callId)), ['menu noInput', 'silent next', 'bye hangup'])
    })

    await t.test('a caller who knows the menu types ahead, and digits stay out of the story', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      caller.audio.sendDigits('34711')
      await caller.audio.hears(1200)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.same(outcomes(story), ['menu key 3', 'code next', 'two next', 'bye hangup'])
      t.notMatch(withoutIds(JSON.stringify(story)), CODE, 'the digits are nowhere in the story')
      t.same(
        server.logs.filter(line => CODE.test(withoutIds(line))),
        [],
        'nor in the log'
      )
    })

    await t.test('keys by SIP INFO work like keys in the voice stream', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp({ events: false }) })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      t.equal((await call.info('Signal=2\r\nDuration=160\r\n', 'application/dtmf-relay')).status, 200)
      await caller.audio.hears(1200)
      await call.waitForBye()
      t.equal((await server.story(call.callId))['endReason'], 'flowHungUp')
    })

    await t.test('a caller on TCP with PCMA is served too', async t => {
      await using caller = await server.phone({ transport: 'tcp' })
      const call = caller.phone.call(server.uri(NUMBER, 'tcp'), {
        sdp: caller.audio.sdp({ codecs: ['PCMA'] })
      })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      await call.bye()
      const story = await server.story(call.callId)
      t.match(story.events.find(event => event.kind === 'answered')?.data, { codec: 'PCMA' })
    })

    await t.test('a caller who offers no SDP gets an offer and answers it in the ACK', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { autoAck: false })
      const answer = await call.answered()
      caller.audio.connect(answer.sdp).sendSilence()
      call.ack(caller.audio.sdp({ codecs: ['PCMU'] }))
      await caller.audio.hears(440)
      await call.bye()
      t.equal((await server.story(call.callId))['endReason'], 'callerHungUp')
    })

    await t.test('hold and resume are answered and told', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(400)
      t.equal((await call.reinvite(caller.audio.sdp({ direction: 'sendonly' }))).status, 200)
      t.equal((await call.reinvite(caller.audio.sdp())).status, 200)
      caller.audio.forget()
      await caller.audio.hears(400)
      await call.bye()
      const kinds = (await server.story(call.callId)).events.map(event => event.kind)
      t.ok(kinds.includes('held') && kinds.includes('resumed'))
    })

    await t.test('each call that cannot be served gets its own status and its own reason', async t => {
      await using caller = await server.phone()
      const good = caller.audio.sdp()
      const refused: readonly [string, string, string, number, string][] = [
        ['an unknown number', '+12025550177', good, 404, 'numberUnknown'],
        ['not a number', 'nobody', good, 404, 'numberUnknown'],
        ['a number without a flow', '+12025550102', good, 480, 'numberHasNoFlow'],
        ['a number that is switched off', '+12025550103', good, 480, 'numberDisabled'],
        ['SDP without audio', NUMBER, good.replace('m=audio', 'm=video'), 488, 'noAudio'],
        [
          'no common codec',
          NUMBER,
          good.replace(/RTP\/AVP.*/, 'RTP/AVP 18').replace(/a=rtpmap.*\r\n|a=fmtp.*\r\n/g, ''),
          488,
          'noCommonCodec'
        ],
        ['an SDP that is not one', NUMBER, 'hello', 400, 'sdpInvalid']
      ]
      for (const [what, number, sdp, status, reason] of refused) {
        const call = caller.phone.call(server.uri(number), { sdp })
        t.equal((await call.answered()).status, status, what)
        t.match(await server.story(call.callId), { endReason: reason, answeredAt: null }, what)
      }
    })

    await t.test('a caller who gives up before the answer leaves nothing behind', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550104'), { sdp: caller.audio.sdp() })
      await call.provisional()
      t.equal((await call.cancel()).status, 200)
      t.equal((await call.answered()).status, 487)
      t.match(await server.story(call.callId), { endReason: 'callerCancelled', answeredAt: null })
    })

    await t.test('the operator can end a running call', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(LONG_NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(400)
      // Stored within a moment of the answer; a caller before may still be among them.
      const limit = AbortSignal.timeout(20_000)
      let running: TestCall | undefined
      while (running === undefined) {
        limit.throwIfAborted()
        const calls = (await server.api('GET', '/calls?state=answered')).body.items as TestCall[]
        running = calls.find(one => one['sipCallId'] === call.callId)
      }
      t.equal((await server.api('DELETE', `/calls/${running.id}`)).status, 204)
      await call.waitForBye()
      t.match(await server.story(call.callId), { endReason: 'operatorEnded', endedBy: 'operator' })
    })

    await t.test('a running call keeps its version of the flow; the next one gets the new one', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550105'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(700)
      await server.publish(versioned(900))
      await caller.audio.hears(750)
      await call.waitForBye()
      t.match(await server.story(call.callId), { flowVersion: 1 })
      await using second = await server.phone()
      const next = second.phone.call(server.uri('+12025550105'), { sdp: second.audio.sdp() })
      second.audio.connect((await next.answered()).sdp).sendSilence()
      await second.audio.hears(900)
      await next.bye()
      t.match(await server.story(next.callId), { flowVersion: 2 })
    })

    await t.test('when all callers have gone, nothing of them is left in the engines', async t => {
      if (server.engines.freeswitch !== null) {
        const media = await server.engines.freeswitch.stats()
        t.match(media, {
          channels: 0,
          bridges: 0,
          conferences: 0,
          forks: 0,
          rtpPortsInUse: 0,
          eventSocketConnections: 1
        })
      }
      if (server.engines.drachtio !== null) t.match(await server.engines.drachtio.stats(), { dialogs: 0 })
      t.same(
        [...server.parley.liveCalls.values()].map(call => call.ended?.reason ?? 'running'),
        []
      )
    })
  })

function versioned(hz: number): string {
  return `
id: versioned
name: Versioned
languages: [en]
defaultLanguage: en
start: first
onFailure: bye
nodes:
  first: { kind: say, prompt: { tone: "%(1500,0,${hz})" }, next: second }
  second: { kind: say, prompt: { tone: "%(800,0,${hz + 50})" }, next: bye }
  bye: { kind: hangup }
`
}

async function startWithFlows(database: TestDatabase): Promise<TestParley> {
  const server = await TestParley.start({ database })
  await server.publish(TONE_MENU)
  await server.publish(LONG_TONE)
  await server.publish(versioned(700))
  // A request that is never answered keeps the caller ringing.
  const deaf = createServer()
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  t.teardown(() => deaf.close())
  await server.publish(`
id: slow-start
name: Slow start
languages: [en]
defaultLanguage: en
start: ask
onFailure: bye
nodes:
  ask: { kind: request, method: GET, url: "http://127.0.0.1:${(deaf.address() as AddressInfo).port}/never", timeoutMs: 20000, next: bye, failed: bye }
  bye: { kind: hangup }
`)
  await server.publish(`
id: two-parts
name: Two parts
languages: [en]
defaultLanguage: en
start: menu
onFailure: bye
nodes:
  menu:
    kind: menu
    prompt: [{ tone: "%(3000,0,440)" }, { tone: "%(3000,0,880)" }]
    choices: { "1": done }
    noInput: bye
    noMatch: bye
  done: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.addNumber('+12025550108', 'two-parts')
  await server.addNumber(NUMBER, 'tone-menu')
  await server.addNumber(LONG_NUMBER, 'long-tone')
  const without = await server.api('POST', '/numbers', { number: '+12025550102', language: 'en' })
  if (without.status !== 201) throw new Error(JSON.stringify(without.body))
  const off = await server.api('POST', '/numbers', {
    number: '+12025550103',
    language: 'en',
    flowId: 'tone-menu',
    isEnabled: false
  })
  if (off.status !== 201) throw new Error(JSON.stringify(off.body))
  await server.addNumber('+12025550104', 'slow-start')
  await server.addNumber('+12025550105', 'versioned')
  return server
}

function outcomes(story: TestCall): string[] {
  return story.events
    .filter(event => event.kind === 'nodeLeft')
    .map(event => `${event.data['node']} ${event.data['outcome']}`)
}

/** The code that a caller keys in; instants, ports and random ids hold any four digits now and then. */
const CODE = /(?<!\d)3?4711(?!\d)/

function withoutIds(text: string): string {
  return text.replace(/[0-9a-f-]{12,}/g, '')
}
