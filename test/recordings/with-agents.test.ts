import t from 'tap'
import { meanSquare } from '../../media/audio/goertzel.ts'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import { signInPeople } from '../support/people.ts'
import { TestParley } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { CALLERS, hear, recordingsOf, talk, toneTime, undeclaredMs } from './support.ts'

const NUMBER = '+12025550111'
const OUTSIDE = '+493023125150'

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

// What is stored of it is read from both databases in api.test.ts.
t.test('one recording holds a whole call with agents', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true })
  await server.publish(FLOW)
  await server.addNumber(NUMBER, 'to-an-agent')
  const people = await signInPeople(server, ['ana', 'sara'])
  await using carrier = await server.phone({ user: 'carrier' })
  await server.api('POST', '/trunks', {
    name: 'carrier',
    authentication: 'ip',
    outboundAddress: `127.0.0.1:${carrier.phone.port}`,
    allowedPrefixes: ['+49'],
    defaultCallerNumber: '+12025550100'
  })
  await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  const { offer } = await ana.until(state => state.offer !== null)
  await ana.request('answer', { offerId: offer?.id ?? '' })
  const shown = await ana.until(state => state.call?.recording.state === 'recording')
  const callId = shown.call?.callId ?? ''
  await caller.audio.hears(600)
  caller.audio.forget()
  const talking = await talk(server, 1_500)
  const agentAsHeard = toneTime(caller.audio.captured(), 600)

  await ana.request('hold', { callId, isOnHold: true })
  await caller.audio.hearsNot(600)
  const holding = await talk(server, 2_000)
  if (server.engines.freeswitch !== null)
    t.equal(
      (await server.engines.freeswitch.stats()).forks,
      1,
      'one fork of the customer’s leg, and none of the agent’s'
    )
  await ana.request('hold', { callId, isOnHold: false })
  await caller.audio.hears(600)

  await ana.request('recording', { callId, action: 'pause' })
  await ana.until(state => state.call?.recording.state === 'paused' && state.call.recording.reason === 'pause')
  await talk(server, 700)
  await ana.request('recording', { callId, action: 'resume' })
  await ana.until(state => state.call?.recording.state === 'recording')

  await using sara = await TestSoftphone.open(server, people.sara.token, { hz: 700 })
  await sara.connectAudio()
  await sara.request('supervise', { callId, mode: 'listen', reason: 'training' })
  await sara.hears(1000, 'supervised')
  await ana.request('recording', { callId, action: 'cardStart' })
  await ana.until(state => state.call?.recording.card !== null)
  await sara.hearsNo(1000, 'supervised')
  t.pass('whoever listens in does not hear a card')
  caller.audio.sendDigits('4000').sendTone(1000)
  await ana.until(state => state.call?.recording.card?.keys === 4)
  await ana.request('recording', { callId, action: 'cardEnd' })
  await ana.until(state => state.call?.recording.state === 'recording')
  await sara.hears(1000, 'supervised')
  await sara.request('supervise.stop', {})

  await ana.request('consult.start', { callId, destination: { kind: 'number', number: OUTSIDE } })
  const incoming = await carrier.phone.nextInvite()
  carrier.audio.connect(incoming.sdp).sendTone(1300)
  await incoming.answer(carrier.audio.sdp())
  await carrier.audio.hearsSpeech()
  t.pass('somebody in Germany who is about to join is asked first')
  carrier.audio.sendDigits('2').sendTone(1300)
  await ana.until(state => state.call?.parties.some(one => one.kind === 'external' && one.state === 'talking') ?? false)
  t.equal(ana.state.call?.recording.state, 'recording', 'the customer does not hear them yet')
  await ana.request('consult.join', { callId })
  await ana.until(state => state.call?.recording.state === 'paused' && state.call.recording.reason === 'party')
  await caller.audio.hearsAll([600, 1300])
  await talk(server, 800)
  await incoming.bye()
  await ana.until(state => state.call?.recording.state === 'recording')
  await talk(server, 800)
  await call.bye()

  const story = await server.story(call.callId)
  const [recording] = await recordingsOf(server, story.id)
  if (recording === undefined) throw new Error('the call was not recorded')
  const connectedMs = story['talkMs'] as number
  t.ok(Math.abs(recording.durationMs - connectedMs) < 1_000, `${recording.durationMs} ms of ${connectedMs} ms`)
  t.same(
    // A busy machine may lose frames; what it loses is declared.
    recording.gaps.map(gap => gap.kind).filter(kind => kind !== 'lost'),
    ['beforeConsent', 'pause', 'card', 'party']
  )
  const talked = await hear(server, recording.id, { ...talking, fromMs: talking.fromMs + 300 })
  t.ok(toneTime(talked.left, 1000) > 0.6, `the customer is on the left: ${toneTime(talked.left, 1000)}`)
  // How much of a browser's voice gets through is the machine's affair; that as much is here as the caller heard is ours.
  const agentAsRecorded = toneTime(talked.right, 600)
  t.ok(
    agentAsRecorded > 0.1 && agentAsRecorded > agentAsHeard - 0.2,
    `the agent is on the right for ${agentAsRecorded} of the time, and the caller heard ${agentAsHeard}`
  )
  t.equal(toneTime(talked.right, 1000) + toneTime(talked.left, 600), 0, 'and the two are apart')
  const held = await hear(server, recording.id, { ...holding, fromMs: holding.toMs - 900 })
  t.ok(meanSquare(held.right) > 100, `the music of the hold is on the right: ${meanSquare(held.right)}`)
  t.ok(toneTime(held.right, 600) === 0, 'and not the agent')
  const whole = await hear(server, recording.id)
  t.ok(toneTime(whole.right, 1300) === 0, 'nothing of somebody who did not agree')
  const undeclared = undeclaredMs(whole.left, 1000, recording.gaps)
  t.ok(undeclared < 1_000, `the customer never stopped; missing and not declared: ${undeclared} ms`)
  t.same(
    (await listRecordingConsents(server.parley.db, story.id)).map(one => [
      one.party === 'customer',
      one.result,
      one.policy,
      one.method
    ]),
    [
      [true, 'granted', 'one_party', 'notRequired'],
      [false, 'refused', 'opt_in', 'key']
    ]
  )
})
