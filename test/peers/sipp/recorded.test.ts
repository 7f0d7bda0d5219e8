import t from 'tap'
import { meanSquare } from '../../../media/audio/goertzel.ts'
import { audioBytes, hear, recordingsOf, talk, toneTime, undeclaredMs, watchFiles } from '../../recordings/support.ts'
import { oneDatabase, TestParley } from '../../support/parley.ts'
import { signInPeople } from '../../support/people.ts'
import { runSipp, streamingCallerScenario } from '../../support/sipp.ts'
import { TestSoftphone } from '../../support/softphone.ts'

const NUMBER = '+12025550111'
const COLLEAGUE = '+12025550150'
const CUSTOMER_HZ = 1000
const AGENT_HZ = 600
const COLLEAGUE_HZ = 1300

const FLOW = `
id: to-an-agent
name: To an agent
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: wait }
  wait: { kind: queue, queue: support, next: bye, overflow: bye, failed: bye }
  bye: { kind: hangup }
`

/** Asks where the law wants a yes; who says nothing is served all the same. */
const ASKED = '+12025550112'
const ASKS = `
id: asks-first
name: Asks first
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent:
    kind: consent
    question: { tone: "%(600,0,440)" }
    refusal: { tone: "%(400,0,770)" }
    timeoutMs: 700
    attempts: 1
    next: tone
  tone: { kind: say, prompt: { tone: "%(1500,0,880)" }, next: bye }
  bye: { kind: hangup }
`

/** A tone at 8 kHz that can be played over and over. */
function tone(hz: number, ms: number): Int16Array {
  return Int16Array.from({ length: ms * 8 }, (_, index) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * hz * index) / 8_000))
  )
}

for (const database of oneDatabase())
  t.test(`a call that SIPp makes is recorded, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    await server.publish(FLOW)
    await server.addNumber(NUMBER, 'to-an-agent')
    await server.publish(ASKS)
    await server.api('POST', '/numbers', { number: ASKED, language: 'en', flowId: 'asks-first', region: 'DE' })
    await t.test('who does not agree leaves no byte', async t => {
      const before = await audioBytes(server)
      using watched = watchFiles(server.dataDir)
      const { code, callIds } = await runSipp({
        scenario: streamingCallerScenario('customer.ul'),
        audio: { 'customer.ul': tone(CUSTOMER_HZ, 1_000) },
        target: `${server.sip.host}:${server.sip.port}`,
        service: ASKED,
        calls: 1,
        rate: 1,
        limitMs: 60_000
      })
      t.equal(code, 0, 'the call goes on to its end')
      const story = await server.story(callIds[0])
      t.match(
        story.events.filter(event => event.kind === 'recordingConsent').map(event => event.data),
        [{ party: 'customer', result: 'refused', policy: 'opt_in', method: 'silence' }]
      )
      t.ok((story['talkMs'] as number) > 2_500, 'it was answered, asked and served')
      t.same(await recordingsOf(server, story.id), [])
      t.equal(await audioBytes(server), before)
      t.same(
        // Our own words are made ahead, whoever calls.
        [...watched.changed].filter(path => !/^(database|prompts)(\/|$)/.test(path)),
        [],
        'no file was made or changed'
      )
    })
    const people = await signInPeople(server, ['ana'])
    await using colleague = await server.phone({ user: 'carrier' })
    await server.api('POST', '/trunks', {
      name: 'carrier',
      authentication: 'ip',
      outboundAddress: `127.0.0.1:${colleague.phone.port}`,
      allowedPrefixes: [COLLEAGUE],
      defaultCallerNumber: NUMBER
    })
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: AGENT_HZ })
    const calling = runSipp({
      scenario: streamingCallerScenario('customer.ul'),
      audio: { 'customer.ul': tone(CUSTOMER_HZ, 1_000) },
      target: `${server.sip.host}:${server.sip.port}`,
      service: NUMBER,
      calls: 1,
      rate: 1,
      limitMs: 120_000
    })
    const { offer } = await ana.until(state => state.offer !== null)
    await ana.request('answer', { offerId: offer?.id ?? '' })
    const shown = await ana.until(state => state.call?.recording.state === 'recording')
    const callId = shown.call?.callId ?? ''
    await ana.hears(CUSTOMER_HZ)
    const talking = await talk(server, 1_500)

    await ana.request('hold', { callId, isOnHold: true })
    await ana.until(state => state.call?.mode === 'onHold')
    const holding = await talk(server, 2_000)
    await ana.request('hold', { callId, isOnHold: false })
    await ana.hears(CUSTOMER_HZ)

    await ana.request('consult.start', { callId, destination: { kind: 'number', number: COLLEAGUE } })
    const incoming = await colleague.phone.nextInvite()
    colleague.audio.connect(incoming.sdp).sendTone(COLLEAGUE_HZ)
    await incoming.answer(colleague.audio.sdp())
    await ana.until(
      state => state.call?.parties.some(one => one.kind === 'external' && one.state === 'talking') ?? false
    )
    await ana.request('consult.join', { callId })
    await colleague.audio.hearsAll([CUSTOMER_HZ, AGENT_HZ])
    await ana.request('conference.leave', { callId })
    await colleague.audio.hearsNot(AGENT_HZ)
    const transferred = await talk(server, 1_500)
    await incoming.bye()

    const { code, callIds } = await calling
    t.equal(code, 0, 'SIPp saw the call through to the BYE')
    const story = await server.story(callIds[0])
    const [recording, ...others] = await recordingsOf(server, story.id)
    if (recording === undefined) throw new Error('the call was not recorded')
    t.same(others, [], 'one recording for the whole call')
    const connectedMs = story['talkMs'] as number
    t.ok(Math.abs(recording.durationMs - connectedMs) < 1_000, `${recording.durationMs} ms of ${connectedMs} ms`)
    t.ok(
      recording.gaps.every(gap => ['beforeConsent', 'lost', 'party'].includes(gap.kind)),
      'what is missing is declared'
    )
    const whole = await hear(server, recording.id)
    const undeclared = undeclaredMs(whole.left, CUSTOMER_HZ, recording.gaps)
    t.ok(undeclared < 1_000, `missing and not declared: ${undeclared} ms`)
    const talked = await hear(server, recording.id, { ...talking, fromMs: talking.fromMs + 300 })
    t.ok(toneTime(talked.left, CUSTOMER_HZ) > 0.6, `the customer is on the left: ${toneTime(talked.left, CUSTOMER_HZ)}`)
    t.ok(toneTime(talked.right, AGENT_HZ) > 0.1, `the agent is on the right: ${toneTime(talked.right, AGENT_HZ)}`)
    t.equal(toneTime(talked.right, CUSTOMER_HZ) + toneTime(talked.left, AGENT_HZ), 0, 'and the two are apart')
    const held = await hear(server, recording.id, { ...holding, fromMs: holding.toMs - 900 })
    t.ok(meanSquare(held.right) > 100, `the music of the hold is on the right: ${meanSquare(held.right)}`)
    t.equal(toneTime(held.right, AGENT_HZ), 0, 'and not the agent')
    t.ok(toneTime(held.left, CUSTOMER_HZ) > 0.6, 'and the customer goes on, on the left')
    const after = await hear(server, recording.id, { ...transferred, fromMs: transferred.fromMs + 300 })
    t.ok(
      toneTime(after.right, COLLEAGUE_HZ) > 0.6,
      `whoever the call was transferred to is on the right: ${toneTime(after.right, COLLEAGUE_HZ)}`
    )
    t.ok(toneTime(after.left, CUSTOMER_HZ) > 0.6, 'and the customer still on the left')
  })
