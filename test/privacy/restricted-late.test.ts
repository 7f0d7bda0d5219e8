import { sql } from 'kysely'
import t from 'tap'
import { indexQueued } from '../../server/quality/indexer.ts'
import { newId } from '../../server/ids.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { indexed } from '../support/transcripts.ts'

const ANNA = '+12025550177'
const PASSWORD = 'a long enough password'

for (const database of testDatabases())
  t.test(`a person whose calls are not to be worked with, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })
    const { db } = server.parley
    const limit = AbortSignal.timeout(120_000)
    await server.api('POST', '/users', {
      username: 'paula',
      displayName: 'Paula Example',
      role: 'privacy-officer',
      password: PASSWORD
    })
    const paula = (await server.signIn('paula', PASSWORD)).body['token'] as string
    const restricted = async () => {
      const made = await server.api('POST', '/privacy-requests', { kind: 'restrict', numbers: [ANNA] }, paula)
      const path = `/privacy-requests/${made.body['id']}`
      await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' }, paula)
      await server.api('POST', `${path}/plan`, undefined, paula)
      await server.api('POST', `${path}/approve`, {}, paula)
      while ((await server.api('GET', path, undefined, paula)).body['status'] !== 'done') {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
    const found = async () =>
      ((await server.api('GET', '/search/calls?direction=inbound')).body.items as { callId: string }[]).map(
        one => one.callId
      )

    await t.test('stays out of the search whose control plane had read their call just before', async t => {
      const callId = newId()
      const asked = Promise.withResolvers<void>()
      const gate = Promise.withResolvers<void>()
      // Another control plane, whose database answers slowly: it has asked about Anna, and writes what it read afterwards.
      const slow = {
        db,
        secretKey: server.secretKey,
        configs: new Set(['english', 'simple']),
        async isRestricted() {
          asked.resolve()
          await gate.promise
          return false
        },
        withRecording: async () => new Set<string>(),
        onUnreadable: () => undefined
      }
      const at = new Date()
      let indexing: Promise<number> | undefined
      await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
        values (${callId}, 'inbound', ${ANNA}, '+12025550100', 'en', 'ended', ${at}, ${at}, 1, 'gone')`.execute(db)
      // Until it reads the call before this server has taken it in.
      for (let isAsked = false; !isAsked; ) {
        limit.throwIfAborted()
        indexing = indexQueued(slow)
        isAsked = await Promise.race([asked.promise.then(() => true), indexing.then(() => false)])
        if (!isAsked)
          await db
            .updateTable('cdrs')
            .set({ tags: ['again'] })
            .where('call_id', '=', callId)
            .execute()
      }
      await indexed(server)
      t.same(await found(), [callId])
      await restricted()
      t.same(await found(), [])
      gate.resolve()
      await indexing
      await indexed(server)
      t.same(await found(), [], 'it does not come back')
    })
  })
