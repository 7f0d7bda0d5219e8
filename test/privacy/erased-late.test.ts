import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { ringFromFile } from '../../server/recordings/key-ring.ts'
import { StoryWriter } from '../../server/calls/story-writer.ts'
import { deriveKey, hashNumber } from '../../server/compliance/number-hash.ts'
import { newId } from '../../server/ids.ts'
import { createLoggers } from '../../server/log.ts'
import { forgottenCalls } from '../../server/privacy/late-stories.ts'
import type { Db } from '../../sql/database.ts'
import { CALLERS, liveCall, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { placePgliteDatabase } from '../support/database-template.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

const NUMBER = '+12025550100'
const ANNA = '+12025550177'
const PASSWORD = 'a long enough password'

for (const database of testDatabases()) {
  t.test(`what comes after an erasure is not kept either, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })
    await server.addNumber(NUMBER, await server.publish(RECORDED))
    await addPaula(server)

    await t.test(
      'a person who is on the telephone is forgotten when the call is over, and the call with it',
      async t => {
        await using caller = await server.phone({ user: CALLERS.washington })
        const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered()).sdp).sendTone(1000)
        await caller.audio.hears(880)
        await talk(server, 1_000)
        const callId = liveCall(server).id
        const path = await approved(server, CALLERS.washington)
        t.match(await until(server, path, ['partly', 'done']), { status: 'partly' }, 'more of the call is to come')
        await call.bye()
        await server.story(call.callId)
        await recordingsOf(server, callId)
        await putForward(server)
        await until(server, path, ['done'])
        t.match(await recordingsOf(server, callId), [{ state: 'erased' }])
        t.match(await server.api('GET', `/calls/${callId}`), { status: 200, body: { callerNumber: null } })
      }
    )

    await t.test('a hold that comes while something is deleted keeps all that is still there', async t => {
      const { db } = server.parley
      const remembers = async (number: string) => {
        const callId = newId()
        await addCall(db, callId, number)
        await sql`insert into survey_answers (call_id, flow_id, question, answer, answered_at)
          values (${callId}, 'flow', 'Why?', 'Because', now())`.execute(db)
        await sql`insert into call_comments (id, call_id, at_ms, text, author_id, author_name)
          values (${newId()}, ${callId}, 100, 'Laughs', 'quinn', 'Quinn')`.execute(db)
        return callId
      }
      const left = async (callId: string) =>
        (
          await sql<{ comment: string; answers: number; number: string | null }>`select
            (select text from call_comments where call_id = ${callId}) as comment,
            (select count(*)::int from survey_answers where call_id = ${callId}) as answers,
            (select caller_number from cdrs where call_id = ${callId}) as number`.execute(db)
        ).rows[0]
      const [swept, erased] = [await remembers('+442079460123'), await remembers('+442079460124')]
      // The court's order is entered when the comments are gone and the rest is not.
      await sql`create function court_order() returns trigger language plpgsql as $$
        begin
          insert into legal_holds (id, call_id, matter, reason, set_by)
            values (new.call_id, new.call_id, 'Case 11', 'court order', 'paula');
          return null;
        end $$`.execute(db)
      await sql`create trigger court after insert on erasures for each row
        when (new.store = 'comments') execute function court_order()`.execute(db)
      await server.api('POST', '/legal-holds', { callId: erased, matter: 'Case 10', reason: 'until the sweep is over' })
      await server.api('POST', '/retention/rules', { name: 'None', keepDays: 0, reason: 'test', region: 'GB' })
      t.match((await server.api('POST', '/retention/sweep')).body, { deleted: 1 })
      t.match(await left(swept), { comment: '', answers: 1, number: '+442079460123' }, 'of a sweep')
      await sql`update legal_holds set released_at = now() where call_id = ${erased}`.execute(db)
      const { certificate } = await until(server, await approved(server, '+442079460124'), ['done'])
      t.match(await left(erased), { comment: '', answers: 1, number: '+442079460124' }, 'of an erasure')
      const { kept } = certificate as { kept: readonly { store: string; why: string }[] }
      t.match(new Map(kept.map(one => [one.store, one.why])).get('surveyAnswers'), 'legal hold: Case 11')
    })

    await t.test(
      'a recording that only the disk of a machine knows is not kept when the machine comes back',
      async t => {
        const callId = newId()
        await addCall(server.parley.db, callId, ANNA)
        const recordingId = newId()
        const comesBack = await recordedOnDisk(server, callId, recordingId)
        await until(server, await approved(server, ANNA), ['done'])
        await comesBack()
        const spool = join(server.dataDir, 'spool', 'recordings')
        const limit = AbortSignal.timeout(30_000)
        while ((await readdir(spool)).length > 0) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        t.match(await recordingsOf(server, callId), [{ id: recordingId, state: 'erased' }])
        const kept = await readdir(join(server.dataDir, 'recordings'), { recursive: true })
        t.notOk(
          kept.some(name => name.includes(recordingId)),
          'nothing of it is in the store'
        )
      }
    )

    await t.test(
      'a call of which only a machine that was cut off knew comes into the store without its person',
      async t => {
        const { db } = server.parley
        const ben = '+12025550188'
        const at = new Date()
        await until(server, await approved(server, ben), ['done'])
        const told = { callId: newId(), from: ben, at }
        const later = { callId: newId(), from: ben, at: new Date(Date.now() + 1_000) }
        const other = { callId: newId(), from: '+12025550189', at }
        const recordingId = newId()
        const comesBack = await recordedOnDisk(server, told.callId, recordingId)
        // It waited for the database for longer than the erasure took.
        const spool = join(server.dataDir, 'cut-off.jsonl')
        const minuteAgo = new Date(at.getTime() - 60_000)
        const lines = [told, { ...later }, other].flatMap(({ callId, from, at: startedAt }) => [
          {
            callId,
            seq: 1,
            at: startedAt === at ? minuteAgo : startedAt,
            kind: 'started',
            direction: 'inbound',
            callerNumber: from,
            calledNumber: NUMBER,
            sipCallId: `${callId}@192.0.2.1`,
            trunkId: null,
            numberId: null,
            sourceAddress: null,
            controlPlaneId: 'cut-off'
          },
          {
            callId,
            seq: 2,
            at: startedAt,
            kind: 'ended',
            reason: 'callerHungUp',
            endedBy: 'caller',
            fault: 'none',
            hangupCause: null
          }
        ])
        await writeFile(spool, lines.map(line => `${JSON.stringify(line)}\n`).join(''))
        {
          await using writer = new StoryWriter(db, createLoggers('silent').database, spool, events =>
            forgottenCalls(db, number => hashNumber(deriveKey(server.secretKey, 'numbers'), number), events, new Date())
          )
          await writer.recover()
          await writer.flushed()
        }
        const numberOf = async ({ callId }: { callId: string }) =>
          (await db.selectFrom('cdrs').select('caller_number').where('call_id', '=', callId).executeTakeFirst())
            ?.caller_number
        t.equal(await numberOf(told), null, 'it is a figure only')
        t.equal(await numberOf(later), ben, 'who calls again afterwards is a new caller')
        t.equal(await numberOf(other), '+12025550189')
        const events = await db.selectFrom('call_events').select('data').where('call_id', '=', told.callId).execute()
        t.notMatch(JSON.stringify(events), ben)
        await comesBack()
        const limit = AbortSignal.timeout(30_000)
        while ((await readdir(join(server.dataDir, 'spool', 'recordings'))).length > 0) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
        t.match(await recordingsOf(server, told.callId), [{ id: recordingId, state: 'erased' }], 'nor is it heard')
      }
    )
  })

  t.test(
    `an approved request is carried out, whoever died meanwhile, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const dataDir = await mkdtemp(join(tmpdir(), 'parley-approved-'))
      stack.defer(() => rm(dataDir, { recursive: true, force: true }))
      const databaseUrl = database === 'postgres' ? await freshDatabase(stack) : null
      if (databaseUrl === null) await placePgliteDatabase(join(dataDir, 'database'))
      const key = randomBytes(32)
      const start = () =>
        TestParley.start({
          database,
          env: { PARLEY_DATA_DIR: dataDir },
          secrets: { key },
          ...(databaseUrl !== null && { databaseUrl })
        })
      let path = ''
      {
        await using server = await start()
        const made = await server.api('POST', '/privacy-requests', { kind: 'access', numbers: [ANNA] })
        path = `/privacy-requests/${made.body['id']}`
        await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
        await server.api('POST', `${path}/plan`)
        // The control plane dies between the approval and the job that it asks for.
        await server.parley.db
          .updateTable('privacy_requests')
          .set({ status: 'approved', approved_at: new Date(Date.now() - 60_000) })
          .execute()
      }
      await using server = await start()
      t.match(await until(server, path, ['done']), { status: 'done', hasExport: true })
    }
  )
}

async function addCall(db: Db, callId: string, number: string): Promise<void> {
  const at = new Date()
  await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
    values (${callId}, 'inbound', ${number}, ${NUMBER}, 'en', 'ended', ${at}, ${at}, 1, 'gone')`.execute(db)
}

async function addPaula(server: TestParley): Promise<void> {
  const { status } = await server.api('POST', '/users', {
    username: 'paula',
    displayName: 'Paula Example',
    role: 'privacy-officer',
    password: PASSWORD
  })
  if (status !== 201) throw new Error(`no Paula: ${status}`)
}

/** An erasure that was asked for by one person and agreed to by another. */
async function approved(server: TestParley, number: string): Promise<string> {
  const made = await server.api('POST', '/privacy-requests', { kind: 'erase', numbers: [number] })
  const path = `/privacy-requests/${made.body['id']}`
  await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
  await server.api('POST', `${path}/plan`)
  const paula = (await server.signIn('paula', PASSWORD)).body['token'] as string
  const { status } = await server.api('POST', `${path}/approve`, { typed: `ERASE ${made.body['reference']}` }, paula)
  if (status !== 202) throw new Error(`not approved: ${status}`)
  return path
}

async function until(server: TestParley, path: string, states: readonly string[]): Promise<Record<string, unknown>> {
  const limit = AbortSignal.timeout(30_000)
  for (;;) {
    const { body } = await server.api('GET', path)
    if (states.includes(body['status'] as string)) return body
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** What is tried again in a minute is tried again now. */
async function putForward(server: TestParley): Promise<void> {
  await sql`update pgboss.job set start_after = now() where name = 'privacy-requests' and state = 'retry'`.execute(
    server.parley.db
  )
}

/** The disk of a control plane with a recording on it that the database has never heard of; it is there once the function is called. */
async function recordedOnDisk(server: TestParley, callId: string, id: string): Promise<() => Promise<void>> {
  const grant = await RecordingGrant.obtain(server.parley.db, {
    callId,
    party: 'customer',
    policy: {
      policy: 'one_party',
      obligation: null,
      isCompulsory: false,
      endsOnFailure: false,
      isOnDemand: false,
      reasons: []
    },
    places: ['US-DC'],
    method: 'notRequired',
    language: 'en',
    wording: null
  })
  const keys = await ringFromFile(join(server.dataDir, 'recording-keys.json'))
  const note = {
    id,
    callId,
    consentId: grant.id,
    store: 'local',
    objectKey: `local/2026-11-28/${id}.sealed`,
    key: await keys.wrap(newDataKey(), id),
    answeredAt: new Date().toISOString(),
    language: 'en',
    closed: { durationMs: 5_000, gaps: [], sha256: '0'.repeat(64), bytes: 1_000, indexOffset: 900 }
  }
  const spool = join(server.dataDir, 'spool', 'recordings')
  return async () => {
    await writeFile(join(spool, `${id}.sealed`), Buffer.alloc(1_000, 1))
    await writeFile(join(spool, `${id}.json`), JSON.stringify(note))
  }
}
