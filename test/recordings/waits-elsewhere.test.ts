import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { queueTranscriptions } from '../../server/quality/transcription/transcription-jobs.ts'
import { markRecordingStored } from '../../sql/queries/recordings.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { CALLERS, hear, RECORDED, recordingsOf, talk } from './support.ts'

const NUMBER = '+12025550100'

for (const database of testDatabases())
  t.test(
    `a recording that waits on another machine is late, not lost, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using server = await TestParley.start({ database })
      const { db } = server.parley
      await server.addNumber(NUMBER, await server.publish(RECORDED))
      await using caller = await server.phone({ user: CALLERS.washington })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      await caller.audio.hears(880)
      await talk(server, 1_000)
      await call.bye()
      const callId = (await server.story(call.callId)).id
      const [recording] = await recordingsOf(server, callId)
      if (recording === undefined) throw new Error('the call was not recorded')
      const { id } = recording
      const { object_key: key } = await db
        .selectFrom('recordings')
        .select('object_key')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      const stored = join(server.dataDir, 'recordings', key)
      // As it is while another control plane cannot reach the store: the row is there, the bytes are on that machine.
      await rename(stored, `${stored}.elsewhere`)
      await db
        .updateTable('recordings')
        .set({ state: 'spooled', control_plane_id: 'another', stored_at: null })
        .where('id', '=', id)
        .execute()
      const arrives = async () => {
        await rename(`${stored}.elsewhere`, stored)
        await markRecordingStored(db, id)
      }

      await t.test('who wants to hear it is told to come again', async t => {
        t.match(await server.api('GET', `/recordings/${id}/audio`), { status: 503, body: { code: 'RECORDING_AWAY' } })
      })

      await t.test('a person’s copy waits for it instead of going out without it', async t => {
        const made = await server.api('POST', '/privacy-requests', { kind: 'export', numbers: [CALLERS.washington] })
        const path = `/privacy-requests/${made.body['id']}`
        await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
        await server.api('POST', `${path}/plan`)
        await server.api('POST', `${path}/approve`, {})
        const limit = AbortSignal.timeout(30_000)
        const states = async () =>
          (await sql<{ state: string }>`select state::text from pgboss.job where name = 'privacy-requests'`.execute(db))
            .rows
        while ((await states()).some(({ state }) => state === 'created' || state === 'active')) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        t.match(await server.api('GET', path), { body: { status: 'running', hasExport: false } })
        t.same(await readdir(join(server.dataDir, 'exports')), [], 'of what could not be finished nothing is left')
        await arrives()
        await sql`update pgboss.job set start_after = now() where name = 'privacy-requests'`.execute(db)
        while ((await server.api('GET', path)).body['status'] !== 'done') {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        t.notMatch(server.logs.join(''), /a sound is damaged/)
        const { left } = await hear(server, id)
        t.ok(left.some(sample => sample !== 0))
      })

      await t.test('it becomes text although its store was away for a weekend', async t => {
        await db.updateTable('recordings').set({ state: 'spooled', stored_at: null }).where('id', '=', id).execute()
        await sql`update recordings set created_at = now() - interval '3 days' where id = ${id}`.execute(db)
        t.equal(await queueTranscriptions({ db }, new Date(), 100), 0)
        await markRecordingStored(db, id)
        t.equal(await queueTranscriptions({ db }, new Date(), 100), 1)
      })
    }
  )
