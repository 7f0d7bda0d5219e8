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

/** The personal part of an event, sealed, in a row that an erasure empties. */
export type ConsentPart = Readonly<{ id: string; sealedPart: string }>

/** Many events with their sealed parts, in one transaction. */
export async function insertConsentEvents(
  db: ComplianceDb,
  parts: readonly ConsentPart[],
  rows: readonly Insertable<ConsentEventsTable>[]
): Promise<void> {
  if (rows.length === 0) return
  await db.transaction().execute(async trx => {
    if (parts.length > 0)
      await sql`insert into consent_keys (id, sealed_part)
        select id, sealed_part from unnest(${texts(parts.map(one => one.id))}, ${texts(parts.map(one => one.sealedPart))})
          as p (id, sealed_part)`.execute(trx)
    // What all rows share, as most of a file's consents do, is sent and read once.
    const columns = COLUMNS.map(({ name, type, read }) => {
      const values = rows.map(row => read(row) ?? null)
      return { name, type: sql.raw(type), values, isShared: name !== 'id' && values.every(one => one === values[0]) }
    })
    const own = columns.filter(one => !one.isShared)
    await sql`insert into consent_events (${sql.join(columns.map(one => sql.ref(one.name)))})
      select ${sql.join(
        columns.map(({ isShared, values, name, type }) =>
          isShared ? sql`${values[0]}::text::${type}` : sql`${sql.ref(name)}::${type}`
        )
      )}
      from unnest(${sql.join(own.map(one => texts(one.values)))}) with ordinality
        as e (${sql.join([...own.map(one => one.name), 'turn'].map(name => sql.ref(name)))})
      order by turn`.execute(trx)
  })
}

type EventColumn = Readonly<{
  name: string
  type: 'text' | 'text[]' | 'boolean' | 'jsonb' | 'timestamptz'
  read(row: Insertable<ConsentEventsTable>): string | boolean | null | undefined
}>

const COLUMNS: readonly EventColumn[] = [
  { name: 'id', type: 'text', read: row => row.id },
  { name: 'number_hash', type: 'text', read: row => row.number_hash },
  { name: 'person_hash', type: 'text', read: row => row.person_hash },
  { name: 'kind', type: 'text', read: row => row.kind },
  { name: 'seller', type: 'text', read: row => row.seller },
  { name: 'grade', type: 'text', read: row => row.grade },
  { name: 'purposes', type: 'text[]', read: row => arrayLiteral(row.purposes) },
  { name: 'channels', type: 'text[]', read: row => arrayLiteral(row.channels) },
  { name: 'modes', type: 'text[]', read: row => arrayLiteral(row.modes) },
  { name: 'covers_hours', type: 'boolean', read: row => row.covers_hours },
  { name: 'has_evidence', type: 'boolean', read: row => row.has_evidence },
  { name: 'evidence', type: 'jsonb', read: row => row.evidence },
  { name: 'sealed', type: 'text', read: row => row.sealed },
  { name: 'key_id', type: 'text', read: row => row.key_id },
  { name: 'expires_at', type: 'timestamptz', read: row => row.expires_at?.toISOString() },
  { name: 'at', type: 'timestamptz', read: row => row.at.toISOString() },
  { name: 'recorded_by', type: 'text', read: row => row.recorded_by }
]

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

export async function insertConsentPart(db: ComplianceDb, { id, sealedPart }: ConsentPart): Promise<void> {
  await db
    .insertInto('consent_keys')
    .values({ id, sealed_key: null, sealed_part: sealedPart, erased_at: null })
    .execute()
}

/** What an erasure would empty; undefined when there never was such a row. */
export async function findConsentPart(
  db: ComplianceDb,
  id: string
): Promise<Readonly<{ sealedKey: string | null; sealedPart: string | null }> | undefined> {
  return await db
    .selectFrom('consent_keys')
    .select(['sealed_key as sealedKey', 'sealed_part as sealedPart'])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Forgets these events' personal parts, or the keys of them; the events stay. */
export async function forgetConsentParts(db: ComplianceDb, eventIds: readonly string[], at: Date): Promise<void> {
  await db
    .updateTable('consent_keys')
    .set({ sealed_key: null, sealed_part: null, erased_at: at })
    .where(where => where.or([where('sealed_key', 'is not', null), where('sealed_part', 'is not', null)]))
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
