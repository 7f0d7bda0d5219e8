import type { Insertable } from 'kysely'
import { sql } from 'kysely'
import type { DncListsTable, DncSuppressionsTable, DncVersionsTable } from '../../compliance-tables.ts'
import type { ComplianceDb } from './db.ts'

export type DncListRow = Readonly<{ id: string; name: string; registry: string; format: string; createdAt: Date }>

export async function insertList(db: ComplianceDb, row: Insertable<DncListsTable>): Promise<void> {
  await db.insertInto('dnc_lists').values(row).execute()
}

const LIST_COLUMNS = ['id', 'name', 'registry', 'format', 'created_at as createdAt'] as const

export async function listLists(db: ComplianceDb): Promise<readonly DncListRow[]> {
  return await db.selectFrom('dnc_lists').select(LIST_COLUMNS).orderBy('name').execute()
}

export async function findList(db: ComplianceDb, id: string): Promise<DncListRow | undefined> {
  return await db.selectFrom('dnc_lists').select(LIST_COLUMNS).where('id', '=', id).executeTakeFirst()
}

export type DncVersionRow = Readonly<{
  listId: string
  version: number
  method: 'full' | 'change'
  baseVersion: number | null
  sequence: number | null
  sourceName: string
  sourceSha256: string
  numbers: number
  sourceLines: number
  file: string
  fileSha256: string
  accountRef: string | null
  scope: readonly string[]
  report: Readonly<Record<string, unknown>>
  obtainedAt: Date
  createdBy: string | null
  createdAt: Date
}>

const VERSION_COLUMNS = [
  'list_id as listId',
  'version',
  'method',
  'base_version as baseVersion',
  'sequence',
  'source_name as sourceName',
  'source_sha256 as sourceSha256',
  'source_lines as sourceLines',
  'numbers',
  'file',
  'file_sha256 as fileSha256',
  'account_ref as accountRef',
  'scope',
  'report',
  'obtained_at as obtainedAt',
  'created_by as createdBy',
  'created_at as createdAt'
] as const

type RawVersion = Omit<DncVersionRow, 'sequence' | 'numbers' | 'sourceLines'> &
  Readonly<{ sequence: string | null; numbers: string; sourceLines: string }>

const toVersion = (row: RawVersion): DncVersionRow => ({
  ...row,
  sequence: row.sequence === null ? null : Number(row.sequence),
  numbers: Number(row.numbers),
  sourceLines: Number(row.sourceLines)
})

/** Newest first. */
export async function listVersions(db: ComplianceDb, listId: string): Promise<readonly DncVersionRow[]> {
  const rows = await db
    .selectFrom('dnc_versions')
    .select(VERSION_COLUMNS)
    .where('list_id', '=', listId)
    .orderBy('version', 'desc')
    .execute()
  return rows.map(toVersion)
}

/** Adds a version and puts it in force; to be run inside {@link withImportLock}. */
export async function insertVersion(
  db: ComplianceDb,
  row: Insertable<DncVersionsTable>,
  activation: Readonly<{ reason: string; by: string | null }>
): Promise<void> {
  await db.insertInto('dnc_versions').values(row).execute()
  await activate(db, row.list_id, row.version, activation.reason, activation.by)
}

export async function activate(
  db: ComplianceDb,
  listId: string,
  version: number,
  reason: string,
  by: string | null
): Promise<void> {
  await db.insertInto('dnc_activations').values({ list_id: listId, version, reason, activated_by: by }).execute()
}

/** The version in force of every list, with its list. */
export async function listActive(
  db: ComplianceDb
): Promise<readonly Readonly<{ list: DncListRow; version: DncVersionRow; activatedAt: Date }>[]> {
  const active = await db
    .selectFrom('dnc_activations')
    .distinctOn('list_id')
    .select(['list_id', 'version', 'activated_at'])
    .orderBy('list_id')
    .orderBy('id', 'desc')
    .execute()
  const lists = new Map((await listLists(db)).map(list => [list.id, list]))
  const found = await Promise.all(
    active.map(async one => {
      const list = lists.get(one.list_id)
      const version = await db
        .selectFrom('dnc_versions')
        .select(VERSION_COLUMNS)
        .where('list_id', '=', one.list_id)
        .where('version', '=', one.version)
        .executeTakeFirst()
      return list === undefined || version === undefined
        ? []
        : [{ list, version: toVersion(version), activatedAt: one.activated_at }]
    })
  )
  return found.flat()
}

export type SuppressionRow = Readonly<{
  id: string
  numberHash: string
  kind: 'stop' | 'lift'
  scope: 'all' | 'marketing'
  channel: string
  at: Date
}>

const SUPPRESSIONS_LOCK = 727_539_342

/**
 * One after the other over all control planes: each row is there before the next one gets its id, so that whoever has read up to
 * an id never misses a smaller one.
 */
export async function insertSuppression(db: ComplianceDb, row: Insertable<DncSuppressionsTable>): Promise<string> {
  return await db.transaction().execute(async trx => {
    await sql`select pg_advisory_xact_lock(${SUPPRESSIONS_LOCK})`.execute(trx)
    const { id } = await trx.insertInto('dnc_suppressions').values(row).returning('id').executeTakeFirstOrThrow()
    return String(id)
  })
}

/** Everything that was said after a row, oldest first. */
export async function suppressionsAfter(
  db: ComplianceDb,
  id: string,
  limit: number
): Promise<readonly SuppressionRow[]> {
  const rows = await db
    .selectFrom('dnc_suppressions')
    .select(['id', 'number_hash as numberHash', 'kind', 'scope', 'channel', 'at'])
    .where('id', '>', id)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(row => ({ ...row, id: String(row.id) }))
}

export async function suppressionsOf(db: ComplianceDb, numberHash: string): Promise<readonly SuppressionRow[]> {
  const rows = await db
    .selectFrom('dnc_suppressions')
    .select(['id', 'number_hash as numberHash', 'kind', 'scope', 'channel', 'at'])
    .where('number_hash', '=', numberHash)
    .orderBy('id')
    .execute()
  return rows.map(row => ({ ...row, id: String(row.id) }))
}

const DNC_LOCK = 727_539_340

/** Runs one import after another for all control planes of a database. */
export async function withImportLock<T>(db: ComplianceDb, work: (trx: ComplianceDb) => Promise<T>): Promise<T> {
  return await db.transaction().execute(async trx => {
    await sql`select pg_advisory_xact_lock(${DNC_LOCK})`.execute(trx)
    return await work(trx)
  })
}
