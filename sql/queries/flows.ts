import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { type Db, withinTransaction } from '../database.ts'

export type FlowRow = Readonly<{
  id: string
  name: string
  description: string
  publishedVersion: number | null
  latestVersion: number
  createdAt: Date
}>
export type FlowVersionRow = Readonly<{
  flowId: string
  version: number
  source: string
  checksum: string
  note: string
  createdBy: string | null
  createdAt: Date
}>

const VERSION_COLUMNS = [
  'flow_id as flowId',
  'version',
  'source',
  'checksum',
  'note',
  'created_by as createdBy',
  'created_at as createdAt'
] as const

export async function insertFlow(
  db: Db,
  flow: Readonly<{ id: string; name: string; description: string }>
): Promise<void> {
  await db
    .insertInto('flows')
    .values({ ...flow, published_version: null })
    .execute()
}

/** Adds the next version of a flow and returns its number. Same text as the newest version: that number again. */
export async function insertFlowVersion(
  db: Db,
  flow: Readonly<{ flowId: string; source: string; note: string; createdBy: string | null }>
): Promise<number> {
  const checksum = createHash('sha256').update(flow.source).digest('hex')
  return await withinTransaction(db, async trx => {
    // The flow's row is locked so that two writers cannot take the same version number.
    await trx.selectFrom('flows').select('id').where('id', '=', flow.flowId).forUpdate().executeTakeFirstOrThrow()
    const newest = await trx
      .selectFrom('flow_versions')
      .select(['version', 'checksum'])
      .where('flow_id', '=', flow.flowId)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (newest?.checksum === checksum) return newest.version
    const version = (newest?.version ?? 0) + 1
    await trx
      .insertInto('flow_versions')
      .values({
        flow_id: flow.flowId,
        version,
        source: flow.source,
        checksum,
        note: flow.note,
        created_by: flow.createdBy
      })
      .execute()
    return version
  })
}

/** Makes a version the one that new calls get; rolling back is publishing an older one. Returns whether it exists. */
export async function publishFlowVersion(
  db: Db,
  flowId: string,
  version: number,
  publishedBy: string | null
): Promise<boolean> {
  return await withinTransaction(db, async trx => {
    const found = await trx
      .selectFrom('flow_versions')
      .select('version')
      .where('flow_id', '=', flowId)
      .where('version', '=', version)
      .executeTakeFirst()
    if (found === undefined) return false
    await trx.updateTable('flows').set({ published_version: version }).where('id', '=', flowId).execute()
    await trx.insertInto('flow_publications').values({ flow_id: flowId, version, published_by: publishedBy }).execute()
    return true
  })
}

export async function listFlows(db: Db, after: string | null, limit: number): Promise<readonly FlowRow[]> {
  let query = flowQuery(db).orderBy('flows.id').limit(limit)
  if (after !== null) query = query.where('flows.id', '>', after)
  return await query.execute()
}

export async function findFlow(db: Db, id: string): Promise<FlowRow | undefined> {
  return await flowQuery(db).where('flows.id', '=', id).executeTakeFirst()
}

function flowQuery(db: Db) {
  return db
    .selectFrom('flows')
    .select([
      'flows.id',
      'flows.name',
      'flows.description',
      'flows.published_version as publishedVersion',
      'flows.created_at as createdAt',
      sql<number>`coalesce((select max(v.version) from flow_versions v where v.flow_id = flows.id), 0)`.as(
        'latestVersion'
      )
    ])
}

export async function findFlowVersion(db: Db, flowId: string, version: number): Promise<FlowVersionRow | undefined> {
  return await db
    .selectFrom('flow_versions')
    .select(VERSION_COLUMNS)
    .where('flow_id', '=', flowId)
    .where('version', '=', version)
    .executeTakeFirst()
}

export async function findPublishedFlow(db: Db, flowId: string): Promise<FlowVersionRow | undefined> {
  return await db
    .selectFrom('flows')
    .innerJoin('flow_versions', join =>
      join
        .onRef('flow_versions.flow_id', '=', 'flows.id')
        .onRef('flow_versions.version', '=', 'flows.published_version')
    )
    .select([
      'flow_versions.flow_id as flowId',
      'flow_versions.version',
      'flow_versions.source',
      'flow_versions.checksum',
      'flow_versions.note',
      'flow_versions.created_by as createdBy',
      'flow_versions.created_at as createdAt'
    ])
    .where('flows.id', '=', flowId)
    .executeTakeFirst()
}

export async function listFlowVersions(db: Db, flowId: string): Promise<readonly Omit<FlowVersionRow, 'source'>[]> {
  return await db
    .selectFrom('flow_versions')
    .select(VERSION_COLUMNS.filter(column => column !== 'source'))
    .where('flow_id', '=', flowId)
    .orderBy('version', 'desc')
    .limit(500)
    .execute()
}
