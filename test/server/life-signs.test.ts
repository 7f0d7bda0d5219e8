import t from 'tap'
import { DEAD_AFTER_MS, LifeSigns } from '../../server/life-signs.ts'
import type { Db } from '../../sql/database.ts'
import { beatControlPlane, listLiveControlPlanes, readDatabaseClock } from '../../sql/queries/control-planes.ts'
import { testDatabases } from '../support/parley.ts'
import { Installation } from './queues/services.ts'

const DAY_MS = 86_400_000

/** Clocks that a test moves: time passes on both, and somebody sets the database's. */
class TestClocks {
  #steadyMs = 1_000
  #databaseMs = Date.UTC(2026, 10, 23)
  isAway = false
  answerMs = 0

  pass(ms: number): void {
    this.#steadyMs += ms
    this.#databaseMs += ms
  }

  set(byMs: number): void {
    this.#databaseMs += byMs
  }

  get now(): Date {
    return new Date(this.#databaseMs)
  }

  readonly steady = () => this.#steadyMs

  readonly database = async () => {
    this.pass(this.answerMs)
    if (this.isAway) throw new Error('the database is away')
    return this.now
  }
}

async function beatAt(db: Db, id: string, at: Date): Promise<void> {
  await db
    .insertInto('control_planes')
    .values({ id, heartbeat_at: at })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ heartbeat_at: at }))
    .execute()
}

for (const kind of testDatabases())
  t.test(`who lives is judged by the clock of the database, with ${kind}`, async t => {
    await using installation = await Installation.open(kind)
    const { db } = installation

    await t.test('a heartbeat is stamped by the database, whatever the clock of the control plane says', async t => {
      const before = await readDatabaseClock(db)
      await beatControlPlane(db, 'skewed')
      const deadSince = await new LifeSigns(db).deadSince()
      if (deadSince === null) throw new Error('nobody can be judged')
      t.same(await listLiveControlPlanes(db, deadSince), new Set(['skewed']))
      t.same(await listLiveControlPlanes(db, before), new Set(['skewed']))
      t.ok(before.getTime() - deadSince.getTime() <= DEAD_AFTER_MS)
      await db.deleteFrom('control_planes').execute()
    })

    await t.test('a clock that is set ahead makes nobody dead until all can have beaten again', async t => {
      const clocks = new TestClocks()
      const signs = new LifeSigns(db, clocks)
      t.same(await signs.deadSince(), new Date(clocks.now.getTime() - DEAD_AFTER_MS))
      clocks.set(DAY_MS)
      t.equal(await signs.deadSince(), null)
      clocks.pass(DEAD_AFTER_MS - 1)
      t.equal(await signs.deadSince(), null)
      clocks.pass(1)
      t.same(await signs.deadSince(), new Date(clocks.now.getTime() - DEAD_AFTER_MS))
    })

    await t.test('a clock that is set back does not keep the dead alive until it has caught up', async t => {
      const clocks = new TestClocks()
      const signs = new LifeSigns(db, clocks)
      await signs.deadSince()
      await beatAt(db, 'dead', clocks.now)
      clocks.set(-DAY_MS)
      t.equal(await signs.deadSince(), null)
      clocks.pass(DEAD_AFTER_MS)
      await beatAt(db, 'alive', clocks.now)
      const deadSince = await signs.deadSince()
      if (deadSince === null) throw new Error('nobody can be judged')
      t.same(await listLiveControlPlanes(db, deadSince), new Set(['alive']))
    })

    await t.test(
      'after an outage, and after an answer that took long, nobody is held for dead for a while',
      async t => {
        const clocks = new TestClocks()
        const signs = new LifeSigns(db, clocks)
        await signs.deadSince()
        clocks.isAway = true
        await t.rejects(signs.deadSince(), /away/)
        clocks.isAway = false
        t.equal(await signs.deadSince(), null)
        clocks.pass(DEAD_AFTER_MS)
        t.not(await signs.deadSince(), null)
        clocks.answerMs = DEAD_AFTER_MS / 2 + 1
        t.equal(await signs.deadSince(), null)
      }
    )

    await t.test('a clock that runs a little wrong, or an answer that is a little late, is not a step', async t => {
      const clocks = new TestClocks()
      const signs = new LifeSigns(db, clocks)
      for (let turn = 0; turn < 50; turn += 1) {
        t.not(await signs.deadSince(), null)
        clocks.pass(1_000)
        clocks.set(50)
        clocks.answerMs = (turn % 3) * 500
      }
    })
  })
