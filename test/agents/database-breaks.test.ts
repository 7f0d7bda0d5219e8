import { sql } from 'kysely'
import t from 'tap'
import { ring } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { signInPeople } from '../support/people.ts'
import { TestParley, testDatabases } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'

if (testDatabases().includes('postgres'))
  t.test(
    'database connections that break cost neither the caller nor the agent anything',
    { timeout: 280_000 },
    async t => {
      await using server = await TestParley.start({ database: 'postgres', hasDemoData: true })
      await server.publish(TO_SUPPORT)
      await server.addNumber(NUMBER, 'to-support')
      const people = await signInPeople(server, ['ana', 'karim'])
      const breakAll = () =>
        sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
          server.parley.db
        )

      await t.test('while the agent’s phone rings: it can still be answered', async () => {
        await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
        await using caller = await ring(server, NUMBER)
        const { offer } = await ana.until(state => state.offer !== null)
        await breakAll()
        await ana.request('answer', { offerId: offer?.id ?? '' })
        await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])

        // In mid-call as well: the talk goes on, and its end finds its way into the tables.
        await breakAll()
        await ana.hears(440, 'call')
        await ana.request('hangUp', { callId: ana.state.call?.callId ?? '' })
        const { wrapUp } = await ana.until(state => state.wrapUp !== null, 15_000)
        await ana.request('wrapUp.finish', { callId: wrapUp?.callId ?? '', disposition: null, note: 'kept' })
        await ana.until(state => state.state === 'idle')
      })

      await t.test('while callers wait: both keep their places', async t => {
        await using first = await ring(server, NUMBER)
        // Both are answered within milliseconds; who comes to the queue first must be known.
        await waiting(server, 1)
        await using second = await ring(server, NUMBER)
        await waiting(server, 2)
        await breakAll()
        // A request that meets a connection while it breaks is refused, and a page asks again.
        const limit = AbortSignal.timeout(20_000)
        while ((await server.api('GET', '/wallboard')).status !== 200) limit.throwIfAborted()
        await using karim = await TestSoftphone.onShift(server, people.karim.token, { hz: 800 })
        await karim.answers()
        await Promise.all([karim.hears(440, 'call'), first.audio.hears(800)])
        t.equal((await server.api('GET', '/wallboard')).status, 200)
        await first.hangUp()
        await second.hangUp()
      })
    }
  )
else t.pass('needs a PostgreSQL server; npm test says so when none is named')

async function waiting(server: TestParley, callers: number): Promise<void> {
  const limit = AbortSignal.timeout(20_000)
  for (;;) {
    const { body } = await server.api('GET', '/wallboard')
    if ((body['total'] as { waiting: number }).waiting === callers) return
    limit.throwIfAborted()
  }
}
