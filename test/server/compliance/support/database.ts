import { sql } from 'kysely'
import { openDatabase } from '../../../../sql/database.ts'
import { migrate } from '../../../../sql/migrate.ts'
import { type ComplianceDb, complianceDb } from '../../../../sql/queries/compliance/db.ts'
import { freshPglite } from '../../../support/database-template.ts'
import { testDatabases } from '../../../support/parley.ts'
import { freshDatabase } from '../../../support/postgres-database.ts'

/** Databases of every kind that this run has, migrated once; each story finds them empty. */
export async function openTestDatabases(): Promise<
  AsyncDisposable & { each(story: (db: ComplianceDb) => Promise<void>): Promise<void> }
> {
  const stack = new AsyncDisposableStack()
  const open: ComplianceDb[] = []
  let isEnding = false
  for (const kind of testDatabases()) {
    const location =
      kind === 'pglite'
        ? ({ kind: 'pglite', folder: await freshPglite(stack) } as const)
        : ({ kind: 'postgres', url: await freshDatabase(stack) } as const)
    const database = stack.use(
      await openDatabase(location, err => {
        // Dropping the database at the end cuts connections that the pool has not quite closed.
        if (!isEnding) throw err
      })
    )
    await migrate(database.db)
    open.push(complianceDb(database.db))
  }
  return {
    async each(story) {
      for (const db of open) {
        await sql`truncate dnc_lists, dnc_versions, dnc_activations, dnc_suppressions, consent_keys, consent_events,
          consent_requests, compliance_decisions, compliance_attempts, compliance_overrides, compliance_suspensions,
          cdrs restart identity cascade`.execute(db)
        await story(db)
      }
    },
    async [Symbol.asyncDispose]() {
      isEnding = true
      await stack.disposeAsync()
    }
  }
}
