import { sql } from 'kysely'
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

export type AuditRow = Required<AuditEntry> & Readonly<{ id: string; at: Date; seq: number; hash: string }>

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

export type AuditFilter = Readonly<{
  subjectKind?: string
  subjectId?: string
  /** A whole action (`queue.changed`), or all of a kind (`queue.*`). */
  action?: string
  actor?: string
  from?: Date
  until?: Date
}>

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
      'request_id as requestId',
      'seq',
      'hash'
    ])
    .orderBy('id', 'desc')
    .limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  if (filter.subjectKind !== undefined) query = query.where('subject_kind', '=', filter.subjectKind)
  if (filter.subjectId !== undefined) query = query.where('subject_id', '=', filter.subjectId)
  if (filter.action !== undefined)
    query = filter.action.endsWith('*')
      ? query.where('action', 'like', `${filter.action.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`)
      : query.where('action', '=', filter.action)
  if (filter.actor !== undefined)
    query = query.where(eb =>
      eb.or([eb('actor_id', '=', filter.actor ?? ''), eb('actor_name', '=', filter.actor ?? '')])
    )
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from)
  if (filter.until !== undefined) query = query.where('at', '<', filter.until)
  const rows = await query.execute()
  return rows.map(row => ({
    ...row,
    id: String(row.id),
    seq: Number(row.seq),
    subjectKind: row.subjectKind ?? '',
    subjectId: row.subjectId ?? ''
  }))
}

/** One link of the chain: the text that was hashed, and whether the entry's columns still say the same. */
export type AuditLink = Readonly<{ seq: number; id: string; body: string; prev: string; hash: string; isSame: boolean }>

/** Links after a place in the chain, in order. */
export async function auditLinksAfter(db: Db, seq: number, limit: number): Promise<readonly AuditLink[]> {
  const { rows } = await sql<Omit<AuditLink, 'seq' | 'id'> & { seq: string; id: string }>`
    select seq, id, body, prev, hash, body = audit_body(audit_log) as "isSame"
    from audit_log where seq > ${seq} order by seq limit ${limit}`.execute(db)
  return rows.map(row => ({ ...row, seq: Number(row.seq), id: String(row.id) }))
}

/** Where the chain ends, and up to where it was made of entries that were there before it. */
export async function auditChain(
  db: Db
): Promise<Readonly<{ seq: number; hash: string; chainedBefore: number; chainedAt: Date }>> {
  const [head, start] = await Promise.all([
    db.selectFrom('audit_chain').selectAll().executeTakeFirstOrThrow(),
    db.selectFrom('audit_chain_start').selectAll().executeTakeFirstOrThrow()
  ])
  return {
    seq: Number(head.seq),
    hash: head.hash,
    chainedBefore: Number(start.chained_before),
    chainedAt: start.chained_at
  }
}

/** Whether somebody did this to this subject since then. */
export async function hasActed(
  db: Db,
  actorId: string | null,
  action: string,
  subject: Readonly<{ kind: string; id: string }>,
  since: Date
): Promise<boolean> {
  const row = await db
    .selectFrom('audit_log')
    .select('id')
    .where('subject_kind', '=', subject.kind)
    .where('subject_id', '=', subject.id)
    .where('action', '=', action)
    .where('actor_id', '=', actorId)
    .where('at', '>', since)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
