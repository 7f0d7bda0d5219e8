import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EventSocketClient } from '../../bench/engine/event-socket-client.ts'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { ringFromFile } from '../../server/recordings/key-ring.ts'
import { TestParley } from '../support/parley.ts'
import { CALLERS, hear, liveCall, RECORDED, recordingsOf, talk, toneTime } from './support.ts'

const NUMBER = '+12025550100'
const DAY_MS = 86_400_000

t.test('faults in the middle of a recording', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.addNumber(NUMBER, await server.publish(RECORDED))
  await t.test('a recording survives that its tap is cut off in mid-call', t => tapIsCutOff(t, server))
  await t.test('a clock that jumps moves neither the recording nor its length', t => clockJumps(t, server))
  await t.test('a consent that was taken back before a crash leaves nothing after it', t => crashAfterNo(t, server))
})

async function tapIsCutOff(t: Test, server: TestParley): Promise<void> {
  const { port, secret } = server.engines.addresses.freeswitch
  await using engine = await EventSocketClient.connect(port, secret)
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(880)
  await talk(server, 1_000)
  const { customer, tap } = liveCall(server)
  // Twice: what is lost at once is hardly more than what counts as a loss.
  for (const name of ['tap-1', 'tap-2']) {
    t.match(await engine.api(`uuid_audio_fork ${customer?.id} stop ${name}`), /OK/)
    await talk(server, 500)
  }
  const after = await talk(server, 3_000)
  t.equal(tap?.facts.reconnects, 2)
  await call.bye()
  const story = await server.story(call.callId)
  t.match(story.events.find(event => event.kind === 'audioLost')?.data, { reconnects: 2 })
  const [recording] = await recordingsOf(server, story.id)
  t.ok(
    recording?.gaps.some(gap => gap.kind === 'lost'),
    'what is missing is declared'
  )
  t.match(await (await fetch(`${server.url}/metrics`)).text(), /recording_alarms_total\{code="SEGMENT_MISSING"\} 1/)
  const connectedMs = story['talkMs'] as number
  t.ok(Math.abs((recording?.durationMs ?? 0) - connectedMs) < 1_000, `${recording?.durationMs} of ${connectedMs} ms`)
  const { left, right } = await hear(server, recording?.id ?? '', { fromMs: after.toMs - 1_000, toMs: after.toMs })
  t.ok(toneTime(left, 1000) > 0.5 && toneTime(right, 880) > 0.5, 'it goes on with both sides')
}

/** The wall clock of this program goes so far ahead, or back, until it is disposed. */
function clockAheadBy(ms: number): Disposable {
  const real = globalThis.Date
  globalThis.Date = new Proxy(real, {
    construct: (target, given) =>
      given.length === 0 ? new target(real.now() + ms) : Reflect.construct(target, given, target),
    get: (target, name) => (name === 'now' ? () => real.now() + ms : Reflect.get(target, name))
  })
  return { [Symbol.dispose]: () => void (globalThis.Date = real) }
}

async function clockJumps(t: Test, server: TestParley): Promise<void> {
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  const answeredAt = Date.now()
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(880)
  await talk(server, 1_000)
  // Long enough that whoever looks for the dead looks at this call by each clock.
  for (const ms of [DAY_MS, -DAY_MS]) {
    using _ = clockAheadBy(ms)
    await talk(server, 5_000)
  }
  const after = await talk(server, 1_000)
  const elapsedMs = liveCall(server).tap?.elapsedMs ?? 0
  await call.bye()
  const story = await server.story(call.callId)
  t.match(story, { endReason: 'callerHungUp' })
  const [recording] = await recordingsOf(server, story.id)
  if (recording === undefined) throw new Error('the call was not recorded')
  t.ok(Math.abs(recording.durationMs - elapsedMs) < 1_000, `${recording.durationMs} of ${elapsedMs} ms`)
  t.ok(Math.abs(recording.answeredAt.getTime() - answeredAt) < 10_000, 'it stands at the moment of the answer')
  t.same(
    recording.gaps.map(gap => gap.kind),
    ['beforeConsent']
  )
  const { left, right } = await hear(server, recording.id, after)
  t.ok(toneTime(left, 1000) > 0.5 && toneTime(right, 880) > 0.5, 'both sides are where they belong')
  const seqs = story.events.map(event => (event as unknown as { seq: number }).seq)
  t.same(
    seqs,
    seqs.toSorted((one, other) => one - other),
    'and the story is in order'
  )
}

async function crashAfterNo(t: Test, server: TestParley): Promise<void> {
  const { db, recordings } = server.parley
  const policy: RecordingPolicy = {
    policy: 'opt_in',
    obligation: 'RECORDING_OPT_IN',
    isCompulsory: false,
    endsOnFailure: false,
    isOnDemand: false,
    reasons: []
  }
  const grant = await RecordingGrant.obtain(db, {
    callId: 'a-call',
    party: 'customer',
    policy,
    places: ['DE'],
    method: 'key',
    language: 'de',
    wording: [{ kind: 'speech', text: 'Darf ich?', language: 'de' }]
  })
  await grant.withdraw(db, 'key')
  // As the crash left it: the note and what had been written, not yet deleted.
  const id = '01900000-0000-7000-8000-000000000001'
  const spool = join(server.dataDir, 'spool', 'recordings')
  const keys = await ringFromFile(join(server.dataDir, 'recording-keys.json'))
  await writeFile(join(spool, `${id}.sealed`), Buffer.alloc(1_000, 1))
  await writeFile(
    join(spool, `${id}.json`),
    JSON.stringify({
      id,
      callId: 'a-call',
      consentId: grant.id,
      store: 'local',
      objectKey: `local/2026-11-28/${id}.sealed`,
      key: await keys.wrap(newDataKey(), id),
      answeredAt: new Date().toISOString(),
      language: 'de',
      closed: null
    })
  )
  const limit = AbortSignal.timeout(30_000)
  while ((await readdir(spool)).length > 0) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.match(await recordings.library.listByCall('a-call'), [{ id, state: 'erased', bytes: null }])
  await t.rejects(recordings.library.readFile(id, 'wav', null, limit), { code: 'RECORDING_ERASED' })
}
