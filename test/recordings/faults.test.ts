import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { EventSocketClient } from '../../bench/engine/event-socket-client.ts'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { ringFromFile } from '../../server/recordings/key-ring.ts'
import { TestParley } from '../support/parley.ts'
import { CALLERS, hear, liveCall, RECORDED, recordingsOf, talk, toneTime } from './support.ts'

const NUMBER = '+12025550100'

t.test('a recording survives that its tap is cut off in mid-call', { timeout: 200_000 }, async t => {
  await using server = await TestParley.start()
  await server.addNumber(NUMBER, await server.publish(RECORDED))
  const { port, secret } = server.engines.addresses.freeswitch
  await using engine = await EventSocketClient.connect(port, secret)
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(880)
  await talk(server, 1_000)
  const { customer, tap } = liveCall(server)
  t.match(await engine.api(`uuid_audio_fork ${customer?.id} stop tap-1`), /OK/)
  const after = await talk(server, 3_000)
  t.equal(tap?.facts.reconnects, 1)
  await call.bye()
  const story = await server.story(call.callId)
  t.match(story.events.find(event => event.kind === 'audioLost')?.data, { reconnects: 1 })
  const [recording] = await recordingsOf(server, story.id)
  const connectedMs = story['talkMs'] as number
  t.ok(Math.abs((recording?.durationMs ?? 0) - connectedMs) < 1_000, `${recording?.durationMs} of ${connectedMs} ms`)
  const { left, right } = await hear(server, recording?.id ?? '', { fromMs: after.toMs - 1_000, toMs: after.toMs })
  t.ok(toneTime(left, 1000) > 0.5 && toneTime(right, 880) > 0.5, 'it goes on with both sides')
})

t.test('a consent that was taken back before a crash leaves nothing after it', { timeout: 200_000 }, async t => {
  await using server = await TestParley.start()
  const { db, recordings } = server.parley
  const policy: RecordingPolicy = {
    policy: 'opt_in',
    obligation: 'RECORDING_OPT_IN',
    isCompulsory: false,
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
})
