import { CompiledQuery } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../sql/database.ts'
import { startJobs } from '../../sql/jobs.ts'
import { migrate, splitStatements } from '../../sql/migrate.ts'
import { testDatabases } from '../support/parley.ts'
import { emptyDatabase } from '../support/postgres-database.ts'

for (const kind of testDatabases())
  t.test(`the database is set up once, on ${kind}`, { timeout: 280_000 }, async t => {
    await using stack = new AsyncDisposableStack()
    let isEnding = false
    const database = stack.use(
      await openDatabase(
        kind === 'pglite' ? { kind, folder: 'memory' } : { kind, url: await emptyDatabase(stack) },
        err => {
          // Dropping the database at the end cuts connections that the pool has not quite closed.
          if (!isEnding) throw err
        }
      )
    )
    stack.defer(() => {
      isEnding = true
    })
    const { db } = database

    await t.test('two control planes that start together migrate it once', async t => {
      const [first, second] = await Promise.all([migrate(db), migrate(db)])
      const all = [...first, ...second]
      t.ok(all.length > 0)
      t.equal(new Set(all).size, all.length, 'no migration ran twice')
      t.same(await migrate(db), [], 'a later start changes nothing')
    })

    await t.test('a job that was sent is done, also one for later', async t => {
      const errors: Error[] = []
      const jobs = await startJobs(database, err => errors.push(err))
      try {
        await jobs.createQueue('test-queue')
        const done: unknown[] = []
        const both = new Promise<void>((resolve, reject) => {
          const limit = setTimeout(() => reject(new Error('the jobs were not done in time')), 20_000)
          void jobs.work('test-queue', { pollingIntervalSeconds: 0.5 }, async taken => {
            for (const job of taken) done.push(job.data)
            if (done.length < 2) return
            clearTimeout(limit)
            resolve()
          })
        })
        await jobs.send('test-queue', { which: 'now' })
        await jobs.send('test-queue', { which: 'later' }, { startAfter: 1 })
        await both
        t.same(done, [{ which: 'now' }, { which: 'later' }])
        t.same(errors, [])
      } finally {
        await jobs.stop({ graceful: false })
      }
    })

    await t.test('a migration that was changed after it ran stops the start', async t => {
      await db.executeQuery(CompiledQuery.raw(`update migrations set checksum = 'other' where name like '0001%'`))
      await t.rejects(migrate(db), { code: 'MIGRATION_FAILED', message: /0001.*was changed/ })
    })

    await t.test('a database of a newer release stops the start', async t => {
      await db.executeQuery(
        CompiledQuery.raw(`update migrations set name = '9999-from-the-future.sql' where name like '0001%'`)
      )
      await t.rejects(migrate(db), { code: 'MIGRATION_FAILED', message: /newer release/ })
    })
  })

t.test('statements end at semicolons that are not inside something', async t => {
  t.same(
    splitStatements(`
      create table a (x text default ';'); -- a comment; with one
      /* another; */ create function f() returns int as $body$ begin; return 1; end $body$ language plpgsql;
      select 1 as "odd;name"
    `).map(one => one.replace(/\s+/g, ' ').slice(0, 40)),
    ["create table a (x text default ';')", '-- a comment; with one /* another; */ cr', 'select 1 as "odd;name"']
  )
  t.same(splitStatements('  -- nothing\n ;; '), [])
})
