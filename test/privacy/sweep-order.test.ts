import { sql } from 'kysely'
import t from 'tap'
import { sweep } from '../../server/privacy/retention.ts'
import type { StoreParts } from '../../server/privacy/stores.ts'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { type AgingItem, listAging } from '../../sql/queries/privacy/items.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

for (const kind of testDatabases())
  t.test(`a sweep looks at everything once, with ${kind}`, { timeout: 120_000 }, async t => {
    await using stack = new AsyncDisposableStack()
    const raise = (err: Error) => {
      throw err
    }
    const { db } = stack.use(
      await openDatabase(
        kind === 'pglite' ? { kind, folder: 'memory' } : { kind, url: await freshDatabase(stack) },
        raise
      )
    )
    await migrate(db)
    const parts = { db, compliance: { hashOf: String } } as unknown as StoreParts
    /** Comments as the database dates them, to the microsecond; `apart` after each other. */
    const comment = async (callId: string, count: number, apart: string) =>
      await sql`insert into call_comments (id, call_id, at_ms, text, author_id, author_name, created_at)
        select ${callId} || lpad(n::text, 6, '0'), ${callId}, 0, 'Laughs', 'quinn', 'Quinn',
          timestamptz '2026-11-01 10:00:00.000321+00' + n * ${apart}::interval
        from generate_series(1, ${count}) n`.execute(db)

    await t.test('the figures of a dry run, which decide whether a rule is set', async t => {
      await comment('call-1', 1_001, '1 second 77 microseconds')
      t.match(await sweep(parts, { isDry: true, now: new Date() }), { checked: 1_001, unmatched: 1_001 })
    })

    await t.test('it gets past what was all written in one moment', async t => {
      await comment('call-2', 5, '0')
      const seen: string[] = []
      let after: AgingItem | null = null
      for (let page = 0; page < 5; page += 1) {
        const items: readonly AgingItem[] = await listAging(db, 'comments', after, 2, { callId: 'call-2' })
        seen.push(...items.map(one => one.id))
        after = items.at(-1) ?? after
      }
      t.same(seen, ['call-2000001', 'call-2000002', 'call-2000003', 'call-2000004', 'call-2000005'])
    })
  })
