import { sql } from 'kysely'
import t from 'tap'
import type { Db } from '../../sql/database.ts'
import { LAWFUL_NOW, testDatabases, TestParley } from '../support/parley.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CampaignWorld, settings } from './support.ts'

// Only there can one statement wait for another.
for (const database of testDatabases().filter(one => one === 'postgres'))
  t.test(`nobody agrees to settings that nobody has run dry, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => LAWFUL_NOW })
    const world = await CampaignWorld.open(server, carrier)
    const { db } = server.parley
    const list = await world.list([['Ann', '+12025550281']])
    const other = settings({ callerIds: [world.callerId], lists: [list], flowId: 'campaign-message', maxLines: 3 })
    const draft = async () => {
      const id = await world.draft('agentless', { lists: [list], flowId: 'campaign-message' })
      await world.dryRun(id)
      return id
    }
    const send = (method: string, path: string, body: unknown = {}) => server.api(method, path, body, world.author)

    await t.test('when the author changes it while another author submits it', async t => {
      const id = await draft()
      let submitting: ReturnType<typeof send> | undefined
      await db.transaction().execute(async trx => {
        // Where it is looked at whether the campaign is complete, after its settings were read.
        await sql`lock table caller_ids in access exclusive mode`.execute(trx)
        submitting = send('POST', `/campaigns/${id}/submit`)
        await untilWaiting(db, 'caller_ids')
        t.equal((await send('PATCH', `/campaigns/${id}`, { settings: other })).status, 200)
      })
      t.match(await submitting, { status: 409 })
      t.match(await world.call('GET', `/campaigns/${id}`, undefined, 200), { state: 'draft' })
    })

    await t.test('when an author changes it while it is being submitted', async t => {
      const id = await draft()
      let changing: ReturnType<typeof send> | undefined
      await db.transaction().execute(async trx => {
        await sql`update campaigns set state = 'awaitingApproval', submitted_by = 'other' where id = ${id}`.execute(trx)
        changing = send('PATCH', `/campaigns/${id}`, { settings: other })
        await untilWaiting(db, 'campaigns')
      })
      t.match(await changing, { status: 200 })
      t.match(await world.call('GET', `/campaigns/${id}`, undefined, 200), { state: 'draft' })
      t.equal((await server.api('POST', `/campaigns/${id}/approve`, {}, world.approver)).status, 409)
    })

    await t.test('and of two changes in one moment none takes back the other', async t => {
      const id = await draft()
      let renaming: ReturnType<typeof send> | undefined
      await db.transaction().execute(async trx => {
        await sql`update campaigns set settings = jsonb_set(settings, '{maxLines}', '4'), settings_hash = 'of four lines'
          where id = ${id}`.execute(trx)
        renaming = send('PATCH', `/campaigns/${id}`, { name: 'Renamed' })
        await untilWaiting(db, 'campaigns')
      })
      t.match(await renaming, { status: 200 })
      t.match(await world.call('GET', `/campaigns/${id}`, undefined, 200), {
        name: 'Renamed',
        settings: { maxLines: 4 }
      })
    })
  })

/** Resolves when a statement about this table waits for another transaction. */
async function untilWaiting(db: Db, table: string): Promise<void> {
  const limit = AbortSignal.timeout(15_000)
  for (;;) {
    const { rows } = await sql`select from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like ${`%"${table}"%`}`.execute(db)
    if (rows.length > 0) return
    limit.throwIfAborted()
  }
}
