import t from 'tap'
import { insertErasures } from '../../sql/queries/privacy/items.ts'
import { TestParley, testDatabases } from '../support/parley.ts'

for (const database of testDatabases())
  t.test(`tombstones of a person of whom there was very much, on ${database}`, { timeout: 120_000 }, async t => {
    await using server = await TestParley.start({ database })
    const { db } = server.parley
    const ids = Array.from({ length: 12_000 }, (_, at) => `item-${at}`)
    const gone = { store: 'comments', cause: 'request:one', method: 'deleted' }
    await insertErasures(
      db,
      ids.map((itemId, at) => ({
        ...gone,
        itemId,
        callId: at % 2 === 0 ? `call-${at}` : null,
        ...(at === 0 && { proof: { sha256: 'a "quoted" \\ sum', parts: [1, 2] } })
      }))
    )
    const rows = await db.selectFrom('erasures').selectAll().where('cause', '=', gone.cause).execute()
    t.same(new Set(rows.map(row => row.item_id)), new Set(ids))
    const [first, second] = ['item-0', 'item-1'].map(id => rows.find(row => row.item_id === id))
    t.match(first, { ...gone, call_id: 'call-0', proof: { sha256: 'a "quoted" \\ sum', parts: [1, 2] } })
    t.match(second, { ...gone, call_id: null, proof: {} })
  })
