import type { Kysely } from 'kysely'
import type { ComplianceTables } from '../../compliance-tables.ts'
import type { Db } from '../../database.ts'

/** The database as the compliance queries see it. */
export type ComplianceDb = Kysely<ComplianceTables>

/** The same connection, with the tables of compliance. */
export function complianceDb(db: Db): ComplianceDb {
  // One connection; only the tables that the types know differ.
  return db as unknown as ComplianceDb
}
