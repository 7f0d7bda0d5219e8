import { type Insertable, sql } from 'kysely'
import type { ConsentEventsTable, ConsentRequestsTable } from '../../compliance-tables.ts'
import { texts } from '../text-column.ts'
import type { ComplianceDb } from './db.ts'

export type ConsentEventRow = Readonly<{
  id: string
  seq: number
  numberHash: string
  personHash: string | null
  kind: ConsentEventsTable['kind']
  seller: string
  grade: string
  purposes: readonly string[]
  channels: readonly string[]
  modes: readonly string[]
  coversHours: boolean
  hasEvidence: boolean
  evidence: Readonly<Record<string, unknown>>
  sealed: string | null
  keyId: string | null
  expiresAt: Date | null
  at: Date
  recordedBy: string | null
}>

const EVENT_COLUMNS = [
  'id',
  'seq',
  'number_hash as numberHash',
  'person_hash as personHash',
  'kind',
  'seller',
  'grade',
  'purposes',
  'channels',
  'modes',
  'covers_hours as coversHours',
  'has_evidence as hasEvidence',
  'evidence',
  'sealed',
  'key_id as keyId',
  'expires_at as expiresAt',
  'at',
  'recorded_by as recordedBy'
] as const

export async function insertConsentEvent(db: ComplianceDb, row: Insertable<ConsentEventsTable>): Promise<void> {
  await db.insertInto('consent_events').values(row).execute()
}

/** Many events with the keys of their sealed parts, in one transaction. */
export async function insertConsentEvents(
  db: ComplianceDb,
  keys: readonly Readonly<{ id: string; sealedKey: string }>[],
  rows: readonly Insertable<ConsentEventsTable>[]
): Promise<void> {
  if (rows.length === 0) return
  await db.transaction().execute(async trx => {
    if (keys.length > 0)
      await sql`insert into consent_keys (id, sealed_key)
        select id, sealed_key from unnest(${texts(keys.map(one => one.id))}, ${texts(keys.map(one => one.sealedKey))})
          as k (id, sealed_key)`.execute(trx)
    const column = (read: (row: Insertable<ConsentEventsTable>) => string | boolean | null | undefined) =>
      texts(rows.map(row => read(row) ?? null))
    await sql`insert into consent_events (id, number_hash, person_hash, kind, seller, grade, purposes, channels, modes,
        covers_hours, has_evidence, evidence, sealed, key_id, expires_at, at, recorded_by)
      select id, number_hash, person_hash, kind, seller, grade, purposes::text[], channels::text[], modes::text[],
        covers_hours, has_evidence, evidence, sealed, key_id, expires_at, at, recorded_by
      from unnest(${column(row => row.id)}, ${column(row => row.number_hash)},
        ${column(row => row.person_hash)}, ${column(row => row.kind)},
        ${column(row => row.seller)}, ${column(row => row.grade)},
        ${column(row => arrayLiteral(row.purposes))}, ${column(row => arrayLiteral(row.channels))},
        ${column(row => arrayLiteral(row.modes))}, ${column(row => row.covers_hours)}::boolean[],
        ${column(row => row.has_evidence)}::boolean[], ${column(row => row.evidence)}::jsonb[],
        ${column(row => row.sealed)}, ${column(row => row.key_id)},
        ${column(row => row.expires_at?.toISOString())}::timestamptz[], ${column(row => row.at.toISOString())}::timestamptz[],
        ${column(row => row.recorded_by)}) with ordinality
        as e (id, number_hash, person_hash, kind, seller, grade, purposes, channels, modes, covers_hours, has_evidence,
          evidence, sealed, key_id, expires_at, at, recorded_by, turn)
      order by turn`.execute(trx)
  })
}

/** Texts as an array is written inside of a text (PostgreSQL manual, 8.15.6). */
function arrayLiteral(texts: readonly string[] | undefined): string {
  return `{${(texts ?? []).map(one => `"${one.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}

/** Events of a number, and those of a person on whatever number, in the order in which they were recorded. */
export async function consentEventsOf(
  db: ComplianceDb,
  numberHash: string,
  personHash: string | null
): Promise<readonly ConsentEventRow[]> {
  const rows = await db
    .selectFrom('consent_events')
    .select(EVENT_COLUMNS)
    .where(where =>
      personHash === null
        ? where('number_hash', '=', numberHash)
        : where.or([where('number_hash', '=', numberHash), where('person_hash', '=', personHash)])
    )
    .orderBy('seq')
    .execute()
  return rows.map(row => ({ ...row, seq: Number(row.seq) }))
}

/** The whole ledger, newest first; `before` is the seq of the last row of the page before. */
export async function listConsentEvents(
  db: ComplianceDb,
  before: string | null,
  limit: number
): Promise<readonly ConsentEventRow[]> {
  let query = db.selectFrom('consent_events').select(EVENT_COLUMNS).orderBy('seq', 'desc').limit(limit)
  if (before !== null) query = query.where('seq', '<', before)
  return (await query.execute()).map(row => ({ ...row, seq: Number(row.seq) }))
}

/** Events of many numbers, by their hash, each in the order in which they were recorded. */
export async function consentEventsOfMany(
  db: ComplianceDb,
  numberHashes: readonly string[]
): Promise<ReadonlyMap<string, readonly ConsentEventRow[]>> {
  if (numberHashes.length === 0) return new Map()
  const rows = await db
    .selectFrom('consent_events')
    .select(EVENT_COLUMNS)
    .where('number_hash', '=', sql<string>`any(${[...numberHashes]}::text[])`)
    .orderBy('seq')
    .execute()
  return Map.groupBy(
    rows.map(row => ({ ...row, seq: Number(row.seq) })),
    row => row.numberHash
  )
}

export async function insertConsentKey(db: ComplianceDb, id: string, sealedKey: string): Promise<void> {
  await db.insertInto('consent_keys').values({ id, sealed_key: sealedKey, erased_at: null }).execute()
}

export async function findConsentKey(db: ComplianceDb, id: string): Promise<string | null> {
  const row = await db.selectFrom('consent_keys').select('sealed_key').where('id', '=', id).executeTakeFirst()
  return row?.sealed_key ?? null
}

/** Forgets the keys of these events' personal parts; the events and their chain stay. */
export async function forgetConsentKeys(db: ComplianceDb, eventIds: readonly string[], at: Date): Promise<void> {
  await db
    .updateTable('consent_keys')
    .set({ sealed_key: null, erased_at: at })
    .where('sealed_key', 'is not', null)
    .where('id', 'in', where =>
      where
        .selectFrom('consent_events')
        .select('key_id')
        .where('id', 'in', [...eventIds])
        .$castTo<{ key_id: string }>()
    )
    .execute()
}

export async function insertConsentRequest(db: ComplianceDb, row: Insertable<ConsentRequestsTable>): Promise<void> {
  await db.insertInto('consent_requests').values(row).execute()
}

/** Those of some numbers, and those of which no hash was kept. */
export async function listConsentRequests(
  db: ComplianceDb,
  numberHashes: readonly string[]
): Promise<
  readonly Readonly<{ id: string; sentAt: Date; numberHash: string | null; event: Readonly<Record<string, unknown>> }>[]
> {
  return await db
    .selectFrom('consent_requests')
    .select(['id', 'sent_at as sentAt', 'number_hash as numberHash', 'event'])
    .where(eb => eb.or([eb('number_hash', 'in', [...numberHashes]), eb('number_hash', 'is', null)]))
    .execute()
}

/** Marks a request as answered, once and in time; undefined when there is no such open request. */
export async function confirmConsentRequest(
  db: ComplianceDb,
  tokenHash: string,
  at: Date
): Promise<
  Readonly<{ id: string; channel: string; event: Readonly<Record<string, unknown>>; sentAt: Date }> | undefined
> {
  return await db
    .updateTable('consent_requests')
    .set({ confirmed_at: at })
    .where('token_hash', '=', tokenHash)
    .where('confirmed_at', 'is', null)
    .where('expires_at', '>', at)
    .returning(['id', 'channel', 'event', 'sent_at as sentAt'])
    .executeTakeFirst()
}

/** The event of a request that still waits for its answer; undefined when there is no such open request. */
export async function findOpenConsentRequest(
  db: ComplianceDb,
  tokenHash: string,
  at: Date
): Promise<Readonly<{ event: Readonly<Record<string, unknown>> }> | undefined> {
  return await db
    .selectFrom('consent_requests')
    .select('event')
    .where('token_hash', '=', tokenHash)
    .where('confirmed_at', 'is', null)
    .where('expires_at', '>', at)
    .executeTakeFirst()
}
