import { sql } from 'kysely'
import type { Db } from '../../database.ts'

export type AgingItem = Readonly<{
  id: string
  callId: string
  at: Date
  customer: string | null
  queueIds: readonly string[]
  purpose: string | null
  recordingHold: string | null
}>

/** Where each kind of data stands; `alive` tells what is there to be deleted. */
const SOURCES = {
  recordings: {
    from: 'recordings',
    id: 'recordings.id',
    at: 'recordings.created_at',
    alive: `recordings.state <> 'erased'`
  },
  transcripts: {
    from: 'transcripts',
    id: 'transcripts.id',
    at: 'transcripts.created_at',
    alive: `transcripts.status = 'complete'`
  },
  voicemails: { from: 'voicemails', id: 'voicemails.id', at: 'voicemails.created_at', alive: 'true' },
  notes: {
    from: 'call_notes',
    id: `call_notes.call_id || ' ' || call_notes.agent_id`,
    at: 'call_notes.updated_at',
    alive: `call_notes.note <> ''`
  },
  calls: {
    from: 'cdrs',
    id: 'cdrs.call_id',
    at: 'cdrs.started_at',
    alive: `cdrs.state = 'ended' and (case cdrs.direction when 'inbound' then cdrs.caller_number else cdrs.called_number end) is not null`
  }
} as const

export type AgingStore = keyof typeof SOURCES

/** Items in the order of their age, after a place, with what retention rules ask about. */
export async function listAging(
  db: Db,
  store: AgingStore,
  after: Readonly<{ at: Date; id: string }> | null,
  limit: number,
  onlyCallId: string | null = null
): Promise<readonly AgingItem[]> {
  const { from, id, at, alive } = SOURCES[store]
  const call = from === 'cdrs' ? 'cdrs.call_id' : `${from}.call_id`
  const { rows } = await sql<AgingItem & { at: Date }>`
    select ${sql.raw(id)} as id, ${sql.raw(call)} as "callId", ${sql.raw(at)} as at,
      case c.direction when 'inbound' then c.caller_number else c.called_number end as customer,
      array(select distinct queue_id from queue_visits where queue_visits.call_id = ${sql.raw(call)}) as "queueIds",
      (select d.body::jsonb -> 'facts' ->> 'purpose' from compliance_attempts a
        join compliance_decisions d on d.id = a.decision_id where a.call_id = ${sql.raw(call)} limit 1) as purpose,
      ${sql.raw(store === 'recordings' ? 'recordings.legal_hold' : 'null::text')} as "recordingHold"
    from ${sql.raw(from)} ${sql.raw(from === 'cdrs' ? '' : `left join cdrs c on c.call_id = ${call}`)}
    ${sql.raw(from === 'cdrs' ? 'cross join lateral (select cdrs.direction, cdrs.caller_number, cdrs.called_number) c' : '')}
    where ${sql.raw(alive)}
      ${after === null ? sql`` : sql`and (${sql.raw(at)}, ${sql.raw(id)}) > (${after.at}::timestamptz, ${after.id})`}
      ${onlyCallId === null ? sql`` : sql`and ${sql.raw(call)} = ${onlyCallId}`}
    order by ${sql.raw(at)}, ${sql.raw(id)} limit ${limit}`.execute(db)
  return rows
}

export type HoldRow = Readonly<{
  id: string
  callId: string | null
  numberHash: string | null
  matter: string
  until: Date | null
}>

/** Holds in force at an instant. */
export async function activeHolds(db: Db, at: Date): Promise<readonly HoldRow[]> {
  return await db
    .selectFrom('legal_holds')
    .select(['id', 'call_id as callId', 'number_hash as numberHash', 'matter', 'until'])
    .where('released_at', 'is', null)
    .where(eb => eb.or([eb('until', 'is', null), eb('until', '>', at)]))
    .execute()
}

export type ErasureRow = Readonly<{
  store: string
  itemId: string
  callId: string | null
  cause: string
  method: string
  proof?: Readonly<Record<string, unknown>>
}>

/** Tombstones: append-only. */
export async function insertErasures(db: Db, rows: readonly ErasureRow[]): Promise<void> {
  if (rows.length === 0) return
  await db
    .insertInto('erasures')
    .values(
      rows.map(row => ({
        store: row.store,
        item_id: row.itemId,
        call_id: row.callId,
        cause: row.cause,
        method: row.method,
        proof: JSON.stringify(row.proof ?? {})
      }))
    )
    .execute()
}

/** Calls with any of these numbers at the customer's end, oldest first. */
export async function callsOfCustomer(
  db: Db,
  numbers: readonly string[]
): Promise<readonly Readonly<{ callId: string; startedAt: Date; number: string }>[]> {
  if (numbers.length === 0) return []
  const rows = await db
    .selectFrom('cdrs')
    .select(['call_id', 'started_at', 'direction', 'caller_number', 'called_number'])
    .where(eb =>
      eb.or([
        eb.and([eb('direction', '=', 'inbound'), eb('caller_number', 'in', [...numbers])]),
        eb.and([eb('direction', '=', 'outbound'), eb('called_number', 'in', [...numbers])])
      ])
    )
    .orderBy('started_at')
    .limit(20_000)
    .execute()
  return rows.map(row => ({
    callId: row.call_id,
    startedAt: row.started_at,
    number: (row.direction === 'inbound' ? row.caller_number : row.called_number) ?? ''
  }))
}

/** Takes a customer's number out of calls and their stories; the calls stay as calls. Returns how many events changed. */
export async function forgetCustomer(
  db: Db,
  callIds: readonly string[],
  numbers: readonly string[]
): Promise<Readonly<{ calls: number; events: number }>> {
  if (callIds.length === 0) return { calls: 0, events: 0 }
  return await db.transaction().execute(async trx => {
    await sql`select set_config('parley.erasing', 'on', true)`.execute(trx)
    const inbound = await trx
      .updateTable('cdrs')
      .set({ caller_number: null, sip_call_id: null })
      .where('call_id', 'in', [...callIds])
      .where('direction', '=', 'inbound')
      .where('caller_number', 'is not', null)
      .executeTakeFirst()
    const outbound = await trx
      .updateTable('cdrs')
      .set({ called_number: null, sip_call_id: null })
      .where('call_id', 'in', [...callIds])
      .where('direction', '=', 'outbound')
      .where('called_number', 'is not', null)
      .executeTakeFirst()
    const wanted = [...numbers]
    const events = await sql`
      update call_events set data = (
        select jsonb_object_agg(key, case when value #>> '{}' = any(${wanted}::text[]) then 'null'::jsonb else value end)
        from jsonb_each(data))
      where call_id = any(${[...callIds]}::text[])
        and exists (select 1 from jsonb_each_text(data) where value = any(${wanted}::text[]))`.execute(trx)
    return {
      calls: Number(inbound.numUpdatedRows + outbound.numUpdatedRows),
      events: Number(events.numAffectedRows ?? 0)
    }
  })
}

/** Outbound attempts that decisions were written for, by keyed hash. */
export async function countAttempts(db: Db, numberHashes: readonly string[]): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) as count from compliance_attempts where number_hash = any(${[...numberHashes]}::text[])`.execute(db)
  return Number(rows[0]?.count ?? 0)
}
