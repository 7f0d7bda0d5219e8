import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../sql/database.ts'
import { LAWFUL_NOW, testDatabases, TestParley } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Cable } from '../support/programs.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CampaignWorld } from './support.ts'

const PERSON = '+12025550261'

// Only a database that is somewhere else can go away.
for (const database of testDatabases().filter(one => one === 'postgres'))
  t.test(
    `whoever is taken in the moment in which ${database} goes away has their turn when it is back`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const real = await freshDatabase(stack)
      const address = new URL(real)
      const cable = stack.use(await Cable.to(address.hostname, Number(address.port || 5432)))
      const carrier = stack.use(await startSipPhone({ transport: 'udp', user: 'carrier' }))
      const url = new URL(real)
      url.hostname = '127.0.0.1'
      url.port = String(cable.port)
      const server = stack.use(
        await TestParley.start({ hasDemoData: true, env: { PARLEY_DATABASE_URL: url.href }, now: () => LAWFUL_NOW })
      )
      const world = await CampaignWorld.open(server, carrier)
      let isClosing = false
      const direct = stack.use(
        await openDatabase({ kind: 'postgres', url: real }, err => {
          if (!isClosing) throw err
        })
      )
      stack.defer(() => {
        isClosing = true
      })
      const { db } = direct
      const list = await world.list([['Ann', PERSON]])
      const id = await world.draft('agentless', { lists: [list], flowId: 'campaign-message' })
      await world.agree(id)

      // The database takes its time to commit what was reserved, and the network fails meanwhile: its answer is lost.
      await sql`create function take_time() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return null; end $$`.execute(
        db
      )
      await sql`create constraint trigger slow after insert on campaign_attempts deferrable initially deferred
        for each row execute function take_time()`.execute(db)
      const starting = world.call('POST', `/campaigns/${id}/start`, {}, 200).catch(() => {
        // Its answer is lost too.
      })
      const limit = AbortSignal.timeout(20_000)
      const isCommitting = async () =>
        (
          await sql`select from pg_stat_activity where wait_event = 'PgSleep' and query = 'commit'
            and datname = current_database()`.execute(db)
        ).rows.length > 0
      while (!(await isCommitting())) limit.throwIfAborted()
      cable.pull()
      while (await isCommitting()) limit.throwIfAborted()
      t.match(await db.selectFrom('campaign_attempts').selectAll().execute(), [{ state: 'reserved', number: PERSON }])
      await sql`drop trigger slow on campaign_attempts`.execute(db)
      cable.plugIn()
      await starting

      const incoming = await carrier.nextInvite(40_000)
      incoming.reject(486, 'Busy Here')
      const attempts = await world.until(id, all => all.some(one => one.outcome === 'busy'))
      t.same(
        attempts.map(one => one.outcome),
        ['busy', 'notDialled']
      )
      t.match((await world.untilWhy(id, 'ended', 20_000))['leads'], { byState: { exhausted: 1 } })
    }
  )
