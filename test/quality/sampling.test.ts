import { sql } from 'kysely'
import t from 'tap'
import { sampleAll } from '../../server/quality/sampling.ts'
import { createLoggers } from '../../server/log.ts'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { insertRule } from '../../sql/queries/quality/reviews.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

/** A large centre's calls of the weeks in which a rule was switched off. */
const CALLS = 9_000

for (const kind of testDatabases())
  t.test(`rules draw calls for review, each for itself, with ${kind}`, { timeout: 120_000 }, async t => {
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
    const parts = {
      db,
      secretKey: Buffer.alloc(32, 7),
      configs: new Set(['english', 'simple']),
      log: createLoggers('silent').quality
    } as unknown as Parameters<typeof sampleAll>[0]
    await sql`insert into scorecards (id, name, draft, created_by) values ('card', 'Card', '{}', 'quinn')`.execute(db)
    const rule = async (name: string, kindOf: 'perAgent' | 'riskWords', settings: object, since: Date) =>
      await insertRule(db, {
        id: name,
        name,
        scorecard_id: 'card',
        kind: kindOf,
        settings: JSON.stringify(settings),
        queue_ids: [],
        reviewer_ids: [],
        is_enabled: true,
        sampled_until: since,
        created_by: 'quinn'
      })
    const drawn = async (ruleId: string) =>
      (
        await sql<{ count: number }>`select count(*)::int as count from review_tasks where rule_id = ${ruleId}`.execute(
          db
        )
      ).rows[0]?.count
    const now = new Date()
    const weeksAgo = new Date(now.getTime() - 30 * 86_400_000)
    await sql`insert into queues (id, name) values ('support', 'Support')`.execute(db)
    await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
      select 'call-' || n, 'inbound', '+12025550177', '+12025550100', 'en', 'ended', ${now}::timestamptz - n * interval '4 minutes',
        ${now}::timestamptz - n * interval '4 minutes', 1, 'gone' from generate_series(1, ${CALLS}) n`.execute(db)
    await sql`insert into queue_visits (id, call_id, queue_id, kind, language, entered_at, left_at, outcome, waited_ms, is_within_threshold, agent_id)
      select 'visit-' || n, 'call-' || n, 'support', 'caller', 'en', now(), now(), 'answered', 0, true, 'ana'
      from generate_series(1, ${CALLS}) n`.execute(db)

    await t.test('also one that was switched off for weeks and has very many to draw', async t => {
      await rule('All again', 'perAgent', { percent: 100 }, weeksAgo)
      await rule('Today', 'perAgent', { percent: 100 }, new Date(now.getTime() - 3_600_000))
      t.equal(await sampleAll(parts, now), CALLS + 15)
      t.equal(await drawn('All again'), CALLS)
      t.equal(await drawn('Today'), 15, 'and whoever comes after it gets theirs')
    })

    await t.test('one that cannot be carried out any more keeps no other one from its calls', async t => {
      await rule('A broken one', 'riskWords', { words: '"refund' }, weeksAgo)
      await rule('Yet another', 'perAgent', { percent: 100 }, new Date(now.getTime() - 3_600_000))
      t.equal(await sampleAll(parts, now), 15)
      t.equal(await drawn('Yet another'), 15)
    })
  })
