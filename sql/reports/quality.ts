import { sql } from 'kysely'
import type { Db } from '../database.ts'
import type { Bucket } from './buckets.ts'

/** Figures of submitted reviews of people; calibrations and machines are not among them. */
export type QualityFigures = Readonly<{
  reviews: number
  /** Mean of the percentages, 0 to 100. */
  percent: number | null
  passed: number
  failed: number
  /** Reviews with a failed critical question. */
  critical: number
  disputed: number
}>

export type QualityRow = QualityFigures & Readonly<{ key: string; bucket: number }>

/** By agent, reviewer or scorecard, in each bucket. Reviews count at the instant at which they were submitted. */
export async function qualityReport(
  db: Db,
  buckets: readonly Bucket[],
  group: 'agent' | 'reviewer' | 'scorecard'
): Promise<readonly QualityRow[]> {
  const column = sql.ref({ agent: 'agent_id', reviewer: 'reviewer_id', scorecard: 'scorecard_id' }[group])
  const { rows } = await sql<Record<keyof QualityRow, string | null>>`
    select bucket - 1 as bucket, coalesce(${column}, '') as key, count(*) as reviews, avg(percent) as percent,
      count(*) filter (where is_passed) as passed, count(*) filter (where not is_passed) as failed,
      count(*) filter (where cardinality(critical) > 0) as critical,
      count(*) filter (where exists (select 1 from review_disputes where review_id = reviews.id)) as disputed
    from reviews
    join unnest(${buckets.map(one => one.from.toISOString())}::timestamptz[],
      ${buckets.map(one => one.until.toISOString())}::timestamptz[]) with ordinality as b (from_at, until_at, bucket)
      on submitted_at >= from_at and submitted_at < until_at
    where kind = 'review' and status <> 'draft'
    group by 1, 2`.execute(db)
  return rows.map(row => ({
    key: row.key ?? '',
    bucket: Number(row.bucket),
    reviews: Number(row.reviews),
    percent: row.percent === null ? null : Math.round(Number(row.percent) * 10) / 10,
    passed: Number(row.passed),
    failed: Number(row.failed),
    critical: Number(row.critical),
    disputed: Number(row.disputed)
  }))
}

export type QuestionRow = Readonly<{
  scorecardId: string
  version: number
  questionId: string
  value: string
  count: number
  notEvidenced: number
}>

/** How often each answer was given to each question within the span. */
export async function questionReport(db: Db, span: Bucket): Promise<readonly QuestionRow[]> {
  const { rows } = await sql<Record<keyof QuestionRow, string>>`
    select scorecard_id as "scorecardId", version, answer.key as "questionId", answer.value ->> 'value' as value,
      count(*) as count, count(*) filter (where (answer.value ->> 'isNotEvidenced')::boolean) as "notEvidenced"
    from reviews cross join lateral jsonb_each(answers) as answer
    where kind = 'review' and status <> 'draft' and submitted_at >= ${span.from} and submitted_at < ${span.until}
    group by 1, 2, 3, 4 order by 1, 2, 3, 4`.execute(db)
  return rows.map(row => ({
    scorecardId: row.scorecardId,
    version: Number(row.version),
    questionId: row.questionId,
    value: row.value,
    count: Number(row.count),
    notEvidenced: Number(row.notEvidenced)
  }))
}
