import t from 'tap'
import { meanSquare } from '../../media/audio/goertzel.ts'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import type { PackSet } from '../../server/compliance/packs/compile.ts'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import type { CallRecording } from '../../server/recordings/call-recording.ts'
import { askForConsent, type GateParts, type GateVoice } from '../../server/recordings/consent-gate.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import type { Db } from '../../sql/database.ts'
import { signInPeople } from '../support/people.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { TestParley } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { audioBytes, CALLERS, filesIn, hear, liveCall, recordingsOf, talkOn, toneTime } from './support.ts'

const IN_AMERICA = '+12025550110'
const IN_INDONESIA = '+12025550111'
const TO_AGENTS = '+12025550112'
const TO_CALIFORNIA = '+12025550113'
const TO_BERLIN = '+12025550114'
const IN_INDONESIA_WITHOUT_A_WAY = '+12025550115'
const INDONESIA_TO_BERLIN = '+12025550116'
/** Somebody in California: all who talk must know. */
const ANGELENO = '+12135550123'
/** A number kept for fiction by the regulator of a place where the house forbids recording. */
const AUSTRALIAN = '+61491570156'

const NEVER = `
pack: au-never
version: 2026.11.1
kind: house
title: "Australia: nothing is recorded"
jurisdictions: [ AU ]
owner: compliance
reviewBy: 2027-05-31
sample: "+61412345678"
rules:
  - id: au-never.recording
    title: No recording
    check: recording
    certainty: K
    versions:
      - from: 0001-01-01
        status: enacted
        policy: never
        source:
          - { cite: House rule, seen: 2026-11-23, grade: K }
    tests:
      - { at: 2026-12-01T17:00:00Z, expect: RECORDING_FORBIDDEN }
      - { at: 2026-12-01T17:00:00Z, given: { isRecorded: false }, expect: pass }
`

/** 660 Hz says that one may object, 550 Hz is the notice, 770 Hz the refusal; 880 Hz goes on, 990 Hz says that it may not. */
const flow = (id: string, next: string) => `
id: ${id}
name: Policies ${id}
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent:
    kind: consent
    notice: { tone: "%(500,0,550)" }
    objection: { tone: "%(500,0,660)" }
    refusal: { tone: "%(400,0,770)" }
    next: next
    mustRecord: sorry
  sorry: { kind: say, prompt: { tone: "%(600,0,990)" }, next: bye }
  next: ${next}
  bye: { kind: hangup }
`

/** The questions are of ours, and nothing says what follows where the law wants a recording. Its notice is missing. */
const WITHOUT_A_WAY = `
id: no-way
name: Without a way
languages: [de]
defaultLanguage: de
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, notice: { file: nowhere }, objection: { tone: "%(500,0,660)" }, next: next }
  next: { kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }
  bye: { kind: hangup }
`

// The consents are stored as those of consent.test.ts are, which asks both databases.
t.test('the stricter policies hold in live calls', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true, morePacks: { 'au-never.yaml': NEVER } })
  const transfer = (value: string) =>
    `{ kind: transfer, to: { number: '${value}' }, next: bye, busy: bye, noAnswer: bye, failed: bye }`
  await server.publish(flow('tone', '{ kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }'))
  await server.publish(flow('agents', '{ kind: queue, queue: support, next: bye, overflow: bye, failed: bye }'))
  await server.publish(flow('california', transfer('+12135550150')))
  await server.publish(flow('berlin', transfer('+493023125150')))
  await server.addNumber(IN_AMERICA, 'tone')
  await server.api('POST', '/numbers', { number: IN_INDONESIA, language: 'en', flowId: 'tone', region: 'ID' })
  await server.publish(WITHOUT_A_WAY)
  await server.api('POST', '/numbers', {
    number: IN_INDONESIA_WITHOUT_A_WAY,
    language: 'de',
    flowId: 'no-way',
    region: 'ID'
  })
  await server.api('POST', '/numbers', {
    number: INDONESIA_TO_BERLIN,
    language: 'en',
    flowId: 'berlin',
    region: 'ID'
  })
  await server.addNumber(TO_AGENTS, 'agents')
  await server.addNumber(TO_CALIFORNIA, 'california')
  await server.addNumber(TO_BERLIN, 'berlin')
  await using carrier = await server.phone({ user: 'carrier' })
  await server.api('POST', '/trunks', {
    name: 'carrier',
    authentication: 'ip',
    outboundAddress: `127.0.0.1:${carrier.phone.port}`,
    allowedPrefixes: ['+1', '+49'],
    defaultCallerNumber: '+12025550100'
  })
  const dial = async (user: string, number: string) => {
    const caller = await server.phone({ user })
    const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendTone(1000)
    return { audio: caller.audio, call, [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]() }
  }
  const consentsOf = async (callId: string) =>
    (await listRecordingConsents(server.parley.db, callId)).map(one => [
      one.party === 'customer',
      one.result,
      one.policy,
      one.method
    ])

  await t.test(
    'where a rule forbids recording, nobody is asked and not a byte is kept, and the story says why',
    async t => {
      const before = await filesIn(server.dataDir)
      await using caller = await dial(AUSTRALIAN, IN_AMERICA)
      await caller.audio.hears(880)
      await talkOn(server, 1_000)
      const recording = server.parley.recordings.of(liveCall(server))
      t.match(recording, { consent: 'never', grant: null, isKeeping: false, recordingId: null })
      t.match(recording.view, { state: 'notRecorded', reason: 'forbidden' })
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      t.same(
        story.events.filter(one => one.kind === 'recordingConsent').map(one => one.data),
        [{ party: 'customer', result: 'never', policy: 'forbidden', method: 'none' }]
      )
      t.notOk(story.events.some(one => one.kind === 'recordingStarted'))
      t.same(await consentsOf(story.id), [], 'no leave was given and none refused')
      t.same(await recordingsOf(server, story.id), [])
      const folders = /recordings\//
      const audio = (files: typeof before) => files.filter(({ path }) => folders.test(path)).map(({ path }) => path)
      t.same(audio(await filesIn(server.dataDir)), audio(before), 'no file of audio has come')
    }
  )

  await t.test('a call that must be recorded takes its own way when the caller objects', async t => {
    const bytesBefore = await audioBytes(server)
    await using caller = await dial(CALLERS.paris, IN_INDONESIA)
    await caller.audio.hears(660)
    caller.audio.sendDigits('2').sendTone(1000)
    await caller.audio.hears(770)
    await caller.audio.hears(990)
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    t.same(await consentsOf(story.id), [[true, 'refused', 'notice_object', 'key']])
    t.same(await recordingsOf(server, story.id), [])
    t.equal(await audioBytes(server), bytesBefore)
  })

  await t.test('where the flow has no such way, the caller hears why in their language, and the call ends', async t => {
    const bytesBefore = await audioBytes(server)
    await using caller = await dial(CALLERS.paris, IN_INDONESIA_WITHOUT_A_WAY)
    await caller.audio.hears(660)
    caller.audio.sendDigits('2').sendTone(1000)
    await caller.audio.hearsSpeech({ limitMs: 40_000 })
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'recordingRefused' })
    t.match(story.events.find(one => one.kind === 'endExplained')?.data, {
      words: 'compulsory',
      language: 'de',
      isHeard: true
    })
    t.notOk(
      story.events.some(one => one.data['node'] === 'next'),
      'the flow does not go on'
    )
    t.same(await consentsOf(story.id), [[true, 'refused', 'notice_object', 'key']])
    t.same(await recordingsOf(server, story.id), [])
    t.equal(await audioBytes(server), bytesBefore)
  })

  await t.test('neither does it go on when the caller cannot be told', async t => {
    await using caller = await dial(CALLERS.washington, IN_INDONESIA_WITHOUT_A_WAY)
    await caller.audio.hearsSpeech({ limitMs: 40_000 })
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'recordingFailed' })
    const kinds = ['promptFailed', 'recordingTrouble', 'endExplained']
    t.match(
      story.events.filter(one => kinds.includes(one.kind)).map(one => one.data),
      [
        { code: 'RECORDING_MISSING' },
        { code: 'RECORDING_MISSING', mustRecord: 'ends' },
        { words: 'failed', language: 'de', isHeard: true }
      ]
    )
    t.same(await consentsOf(story.id), [])
    t.same(await recordingsOf(server, story.id), [])
  })

  await t.test('who takes the consent back ends a call that must be recorded; what there was is kept', async t => {
    await using caller = await dial(CALLERS.washington, IN_INDONESIA)
    await caller.audio.hears(880)
    await talkOn(server, 800)
    caller.audio.sendDigits('*0')
    await caller.audio.hearsSpeech({ limitMs: 40_000 })
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'recordingRefused' })
    t.same(
      (await consentsOf(story.id)).map(([, result]) => result),
      ['granted', 'withdrawn']
    )
    const [recording] = await recordingsOf(server, story.id)
    t.ok((recording?.durationMs ?? 0) > 1_000, `the recording until then is there: ${recording?.durationMs} ms`)
  })

  await t.test('a call that must be recorded is recorded from the end of the notice', async t => {
    await using caller = await dial(CALLERS.washington, IN_INDONESIA)
    await caller.audio.hears(550)
    await caller.audio.hears(880)
    const span = await talkOn(server, 800)
    await caller.call.bye()
    const story = await server.story(caller.call.callId)
    const [recording] = await recordingsOf(server, story.id)
    const { left, right } = await hear(server, recording?.id ?? '', span)
    t.ok(toneTime(left, 1000) > 0.4, `the caller: ${toneTime(left, 1000)}`)
    t.ok(toneTime(right, 880) > 0.4, `what the caller hears: ${toneTime(right, 880)}`)
    t.same(await consentsOf(story.id), [[true, 'granted', 'notice', 'notice']])
  })

  await t.test('where only what is needed may be recorded, nothing is until the agent says so', async t => {
    const people = await signInPeople(server, ['ana'])
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
    await using caller = await dial(CALLERS.paris, TO_AGENTS)
    await caller.audio.hears(660)
    await ana.until(state => state.offer !== null)
    await ana.answers()
    await ana.hears(1000, 'call')
    const { call } = await ana.until(state => state.call?.recording.reason === 'onDemand')
    const before = await talkOn(server, 600)
    await ana.request('recording', { callId: call?.callId ?? '', action: 'resume' })
    await ana.until(state => state.call?.recording.state === 'recording')
    const after = await talkOn(server, 800)
    await caller.call.bye()
    const story = await server.story(caller.call.callId)
    const [recording] = await recordingsOf(server, story.id)
    t.same(
      recording?.gaps.map(gap => gap.kind).filter(kind => kind !== 'lost'),
      ['beforeConsent', 'onDemand']
    )
    const unasked = await hear(server, recording?.id ?? '', before)
    t.equal(meanSquare(unasked.left) + meanSquare(unasked.right), 0, 'nothing from before')
    const { left } = await hear(server, recording?.id ?? '', after)
    t.ok(toneTime(left, 1000) > 0.4, `the caller, from then on: ${toneTime(left, 1000)}`)
    await ana.until(state => state.wrapUp !== null)
  })

  await t.test('where all must know, who joins is told before they are connected, and all are recorded', async t => {
    await using caller = await dial(ANGELENO, TO_CALIFORNIA)
    await caller.audio.hears(550)
    await using other = await startRtpPeer()
    const incoming = await carrier.phone.nextInvite()
    other.connect(incoming.sdp).sendTone(1300)
    await incoming.answer(other.sdp())
    await other.hearsSpeech()
    await Promise.all([caller.audio.hears(1300), other.hears(1000)])
    const span = await talkOn(server, 800)
    await caller.call.bye()
    const story = await server.story(caller.call.callId)
    const [recording] = await recordingsOf(server, story.id)
    const { left, right } = await hear(server, recording?.id ?? '', span)
    t.ok(toneTime(left, 1000) > 0.4, `the caller: ${toneTime(left, 1000)}`)
    t.ok(toneTime(right, 1300) > 0.4, `who joined: ${toneTime(right, 1300)}`)
    t.same(await consentsOf(story.id), [
      [true, 'granted', 'all_party', 'notice'],
      [false, 'granted', 'all_party', 'notice']
    ])
  })

  await t.test('who joins from a stricter place and refuses stops the recording; the call goes on', async t => {
    await using caller = await dial(ANGELENO, TO_BERLIN)
    await caller.audio.hears(550)
    await using other = await startRtpPeer()
    const incoming = await carrier.phone.nextInvite()
    other.connect(incoming.sdp).sendTone(1300)
    await incoming.answer(other.sdp())
    await other.hearsSpeech()
    other.sendDigits('2').sendTone(1300)
    await Promise.all([caller.audio.hears(1300), other.hears(1000)])
    const span = await talkOn(server, 600)
    await incoming.bye()
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    const [recording] = await recordingsOf(server, story.id)
    const { left, right } = await hear(server, recording?.id ?? '', span)
    t.equal(meanSquare(left) + meanSquare(right), 0, 'neither side while they talk')
    t.ok(recording?.gaps.some(gap => gap.kind === 'party'))
    t.same(await consentsOf(story.id), [
      [true, 'granted', 'all_party', 'notice'],
      [false, 'refused', 'opt_in', 'key']
    ])
  })

  await t.test('who joins and refuses is not connected where the law wants the call recorded', async t => {
    await using caller = await dial(CALLERS.washington, INDONESIA_TO_BERLIN)
    await caller.audio.hears(550)
    await using other = await startRtpPeer()
    const incoming = await carrier.phone.nextInvite()
    other.connect(incoming.sdp).sendTone(1300)
    await incoming.answer(other.sdp())
    await other.hearsSpeech()
    other.sendDigits('2')
    await incoming.waitForBye()
    await caller.call.waitForBye()
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'flowHungUp' })
    t.match(story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'next')?.data, {
      detail: { code: 'RECORDING_REFUSED' }
    })
    t.notOk(
      story.events.some(one => one.kind === 'bridged'),
      'they never met'
    )
    const [recording] = await recordingsOf(server, story.id)
    t.notOk(recording?.gaps.some(gap => gap.kind === 'party'))
    t.same(await consentsOf(story.id), [
      [true, 'granted', 'notice', 'notice'],
      [false, 'refused', 'opt_in', 'key']
    ])
  })
})

t.test('where a rule forbids recording nobody is asked, and leave cannot be given', async t => {
  const forbidden: RecordingPolicy = {
    policy: 'never',
    obligation: 'RECORDING_FORBIDDEN',
    isCompulsory: false,
    endsOnFailure: false,
    isOnDemand: false,
    reasons: []
  }
  const facts = { callId: 'a', party: 'customer', policy: forbidden, places: ['US'], language: 'en', wording: null }
  await t.rejects(RecordingGrant.obtain({} as Db, { ...facts, method: 'key' }), /where recording is forbidden/)
  const packs = { packs: [], recordingRules: () => [{ ...RULE, on: () => RULE_VERSION }] } as unknown as PackSet
  const settled: string[][] = []
  const told: unknown[] = []
  const recording = {
    call: { id: 'a', record: (event: unknown) => told.push(event), signal: new AbortController().signal },
    grant: null,
    consent: 'unasked',
    settle: (...how: string[]) => settled.push(how),
    mayGoOnUnrecorded: () => true
  } as unknown as CallRecording
  // Whatever would be said, written or started fails: none of it is there.
  const outcome = await askForConsent(
    { isOn: true, compliance: { packs }, log: null, db: null, storage: null } as unknown as GateParts,
    recording,
    {} as GateVoice,
    { customerNumber: CALLERS.berlin, own: null, language: 'de' },
    { yesKey: '1', noKey: '2', stopKeys: '*0', timeoutMs: 1, attempts: 1, texts: {}, hasMustRecordWay: false },
    new AbortController().signal
  )
  t.same(outcome, { kind: 'never', reason: 'forbidden' })
  t.same(settled, [['never', 'forbidden']])
  t.match(told, [{ kind: 'recordingConsent', result: 'never', policy: 'forbidden' }])
})

const RULE = { id: 'house.never', certainty: 'K' }
const RULE_VERSION = { policy: 'never', source: [{ cite: 'House rule' }] }
