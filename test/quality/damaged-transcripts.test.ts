import { sql } from 'kysely'
import t from 'tap'
import { indexQueued } from '../../server/quality/indexer.ts'
import { findHits, prepareSearch, searchCalls } from '../../server/quality/search.ts'
import { closeAbandoned, readTranscript, TranscriptWriter } from '../../server/quality/transcript-store.ts'
import { type Db, openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { listAging } from '../../sql/queries/privacy/items.ts'
import { eraseTranscript } from '../../sql/queries/quality/transcripts.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { timed } from '../support/transcripts.ts'

for (const kind of testDatabases())
  t.test(`transcripts that are damaged or were left by their writer, with ${kind}`, { timeout: 120_000 }, async t => {
    await using stack = new AsyncDisposableStack()
    const raise = (err: Error) => {
      throw err
    }
    const database = stack.use(
      await openDatabase(
        kind === 'pglite' ? { kind, folder: 'memory' } : { kind, url: await freshDatabase(stack) },
        raise
      )
    )
    await migrate(database.db)
    const parts = { db: database.db, secretKey: Buffer.alloc(32, 7) }
    const grant = (callId: string) => ({ id: 'grant-1', callId, isGranted: () => true })

    await t.test('what is erased while it is written stays erased', async t => {
      const writer = await TranscriptWriter.open(parts, grant('call-5'), { language: 'en', provider: 'live' })
      await writer.append(timed(['customer', 0, 900, 'Forget me']))
      await eraseTranscript(parts.db, writer.id, new Date())
      await writer.append(timed(['customer', 1_000, 1_900, 'Please']))
      await writer.finish()
      const left = await parts.db.selectFrom('transcripts').selectAll().where('id', '=', writer.id).execute()
      t.match(left, [{ status: 'erased', sealed_key: null }])
      const sealed = await parts.db
        .selectFrom('transcript_parts')
        .selectAll()
        .where('transcript_id', '=', writer.id)
        .execute()
      t.same(sealed, [])
    })

    await t.test(
      'what was written of a call of which nothing else was stored is closed, so that rules reach it',
      async t => {
        const writer = await TranscriptWriter.open(parts, grant('call-unknown'), { language: 'en', provider: 'live' })
        await writer.append(timed(['customer', 0, 900, 'Is anybody there']))
        t.equal(await closeAbandoned(parts, new Date(Date.now() + 600_000)), 0, 'its story may be late')
        t.equal(await closeAbandoned(parts, new Date(Date.now() + 3_700_000)), 1)
        t.match(await readTranscript(parts, 'call-unknown'), { row: { status: 'complete', utterances: 1 } })
        const aging = await listAging(parts.db, 'transcripts', null, 100)
        t.ok(aging.some(one => one.callId === 'call-unknown'))
      }
    )

    await t.test('a transcript that cannot be opened keeps nobody from finding the others', async t => {
      await addEndedCall(parts.db, 'call-damaged')
      await addEndedCall(parts.db, 'call-whole')
      const write = async (callId: string, words: string) => {
        const writer = await TranscriptWriter.open(parts, grant(callId), { language: 'en', provider: 'live' })
        await writer.append(timed(['customer', 0, 900, words]))
        return writer.id
      }
      const damaged = await write('call-damaged', 'an accordion')
      await write('call-whole', 'a trombone')
      await sql`update transcript_parts set body = ${Buffer.alloc(60, 1)} where transcript_id = ${damaged}`.execute(
        parts.db
      )
      const unreadable: string[] = []
      const onUnreadable = (callId: string) => unreadable.push(callId)
      const later = new Date(Date.now() + 180_000)
      t.equal(await closeAbandoned(parts, later, onUnreadable), 1, 'the other one is closed')
      t.match(await readTranscript(parts, 'call-whole'), { row: { status: 'complete' } })
      t.equal(await closeAbandoned(parts, later), 0, 'and the damaged one is put off')
      const index = {
        ...parts,
        configs: new Set(['english', 'simple']),
        isRestricted: async () => false,
        withRecording: async () => new Set<string>(),
        onUnreadable
      }
      await indexQueued(index)
      const found = async (q: string) =>
        (await searchCalls(index, await prepareSearch(index, { q }), null, 10)).map(one => one.callId)
      t.same(await found('trombone'), ['call-whole'])
      t.same(await found('accordion'), [])
      const all = await searchCalls(index, await prepareSearch(index, { direction: 'inbound' }), null, 10)
      t.same(new Set(all.map(one => one.callId)), new Set(['call-whole', 'call-damaged']), 'and by all else both')
      t.match(
        await findHits(index, await prepareSearch(index, { q: 'trombone' }), all),
        all.map(({ callId }) => ({ callId, hitCount: callId === 'call-whole' ? 1 : 0 }))
      )
      t.same(unreadable, ['call-damaged', 'call-damaged'])
    })
  })

async function addEndedCall(db: Db, callId: string): Promise<void> {
  const at = new Date()
  await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
    values (${callId}, 'inbound', '+12025550177', '+12025550100', 'en', 'ended', ${at}, ${at}, 1, 'gone')`.execute(db)
}
