import t from 'tap'
import { REST_MS, TrunkHealth } from '../../../server/campaigns/trunk-health.ts'
import { listTrunkRests, restTrunk, takeTrunkProbe } from '../../../sql/queries/campaigns/trunk-rests.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, NOW } from './support.ts'

const after = (ms: number) => new Date(NOW.getTime() + ms)
const DAY_MS = 86_400_000

for (const database of testDatabases())
  t.test(`a trunk that was put to rest by a clock that was ahead, with ${database}`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const told = async (now: Date) => {
      const health = new TrunkHealth()
      health.adopt(await listTrunkRests(db))
      return health.callsAtOnce(['one'], now)
    }

    await t.test('is tried by one call when the clock is right, and rests as long as others', async t => {
      await restTrunk(db, { trunkId: 'one', faults: 3, restsUntil: after(DAY_MS) })
      t.equal(await told(NOW), 1, 'one call finds out')
      t.ok(await takeTrunkProbe(db, 'one', NOW, after(REST_MS)))
      t.notOk(await takeTrunkProbe(db, 'one', NOW, after(REST_MS)), 'and no other')
      t.equal(await told(NOW), 0)
      t.equal(await told(after(REST_MS)), 1)
    })

    await t.test('rests from the last fault that a right clock has seen', async t => {
      await restTrunk(db, { trunkId: 'one', faults: 3, restsUntil: after(DAY_MS) })
      await restTrunk(db, { trunkId: 'one', faults: 4, restsUntil: after(REST_MS) })
      t.equal(await told(NOW), 0)
      t.equal(await told(after(REST_MS)), 1)
    })

    await t.test('and one whose clock is behind a little takes no call from the others', async t => {
      const [behind, right] = [after(-5_000), NOW]
      await restTrunk(db, { trunkId: 'one', faults: 4, restsUntil: new Date(right.getTime() + REST_MS) })
      t.equal(await told(behind), 0)
      t.notOk(await takeTrunkProbe(db, 'one', behind, new Date(behind.getTime() + REST_MS)))
    })
  })
