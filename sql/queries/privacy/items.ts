import { sql } from 'kysely'
import type { Db } from '../../database.ts'

export type AgingItem = Readonly<{
  id: string
  callId: string | null
  at: Date
  /** `at` to the microsecond, as the database writes it: a place in the order, which a Date is too coarse for. */
  stamp: string
  customer: string | null
  /** More numbers of the same person: a hold may stand on any. */
  otherNumbers: readonly string[]
  queueIds: readonly string[]
  purpose: string | null
  recordingHold: string | null
}>

type Source = Readonly<{
  from: string
  id: string
  at: string
  /** What is there to be deleted. */
  alive: string
  /** Null for what belongs to no call. */
  call: string | null
  /** Where the customer's number stands when the call does not say it. */
  customer?: string
  otherNumbers?: string
  /** For what belongs to no call, or says it better than its call. */
  purpose?: string
  /** Holds that stand on a recording itself. */
  hold?: string
  /** A key by which a large table is gone through instead of by age, and how an id is compared with it. */
  order?: Readonly<{ column: string; cast: string }>
}>

/** Text that people wrote in a review, in any state that it was in. */
export const HAS_REVIEW_TEXT = `(reviews.note <> '' or reviews.coaching <> ''
  or exists (select 1 from jsonb_each(reviews.answers) where value ? 'note')
  or exists (select 1 from review_history h, jsonb_each(h.answers) a where h.review_id = reviews.id and a.value ? 'note')
  or exists (select 1 from review_disputes d where d.review_id = reviews.id and (d.reason <> '' or d.answer <> '')))`

/** Where each kind of data stands. */
const SOURCES = {
  recordings: {
    from: 'recordings',
    id: 'recordings.id',
    at: 'recordings.created_at',
    alive: `recordings.state <> 'erased' and recordings.kind = 'call'`,
    call: 'recordings.call_id',
    hold: 'recordings.legal_hold'
  },
  transcripts: {
    from: 'transcripts',
    id: 'transcripts.id',
    at: 'transcripts.created_at',
    alive: `transcripts.status = 'complete'`,
    call: 'transcripts.call_id'
  },
  voicemails: {
    from: 'voicemails',
    id: 'voicemails.id',
    at: 'voicemails.created_at',
    alive: 'true',
    call: 'voicemails.call_id',
    hold: '(select r.legal_hold from recordings r where r.id = voicemails.recording_id)'
  },
  notes: {
    from: 'call_notes',
    id: `call_notes.call_id || ' ' || call_notes.agent_id`,
    at: 'call_notes.updated_at',
    alive: `call_notes.note <> ''`,
    call: 'call_notes.call_id'
  },
  comments: {
    from: 'call_comments',
    id: 'call_comments.id',
    at: 'call_comments.created_at',
    alive: 'call_comments.deleted_at is null',
    call: 'call_comments.call_id'
  },
  reviewNotes: {
    from: 'reviews',
    id: 'reviews.id',
    at: 'reviews.changed_at',
    alive: HAS_REVIEW_TEXT,
    call: 'reviews.call_id'
  },
  clips: {
    from: 'clips',
    id: 'clips.id',
    at: 'clips.created_at',
    alive: 'clips.revoked_at is null',
    call: 'clips.call_id'
  },
  surveyAnswers: {
    from: 'survey_answers',
    id: `survey_answers.call_id || ' ' || survey_answers.question`,
    at: 'survey_answers.answered_at',
    alive: 'true',
    call: 'survey_answers.call_id'
  },
  botQuestions: {
    from: 'bot_questions',
    id: 'bot_questions.id',
    at: 'bot_questions.asked_at',
    alive: 'true',
    call: 'bot_questions.call_id'
  },
  callbacks: {
    from: 'queue_callbacks',
    id: 'queue_callbacks.id',
    at: 'queue_callbacks.created_at',
    // One that somebody waits for has no age yet.
    alive: `queue_callbacks.number <> '' and queue_callbacks.status not in ('waiting', 'dialling')`,
    call: 'queue_callbacks.call_id',
    customer: 'queue_callbacks.number'
  },
  languages: {
    from: 'caller_languages',
    id: 'caller_languages.id::text',
    at: 'caller_languages.chosen_at',
    alive: 'true',
    call: null,
    customer: 'caller_languages.number'
  },
  consentRequests: {
    from: 'consent_requests',
    id: 'consent_requests.id',
    at: 'consent_requests.sent_at',
    alive: 'consent_requests.expires_at < now()',
    call: null
  },
  requests: {
    from: 'privacy_requests',
    id: 'privacy_requests.id',
    at: 'privacy_requests.done_at',
    // A restriction that is in force can be lifted only by who it is about.
    alive: `privacy_requests.sealed is not null and privacy_requests.done_at is not null
      and privacy_requests.kind not in ('restrict', 'do-not-sell')`,
    call: null
  },
  attempts: {
    from: 'campaign_attempts',
    id: 'campaign_attempts.id',
    at: 'campaign_attempts.reserved_at',
    alive: `campaign_attempts.number <> ''
      and campaign_attempts.state not in ('reserved', 'permitted', 'dialling', 'answered')`,
    call: 'campaign_attempts.id',
    customer: 'campaign_attempts.number',
    order: { column: 'campaign_attempts.id', cast: 'text' }
  },
  calls: {
    from: 'cdrs',
    id: 'cdrs.call_id',
    at: 'cdrs.started_at',
    alive: `cdrs.state = 'ended' and (case cdrs.direction when 'inbound' then cdrs.caller_number else cdrs.called_number end) is not null`,
    call: 'cdrs.call_id'
  },
  contacts: {
    from: 'contacts',
    id: 'contacts.id::text',
    // Since something last happened to it in a campaign.
    at: `greatest(contacts.created_at, (select max(l.last_at) from campaigns k
      join campaign_leads l on l.campaign_no = k.no and l.contact_id = contacts.id))`,
    alive: 'true',
    call: null,
    customer: '(select n.number from contact_numbers n where n.contact_id = contacts.id order by n.position limit 1)',
    otherNumbers: 'array(select n.number from contact_numbers n where n.contact_id = contacts.id)',
    purpose: `(select k.settings ->> 'purpose' from campaigns k
      join campaign_leads l on l.campaign_no = k.no and l.contact_id = contacts.id order by k.no desc limit 1)`,
    order: { column: 'contacts.id', cast: 'bigint' }
  }
} as const satisfies Readonly<Record<string, Source>>

export type AgingStore = keyof typeof SOURCES

/**
 * Items in the order of their age (of large tables: of their keys), after a place, with what retention rules ask about.
 * `only`: those of one call, or one of them.
 */
export async function listAging(
  db: Db,
  store: AgingStore,
  after: Pick<AgingItem, 'stamp' | 'id'> | null,
  limit: number,
  only: Readonly<{ callId: string } | { id: string }> | null = null
): Promise<readonly AgingItem[]> {
  const { from, id, at, alive, call, customer, purpose, hold, order, otherNumbers }: Source = SOURCES[store]
  if (only !== null && 'callId' in only && call === null) return []
  const isCall = from === 'cdrs'
  const ofCall = call ?? 'null::text'
  const next =
    after === null
      ? sql``
      : order === undefined
        ? sql`and (${sql.raw(at)}, ${sql.raw(id)}) > (${after.stamp}::timestamptz, ${after.id})`
        : sql`and ${sql.raw(order.column)} > ${after.id}::${sql.raw(order.cast)}`
  const wanted =
    only === null
      ? sql``
      : 'callId' in only
        ? sql`and ${sql.raw(ofCall)} = ${only.callId}`
        : sql`and ${sql.raw(id)} = ${only.id}`
  const { rows } = await sql<AgingItem>`
    select ${sql.raw(id)} as id, ${sql.raw(ofCall)} as "callId", ${sql.raw(at)} as at, (${sql.raw(at)})::text as stamp,
      ${sql.raw(customer ?? (call === null ? 'null::text' : "case c.direction when 'inbound' then c.caller_number else c.called_number end"))} as customer,
      ${sql.raw(otherNumbers ?? 'array[]::text[]')} as "otherNumbers",
      array(select distinct queue_id from queue_visits where queue_visits.call_id = ${sql.raw(ofCall)}) as "queueIds",
      ${
        purpose === undefined
          ? sql`(select d.body::jsonb -> 'facts' ->> 'purpose' from compliance_attempts a
        join compliance_decisions d on d.id = a.decision_id where a.call_id = ${sql.raw(ofCall)} limit 1)`
          : sql.raw(purpose)
      } as purpose,
      ${sql.raw(hold ?? 'null::text')} as "recordingHold"
    from ${sql.raw(from)} ${sql.raw(call === null || isCall ? '' : `left join cdrs c on c.call_id = ${call}`)}
    ${sql.raw(isCall ? 'cross join lateral (select cdrs.direction, cdrs.caller_number, cdrs.called_number) c' : '')}
    where ${sql.raw(alive)} ${next} ${wanted}
    order by ${sql.raw(order?.column ?? `${at}, ${id}`)} limit ${limit}`.execute(db)
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
  // A column each: a row's own parameters would be more than a statement may have where a person has much.
  await sql`
    insert into erasures (store, item_id, call_id, cause, method, proof)
    select store, item_id, call_id, cause, method, proof::jsonb from unnest(
      ${rows.map(row => row.store)}::text[], ${rows.map(row => row.itemId)}::text[], ${rows.map(row => row.callId)}::text[],
      ${rows.map(row => row.cause)}::text[], ${rows.map(row => row.method)}::text[],
      ${rows.map(row => JSON.stringify(row.proof ?? {}))}::text[]
    ) as gone (store, item_id, call_id, cause, method, proof)`.execute(db)
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
