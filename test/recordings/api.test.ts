import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { parseWav } from '../../media/audio/wav.ts'
import { loadFlac } from '../../media/recordings/flac.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { readWatermark } from '../support/watermark.ts'
import { CALLERS, filesIn, liveCall, RECORDED, recordingsOf, talk } from './support.ts'

const NUMBER = '+12025550100'
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

for (const database of testDatabases())
  t.test(`reviewers find and hear recordings, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: false })
    await server.addNumber(NUMBER, await server.publish(RECORDED))

    const record = async () => {
      await using caller = await server.phone({ user: CALLERS.washington })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      await caller.audio.hears(880)
      await talk(server, 3_000)
      const written = await server.parley.db
        .selectFrom('recordings')
        .select('id')
        .where('call_id', '=', liveCall(server).id)
        .execute()
      t.same(written, [], 'while the call runs there is no row that promises bytes')
      await call.bye()
      const story = await server.story(call.callId)
      const [recording] = await recordingsOf(server, story.id)
      if (recording === undefined) throw new Error('the call was not recorded')
      return { recording, callId: story.id }
    }
    const { recording, callId } = await record()
    const audio = async (range?: string, query = '') =>
      await fetch(`${server.url}/api/v1/recordings/${recording.id}/audio${query}`, {
        headers: { authorization: `Bearer ${await server.adminToken()}`, ...(range !== undefined && { range }) }
      })
    const whole = Buffer.from(await (await audio()).arrayBuffer())

    await t.test('a recording is listed with its gaps, and shown with its consents', async t => {
      const { body } = await server.api('GET', `/recordings?callId=${callId}`)
      t.match(body.items, [{ id: recording.id, callId, state: 'stored', gaps: [{ kind: 'beforeConsent', fromMs: 0 }] }])
      t.equal((await server.api('GET', '/recordings?callId=another')).body.items?.length, 0)
      t.equal((await server.api('GET', '/recordings?from=2999-01-01T00:00:00Z')).body.items?.length, 0)
      t.match((await server.api('GET', `/recordings/${recording.id}`)).body, {
        consents: [{ result: 'granted', policy: 'one_party', method: 'notRequired', places: ['US-DC'] }]
      })
      t.equal((await server.api('GET', '/recordings/..%2F..%2Fsecret.key')).status, 404)
    })

    await t.test('the whole file is a WAV with the customer on the left', async t => {
      const wav = parseWav(whole)
      t.match(wav, { channels: 2, sampleRateHz: 8_000 })
      t.equal(wav.samples.length, recording.durationMs * 16)
      const left = wav.samples.filter((_, index) => index % 2 === 0).subarray(16_000)
      t.ok(toneShare(left, 1000) > 0.9)
    })

    await t.test('a player that seeks gets the bytes it asks for and no others', async t => {
      const last = whole.length - 1
      for (const [asked, first, to] of [
        ['bytes=0-0', 0, 0],
        ['bytes=0-43', 0, 43],
        ['bytes=40-51', 40, 51],
        ['bytes=50001-70002', 50_001, 70_002],
        ['bytes=90000-', 90_000, last],
        ['bytes=-1000', last - 999, last]
      ] as const) {
        const answer = await audio(asked)
        t.equal(answer.status, 206, asked)
        t.equal(answer.headers.get('content-range'), `bytes ${first}-${to}/${whole.length}`)
        t.ok(Buffer.from(await answer.arrayBuffer()).equals(whole.subarray(first, to + 1)), asked)
      }
      const beyond = await audio(`bytes=${whole.length}-`)
      t.equal(beyond.status, 416)
      t.match(await beyond.json(), { code: 'RANGE_INVALID' })
      t.equal((await audio('bytes=9-3')).status, 416)
      t.equal((await audio('pages=1-2')).status, 200, 'a unit that nobody knows is ignored')
    })

    await t.test('as FLAC it holds the same sound', async t => {
      const answer = await audio(undefined, '?format=flac')
      t.equal(answer.headers.get('content-type'), 'audio/flac')
      const samples = (await loadFlac()).decode(new Uint8Array(await answer.arrayBuffer()))
      t.equal(sha256(new Uint8Array(samples.buffer)), sha256(whole.subarray(44)))
    })

    await t.test('peaks can be drawn', async t => {
      const { body } = await server.api('GET', `/recordings/${recording.id}/peaks?pointsPerSecond=10`)
      t.equal(body['pointsPerSecond'], 10)
      const { left, right } = body as unknown as { left: number[]; right: number[] }
      t.equal(left.length, Math.ceil(recording.durationMs / 100))
      t.ok((left[20] ?? 0) > 20 && (right[20] ?? 0) > 20)
    })

    await t.test('every hearing is in the audit log', async t => {
      const { body } = await server.api(
        'GET',
        `/audit-log?subjectKind=recording&subjectId=${recording.id}&action=recording.heard`
      )
      t.match(body.items?.[0], { action: 'recording.heard', actorName: 'admin' })
      t.ok((body.items?.length ?? 0) >= 9)
    })

    await t.test('keys are rotated without touching audio', async t => {
      const sealed = async () =>
        (await filesIn(join(server.dataDir, 'recordings'))).map(one => [one.path, sha256(one.bytes)]).toSorted()
      const before = await sealed()
      t.equal(before.length, 1)
      const rotated = await server.api('POST', '/recordings/key-rotation')
      t.equal(rotated.status, 202)
      const { db } = server.parley
      const limit = AbortSignal.timeout(30_000)
      for (;;) {
        const row = await db
          .selectFrom('recordings')
          .select('key_version')
          .where('id', '=', recording.id)
          .executeTakeFirstOrThrow()
        if (row.key_version === rotated.body['version']) break
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      t.same(await sealed(), before, 'the sealed bytes are the same')
      t.ok(Buffer.from(await (await audio()).arrayBuffer()).equals(whole))
    })

    await t.test('the sound of a clip tells which clip it is, is logged, and ends in time', async t => {
      const made = await server.api('POST', `/calls/${callId}/clips`, {
        fromMs: 500,
        toMs: 2_500,
        title: 'A moment',
        forWhom: 'team meeting',
        expiresInHours: 1
      })
      t.equal(made.status, 201)
      const served = await fetch(`${server.url}${made.body['url']}/audio`)
      t.equal(served.status, 200)
      const { samples } = parseWav(Buffer.from(await served.arrayBuffer()))
      const left = samples.filter((_, at) => at % 2 === 0)
      t.equal(left.length, 2_000 * 8)
      t.ok(toneShare(left, 1000) > 0.5, 'the caller is heard')
      const wanted = createHash('sha256').update(String(made.body['id'])).digest().readUInt32BE(0)
      t.equal(readWatermark(left), wanted)
      const log = await server.api('GET', `/audit-log?action=clip.heard&subjectId=${callId}`)
      t.match(log.body.items, [{ subjectKind: 'call', detail: { clipId: made.body['id'] } }])
      await server.parley.db
        .updateTable('clips')
        .set({ expires_at: new Date(Date.now() - 1) })
        .where('id', '=', String(made.body['id']))
        .execute()
      for (const path of ['', '/audio']) {
        const late = await fetch(`${server.url}${made.body['url']}${path}`)
        t.match([late.status, await late.json()], [410, { code: 'CLIP_GONE' }])
      }
    })

    await t.test('a recording on legal hold is not erased; one that is erased can never be heard again', async t => {
      await server.api('PUT', `/recordings/${recording.id}/legal-hold`, { reason: 'Case 12' })
      const { library } = server.parley.recordings
      await t.rejects(library.erase(recording.id, 'retention', 'test'), { code: 'CONFLICT' })
      await server.api('PUT', `/recordings/${recording.id}/legal-hold`, { reason: null })
      const proof = await library.erase(recording.id, 'retention', 'test')
      t.match(proof, { recordingId: recording.id, callId, keyDestroyed: true, bytesGone: true, reason: 'retention' })
      t.same(await library.erase(recording.id, 'again', 'test'), proof, 'erasing twice proves the same')
      const answer = await audio()
      t.equal(answer.status, 410)
      t.match(await answer.json(), { code: 'RECORDING_ERASED' })
      t.match((await server.api('GET', `/recordings/${recording.id}`)).body, { state: 'erased' })
    })

    await t.test('an agent’s recording is paused and resumed over the API, and a card is hidden', async t => {
      await using caller = await server.phone({ user: CALLERS.washington })
      const dialled = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await dialled.answered()).sdp).sendTone(1000)
      await caller.audio.hears(880)
      const { id } = liveCall(server)
      const act = async (action: string) => await server.api('POST', `/calls/${id}/recording`, { action })
      await talk(server, 500)
      t.match((await act('pause')).body, { state: 'paused', reason: 'pause' })
      t.match(await act('pause'), { status: 409 })
      await talk(server, 600)
      t.match((await act('resume')).body, { state: 'recording', reason: null })
      await talk(server, 500)
      t.match((await act('card-start')).body, { state: 'paused', reason: 'card', consent: 'granted' })
      await talk(server, 600)
      t.match((await act('card-end')).body, { state: 'recording' })
      await talk(server, 500)
      t.match(await act('dance'), { status: 400 })
      await dialled.bye()
      const story = await server.story(dialled.callId)
      const [kept] = await recordingsOf(server, story.id)
      t.match(
        kept?.gaps.map(gap => gap.kind),
        ['beforeConsent', 'pause', 'card']
      )
      t.match(await server.api('POST', `/calls/${id}/recording`, { action: 'pause' }), { status: 404 })
    })
  })
