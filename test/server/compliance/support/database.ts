import { openDatabase } from '../../../../sql/database.ts'
import { migrate } from '../../../../sql/migrate.ts'
import { type ComplianceDb, complianceDb } from '../../../../sql/queries/compliance/db.ts'
import { freshDatabase, type TestDatabase, testDatabases } from '../../../support/parley.ts'

/** Runs a story on a fresh, migrated database of every kind that this run has. */
export async function onEachDatabase(story: (db: ComplianceDb, kind: TestDatabase) => Promise<void>): Promise<void> {
  for (const kind of testDatabases()) {
    await using stack = new AsyncDisposableStack()
    const location =
      kind === 'pglite'
        ? ({ kind: 'pglite', folder: 'memory' } as const)
        : ({ kind: 'postgres', url: await freshDatabase(stack) } as const)
    const database = stack.use(
      await openDatabase(location, err => {
        throw err
      })
    )
    await migrate(database.db)
    await story(complianceDb(database.db), kind)
  }
}
