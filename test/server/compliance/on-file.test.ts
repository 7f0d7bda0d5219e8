import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import t from 'tap'
import { ComplianceService } from '../../../server/compliance/compliance-service.ts'
import { InternalList } from '../../../server/compliance/dnc/internal-list.ts'
import { newId } from '../../../server/ids.ts'
import { insertSuspension, liftSuspension } from '../../../sql/queries/compliance/decisions.ts'
import { openDatabase } from '../../../sql/database.ts'
import { migrate } from '../../../sql/migrate.ts'
import { complianceDb } from '../../../sql/queries/compliance/db.ts'
import { testDatabases } from '../../support/parley.ts'
import { freshDatabase } from '../../support/postgres-database.ts'
import { openTestDatabases } from './support/database.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2026-11-24T15:00:00Z')
const packFolder = fileURLToPath(new URL('../../../config/rule-packs', import.meta.url))

t.setTimeout(90_000)
const databases = await openTestDatabases()
t.teardown(() => databases[Symbol.asyncDispose]())

t.test('an emergency is in force until it is lifted, whatever was proclaimed since', async t => {
  await databases.each(async db => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'parley-compliance-'))
    t.teardown(() => rm(dataFolder, { recursive: true, force: true }))
    const secret = randomBytes(32)
    const service = await ComplianceService.open({ db, packFolder, dataFolder, secret, engine: 'test', newId })
    const suspend = async (jurisdiction: string, kind: 'emergency' | 'holiday', from: number, to: number | null) => {
      const id = newId()
      const at = (days: number) => new Date(NOW.getTime() + days * DAY_MS)
      await insertSuspension(db, {
        id,
        jurisdiction,
        kind,
        note: '',
        from_at: at(from),
        to_at: to === null ? null : at(to),
        created_by: 'ann',
        lifted_by: null,
        lifted_at: null
      } as never)
      return id
    }
    const emergency = await suspend('US-NY', 'emergency', -20, null)
    for (let index = 0; index < 60; index += 1) {
      await suspend('ES', 'holiday', index + 30, index + 31)
      await liftSuspension(db, await suspend('IN', 'holiday', -index / 10, null), 'ann', NOW)
      await suspend('DE', 'holiday', -10, -9)
    }
    const question = { number: '+12125550101', mode: 'human_manual', purpose: 'marketing', stage: 'dial' } as const
    const reasonsAt = async () => {
      const facts = await service.gather({ ...question, at: NOW.toISOString() }, {}, NOW)
      const [planned] = await service.gatherMany([question], {}, NOW)
      return [facts, planned].map(
        one => one?.suspensions?.map(({ jurisdiction, kind }) => ({ jurisdiction, kind })) ?? []
      )
    }
    for (const found of await reasonsAt()) t.match(found[0], { jurisdiction: 'US-NY', kind: 'emergency' })
    const { decision } = await service.decideForCall({ ...question, at: NOW.toISOString() }, {})
    t.ok(decision.reasons.includes('EMERGENCY_SUSPENSION'), decision.reasons.join(' '))
    await liftSuspension(db, emergency, 'ann', NOW)
    for (const found of await reasonsAt()) t.notMatch(found, [{ jurisdiction: 'US-NY' }])
  })
})

if (testDatabases().includes('postgres'))
  t.test('who says stop while somebody else does is known to every control plane', async t => {
    await using stack = new AsyncDisposableStack()
    const url = await freshDatabase(stack)
    let isClosing = false
    const database = stack.use(
      await openDatabase({ kind: 'postgres', url }, err => {
        if (!isClosing) throw err
      })
    )
    stack.defer(() => {
      isClosing = true
    })
    await migrate(database.db)
    const db = complianceDb(database.db)
    // One of both takes longer from its number in the list to the end of its transaction.
    await sql`create function take_time() returns trigger language plpgsql as $$
      begin if new.channel = 'sms' then perform pg_sleep(1); end if; return null; end $$`.execute(db)
    await sql`create constraint trigger slow after insert on dnc_suppressions deferrable initially deferred
      for each row execute function take_time()`.execute(db)
    const key = randomBytes(32)
    const [one, other, third] = [
      await InternalList.open(db, key),
      await InternalList.open(db, key),
      await InternalList.open(db, key)
    ]
    const stop = { at: NOW, recordedBy: null }
    const slow = one.stop({ ...stop, e164: '+12025550101', channel: 'sms' })
    const limit = AbortSignal.timeout(10_000)
    const isCommitting = async () =>
      (
        await sql`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`.execute(
          db
        )
      ).rows.length > 0
    while (!(await isCommitting())) limit.throwIfAborted()
    await other.stop({ ...stop, e164: '+12025550102', channel: 'call' })
    await third.refresh()
    t.ok(third.find('+12025550102'))
    await slow
    await third.refresh()
    t.ok(third.find('+12025550101'), 'before a call the list is read anew')
  })
