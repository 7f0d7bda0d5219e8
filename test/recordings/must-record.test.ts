import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { LONG_TONE } from '../support/flows.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { CALLERS, liveCall, recordingsOf, talk } from './support.ts'

/** Set up for a country whose law wants calls about money recorded. */
const TO_AGENTS = '+12025550111'
const WITH_A_WAY = '+12025550112'
const WITHOUT_A_WAY = '+12025550113'
const UNASKED = '+12025550114'

/** 550 Hz is the notice, 990 Hz says that the call may not go on, 880 Hz goes on. */
const flow = (id: string, exits: string, next: string) => `
id: ${id}
name: Must record ${id}
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, notice: { tone: "%(500,0,550)" }, next: next${exits} }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,990)" }, next: bye }
  next: ${next}
  bye: { kind: hangup }
`
/** Longer than it takes until a disk that has room again is noticed. */
const DISK_PATIENCE_MS = 4_000
const TONE = '{ kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }'

/** As a rule with `whenRecorderFails: goOn` gives it. */
const GOES_ON: RecordingPolicy = {
  policy: 'notice',
  obligation: 'RECORDING_NOTICE',
  isCompulsory: true,
  endsOnFailure: false,
  isOnDemand: false,
  reasons: []
}
const STARTED = { store: 'local', language: 'en', stopKeys: '*0', isOnDemand: false, customerNumber: null } as const

t.test('a recorder that fails where recording is a must', { timeout: 280_000 }, async t => {
  // The threads of this program, as its tools see them.
  const threads = new Map<string | null, Worker>()
  const onThread = (message: unknown) => {
    const { worker } = message as { worker: Worker & { threadName: string | null } }
    threads.set(worker.threadName, worker)
  }
  subscribe('worker_threads', onThread)
  t.teardown(() => unsubscribe('worker_threads', onThread))
  await using server = await TestParley.start({ hasDemoData: true, diskPatienceMs: DISK_PATIENCE_MS })
  const addNumber = async (number: string, flowId: string) => {
    const added = await server.api('POST', '/numbers', { number, language: 'en', flowId, region: 'ID' })
    t.equal(added.status, 201)
  }
  await server.publish(flow('agents', '', '{ kind: queue, queue: support, next: bye, overflow: bye, failed: bye }'))
  await server.publish(flow('way', ', mustRecord: sorry', TONE))
  await server.publish(flow('no-way', '', TONE))
  await addNumber(TO_AGENTS, 'agents')
  await addNumber(WITH_A_WAY, 'way')
  await addNumber(WITHOUT_A_WAY, 'no-way')
  await server.addNumber(UNASKED, await server.publish(LONG_TONE))
  const people = await signInPeople(server, ['ana', 'sara'])
  const dial = async (number: string) => {
    const caller = await server.phone({ user: CALLERS.washington })
    const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendTone(1000)
    return { ...caller, call, [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]() }
  }
  const spool = join(server.dataDir, 'spool', 'recordings')
  const alarms = async () => (await server.api('GET', '/recording-alarms', undefined, people.sara.token)).body.items
  const grantThatGoesOn = async (callId: string) =>
    await RecordingGrant.obtain(server.parley.db, {
      callId,
      party: 'customer',
      policy: GOES_ON,
      places: ['ID'],
      method: 'notice',
      language: 'en',
      wording: []
    })

  await t.test('a caller and an agent in mid-call are told, and the call ends; what there was is kept', async t => {
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
    await using caller = await dial(TO_AGENTS)
    const { offer } = await ana.until(state => state.offer !== null)
    await ana.request('answer', { offerId: offer?.id ?? '' })
    await ana.until(state => state.call?.recording.state === 'recording')
    await caller.audio.hears(600)
    const callId = ana.state.call?.callId ?? ''
    await t.rejects(ana.request('recording', { callId, action: 'pause' }), { code: 'CONFLICT' })
    await talk(server, 4_000)
    await threads.get('recordings')?.terminate()
    await caller.audio.hearsSpeech()
    await caller.call.waitForBye(30_000)
    await ana.until(state => state.call === null)
    t.match(
      ana.pushes.filter(push => push.kind === 'notice'),
      [{ code: 'RECORDING_FAILED' }]
    )
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'recordingFailed' })
    t.match(
      story.events.filter(one => one.kind === 'recordingTrouble').map(one => one.data),
      [{ code: 'THREAD_ENDED' }, { code: 'THREAD_ENDED', mustRecord: 'ends' }]
    )
    const [recording] = await recordingsOf(server, story.id)
    t.ok((recording?.durationMs ?? 0) > 2_000, `the recording until then is there: ${recording?.durationMs} ms`)
  })

  // The kernel lets no file of this program grow, as a full disk does not. The database has to be another program for that.
  if (testDatabases().includes('postgres')) {
    const limitFiles = (bytes: number | 'unlimited') =>
      promisify(execFile)('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
    // Whoever exceeds the limit gets this signal, which ends a program that does not take it.
    const onSignal = () => {}
    process.on('SIGXFSZ', onSignal)
    t.teardown(() => process.off('SIGXFSZ', onSignal))
    /** Fills the disk for the recording of the running call, once some of it is written. */
    const fillDisk = async () => {
      const troubled = Promise.withResolvers<void>()
      liveCall(server).onEvent(event => {
        if (event.kind === 'recordingTrouble') troubled.resolve()
      })
      const { recordingId } = server.parley.recordings.of(liveCall(server))
      const path = join(spool, `${recordingId}.sealed`)
      for (;;) {
        await talk(server, 500)
        const { size } = await stat(path)
        if (size === 0) continue
        await limitFiles(size)
        break
      }
      await troubled.promise
      return { [Symbol.asyncDispose]: async () => void (await limitFiles('unlimited')) }
    }

    await t.test('a disk that is full for longer than memory lasts ends the call; what there was is kept', async t => {
      await using caller = await dial(WITHOUT_A_WAY)
      await caller.audio.hears(880)
      {
        await using _ = await fillDisk()
        await caller.audio.hearsSpeech()
        await caller.call.waitForBye(30_000)
      }
      const story = await server.story(caller.call.callId)
      t.match(story, { endReason: 'recordingFailed' })
      t.match(
        story.events.filter(one => one.kind === 'recordingTrouble').map(one => one.data),
        [{ code: 'EFBIG' }, { code: 'EFBIG', mustRecord: 'ends' }]
      )
      t.match(story.events.find(one => one.kind === 'endExplained')?.data, { words: 'failed', isHeard: true })
      const [recording] = await recordingsOf(server, story.id)
      t.ok((recording?.durationMs ?? 0) > 2_000, `the recording until then is there: ${recording?.durationMs} ms`)
      t.same(
        recording?.gaps.filter(gap => gap.kind === 'lost'),
        [],
        'and whole, because what waited was written when there was room again'
      )
      t.notOk((await readdir(spool)).some(name => name.startsWith(recording?.id ?? '')))
    })

    await t.test('a disk that has room again in time is no reason to end it', async t => {
      await using caller = await dial(WITHOUT_A_WAY)
      await caller.audio.hears(880)
      {
        await using _ = await fillDisk()
      }
      await talk(server, DISK_PATIENCE_MS + 1_000)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      t.match(story, { endReason: 'callerHungUp' })
      t.match(
        story.events.filter(one => one.kind === 'recordingTrouble').map(one => one.data),
        [{ code: 'EFBIG' }]
      )
      const [recording] = await recordingsOf(server, story.id)
      t.same(
        recording?.gaps.filter(gap => gap.kind === 'lost'),
        []
      )
    })

    await t.test('where a rule lets the call go on with a full disk, supervisors are alarmed', async t => {
      await using caller = await dial(UNASKED)
      await caller.audio.hears(400)
      const call = liveCall(server)
      await server.parley.recordings.of(call).start(await grantThatGoesOn(call.id), STARTED)
      const isMissing = Promise.withResolvers<void>()
      call.onEvent(event => {
        if (event.kind === 'recordingTrouble' && event.mustRecord === 'goesOn') isMissing.resolve()
      })
      {
        await using _ = await fillDisk()
        await isMissing.promise
        await server.parley.storiesWritten()
        t.match(await alarms(), [{ callId: call.id, code: 'EFBIG' }])
      }
      await talk(server, 500)
      await caller.call.bye()
      t.match(await server.story(caller.call.callId), { endReason: 'callerHungUp' })
      t.same(await alarms(), [])
    })
  }

  await t.test('one that cannot even begin takes the way that the flow has for it', async t => {
    await server.parley.recordings.settled()
    await rm(spool, { recursive: true })
    await writeFile(spool, 'in the way')
    await using caller = await dial(WITH_A_WAY)
    await caller.audio.hears(990)
    await caller.call.waitForBye(30_000)
    const story = await server.story(caller.call.callId)
    t.match(story, { endReason: 'flowHungUp' })
    t.match(
      story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'consent'),
      { data: { outcome: 'mustRecord', detail: { code: 'RECORDER_FAILED' } } }
    )
  })

  await t.test('a flow without such a way does not go on, and the caller hears why', async t => {
    await using caller = await dial(WITHOUT_A_WAY)
    await caller.audio.hears(550)
    await caller.audio.hearsSpeech()
    await caller.call.waitForBye(30_000)
    t.match(await server.story(caller.call.callId), { endReason: 'recordingFailed' })
  })

  await t.test('where a rule lets the call go on, supervisors see it until it ends', async t => {
    await using caller = await dial(UNASKED)
    await caller.audio.hears(400)
    const call = liveCall(server)
    await server.parley.recordings.of(call).start(await grantThatGoesOn(call.id), STARTED)
    await server.parley.storiesWritten()
    t.match(await alarms(), [{ callId: call.id, code: 'RECORDER_FAILED' }])
    await talk(server, 500)
    await caller.call.bye()
    t.match(await server.story(caller.call.callId), { endReason: 'callerHungUp' })
    t.same(await alarms(), [])
    const { status } = await server.api('GET', '/recording-alarms', undefined, people.ana.token)
    t.equal(status, 403, 'agents do not see them')
    await rm(spool)
    await mkdir(spool)
  })
})
