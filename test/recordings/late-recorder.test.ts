import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { LONG_TONE } from '../support/flows.ts'
import { KeyService } from '../support/key-service.ts'
import { TestParley } from '../support/parley.ts'
import { liveCall, recordingsOf } from './support.ts'

const NUMBER = '+12025550100'
const CALLER = '+12025550123'

const NOTICE: RecordingPolicy = {
  policy: 'notice',
  obligation: 'RECORDING_NOTICE',
  isCompulsory: false,
  endsOnFailure: false,
  isOnDemand: false,
  reasons: []
}
const STARTED = { store: 'local', language: 'en', stopKeys: '*0', isOnDemand: false, customerNumber: null } as const

t.test('a recorder that gets ready slowly', { timeout: 280_000 }, async t => {
  await using service = await KeyService.start()
  await using server = await TestParley.start({
    env: { PARLEY_KEY_SERVICE: service.url },
    secrets: { keyServiceToken: service.token }
  })
  await server.addNumber(NUMBER, await server.publish(LONG_TONE))
  const limit = AbortSignal.timeout(60_000)

  /** A call whose recorder waits for its key, what makes it wait no longer, and what of it is on the disk in the end. */
  const waitingCall = async () => {
    const caller = await server.phone({ user: CALLER })
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendTone(1000)
    await caller.audio.hears(400)
    const live = liveCall(server)
    const recording = server.parley.recordings.of(live)
    const grant = await RecordingGrant.obtain(server.parley.db, {
      callId: live.id,
      party: 'customer',
      policy: NOTICE,
      places: ['GB'],
      method: 'notice',
      language: 'en',
      wording: []
    })
    const gate = Promise.withResolvers<void>()
    service.until = gate.promise
    const asked = service.next(limit)
    const started = recording.start(grant, STARTED)
    await asked
    return {
      call,
      recording,
      callId: live.id,
      letGo: async () => {
        gate.resolve()
        await started
      },
      [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]()
    }
  }
  const kinds = (story: { events: readonly { kind: string }[] }) =>
    story.events.map(event => event.kind).filter(kind => kind.startsWith('recording'))
  const onDisk = async () => await readdir(join(server.dataDir, 'spool', 'recordings'))

  await t.test('leaves nothing behind when the caller has hung up meanwhile', async t => {
    await using waiting = await waitingCall()
    await waiting.call.bye()
    const story = await server.story(waiting.call.callId)
    await waiting.letGo()
    t.equal(waiting.recording.recordingId, null, 'nobody records a call that is over')
    t.same(await recordingsOf(server, waiting.callId), [])
    t.same(await onDisk(), [], 'and nothing waits on the disk for the next start')
    t.same(kinds(story), [])
  })

  await t.test('does not begin when the consent was taken back meanwhile', async t => {
    await using waiting = await waitingCall()
    await waiting.recording.withdraw('agent', 'agent')
    await waiting.letGo()
    t.equal(waiting.recording.recordingId, null)
    await waiting.call.bye()
    const story = await server.story(waiting.call.callId)
    t.same(kinds(story), ['recordingWithdrawn'], 'the story tells of no recording after that')
    t.same(await recordingsOf(server, waiting.callId), [])
    t.same(await onDisk(), [])
  })
})
