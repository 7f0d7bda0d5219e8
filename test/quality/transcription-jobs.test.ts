import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { newId } from '../../server/ids.ts'
import type { Quality } from '../../server/quality/quality.ts'
import { recordingSource } from '../../server/quality/recording-source.ts'
import { listConfigs } from '../../server/quality/search-words.ts'
import {
  queueTranscriptions,
  runTranscription,
  type TranscriptionProvider
} from '../../server/quality/transcription-jobs.ts'
import { createLoggers } from '../../server/log.ts'
import { CALLERS, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { testDatabases, TestParley } from '../support/parley.ts'

const NUMBER = '+12025550100'

for (const database of testDatabases())
  t.test(`recordings are turned into text later, with ${database}`, { timeout: 120_000 }, async t => {
    await using server = await TestParley.start({ database })
    await server.addNumber(NUMBER, await server.publish(RECORDED))
    const { db, recordings } = server.parley
    const quality: Quality = {
      db,
      secretKey: server.secretKey,
      configs: await listConfigs(db),
      log: createLoggers('fatal').quality,
      recordings: recordingSource(db, recordings.library, () => undefined),
      isRestricted: async () => false,
      withRecording: async () => new Set(),
      [Symbol.asyncDispose]: async () => {}
    }
    const record = async () => {
      await using caller = await server.phone({ user: CALLERS.washington })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      await caller.audio.hears(880)
      await talk(server, 1_500)
      await call.bye()
      const { id } = await server.story(call.callId)
      await recordingsOf(server, id)
      return id
    }
    /** Hears a tone of 1000 Hz on the customer's side and says so; a real engine stands behind the same interface. */
    const ear: TranscriptionProvider = {
      name: 'ear',
      async transcribe(pcm, { durationMs }) {
        const parts: Buffer[] = []
        for await (const part of pcm) parts.push(part)
        const bytes = Buffer.concat(parts)
        const left = Int16Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt16LE(at * 4))
        const text = toneShare(left.subarray(8_000), 1000) > 0.8 ? 'a tone' : 'nothing'
        return { language: 'en', utterances: [{ speaker: 'customer', startMs: 0, endMs: durationMs, text }] }
      }
    }

    await t.test('a recording is queued once, heard, and stored under its consent', async t => {
      const callId = await record()
      t.equal(await queueTranscriptions(quality, 'ear', 100), 1)
      t.equal(await queueTranscriptions(quality, 'ear', 100), 0)
      t.equal(await runTranscription(quality, ear, new Date()), true)
      t.equal(await runTranscription(quality, ear, new Date()), false)
      t.match((await server.api('GET', `/calls/${callId}/transcript`)).body, {
        origin: 'job',
        provider: 'ear',
        utterances: [{ text: 'a tone' }]
      })
    })

    await t.test('a consent that was withdrawn meanwhile is respected', async t => {
      const callId = await record()
      await queueTranscriptions(quality, 'ear', 100)
      const given = await db
        .selectFrom('recording_consents')
        .selectAll()
        .where('call_id', '=', callId)
        .executeTakeFirstOrThrow()
      await db
        .insertInto('recording_consents')
        .values({
          id: newId(),
          call_id: callId,
          result: 'withdrawn',
          policy: given.policy,
          method: 'agent',
          prompt_version: null,
          language: null,
          jurisdictions: [...given.jurisdictions],
          withdraws: given.id
        })
        .execute()
      t.equal(await runTranscription(quality, ear, new Date()), true)
      t.equal((await server.api('GET', `/calls/${callId}/transcript`)).status, 404)
      const [job] = await db.selectFrom('transcription_jobs').selectAll().where('call_id', '=', callId).execute()
      t.match(job, { status: 'failed', problem: /withdrawn/ })
    })

    await t.test('an engine that fails is asked again later', async t => {
      const callId = await record()
      await queueTranscriptions(quality, 'deaf', 100)
      const deaf: TranscriptionProvider = {
        name: 'deaf',
        transcribe: async () => Promise.reject(new Error('no connection'))
      }
      // The call of before is queued for this engine too, and refused; then nothing is left for now.
      while (await runTranscription(quality, deaf, new Date()));
      const find = async () =>
        await db.selectFrom('transcription_jobs').selectAll().where('call_id', '=', callId).execute()
      t.match(await find(), [{ status: 'waiting', attempts: 1, problem: 'no connection' }])
      t.equal(await runTranscription(quality, { ...ear, name: 'deaf' }, new Date(Date.now() + 60_000)), true)
      t.match(await find(), [{ status: 'done', attempts: 2 }])
    })
  })
