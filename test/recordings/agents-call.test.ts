import t from 'tap'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import { signInPeople } from '../support/people.ts'
import { LAWFUL_NOW, TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { againAndAgain, createToneRecognizer, toneSpeech } from '../support/tone-recognizer.ts'
import { audioBytes, hear, recordingsOf, talkOn, toneTime } from './support.ts'

/** A number of the demo data. */
const SHOWN = '+12025550100'
/** Another one, of people who are spoken to in Spanish. */
const SHOWN_IN_SPANISH = '+34500000100'
/** A tone that says no in Spanish. */
const NO = 1700
/** Set up for a country whose law wants calls about money recorded. */
const SHOWN_IN_INDONESIA = '+12025550104'
const CALLBACKS = '+12025550112'

const CALLBACK_FLOW = `
id: call-me-back
name: Call me back
languages: [en]
defaultLanguage: en
start: book
onFailure: bye
nodes:
  book: { kind: callback, queue: support, next: thanks, failed: bye }
  thanks: { kind: say, prompt: { tone: '%(600,0,900)' }, next: bye }
  bye: { kind: hangup }
`

// The consents are stored as those of consent.test.ts are, which asks both databases.
t.test(
  'customers whom agents call are told or asked before they are recorded',
  {
    timeout: 200_000
  },
  async t => {
    let clock = () => LAWFUL_NOW
    await using server = await TestParley.start({
      hasDemoData: true,
      now: () => clock(),
      recognizers: [createToneRecognizer({ texts: { [NO]: 'no' }, languages: ['es'] })],
      env: { PARLEY_RECORD_AGENT_CALLS: 'on' }
    })
    await server.publish(CALLBACK_FLOW)
    await server.addNumber(CALLBACKS, 'call-me-back')
    await server.api('POST', '/numbers', {
      number: SHOWN_IN_INDONESIA,
      language: 'en',
      flowId: 'call-me-back',
      region: 'ID'
    })
    const people = await signInPeople(server, ['ana'])
    await using carrier = await server.phone({ user: 'carrier' })
    const trunk = await server.api('POST', '/trunks', {
      name: 'carrier',
      authentication: 'ip',
      outboundAddress: `127.0.0.1:${carrier.phone.port}`,
      allowedPrefixes: ['+1', '+44', '+49', '+33'],
      defaultCallerNumber: SHOWN
    })
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })

    /** Ana calls; the customer answers and says 440 Hz. */
    const dial = async (number: string) => {
      const { callId } = await ana.request('dial', { destination: { kind: 'number', number } })
      const incoming = await carrier.phone.nextInvite()
      const audio = await startRtpPeer()
      audio.connect(incoming.sdp).sendTone(440)
      await incoming.answer(audio.sdp())
      return { callId: callId as string, incoming, audio, [Symbol.asyncDispose]: () => audio[Symbol.asyncDispose]() }
    }
    const isIdle = async () => {
      const { wrapUp } = await ana.until(state => state.wrapUp !== null || state.state === 'idle')
      if (wrapUp !== null) await ana.request('wrapUp.finish', { callId: wrapUp.callId, disposition: null, note: '' })
      await ana.until(state => state.state === 'idle' && state.call === null)
    }
    const consentsOf = async (callId: string) =>
      (await listRecordingConsents(server.parley.db, callId)).map(one => [one.result, one.policy, one.method])

    await t.test('where one party is enough they talk at once, and both are on the recording', async t => {
      await using customer = await dial('+12025550150')
      await Promise.all([ana.hears(440, 'call'), customer.audio.hears(600)])
      await ana.until(state => state.call?.recording.state === 'recording')
      customer.audio.forget()
      const span = await talkOn(server, 1_200)
      const asHeard = toneTime(customer.audio.captured(), 600)
      await customer.incoming.bye()
      await isIdle()
      const [recording] = await recordingsOf(server, customer.callId)
      if (recording === undefined) throw new Error('the call was not recorded')
      const { left, right } = await hear(server, recording.id, { ...span, fromMs: span.fromMs + 300 })
      t.ok(toneTime(left, 440) > 0.4, `the customer is on the left: ${toneTime(left, 440)}`)
      const asRecorded = toneTime(right, 600)
      t.ok(
        asRecorded > 0.1 && asRecorded > asHeard - 0.2,
        `the agent is on the right for ${asRecorded} of the time, and the customer heard ${asHeard}`
      )
      t.equal(toneTime(left, 600), 0)
      t.same(await consentsOf(customer.callId), [['granted', 'one_party', 'notRequired']])
    })

    await t.test('where the law wants a yes, the customer is asked before the agent is there', async t => {
      const bytesBefore = await audioBytes(server)
      await using customer = await dial('+493023125150')
      await customer.audio.hearsSpeech()
      await ana.until(state => state.call?.recording.reason === 'asking')
      t.equal(ana.state.call?.mode, 'ringing', 'the agent waits until the customer has answered the question')
      t.equal(await audioBytes(server), bytesBefore, 'not a byte before the answer')
      customer.audio.sendDigits('1').sendTone(440)
      await Promise.all([ana.hears(440, 'call'), customer.audio.hears(600)])
      await ana.until(state => state.call?.recording.state === 'recording')
      const span = await talkOn(server, 1_000)
      await customer.incoming.bye()
      await isIdle()
      const [recording] = await recordingsOf(server, customer.callId)
      t.equal(recording?.gaps[0]?.kind, 'beforeConsent')
      const { left } = await hear(server, recording?.id ?? '', { ...span, fromMs: span.fromMs + 300 })
      t.ok(toneTime(left, 440) > 0.4, `the customer is on the recording: ${toneTime(left, 440)}`)
      t.same(await consentsOf(customer.callId), [['granted', 'opt_in', 'key']])
    })

    await t.test('who refuses, with a word of theirs, talks to the agent all the same, unrecorded', async t => {
      const path = `/trunks/${trunk.body['id'] as string}`
      await server.api('PATCH', path, { defaultCallerNumber: SHOWN_IN_SPANISH })
      const bytesBefore = await audioBytes(server)
      await using customer = await dial('+493023125150')
      await customer.audio.hearsSpeech()
      customer.audio.sendFrames(againAndAgain(toneSpeech([NO, NO])))
      await ana.until(state => state.call?.recording.reason === 'refused')
      customer.audio.sendTone(440)
      await Promise.all([ana.hears(440, 'call', 20_000), customer.audio.hears(600)])
      t.match(ana.state.call?.recording, { state: 'notRecorded', reason: 'refused' })
      await customer.incoming.bye()
      await isIdle()
      t.same(await recordingsOf(server, customer.callId), [])
      t.equal(await audioBytes(server), bytesBefore)
      t.same(await consentsOf(customer.callId), [['refused', 'opt_in', 'speech']])
      await server.api('PATCH', path, { defaultCallerNumber: SHOWN })
    })

    await t.test('who hangs up at the question leaves a free agent and no recording', async t => {
      await using customer = await dial('+493023125150')
      await customer.audio.hearsSpeech()
      await customer.incoming.bye()
      await isIdle()
      t.same(await recordingsOf(server, customer.callId), [])
      t.same(await consentsOf(customer.callId), [])
      t.match(await server.story(), { id: customer.callId, endReason: 'calleeHungUp' })
    })

    await t.test('where the law wants the call recorded, a refusal ends it before the agent is there', async t => {
      const path = `/trunks/${trunk.body['id'] as string}`
      await server.api('PATCH', path, { defaultCallerNumber: SHOWN_IN_INDONESIA })
      await using customer = await dial('+33199001234')
      await customer.audio.hearsSpeech()
      customer.audio.sendDigits('2').sendTone(440)
      await customer.incoming.waitForBye()
      await isIdle()
      t.match(
        ana.pushes.filter(push => push.kind === 'notice'),
        [{ code: 'RECORDING_REFUSED' }]
      )
      const story = await server.story()
      t.match(story, { id: customer.callId, endReason: 'recordingRefused' })
      t.match(story.events.find(one => one.kind === 'endExplained')?.data, { words: 'compulsory', isHeard: true })
      t.same(await consentsOf(customer.callId), [['refused', 'notice_object', 'key']])
      await server.api('PATCH', path, { defaultCallerNumber: SHOWN })
    })

    await t.test('who is called back where all must know hears so first', async t => {
      clock = () => new Date()
      await using caller = await server.phone({ user: '+12135550123' })
      const call = caller.phone.call(server.uri(CALLBACKS), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp)
      await caller.audio.hears(900)
      const { offer } = await ana.until(state => state.offer !== null)
      await ana.request('answer', { offerId: offer?.id ?? '' })
      const incoming = await carrier.phone.nextInvite()
      await using audio = await startRtpPeer()
      audio.connect(incoming.sdp).sendTone(440)
      await incoming.answer(audio.sdp())
      await audio.hearsSpeech()
      await Promise.all([ana.hears(440, 'call', 30_000), audio.hears(600)])
      const callId = ana.state.call?.callId ?? ''
      await ana.until(state => state.call?.recording.state === 'recording')
      const span = await talkOn(server, 1_000)
      await incoming.bye()
      await isIdle()
      const [recording] = await recordingsOf(server, callId)
      const { left } = await hear(server, recording?.id ?? '', { ...span, fromMs: span.fromMs + 300 })
      t.ok(toneTime(left, 440) > 0.4, `the customer is on the recording: ${toneTime(left, 440)}`)
      t.same(await consentsOf(callId), [['granted', 'all_party', 'notice']])
    })
  }
)
