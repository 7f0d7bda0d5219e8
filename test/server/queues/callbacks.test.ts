import { sql } from 'kysely'
import t from 'tap'
import { newId } from '../../../server/ids.ts'
import { CallbackDesk } from '../../../server/queues/callbacks.ts'
import { openDatabase } from '../../../sql/database.ts'
import { insertQueueCallback } from '../../../sql/queries/calls.ts'
import { WakeUps } from '../../../sql/wake-ups.ts'
import { testDatabases } from '../../support/parley.ts'
import { Cable } from '../../support/programs.ts'
import { Installation, ready } from './services.ts'
import { pino } from 'pino'

const log = pino({ level: 'silent' })

async function book(house: Installation, queue: string, bookedMinutesAgo: number): Promise<string> {
  const id = newId()
  await insertQueueCallback(house.db, {
    id,
    call_id: `call-${id}`,
    number: '+12025550123',
    queue,
    language: 'en',
    place_from_at: new Date(Date.now() - bookedMinutesAgo * 60_000)
  })
  return id
}

async function statusOf(house: Installation, id: string): Promise<string | undefined> {
  return (await house.db.selectFrom('queue_callbacks').select('status').where('id', '=', id).executeTakeFirst())?.status
}

for (const database of testDatabases()) {
  t.test(`callbacks of a queue that is closed hold up nobody else, with ${database}`, { timeout: 60_000 }, async t => {
    await using house = await Installation.open(database)
    const open = await house.addQueue({ name: 'open' })
    const closed = await house.addQueue({
      name: 'closed',
      calendar: JSON.stringify({ timeZone: 'UTC', weekly: {} })
    })
    const plane = await house.start()
    const ana = await house.addAgent(plane, 'ana')
    for (let index = 0; index < 3; index += 1) await book(house, closed, 60 + index)
    const booked = await book(house, open, 1)
    const called = Promise.withResolvers<string>()
    await using _desk = plane.queues.onCallbackDue(
      async ({ callbackId, offer, visit }) => {
        await visit.settle(offer.id, { kind: 'answered' })
        called.resolve(callbackId)
        return { kind: 'done' }
      },
      { maxAtOnce: 3 }
    )
    await ready(plane, ana)
    const limit = setTimeout(() => called.reject(new Error('nobody is called back')), 10_000)
    t.equal(await called.promise, booked)
    clearTimeout(limit)
  })

  if (database === 'postgres')
    t.test('who has been called back is not called again after an outage', { timeout: 60_000 }, async t => {
      await using house = await Installation.open(database)
      await using stack = new AsyncDisposableStack()
      const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(house.db)
      const url = new URL(process.env['PARLEY_TEST_DATABASE_URL'] ?? '')
      url.pathname = `/${rows[0]?.name}`
      const cable = stack.use(await Cable.to(url.hostname, Number(url.port || 5432)))
      url.hostname = '127.0.0.1'
      url.port = String(cable.port)
      const far = stack.use(await openDatabase({ kind: 'postgres', url: url.href }, () => {}))
      const queue = await house.addQueue({ name: 'support' })
      const plane = await house.start()
      const ana = await house.addAgent(plane, 'ana')
      const id = await book(house, queue, 10)
      const calls: string[] = []
      const talked = Promise.withResolvers<void>()
      const wakeUps = stack.use(await WakeUps.open(house.database, () => {}))
      stack.use(
        new CallbackDesk({ db: far.db, queues: plane.queues, wakeUps, log }, async ({ newCallId, offer, visit }) => {
          calls.push(newCallId)
          await visit.settle(offer.id, { kind: 'answered' })
          // The customer hangs up while the database is away.
          if (calls.length === 1) cable.pull()
          talked.resolve()
          return { kind: 'done' }
        })
      )
      await ready(plane, ana)
      await talked.promise
      await plane.agents.callEnded(ana, calls[0] ?? '', { queueId: queue, endedBy: 'customer', wrapUpMs: 0 })
      await new Promise(resolve => setTimeout(resolve, 1_500))
      cable.plugIn()
      const limit = AbortSignal.timeout(20_000)
      while ((await statusOf(house, id)) !== 'done') {
        if (limit.aborted) throw new Error(`it is ${await statusOf(house, id)}`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      t.equal(calls.length, 1)
    })
}
