import type { Insertable, Selectable, Updateable } from 'kysely'
import { sql } from 'kysely'
import { type Db, withinTransaction } from '../../database.ts'
import type {
  CalibrationsTable,
  CallCommentsTable,
  ClipsTable,
  ReviewDisputesTable,
  ReviewsTable,
  ReviewTasksTable,
  SamplingRulesTable,
  ScorecardsTable,
  ScorecardVersionsTable
} from '../../quality-tables.ts'

export type ReviewRow = Readonly<Selectable<ReviewsTable>>
export type ScorecardRow = Readonly<Selectable<ScorecardsTable>>
export type VersionRow = Readonly<Selectable<ScorecardVersionsTable>>
export type CalibrationRow = Readonly<Selectable<CalibrationsTable>>
export type CommentRow = Readonly<Selectable<CallCommentsTable>>
export type ClipRow = Readonly<Selectable<ClipsTable>>
export type RuleRow = Readonly<Selectable<SamplingRulesTable>>
export type TaskRow = Readonly<Selectable<ReviewTasksTable>>
export type DisputeRow = Readonly<Selectable<ReviewDisputesTable>>

// Scorecards

export async function insertScorecard(db: Db, row: Insertable<ScorecardsTable>): Promise<boolean> {
  const made = await db
    .insertInto('scorecards')
    .values(row)
    .onConflict(conflict => conflict.column('name').doNothing())
    .returning('id')
    .executeTakeFirst()
  return made !== undefined
}

export async function listScorecards(db: Db): Promise<readonly ScorecardRow[]> {
  return await db.selectFrom('scorecards').selectAll().orderBy('name').limit(500).execute()
}

export async function findScorecard(db: Db, id: string): Promise<ScorecardRow | undefined> {
  return await db.selectFrom('scorecards').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function updateScorecard(db: Db, id: string, change: Updateable<ScorecardsTable>): Promise<void> {
  await db.updateTable('scorecards').set(change).where('id', '=', id).execute()
}

/** Makes the draft a version; it never changes again. Returns its number. */
export async function publishScorecard(db: Db, id: string, publishedBy: string): Promise<number> {
  return await withinTransaction(db, async trx => {
    const card = await trx
      .selectFrom('scorecards')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirstOrThrow()
    const version = (card.version ?? 0) + 1
    await trx
      .insertInto('scorecard_versions')
      .values({ scorecard_id: id, version, body: JSON.stringify(card.draft), published_by: publishedBy })
      .execute()
    await trx.updateTable('scorecards').set({ version }).where('id', '=', id).execute()
    return version
  })
}

export async function findVersion(db: Db, scorecardId: string, version: number): Promise<VersionRow | undefined> {
  return await db
    .selectFrom('scorecard_versions')
    .selectAll()
    .where('scorecard_id', '=', scorecardId)
    .where('version', '=', version)
    .executeTakeFirst()
}

export async function listVersions(db: Db, scorecardId: string): Promise<readonly VersionRow[]> {
  return await db
    .selectFrom('scorecard_versions')
    .selectAll()
    .where('scorecard_id', '=', scorecardId)
    .orderBy('version', 'desc')
    .execute()
}

// Reviews

export async function insertReview(db: Db, row: Insertable<ReviewsTable>): Promise<void> {
  await db.insertInto('reviews').values(row).execute()
}

export async function findReview(db: Db, id: string): Promise<ReviewRow | undefined> {
  return await db.selectFrom('reviews').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function updateReview(
  db: Db,
  id: string,
  change: Updateable<ReviewsTable>,
  from: readonly ReviewsTable['status'][]
): Promise<boolean> {
  const done = await db
    .updateTable('reviews')
    .set(change)
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function insertHistory(
  db: Db,
  row: Readonly<{ reviewId: string; by: string; what: string; answers: unknown; percent: number | null }>
): Promise<void> {
  await db
    .insertInto('review_history')
    .values({
      review_id: row.reviewId,
      by_id: row.by,
      what: row.what,
      answers: JSON.stringify(row.answers),
      percent: row.percent
    })
    .execute()
}

export type ReviewFilter = Readonly<{
  callId?: string
  agentId?: string
  reviewerId?: string
  calibrationId?: string
  kind?: ReviewsTable['kind']
  status?: readonly ReviewsTable['status'][]
}>

/** Newest first; `before` is the id of the last row of the page before. */
export async function listReviews(
  db: Db,
  filter: ReviewFilter,
  before: string | null,
  limit: number
): Promise<readonly ReviewRow[]> {
  let query = db.selectFrom('reviews').selectAll().orderBy('id', 'desc').limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  if (filter.callId !== undefined) query = query.where('call_id', '=', filter.callId)
  if (filter.agentId !== undefined) query = query.where('agent_id', '=', filter.agentId)
  if (filter.reviewerId !== undefined) query = query.where('reviewer_id', '=', filter.reviewerId)
  if (filter.calibrationId !== undefined) query = query.where('calibration_id', '=', filter.calibrationId)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.status !== undefined) query = query.where('status', 'in', [...filter.status])
  return await query.execute()
}

export async function deleteDraft(db: Db, id: string): Promise<boolean> {
  const done = await db.deleteFrom('reviews').where('id', '=', id).where('status', '=', 'draft').executeTakeFirst()
  return done.numDeletedRows > 0n
}

// Disputes

export async function insertDispute(db: Db, row: Insertable<ReviewDisputesTable>): Promise<void> {
  await db.insertInto('review_disputes').values(row).execute()
}

export async function listDisputes(db: Db, reviewIds: readonly string[]): Promise<readonly DisputeRow[]> {
  if (reviewIds.length === 0) return []
  return await db
    .selectFrom('review_disputes')
    .selectAll()
    .where('review_id', 'in', [...reviewIds])
    .orderBy('id')
    .execute()
}

export async function answerDispute(
  db: Db,
  of: Readonly<{ id: string; reviewId: string }>,
  answer: Readonly<{ outcome: 'upheld' | 'changed'; text: string; by: string; at: Date }>
): Promise<boolean> {
  const done = await db
    .updateTable('review_disputes')
    .set({ outcome: answer.outcome, answer: answer.text, answered_by: answer.by, answered_at: answer.at })
    .where('id', '=', of.id)
    .where('review_id', '=', of.reviewId)
    .where('outcome', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

// Calibrations

export async function insertCalibration(db: Db, row: Insertable<CalibrationsTable>): Promise<void> {
  await db.insertInto('calibrations').values(row).execute()
}

export async function findCalibration(db: Db, id: string): Promise<CalibrationRow | undefined> {
  return await db.selectFrom('calibrations').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listCalibrations(db: Db, limit: number): Promise<readonly CalibrationRow[]> {
  return await db.selectFrom('calibrations').selectAll().orderBy('id', 'desc').limit(limit).execute()
}

// Comments and clips

export async function insertComment(db: Db, row: Insertable<CallCommentsTable>): Promise<void> {
  await db.insertInto('call_comments').values(row).execute()
}

export async function listComments(db: Db, callId: string): Promise<readonly CommentRow[]> {
  return await db
    .selectFrom('call_comments')
    .selectAll()
    .where('call_id', '=', callId)
    .where('deleted_at', 'is', null)
    .orderBy('at_ms')
    .limit(1_000)
    .execute()
}

export async function deleteComment(db: Db, id: string, authorId: string, at: Date): Promise<boolean> {
  const done = await db
    .updateTable('call_comments')
    .set({ deleted_at: at, text: '' })
    .where('id', '=', id)
    .where('author_id', '=', authorId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function insertClip(db: Db, row: Insertable<ClipsTable>): Promise<void> {
  await db.insertInto('clips').values(row).execute()
}

export async function listClips(db: Db, callId: string): Promise<readonly ClipRow[]> {
  return await db.selectFrom('clips').selectAll().where('call_id', '=', callId).orderBy('id', 'desc').execute()
}

export async function findClipByToken(db: Db, tokenHash: string): Promise<ClipRow | undefined> {
  return await db.selectFrom('clips').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()
}

/** Counts an opening while there are any left; false when not. */
export async function openClip(db: Db, id: string, now: Date): Promise<boolean> {
  const done = await db
    .updateTable('clips')
    .set({ opens: sql<number>`opens + 1` })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where(eb => eb.or([eb('max_opens', 'is', null), eb('opens', '<', eb.ref('max_opens'))]))
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function revokeClip(db: Db, id: string, now: Date): Promise<boolean> {
  const done = await db
    .updateTable('clips')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

// Sampling

export async function insertRule(db: Db, row: Insertable<SamplingRulesTable>): Promise<boolean> {
  const made = await db
    .insertInto('sampling_rules')
    .values(row)
    .onConflict(conflict => conflict.column('name').doNothing())
    .returning('id')
    .executeTakeFirst()
  return made !== undefined
}

export async function listRules(db: Db): Promise<readonly RuleRow[]> {
  return await db.selectFrom('sampling_rules').selectAll().orderBy('name').limit(500).execute()
}

export async function updateRule(db: Db, id: string, change: Updateable<SamplingRulesTable>): Promise<boolean> {
  const done = await db.updateTable('sampling_rules').set(change).where('id', '=', id).executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function deleteRule(db: Db, id: string): Promise<boolean> {
  const done = await db.deleteFrom('sampling_rules').where('id', '=', id).executeTakeFirst()
  return done.numDeletedRows > 0n
}

/** Tasks in one insert; eight parameters each stay far below PostgreSQL's limit of 65,535. */
const TASKS_AT_ONCE = 1_000

/** Adds tasks; a call that a rule has drawn before is not drawn again. Returns how many are new. */
export async function insertTasks(db: Db, rows: readonly Insertable<ReviewTasksTable>[]): Promise<number> {
  let made = 0
  for (let from = 0; from < rows.length; from += TASKS_AT_ONCE) {
    const inserted = await db
      .insertInto('review_tasks')
      .values(rows.slice(from, from + TASKS_AT_ONCE))
      .onConflict(conflict => conflict.columns(['rule_id', 'call_id']).doNothing())
      .returning('id')
      .execute()
    made += inserted.length
  }
  return made
}

export async function listTasks(
  db: Db,
  filter: Readonly<{ status: TaskRow['status']; assignedTo?: string }>,
  before: string | null,
  limit: number
): Promise<readonly TaskRow[]> {
  let query = db
    .selectFrom('review_tasks')
    .selectAll()
    .where('status', '=', filter.status)
    .orderBy('id', 'desc')
    .limit(limit)
  const { assignedTo } = filter
  if (assignedTo !== undefined)
    query = query.where(eb => eb.or([eb('assigned_to', '=', assignedTo), eb('assigned_to', 'is', null)]))
  if (before !== null) query = query.where('id', '<', before)
  return await query.execute()
}

export async function closeTask(db: Db, id: string, status: 'done' | 'dropped', at: Date): Promise<boolean> {
  const done = await db
    .updateTable('review_tasks')
    .set({ status, done_at: at })
    .where('id', '=', id)
    .where('status', '=', 'open')
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** How many tasks each reviewer still has from a rule, so that new ones are shared out evenly. */
export async function openTaskCounts(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('review_tasks')
    .select(['assigned_to', sql<string>`count(*)`.as('count')])
    .where('status', '=', 'open')
    .where('assigned_to', 'is not', null)
    .groupBy('assigned_to')
    .execute()
  return new Map(rows.map(row => [row.assigned_to ?? '', Number(row.count)]))
}

/** Calls with an agent that ended within a span, for sampling. */
export async function listAgentCalls(
  db: Db,
  from: Date,
  until: Date,
  queueIds: readonly string[]
): Promise<readonly Readonly<{ callId: string; agentId: string; talkMs: number; tags: readonly string[] }>[]> {
  let query = db
    .selectFrom('cdrs')
    .innerJoin('queue_visits', 'queue_visits.call_id', 'cdrs.call_id')
    .select(['cdrs.call_id as callId', 'queue_visits.agent_id as agentId', 'cdrs.talk_ms as talkMs', 'cdrs.tags'])
    .distinct()
    .where('cdrs.is_simulated', '=', false)
    .where('cdrs.state', '=', 'ended')
    .where('cdrs.ended_at', '>=', from)
    .where('cdrs.ended_at', '<', until)
    .where('queue_visits.agent_id', 'is not', null)
  if (queueIds.length > 0) query = query.where('queue_visits.queue_id', 'in', [...queueIds])
  const rows = await query.limit(50_000).execute()
  return rows.flatMap(row =>
    row.agentId === null ? [] : [{ callId: row.callId, agentId: row.agentId, talkMs: row.talkMs ?? 0, tags: row.tags }]
  )
}
