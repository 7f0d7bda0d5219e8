import type { Insertable } from 'kysely'
import { sql } from 'kysely'
import type {
  ComplianceAttemptsTable,
  ComplianceDecisionsTable,
  ComplianceOverridesTable,
  ComplianceSuspensionsTable
} from '../../compliance-tables.ts'
import type { ComplianceDb } from './db.ts'

export type DecisionRow = Readonly<{
  seq: number
  id: string
  at: Date
  outcome: ComplianceDecisionsTable['outcome']
  reasons: readonly string[]
  numberHash: string
  campaignId: string | null
  contactId: string | null
  body: string
  prev: string
  hash: string
}>

const COLUMNS = [
  'seq',
  'id',
  'at',
  'outcome',
  'reasons',
  'number_hash as numberHash',
  'campaign_id as campaignId',
  'contact_id as contactId',
  'body',
  'prev',
  'hash'
] as const

const toDecision = (row: Omit<DecisionRow, 'seq'> & Readonly<{ seq: string }>): DecisionRow => ({
  ...row,
  seq: Number(row.seq)
})

const CHAIN_LOCK = 727_539_341

/** Adds entries to the end of the chain; `make` is given the end and returns the rows. One writer at a time. */
export async function appendDecisions(
  db: ComplianceDb,
  make: (end: Readonly<{ seq: number; hash: string }> | null) => readonly Insertable<ComplianceDecisionsTable>[]
): Promise<void> {
  await db.transaction().execute(async trx => {
    await sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`.execute(trx)
    const end = await trx
      .selectFrom('compliance_decisions')
      .select(['seq', 'hash'])
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst()
    const rows = make(end === undefined ? null : { seq: Number(end.seq), hash: end.hash })
    if (rows.length > 0)
      await trx
        .insertInto('compliance_decisions')
        .values([...rows])
        .execute()
  })
}

export async function findDecision(db: ComplianceDb, id: string): Promise<DecisionRow | undefined> {
  const row = await db.selectFrom('compliance_decisions').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toDecision(row)
}

export type DecisionFilter = Readonly<{
  outcome?: DecisionRow['outcome']
  reason?: string
  campaignId?: string
  numberHash?: string
}>

/** Newest first; `before` is the seq of the last row of the page before. */
export async function listDecisions(
  db: ComplianceDb,
  filter: DecisionFilter,
  before: string | null,
  limit: number
): Promise<readonly DecisionRow[]> {
  let query = db.selectFrom('compliance_decisions').select(COLUMNS).orderBy('seq', 'desc').limit(limit)
  if (before !== null) query = query.where('seq', '<', before)
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome)
  if (filter.campaignId !== undefined) query = query.where('campaign_id', '=', filter.campaignId)
  if (filter.numberHash !== undefined) query = query.where('number_hash', '=', filter.numberHash)
  if (filter.reason !== undefined) query = query.where(sql<boolean>`${filter.reason} = any(reasons)`)
  return (await query.execute()).map(toDecision)
}

/** Entries in order, from after a seq, for checking and export. */
export async function decisionsAfter(db: ComplianceDb, seq: number, limit: number): Promise<readonly DecisionRow[]> {
  const rows = await db
    .selectFrom('compliance_decisions')
    .select(COLUMNS)
    .where('seq', '>', String(seq))
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map(toDecision)
}

/** Joins an attempt to its decision. Refused by the database when the decision was used before. */
export async function insertAttempt(db: ComplianceDb, row: Insertable<ComplianceAttemptsTable>): Promise<void> {
  await db.insertInto('compliance_attempts').values(row).execute()
}

export async function setAttemptOutcome(db: ComplianceDb, decisionId: string, outcome: string): Promise<boolean> {
  const rows = await db
    .updateTable('compliance_attempts')
    .set({ outcome })
    .where('decision_id', '=', decisionId)
    .returning('call_id')
    .execute()
  return rows.length > 0
}

/** A permission that was not used: no INVITE has left. */
const NOT_PLACED = 'not_placed'

export type AttemptRow = Readonly<{ placedAt: Date; subject: string | null; outcome: string | null }>

export async function attemptsOf(db: ComplianceDb, numberHash: string, since: Date): Promise<readonly AttemptRow[]> {
  return await db
    .selectFrom('compliance_attempts')
    .select(['placed_at as placedAt', 'subject', 'outcome'])
    .where('number_hash', '=', numberHash)
    .where('placed_at', '>=', since)
    .where('outcome', 'is distinct from', NOT_PLACED)
    .orderBy('placed_at')
    .execute()
}

/** The same for many numbers, by their hash. */
export async function attemptsOfMany(
  db: ComplianceDb,
  numberHashes: readonly string[],
  since: Date
): Promise<ReadonlyMap<string, readonly AttemptRow[]>> {
  if (numberHashes.length === 0) return new Map()
  const rows = await db
    .selectFrom('compliance_attempts')
    .select(['number_hash as numberHash', 'placed_at as placedAt', 'subject', 'outcome'])
    .where('number_hash', '=', sql<string>`any(${[...numberHashes]}::text[])`)
    .where('placed_at', '>=', since)
    .where('outcome', 'is distinct from', NOT_PLACED)
    .orderBy('placed_at')
    .execute()
  return Map.groupBy(rows, row => row.numberHash)
}

/** Outbound calls, and calls with a leg to a number outside, that no decision stands for: each is an alarm. */
export async function callsWithoutDecision(
  db: ComplianceDb,
  since: Date,
  limit: number
): Promise<readonly Readonly<{ callId: string; startedAt: Date }>[]> {
  const result = await sql<{ callId: string; startedAt: Date }>`
    select c.call_id as "callId", c.started_at as "startedAt" from cdrs c
    where c.direction = 'outbound' and c.started_at >= ${since}
      and not exists (select from compliance_attempts a where a.call_id = c.call_id and not a.is_party)
    union
    select e.call_id, min(e.at) from call_events e
    where e.kind = 'legStarted' and e.data ->> 'destination' = 'number' and e.at >= ${since}
      and not exists (
        select from compliance_attempts a
        where a.call_id = e.call_id and a.decision_id = coalesce(e.data ->> 'decisionId', a.decision_id))
    group by e.call_id
    order by 2 desc limit ${limit}`.execute(db)
  return result.rows
}

export type OverrideRow = Readonly<{
  id: string
  rules: readonly string[]
  reason: string
  numberHash: string | null
  campaignId: string | null
  signedBy: string
  signedAt: Date
  countersignedBy: string | null
  countersignedAt: Date | null
  expiresAt: Date
  revokedAt: Date | null
}>

const OVERRIDE_COLUMNS = [
  'id',
  'rules',
  'reason',
  'number_hash as numberHash',
  'campaign_id as campaignId',
  'signed_by as signedBy',
  'signed_at as signedAt',
  'countersigned_by as countersignedBy',
  'countersigned_at as countersignedAt',
  'expires_at as expiresAt',
  'revoked_at as revokedAt'
] as const

export async function insertOverride(db: ComplianceDb, row: Insertable<ComplianceOverridesTable>): Promise<void> {
  await db.insertInto('compliance_overrides').values(row).execute()
}

export async function findOverride(db: ComplianceDb, id: string): Promise<OverrideRow | undefined> {
  return await db.selectFrom('compliance_overrides').select(OVERRIDE_COLUMNS).where('id', '=', id).executeTakeFirst()
}

/** The second signature, by somebody else, once and before it expires; false when that is not possible. */
export async function countersignOverride(db: ComplianceDb, id: string, by: string, at: Date): Promise<boolean> {
  const rows = await db
    .updateTable('compliance_overrides')
    .set({ countersigned_by: by, countersigned_at: at })
    .where('id', '=', id)
    .where('countersigned_by', 'is', null)
    .where('signed_by', '<>', by)
    .where('expires_at', '>', at)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}

export async function revokeOverride(db: ComplianceDb, id: string, by: string, at: Date): Promise<boolean> {
  const rows = await db
    .updateTable('compliance_overrides')
    .set({ revoked_by: by, revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}

/** Newest first, also expired and revoked ones: overrides stay visible. */
export async function listOverrides(db: ComplianceDb, limit: number): Promise<readonly OverrideRow[]> {
  return await db
    .selectFrom('compliance_overrides')
    .select(OVERRIDE_COLUMNS)
    .orderBy('signed_at', 'desc')
    .limit(limit)
    .execute()
}

/** Overrides with both signatures that are in force for a number or a campaign. */
export async function activeOverrides(
  db: ComplianceDb,
  numberHash: string,
  campaignId: string | null,
  at: Date
): Promise<readonly OverrideRow[]> {
  return await db
    .selectFrom('compliance_overrides')
    .select(OVERRIDE_COLUMNS)
    .where('countersigned_by', 'is not', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .where(where => where.or([where('number_hash', 'is', null), where('number_hash', '=', numberHash)]))
    .where(where =>
      campaignId === null
        ? where('campaign_id', 'is', null)
        : where.or([where('campaign_id', 'is', null), where('campaign_id', '=', campaignId)])
    )
    .execute()
}

/** Overrides in force for a campaign or for all, whatever number they are for. */
export async function activeOverridesOf(
  db: ComplianceDb,
  campaignId: string | null,
  at: Date
): Promise<readonly OverrideRow[]> {
  return await db
    .selectFrom('compliance_overrides')
    .select(OVERRIDE_COLUMNS)
    .where('countersigned_by', 'is not', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .where(where =>
      campaignId === null
        ? where('campaign_id', 'is', null)
        : where.or([where('campaign_id', 'is', null), where('campaign_id', '=', campaignId)])
    )
    .execute()
}

export type SuspensionRow = Readonly<{
  id: string
  jurisdiction: string
  kind: 'emergency' | 'holiday'
  note: string
  fromAt: Date
  toAt: Date | null
  liftedAt: Date | null
}>

export async function insertSuspension(db: ComplianceDb, row: Insertable<ComplianceSuspensionsTable>): Promise<void> {
  await db.insertInto('compliance_suspensions').values(row).execute()
}

export async function liftSuspension(db: ComplianceDb, id: string, by: string, at: Date): Promise<boolean> {
  const rows = await db
    .updateTable('compliance_suspensions')
    .set({ lifted_by: by, lifted_at: at })
    .where('id', '=', id)
    .where('lifted_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}

const SUSPENSION_COLUMNS = [
  'id',
  'jurisdiction',
  'kind',
  'note',
  'from_at as fromAt',
  'to_at as toAt',
  'lifted_at as liftedAt'
] as const

/** Those that may still be lifted first, each part with the newest first. */
export async function listSuspensions(db: ComplianceDb, limit: number): Promise<readonly SuspensionRow[]> {
  return await db
    .selectFrom('compliance_suspensions')
    .select(SUSPENSION_COLUMNS)
    .orderBy(sql`lifted_at is not null`)
    .orderBy('from_at', 'desc')
    .limit(limit)
    .execute()
}

/** Every suspension that is in force at an instant, and the `toCome` next ones after it, in order. */
export async function suspensionsFrom(db: ComplianceDb, at: Date, toCome: number): Promise<readonly SuspensionRow[]> {
  const open = db
    .selectFrom('compliance_suspensions')
    .select(SUSPENSION_COLUMNS)
    .where('lifted_at', 'is', null)
    .where(where => where.or([where('to_at', 'is', null), where('to_at', '>', at)]))
    .orderBy('from_at')
  return [
    ...(await open.where('from_at', '<=', at).execute()),
    ...(await open.where('from_at', '>', at).limit(toCome).execute())
  ]
}

/** How many decisions had which outcome and which reason in a time. */
export async function complianceCounts(
  db: ComplianceDb,
  from: Date,
  to: Date
): Promise<
  Readonly<{
    outcomes: readonly Readonly<{ outcome: string; count: number }>[]
    reasons: readonly Readonly<{ reason: string; count: number }>[]
  }>
> {
  const outcomes = await sql<{ outcome: string; count: number }>`
    select outcome, count(*)::int as count from compliance_decisions
    where at >= ${from} and at < ${to} group by outcome order by count desc`.execute(db)
  const reasons = await sql<{ reason: string; count: number }>`
    select reason, count(*)::int as count from compliance_decisions, unnest(reasons) as reason
    where at >= ${from} and at < ${to} group by reason order by count desc`.execute(db)
  return { outcomes: outcomes.rows, reasons: reasons.rows }
}
