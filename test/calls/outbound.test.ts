import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { parseWav } from '../../media/audio/wav.ts'
import { LONG_TONE, TONE_MENU } from '../support/flows.ts'
import { headerIn } from '../support/sip-phone.ts'
import { LAWFUL_NOW, type TestDatabase, oneDatabase, TestParley } from '../support/parley.ts'

const PASSWORD = 'desk phone secret'

for (const database of oneDatabase())
  t.test(`calls go out, with ${database}`, { timeout: 280_000 }, async t => {
    // The rules' clock stands still until a test wants it to be now.
    const law = { now: LAWFUL_NOW }
    await using server = await startWithFlows(database, law)

    await t.test('a desk phone registers with its password, and only with it', async t => {
      await using desk = await server.phone({ user: '1001' })
      const registrar = server.uri('').replace('@', '')
      t.equal((await desk.phone.register(registrar, { user: '1001', password: 'wrong' })).status, 403)
      t.equal((await desk.phone.register(registrar, { user: '1001' })).status, 401)
      t.equal(
        (await desk.phone.register(registrar, { user: '1001', password: PASSWORD, expires: 10 })).status,
        423,
        'too brief'
      )
      const done = await desk.phone.register(registrar, { user: '1001', password: PASSWORD })
      t.equal(done.status, 200)
      t.match(headerIn(done, 'contact'), /expires=\d+/)
      t.equal((await desk.phone.register(registrar, { user: '1001', password: PASSWORD, expires: 0 })).status, 200)
      const gone = await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu' })
      t.equal(gone.status, 202)
      t.match(
        await endOf(server, gone.body['id'] as string),
        { endReason: 'noAnswer' },
        'nobody is registered any more'
      )
    })

    await t.test('a call to a desk phone runs the flow there', async t => {
      await using desk = await registered(server, '1001')
      const placed = await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu' })
      t.equal(placed.status, 202)
      const incoming = await desk.phone.nextInvite()
      incoming.ring()
      desk.audio.connect(incoming.sdp).sendSilence()
      await incoming.answer(desk.audio.sdp())
      await desk.audio.hears(440)
      desk.audio.sendDigits('2')
      await desk.audio.hears(1200)
      await incoming.waitForBye()
      t.match(await endOf(server, placed.body['id'] as string), {
        direction: 'outbound',
        endReason: 'flowHungUp',
        state: 'ended'
      })
    })

    await t.test('a callee who only speaks PCMA is heard and hears', async t => {
      await using desk = await registered(server, '1001')
      const placed = await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu' })
      const incoming = await desk.phone.nextInvite()
      const sdp = desk.audio.sdp({ codecs: ['PCMA'] })
      desk.audio.connect(incoming.sdp.replace(/RTP\/AVP .*/, 'RTP/AVP 8 101')).sendSilence()
      await incoming.answer(sdp)
      await desk.audio.hears(440)
      await incoming.bye()
      t.match(await endOf(server, placed.body['id'] as string), { endReason: 'calleeHungUp' })
    })

    await t.test('busy, refused and unanswered calls end with whose doing it was', async t => {
      await using desk = await registered(server, '1001')
      for (const [status, phrase, reason] of [
        [486, 'Busy Here', 'busy'],
        [603, 'Decline', 'rejected'],
        [404, 'Not Found', 'unreachable']
      ] as const) {
        const placed = await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu' })
        ;(await desk.phone.nextInvite()).reject(status, phrase)
        t.match(await endOf(server, placed.body['id'] as string), { endReason: reason, fault: 'destination' })
      }
      const placed = await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu', ringMs: 1000 })
      const unanswered = await desk.phone.nextInvite()
      unanswered.ring()
      await unanswered.waitForCancel()
      t.match(await endOf(server, placed.body['id'] as string), { endReason: 'noAnswer' })
    })

    await t.test('a call over a trunk shows our number and signs when asked', async t => {
      await using carrier = await server.phone({ user: 'carrier' })
      const trunk = await server.api('POST', '/trunks', {
        name: 'carrier',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${carrier.phone.port}`,
        allowedPrefixes: ['+1202555'],
        username: 'parley',
        password: 'trunk secret'
      })
      t.equal(trunk.status, 201)
      t.match(await server.api('POST', '/calls', { to: '+4930231251999', from: '+12025550100' }), {
        status: 403,
        body: { code: 'DESTINATION_NOT_ALLOWED' }
      })
      t.match(await server.api('POST', '/calls', { to: '+12025550150', from: '+12025550166' }), {
        status: 422,
        body: { code: 'NUMBER_INVALID' }
      })
      const refused = await server.api('POST', '/calls', { to: '+12025550150', from: '+12025550100' })
      t.match(
        refused,
        { status: 403, body: { code: 'NOT_LAWFUL', problems: [{ message: 'CONSENT_MISSING' }] } },
        'a machine may not call who never agreed to it'
      )
      const consent = {
        number: '+12025550150',
        seller: 'Example Trading',
        grade: 'written_signed',
        // Before the instant at which this test's rules for outbound calls stand still.
        at: '2026-11-20T12:00:00Z',
        evidence: { method: 'web', textVersion: '1', references: ['form 1'] }
      }
      t.equal((await server.api('POST', '/consents', consent)).status, 201)
      const placed = await server.api('POST', '/calls', { to: '+12025550150', from: '+12025550100' })
      t.equal(placed.status, 202)
      const first = await carrier.phone.nextInvite()
      t.match(first.invite.uri, /sip:\+12025550150@/)
      t.match(headerIn(first.invite, 'from'), /\+12025550100/)
      first.reject(407, 'Proxy Authentication Required', {
        'Proxy-Authenticate': 'Digest realm="carrier", nonce="abc123", algorithm=MD5, qop="auth"'
      })
      const second = await carrier.phone.nextInvite()
      t.match(headerIn(second.invite, 'proxy-authorization'), /username="parley"/)
      carrier.audio.connect(second.sdp).sendSilence()
      await second.answer(carrier.audio.sdp())
      await carrier.audio.hears(440)
      await second.bye()
      t.match(await endOf(server, placed.body['id'] as string), {
        endReason: 'calleeHungUp',
        trunkId: trunk.body['id']
      })
      const { rows } = await sql<{ outcome: string; decided: Date; placed: Date }>`
        select a.outcome, d.at as decided, a.placed_at as placed from compliance_attempts a
        join compliance_decisions d on d.id = a.decision_id where a.call_id = ${placed.body['id']}`.execute(
        server.parley.db
      )
      t.match(rows, [{ outcome: 'answered' }], 'the call joins exactly one decision')
      t.equal((await server.api('DELETE', `/trunks/${trunk.body['id']}`)).status, 204)
    })

    await t.test(
      'a caller is transferred: both hear each other, and the story goes on when the other hangs up',
      async t => {
        await using desk = await registered(server, '1001')
        await using caller = await server.phone()
        const call = caller.phone.call(server.uri('+12025550111'), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered()).sdp).sendTone(600)
        const incoming = await desk.phone.nextInvite()
        incoming.ring()
        desk.audio.connect(incoming.sdp).sendTone(1000)
        await incoming.answer(desk.audio.sdp())
        await desk.audio.hears(600)
        await caller.audio.hears(1000)
        await incoming.bye()
        await call.waitForBye()
        const story = await server.story(call.callId)
        t.match(story, { endReason: 'transferEnded' })
        const kinds = story.events.map(event => event.kind)
        t.ok(kinds.includes('legAnswered') && kinds.includes('bridged') && kinds.includes('legEnded'))
      }
    )

    await t.test('when the transferred caller hangs up, the other side is released too', async t => {
      await using desk = await registered(server, '1001')
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550111'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(600)
      const incoming = await desk.phone.nextInvite()
      desk.audio.connect(incoming.sdp).sendTone(1000)
      await incoming.answer(desk.audio.sdp())
      await desk.audio.hears(600)
      await call.bye()
      await incoming.waitForBye()
      t.match(await server.story(call.callId), { endReason: 'callerHungUp' })
    })

    await t.test('a busy transfer takes the flow’s own way on', async t => {
      await using desk = await registered(server, '1001')
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550111'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      ;(await desk.phone.nextInvite()).reject(486, 'Busy Here')
      await caller.audio.hears(350)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.ok(story.events.some(event => event.kind === 'nodeLeft' && event.data['outcome'] === 'busy'))
    })

    await t.test('a number outside that a caller is transferred to is called on a decision of its own', async t => {
      await using carrier = await server.phone({ user: 'carrier' })
      const trunk = await server.api('POST', '/trunks', {
        name: 'branches',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${carrier.phone.port}`,
        allowedPrefixes: ['+1202555']
      })
      t.equal(trunk.status, 201)
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550113'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(600)
      const incoming = await carrier.phone.nextInvite()
      t.match(incoming.invite.uri, /sip:\+12025550160@/)
      carrier.audio.connect(incoming.sdp).sendTone(1000)
      await incoming.answer(carrier.audio.sdp())
      await Promise.all([carrier.audio.hears(600), caller.audio.hears(1000)])
      await incoming.bye()
      await call.waitForBye()
      const story = await server.story(call.callId)
      const leg = story.events.find(one => one.kind === 'legStarted')
      const decision = await server.api('GET', `/compliance/decisions/${leg?.data['decisionId']}`)
      t.match(decision, { status: 200, body: { decision: { outcome: 'ALLOW' } } })
      const { rows } = await sql<{ outcome: string }>`
        select outcome from compliance_attempts where call_id = ${story.id} and is_party`.execute(server.parley.db)
      t.match(rows, [{ outcome: 'conversation' }], 'joined to this call, once')
      const chain = (await server.api('GET', '/compliance/chain')).body
      t.match(chain, { broken: null, callsWithoutDecision: [] })

      const stop = { number: '+12025550160', channel: 'call' }
      t.equal((await server.api('POST', '/dnc-lists/internal/stop', stop)).status, 204)
      law.now = new Date()
      await using second = await server.phone()
      const refused = second.phone.call(server.uri('+12025550113'), { sdp: second.audio.sdp() })
      second.audio.connect((await refused.answered()).sdp).sendSilence()
      await second.audio.hears(350)
      await refused.waitForBye()
      const told = await server.story(refused.callId)
      t.notOk(
        told.events.some(one => one.kind === 'legStarted'),
        'who said stop is not rung, not even by a transfer'
      )
      t.match(told.events.find(one => one.kind === 'partyRefused')?.data, { reasons: ['DNC_INTERNAL'] })
      t.equal((await server.api('DELETE', `/trunks/${trunk.body['id']}`)).status, 204)
    })

    await t.test('a voicemail is kept encrypted, from the beep on, and nothing plain touches the disk', async t => {
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri('+12025550112'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(500)
      await caller.audio.hears(1000)
      caller.audio.sendTone(700)
      await new Promise(resolve => setTimeout(resolve, 2000))
      caller.audio.sendDigits('#')
      await caller.audio.hears(1200)
      await call.waitForBye()
      t.match((await server.story(call.callId)).events.find(event => event.kind === 'voicemailLeft')?.data, {
        durationMs: Number
      })
      const [row] = (await server.api('GET', '/voicemails')).body.items as { id: string }[]
      const heard = await fetch(`${server.url}/api/v1/voicemails/${row?.id}/audio`, {
        headers: { authorization: `Bearer ${await server.adminToken()}` }
      })
      const wav = parseWav(Buffer.from(await heard.arrayBuffer()))
      t.equal(wav.sampleRateHz, 8000, 'it can be heard through the API')
      const middle = wav.samples.subarray(wav.samples.length >> 1, (wav.samples.length >> 1) + 1600)
      t.ok(toneShare(middle, 700) > 0.6, 'the message is what the caller said')
      t.ok(wav.samples.length / 8 > 1500 && wav.samples.length / 8 < 4500, 'and as long as it was')
      const log = (await server.api('GET', '/audit-log?action=voicemail.heard')).body.items
      t.equal(log?.length, 1, 'and the hearing is in the audit log')
      await server.parley.recordings.settled()
      const sealed = (await readdir(join(server.dataDir, 'recordings'), { recursive: true })).filter(one =>
        one.endsWith(`${row?.id}.sealed`)
      )
      t.equal(sealed.length, 1)
      const disk = await readFile(join(server.dataDir, 'recordings', sealed[0] ?? ''))
      t.notOk(disk.includes(Buffer.from(middle.buffer, middle.byteOffset, 320)), 'what is on disk is not the audio')
      const files = await readdir(server.dataDir, { recursive: true })
      t.notOk(files.some(file => /voicemail.*\.(wav|raw|pcm|r8)$/.test(file)))
    })

    await t.test('a caller who says nothing leaves no voicemail', async t => {
      await using caller = await server.phone()
      const before = (await server.api('GET', '/voicemails')).body.items?.length
      const call = caller.phone.call(server.uri('+12025550112'), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(350, { limitMs: 8000 })
      await call.waitForBye()
      await server.story(call.callId)
      t.equal((await server.api('GET', '/voicemails')).body.items?.length, before)
    })

    await t.test('when all is over nothing is left in the engines', async t => {
      if (server.engines.freeswitch !== null)
        t.match(await server.engines.freeswitch.stats(), { channels: 0, bridges: 0, forks: 0, rtpPortsInUse: 0 })
      if (server.engines.drachtio !== null) t.match(await server.engines.drachtio.stats(), { dialogs: 0 })
      t.same(
        [...server.parley.liveCalls.values()].map(call => call.ended?.reason ?? 'running'),
        []
      )
    })
  })

async function startWithFlows(database: TestDatabase, law: Readonly<{ now: Date }>): Promise<TestParley> {
  const server = await TestParley.start({ database, now: () => law.now })
  await server.publish(TONE_MENU)
  await server.publish(LONG_TONE)
  await server.publish(`
id: to-desk
name: To desk
languages: [en]
defaultLanguage: en
start: to
onFailure: sorry
nodes:
  to: { kind: transfer, to: { extension: "1001" }, busy: sorry, noAnswer: sorry, failed: sorry }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,350)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.publish(`
id: to-branch
name: To a branch
languages: [en]
defaultLanguage: en
start: to
onFailure: sorry
nodes:
  to: { kind: transfer, to: { number: "+12025550160" }, busy: sorry, noAnswer: sorry, failed: sorry }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,350)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.publish(`
id: mailbox
name: Mailbox
languages: [en]
defaultLanguage: en
start: mail
onFailure: sorry
nodes:
  mail: { kind: voicemail, mailbox: sales, maxMs: 20000, silenceMs: 2000, finishKeys: "#", next: thanks, empty: sorry, failed: sorry }
  thanks: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,350)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.addNumber('+12025550100', 'tone-menu')
  await server.addNumber('+12025550111', 'to-desk')
  await server.addNumber('+12025550112', 'mailbox')
  await server.addNumber('+12025550113', 'to-branch')
  const account = await server.api('PUT', '/sip-accounts/1001', { password: PASSWORD, extension: '1001' })
  if (account.status !== 200) throw new Error(JSON.stringify(account.body))
  return server
}

async function registered(server: TestParley, user: string) {
  const desk = await server.phone({ user })
  const answer = await desk.phone.register(server.uri('').replace('@', ''), { user, password: PASSWORD })
  if (answer.status !== 200) throw new Error(`registration: ${answer.status}`)
  return desk
}

async function endOf(server: TestParley, callId: string): Promise<Record<string, unknown>> {
  const limit = AbortSignal.timeout(10_000)
  for (;;) {
    await server.parley.storiesWritten()
    const { body } = await server.api('GET', `/calls/${callId}`)
    if (body['state'] === 'ended') return body
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
