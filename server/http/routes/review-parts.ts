import { type Static, Type } from 'typebox'
import type { Db } from '../../../sql/database.ts'
import { type DisputeRow, findReview, findVersion, type ReviewRow } from '../../../sql/queries/quality/reviews.ts'
import { AppError } from '../../errors.ts'
import { AnswersSchema, type Scorecard } from '../../quality/scorecard.ts'
import { NullableDate, NullableString } from '../schemas.ts'
import { NullableNumber } from './agreement.ts'

const NullableBoolean = Type.Union([Type.Boolean(), Type.Null()])

const DisputeSchema = Type.Object({
  id: Type.String(),
  questionIds: Type.Array(Type.String()),
  reason: Type.String(),
  raisedAt: Type.String(),
  outcome: NullableString,
  answer: NullableString,
  answeredBy: NullableString,
  answeredAt: NullableDate
})
/** A review as it goes out, with what was said against it. */
export const ReviewSchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  scorecardId: Type.String(),
  version: Type.Integer(),
  kind: Type.String(),
  calibrationId: NullableString,
  reviewerId: Type.String(),
  reviewerName: Type.String(),
  agentId: NullableString,
  answers: AnswersSchema,
  note: Type.String(),
  coaching: Type.String(),
  status: Type.String(),
  percent: NullableNumber,
  critical: Type.Array(Type.String()),
  isPassed: NullableBoolean,
  createdAt: Type.String(),
  changedAt: Type.String(),
  submittedAt: NullableDate,
  seenByAgentAt: NullableDate,
  disputes: Type.Array(DisputeSchema)
})

/** Rejects with AppError NOT_FOUND. */
export async function knownReview(db: Db, id: string): Promise<ReviewRow> {
  const row = await findReview(db, id)
  if (row === undefined) throw new AppError('NOT_FOUND', 'No review has this id.')
  return row
}

/** The scorecard in the version by which the review judges. */
export async function scorecardOf(db: Db, row: ReviewRow): Promise<Scorecard> {
  const version = await findVersion(db, row.scorecard_id, row.version)
  if (version === undefined) throw new TypeError('a review has a scorecard version that does not exist')
  return version.body as Scorecard
}

export function toReview(row: ReviewRow, disputes: readonly DisputeRow[]): Static<typeof ReviewSchema> {
  return {
    id: row.id,
    callId: row.call_id,
    scorecardId: row.scorecard_id,
    version: row.version,
    kind: row.kind,
    calibrationId: row.calibration_id,
    reviewerId: row.reviewer_id,
    reviewerName: row.reviewer_name,
    agentId: row.agent_id,
    answers: row.answers as Static<typeof AnswersSchema>,
    note: row.note,
    coaching: row.coaching,
    status: row.status,
    percent: row.percent,
    critical: row.critical,
    isPassed: row.is_passed,
    createdAt: row.created_at.toISOString(),
    changedAt: row.changed_at.toISOString(),
    submittedAt: row.submitted_at?.toISOString() ?? null,
    seenByAgentAt: row.seen_by_agent_at?.toISOString() ?? null,
    disputes: disputes
      .filter(dispute => dispute.review_id === row.id)
      .map(dispute => ({
        id: dispute.id,
        questionIds: dispute.question_ids,
        reason: dispute.reason,
        raisedAt: dispute.raised_at.toISOString(),
        outcome: dispute.outcome,
        answer: dispute.answer,
        answeredBy: dispute.answered_by,
        answeredAt: dispute.answered_at?.toISOString() ?? null
      }))
  }
}
