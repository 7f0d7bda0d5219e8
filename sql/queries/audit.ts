import type { Db } from '../database.ts'
import type { AuditLogTable } from '../tables.ts'

export type AuditEntry = Readonly<{
  actorKind: AuditLogTable['actor_kind']
  actorId: string | null
  actorName: string
  action: string
  subjectKind?: string
  subjectId?: string
  detail?: Readonly<Record<string, unknown>>
  ip?: string | null
  requestId?: string | null
}>

export type AuditRow = Required<AuditEntry> & Readonly<{ id: string; at: Date }>

/** Adds one line to the audit log. The table refuses every later change. */
export async function insertAudit(db: Db, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit_log')
    .values({
      actor_kind: entry.actorKind,
      actor_id: entry.actorId,
      actor_name: entry.actorName,
      action: entry.action,
      subject_kind: entry.subjectKind ?? null,
      subject_id: entry.subjectId ?? null,
      detail: JSON.stringify(entry.detail ?? {}),
      ip: entry.ip ?? null,
      request_id: entry.requestId ?? null
    })
    .execute()
}

export type AuditFilter = Readonly<{ subjectKind?: string; subjectId?: string; action?: string }>

/** Newest first; `before` is the id of the last row of the page before. */
export async function listAudit(
  db: Db,
  filter: AuditFilter,
  before: string | null,
  limit: number
): Promise<readonly AuditRow[]> {
  let query = db
    .selectFrom('audit_log')
    .select([
      'id',
      'at',
      'actor_kind as actorKind',
      'actor_id as actorId',
      'actor_name as actorName',
      'action',
      'subject_kind as subjectKind',
      'subject_id as subjectId',
      'detail',
      'ip',
      'request_id as requestId'
    ])
    .orderBy('id', 'desc')
    .limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  if (filter.subjectKind !== undefined) query = query.where('subject_kind', '=', filter.subjectKind)
  if (filter.subjectId !== undefined) query = query.where('subject_id', '=', filter.subjectId)
  if (filter.action !== undefined) query = query.where('action', '=', filter.action)
  const rows = await query.execute()
  return rows.map(row => ({
    ...row,
    id: String(row.id),
    subjectKind: row.subjectKind ?? '',
    subjectId: row.subjectId ?? ''
  }))
}
