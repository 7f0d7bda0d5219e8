import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { newId } from '../../server/ids.ts'
import { CALLERS, filesIn, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { CountedStatements } from '../support/counted-statements.ts'
import { TestParley } from '../support/parley.ts'

const NUMBER = '+12025550100'
const CALLS = 500
/** What takes calls into the search goes on beside, call by call, and asks for each whether its person wants that. */
const isOfIndex = (sql: string) => sql.includes('"privacy_marks"')
/** Far from one for each call; the rest of a server, which asks now and then, fits in. */
const MOST_STATEMENTS = CALLS / 2
const MOST_OF_A_STATEMENT = CALLS / 20

t.test(
  'a person with 500 calls is planned whole, and all of their recordings are swept',
  { timeout: 280_000 },
  async t => {
    await using server = await TestParley.start({})
    await server.addNumber(NUMBER, await server.publish(RECORDED))
    const { db } = server.parley
    await using caller = await server.phone({ user: CALLERS.washington })
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendTone(1000)
    await caller.audio.hears(880)
    await talk(server, 1_000)
    await call.bye()
    const { id: first } = await server.story(call.callId)
    const [recording] = await recordingsOf(server, first)
    const row = await db
      .selectFrom('recordings')
      .selectAll()
      .where('id', '=', recording?.id ?? '')
      .executeTakeFirstOrThrow()
    const file = (await filesIn(server.dataDir)).find(one => one.path.endsWith(row.object_key))?.path ?? ''
    const folder = file.slice(0, -row.object_key.length)
    for (let at = 0; at < CALLS; at++) {
      const callId = newId()
      const id = newId()
      const key = row.object_key.replaceAll(row.id, id)
      await copyFile(file, join(folder, key))
      await sql`insert into cdrs select * from jsonb_populate_record(null::cdrs,
      (select to_jsonb(cdrs) from cdrs where call_id = ${first}) || jsonb_build_object('call_id', ${callId}::text))`.execute(
        db
      )
      await sql`insert into recordings select * from jsonb_populate_record(null::recordings,
      (select to_jsonb(recordings) from recordings where id = ${row.id})
      || jsonb_build_object('id', ${id}::text, 'call_id', ${callId}::text, 'object_key', ${key}::text))`.execute(db)
    }
    const made = await server.api('POST', '/privacy-requests', { kind: 'erase', numbers: [CALLERS.washington] })
    const path = `/privacy-requests/${made.body['id']}`
    await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
    // Statements are counted, not seconds: work that goes call by call shows on any machine, and others do not disturb it.
    using plan = new CountedStatements(isOfIndex)
    const planned = await server.api('POST', `${path}/plan`)
    plan[Symbol.dispose]()
    t.match(planned.body['plan'], { calls: CALLS + 1, take: [{ store: 'recordings', count: CALLS + 1 }] })
    t.ok(plan.total <= MOST_STATEMENTS, `a plan of ${CALLS + 1} calls took ${plan.total} statements`)
    t.ok(plan.mostOften.times <= MOST_OF_A_STATEMENT, `${plan.mostOften.times} times: ${plan.mostOften.sql}`)

    await server.api('POST', '/retention/rules', { name: 'Now', stores: ['recordings'], keepDays: 0, reason: 'test' })
    using sweep = new CountedStatements(isOfIndex)
    const swept = await server.api('POST', '/retention/sweep')
    sweep[Symbol.dispose]()
    t.match(swept.body, { deleted: CALLS + 1, problems: [] })
    t.ok(sweep.total <= MOST_STATEMENTS, `a sweep of ${CALLS + 1} recordings took ${sweep.total} statements`)
    t.ok(sweep.mostOften.times <= MOST_OF_A_STATEMENT, `${sweep.mostOften.times} times: ${sweep.mostOften.sql}`)
    t.same(
      (await filesIn(server.dataDir)).filter(one => one.path.startsWith(folder) && one.path.includes('.sealed')),
      [],
      'no sound is left on the disk'
    )
  }
)
