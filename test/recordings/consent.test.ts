import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import t from 'tap'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import {
  audioBytes,
  CALLERS,
  hear,
  openForWriting,
  RECORDED,
  recordingsOf,
  settledAs,
  talk,
  toneTime,
  watchFiles
} from './support.ts'

const NUMBER = '+12025550100'

for (const database of testDatabases())
  t.test(`callers are asked as the law of their place wants it, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })
    await server.addNumber(NUMBER, await server.publish(RECORDED))

    /** A caller from a number calls and talks with a tone of 1000 Hz from the first moment. */
    const dial = async (user: string) => {
      const caller = await server.phone({ user })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      return { ...caller, call, [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]() }
    }
    /** What the story says about recording. */
    const tale = (story: { events: readonly { kind: string; data: Record<string, unknown> }[] }) =>
      story.events.filter(event => event.kind.startsWith('recording')).map(event => [event.kind, event.data])

    await t.test(
      'where one party is enough, recording begins at once and holds both sides of the whole call',
      async t => {
        await using caller = await dial(CALLERS.washington)
        await caller.audio.hears(880)
        await talk(server, 3_000)
        await caller.call.bye()
        const story = await server.story(caller.call.callId)
        const [recording] = await recordingsOf(server, story.id)
        if (recording === undefined) throw new Error('the call was not recorded')
        t.match(recording, { callId: story.id, state: 'stored', store: 'local', problem: null, language: 'en' })
        const connectedMs = story['talkMs'] as number
        t.ok(Math.abs(recording.durationMs - connectedMs) < 1_000, `${recording.durationMs} ms of ${connectedMs}`)
        t.match(
          recording.gaps.map(gap => gap.kind),
          ['beforeConsent']
        )
        const { left, right } = await hear(server, recording.id, { fromMs: 1_500, toMs: recording.durationMs - 300 })
        t.ok(toneTime(left, 1000) > 0.8, 'the customer is on the left')
        t.ok(toneTime(right, 880) > 0.8, 'what the customer hears is on the right')
        t.match(await listRecordingConsents(server.parley.db, story.id), [
          { result: 'granted', policy: 'one_party', method: 'notRequired', prompt_version: null }
        ])
      }
    )

    await t.test('where notice is enough, it is heard first and nothing from before it is kept', async t => {
      await using caller = await dial(CALLERS.london)
      await caller.audio.hears(550)
      t.equal(await audioBytes(server).then(bytes => bytes > 0), true, 'the recording of the call before is there')
      await caller.audio.hears(880)
      await talk(server, 1_500)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      const [recording] = await recordingsOf(server, story.id)
      if (recording === undefined) throw new Error('the call was not recorded')
      const [consent] = await listRecordingConsents(server.parley.db, story.id)
      t.match(consent, { result: 'granted', policy: 'notice', method: 'notice', prompt_version: /^[0-9a-f]{32}$/ })
      const [gap] = recording.gaps
      t.match(gap, { kind: 'beforeConsent', fromMs: 0 })
      t.ok((gap?.toMs ?? 0) > 500, 'the notice itself is before the consent')
      const whole = await hear(server, recording.id)
      const before = whole.right.subarray(0, (gap?.toMs ?? 0) * 8)
      t.ok(
        before.every(sample => sample === 0),
        'silence before consent'
      )
    })

    await t.test('one who objects is not recorded and stays in the call', async t => {
      const bytesBefore = await audioBytes(server)
      // Files that this program makes for the time of the call would be there, whoever makes them.
      const temp = await mkdtemp(join(tmpdir(), 'parley-consent-'))
      const usual = process.env['TMPDIR']
      process.env['TMPDIR'] = temp
      t.teardown(async () => {
        if (usual === undefined) delete process.env['TMPDIR']
        else process.env['TMPDIR'] = usual
        await rm(temp, { recursive: true, force: true })
      })
      using watched = watchFiles(server.dataDir)
      using watchedTemp = watchFiles(temp)
      const isOfDatabase = (path: string) => path === 'database' || path.startsWith('database/')
      await using caller = await dial(CALLERS.paris)
      await caller.audio.hears(660)
      caller.audio.sendDigits('2').sendTone(1000)
      await caller.audio.hears(770)
      await caller.audio.hears(880)
      await talk(server, 1_500)
      t.same(
        (await openForWriting()).filter(path => !isOfDatabase(relative(server.dataDir, path))),
        [],
        'no file is open while the call goes on'
      )
      await caller.call.bye()
      await server.parley.recordings.settled()
      t.same(
        // Our own words are made ahead, whoever calls.
        [...watched.changed].filter(path => !isOfDatabase(path) && !path.startsWith('prompts')),
        [],
        'nothing was made or changed in the data folder'
      )
      t.same([...watchedTemp.changed], [], 'and nothing in the folder for temporary files')
      const story = await server.story(caller.call.callId)
      t.same(await recordingsOf(server, story.id), [])
      t.same(tale(story), [
        ['recordingConsent', { party: 'customer', result: 'refused', policy: 'notice_object', method: 'key' }]
      ])
      t.equal(await audioBytes(server), bytesBefore, 'not a byte more on the disk')
    })

    await t.test('where the law wants a yes, nothing reaches the disk before it', async t => {
      const bytesBefore = await audioBytes(server)
      {
        using watched = watchFiles(server.dataDir)
        await using caller = await dial(CALLERS.berlin)
        await caller.audio.hears(440)
        await talk(server, 1_000)
        t.equal(await audioBytes(server), bytesBefore)
        const isOfDatabase = (path: string) => path === 'database' || path.startsWith('database/')
        t.same(
          // Our own words are made ahead, whoever calls.
          [...watched.changed].filter(path => !isOfDatabase(path) && !path.startsWith('prompts')),
          [],
          'no other file was made or changed'
        )
        t.same(
          (await openForWriting()).filter(path => !isOfDatabase(relative(server.dataDir, path))),
          [],
          'and none is open, wherever'
        )
        await caller.call.bye()
        await server.story(caller.call.callId)
      }
      await using caller = await dial(CALLERS.berlin)
      await caller.audio.hears(440)
      caller.audio.sendDigits('1').sendTone(1000)
      await caller.audio.hears(880)
      await talk(server, 1_500)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      const [recording] = await recordingsOf(server, story.id)
      t.ok(recording)
      t.match(tale(story), [
        ['recordingConsent', { result: 'granted', policy: 'opt_in', method: 'key' }],
        ['recordingStarted', { recordingId: recording?.id }]
      ])
    })

    await t.test('silence is not consent', async t => {
      const bytesBefore = await audioBytes(server)
      await using caller = await dial(CALLERS.berlin)
      await caller.audio.hears(770)
      await caller.audio.hears(880)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      t.match(tale(story), [['recordingConsent', { result: 'refused', policy: 'opt_in', method: 'silence' }]])
      t.same(await recordingsOf(server, story.id), [])
      t.equal(await audioBytes(server), bytesBefore)
    })

    await t.test('one whose place is unknown is asked like in the strictest place', async t => {
      await using caller = await dial('anonymous')
      await caller.audio.hears(440)
      caller.audio.sendDigits('2').sendTone(1000)
      await caller.audio.hears(770)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      t.match(tale(story), [['recordingConsent', { result: 'refused', policy: 'opt_in' }]])
    })

    await t.test('one who takes the consent back by keys leaves nothing where the law wanted a yes', async t => {
      const bytesBefore = await audioBytes(server)
      await using caller = await dial(CALLERS.berlin)
      await caller.audio.hears(440)
      caller.audio.sendDigits('1').sendTone(1000)
      await caller.audio.hears(880)
      caller.audio.sendDigits('*0').sendTone(1000)
      await settledAs(server, 'withdrawn')
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      const [tombstone] = await recordingsOf(server, story.id)
      t.match(tombstone, { state: 'erased', bytes: null })
      t.match(tale(story).at(-1), ['recordingWithdrawn', { by: 'customer', isDeleted: true }])
      t.equal(await audioBytes(server), bytesBefore)
      t.match(
        (await listRecordingConsents(server.parley.db, story.id)).map(one => one.result),
        ['granted', 'withdrawn']
      )
    })

    await t.test('where notice was enough, what was recorded before the withdrawal stays', async t => {
      await using caller = await dial(CALLERS.london)
      await caller.audio.hears(880)
      await talk(server, 1_000)
      caller.audio.sendDigits('*0').sendTone(1000)
      await settledAs(server, 'withdrawn')
      await talk(server, 1_000)
      await caller.call.bye()
      const story = await server.story(caller.call.callId)
      const [recording] = await recordingsOf(server, story.id)
      if (recording === undefined) throw new Error('it is not kept')
      t.match(
        recording.gaps.map(gap => gap.kind),
        ['beforeConsent', 'withdrawn']
      )
      const gap = recording.gaps.at(-1)
      t.equal(gap?.toMs, recording.durationMs)
      const { left } = await hear(server, recording.id, { fromMs: gap?.fromMs ?? 0 })
      t.ok(left.every(sample => sample === 0))
    })
  })
