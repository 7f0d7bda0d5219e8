import { type Selectable, sql, type Updateable } from 'kysely'
import type { CampaignAttemptsTable, LeadState } from '../../campaign-tables.ts'
import type { Db } from '../../database.ts'
import { type Segment, segmentConditions } from './campaigns.ts'

export type AttemptRow = Omit<Selectable<CampaignAttemptsTable>, 'contact_id'> & Readonly<{ contact_id: string }>

/** Attempts that may still become calls or are calls. */
const OPEN = ['reserved', 'permitted', 'dialling', 'answered'] as const
/** Of these, those of which no INVITE can have left. */
const UNDIALLED = ['reserved', 'permitted'] as const

export type ReservedLead = Readonly<{
  id: string
  contactId: string
  position: number
  number: string
  placeId: number
  priority: number
  attempts: number
  callbackAt: Date | null
  callbackAgentId: string | null
  callbackNote: string
}>

/** Where somebody waits: a range of the index by which leads are found. */
export type Slot = Readonly<{ placeId: number; priority: number }>

/**
 * Holds the next leads for one control plane and writes their attempts, in one statement. Only leads that are due in the
 * given slots are looked at, slot by slot in their order, longest due first. A number that somebody is calling just now is
 * left for a minute. Whom the campaign does not mean any more is left out, unless a call was promised.
 */
export async function reserveLeads(
  db: Db,
  request: Readonly<{
    campaignNo: number
    slots: readonly Slot[]
    /** The lists, by their ids, and who of them is meant, as they are now. */
    lists: readonly string[]
    segment: Omit<Segment, 'first'>
    ids: readonly string[]
    controlPlaneId: string
    now: Date
    /** Calls that these agents have promised are due with the others; those of others once they are older than this. */
    promises: Readonly<{ agentIds: readonly string[]; olderThan: Date }>
  }>
): Promise<readonly ReservedLead[]> {
  const { campaignNo, slots, lists, segment, ids, controlPlaneId, now, promises } = request
  if (ids.length === 0 || slots.length === 0) return []
  const { rows } = await sql<Omit<ReservedLead, 'id'> & Readonly<{ id: string | null; leftOut: number }>>`
    with picked as (
      select l.* from unnest(${slots.map(one => one.placeId)}::integer[], ${slots.map(one => one.priority)}::smallint[])
        s (place_id, priority)
      cross join lateral (
        select contact_id, place_id, position, priority, attempts, callback_at, callback_agent_id, callback_note
          from campaign_leads
        where campaign_no = ${campaignNo} and place_id = s.place_id and priority = s.priority
          and state = 'waiting' and next_at <= ${now}
          and (callback_agent_id is null or callback_at <= ${promises.olderThan}
            or callback_agent_id = any(${[...promises.agentIds]}::text[]))
        order by next_at limit ${ids.length} for update skip locked
      ) l limit ${ids.length}
    ), meant as (
      select p.* from picked p join contacts c on c.id = p.contact_id
      where p.callback_at is not null or ${isMeant(lists, segment)}
    ), numbered as (
      select p.*, n.number, row_number() over () as turn from meant p
      join contact_numbers n on n.contact_id = p.contact_id and n.position = p.position
    ), made as (
      insert into campaign_attempts (id, campaign_no, contact_id, position, number, place_id, control_plane_id,
        is_promised, reserved_at)
      select i.id, ${campaignNo}, n.contact_id, n.position, n.number, n.place_id, ${controlPlaneId},
        n.callback_at is not null, ${now}
      from numbered n join unnest(${[...ids]}::text[]) with ordinality i (id, turn) using (turn)
      on conflict do nothing returning id, contact_id
    ), taken as (
      update campaign_leads l set state = 'reserved' from made m
      where l.campaign_no = ${campaignNo} and l.contact_id = m.contact_id
    ), gone as (
      -- Removed while they were called, or in wrap-up.
      update campaign_leads l set state = 'done', last_outcome = 'contactRemoved' from picked p
      where l.campaign_no = ${campaignNo} and l.contact_id = p.contact_id
        and not exists (select from contacts c where c.id = p.contact_id)
    ), left_out as (
      update campaign_leads l set state = 'suppressed', last_outcome = 'notMeant' from picked p
      join contacts c on c.id = p.contact_id
      where l.campaign_no = ${campaignNo} and l.contact_id = p.contact_id
        and not exists (select from meant m where m.contact_id = p.contact_id)
      returning 1
    ), occupied as (
      update campaign_leads l set next_at = ${now}::timestamptz + interval '1 minute', put_off_at = ${now} from meant p
      where l.campaign_no = ${campaignNo} and l.contact_id = p.contact_id
        and not exists (select from made m where m.contact_id = p.contact_id)
    )
    select m.id, m.contact_id::text as "contactId", n.position, n.number, n.place_id as "placeId", n.priority, n.attempts,
      n.callback_at as "callbackAt", n.callback_agent_id as "callbackAgentId", n.callback_note as "callbackNote",
      (select count(*)::int from left_out) as "leftOut"
    from (select) always left join (made m join numbered n on n.contact_id = m.contact_id) on true order by n.turn`.execute(
    db
  )
  if ((rows[0]?.leftOut ?? 0) > 0) await leaveOut(db, request)
  return rows.flatMap(({ leftOut: _, ...lead }) => (lead.id === null ? [] : [{ ...lead, id: lead.id }]))
}

/** So many of those who are due are looked through in one go, while others wait for the same campaign. */
const LOOKED_THROUGH = 2_000

/** Leaves out more of those whom a campaign does not mean any more: where one is due there are many. */
async function leaveOut(
  db: Db,
  request: Pick<Parameters<typeof reserveLeads>[1], 'campaignNo' | 'slots' | 'lists' | 'segment' | 'now'>
): Promise<void> {
  const { campaignNo, slots, lists, segment, now } = request
  await sql`
    with due as (
      select l.contact_id from unnest(${slots.map(one => one.placeId)}::integer[], ${slots.map(one => one.priority)}::smallint[])
        s (place_id, priority)
      cross join lateral (
        select contact_id from campaign_leads
        where campaign_no = ${campaignNo} and place_id = s.place_id and priority = s.priority
          and state = 'waiting' and next_at <= ${now} and callback_at is null
        order by next_at limit ${LOOKED_THROUGH} for update skip locked
      ) l limit ${LOOKED_THROUGH}
    )
    update campaign_leads l set state = 'suppressed', last_outcome = 'notMeant' from due d join contacts c on c.id = d.contact_id
    where l.campaign_no = ${campaignNo} and l.contact_id = d.contact_id and ${isMeant(lists, segment)} is not true`.execute(
    db
  )
}

/** On a contact `c`. */
function isMeant(lists: readonly string[], segment: Omit<Segment, 'first'>) {
  return sql`(${segmentConditions(segment)} and exists (
    select from contact_lists t where t.no = c.list_no and t.deleted_at is null and t.id = any(${[...lists]}::text[])))`
}

/** Writes what is known of an attempt that is open; false when it is over (somebody took its owner for dead). */
export async function updateOpenAttempt(
  db: Db,
  id: string,
  change: Updateable<CampaignAttemptsTable>
): Promise<boolean> {
  const rows = await db
    .updateTable('campaign_attempts')
    .set(change)
    .where('id', '=', id)
    .where('state', 'in', [...OPEN])
    .returning('id')
    .execute()
  return rows.length > 0
}

/** How an attempt ended and what is done with its lead; all at once and once only. */
export type AttemptEnd = Readonly<{
  attempt: Updateable<CampaignAttemptsTable>
  lead: Readonly<{
    state: LeadState
    nextAt: Date | null
    position: number | null
    placeId: number | null
    priority?: number
    reasons?: readonly string[]
    decisionId?: string | null
    lastOutcome: string | null
    /** Whether it counts as an attempt: something may have rung. */
    isCounted: boolean
  }>
  /** Added to the counts of its day. */
  day: Readonly<{ day: string; machines: number; connected: number; abandoned: number }> | null
  /** Only when no INVITE can have left by then: whoever owns it may go on at this very moment. */
  isUndialled?: boolean
}>

export async function endAttempt(db: Db, id: string, end: AttemptEnd, now: Date): Promise<boolean> {
  return await db.transaction().execute(async trx => {
    const attempt = await trx
      .updateTable('campaign_attempts')
      .set({ state: 'over', ended_at: now, ...end.attempt })
      .where('id', '=', id)
      .where('state', 'in', end.isUndialled === true ? [...UNDIALLED] : [...OPEN])
      .returning(['campaign_no', 'contact_id'])
      .executeTakeFirst()
    if (attempt === undefined) return false
    const { lead } = end
    await trx
      .updateTable('campaign_leads')
      .set(({ eb }) => ({
        state: lead.state,
        ...(lead.nextAt !== null && { next_at: lead.nextAt, put_off_at: now }),
        ...(lead.position !== null && { position: lead.position }),
        ...(lead.placeId !== null && { place_id: lead.placeId }),
        ...(lead.priority !== undefined && { priority: lead.priority }),
        // What a decision said before is of no more weight than the last one.
        reasons: [...(lead.reasons ?? [])],
        ...(lead.decisionId !== undefined && { decision_id: lead.decisionId }),
        ...(lead.lastOutcome !== null && { last_outcome: lead.lastOutcome, last_at: now }),
        ...(lead.isCounted && { attempts: eb('attempts', '+', 1), callback_at: null, callback_agent_id: null })
      }))
      .where('campaign_no', '=', attempt.campaign_no)
      .where('contact_id', '=', attempt.contact_id)
      .execute()
    if (end.day !== null) await addToDay(trx, attempt.campaign_no, end.day.day, end.day)
    return true
  })
}

/**
 * Somebody was abandoned in an attempt that others have closed meanwhile without knowing it: the law counts them, once, and
 * they are left alone like all others. `day` is that of the answer.
 */
export async function countAbandonedLate(db: Db, id: string, day: string): Promise<void> {
  await db.transaction().execute(async trx => {
    const attempt = await trx
      .updateTable('campaign_attempts')
      .set({ is_abandoned: true })
      .where('id', '=', id)
      .where('is_abandoned', '=', false)
      .returning('campaign_no')
      .executeTakeFirst()
    if (attempt !== undefined) await addToDay(trx, attempt.campaign_no, day, { abandoned: 1 })
  })
}

/** Adds to what a campaign did on a day. */
export async function addToDay(
  db: Db,
  campaignNo: number,
  day: string,
  counts: Readonly<Partial<Record<'dialled' | 'live' | 'abandoned' | 'machines' | 'connected', number>>>
): Promise<void> {
  const { dialled = 0, live = 0, abandoned = 0, machines = 0, connected = 0 } = counts
  await sql`insert into campaign_days as d (campaign_no, day, dialled, live, abandoned, machines, connected)
    values (${campaignNo}, ${day}::date, ${dialled}, ${live}, ${abandoned}, ${machines}, ${connected})
    on conflict (campaign_no, day) do update set dialled = d.dialled + excluded.dialled, live = d.live + excluded.live,
      abandoned = d.abandoned + excluded.abandoned, machines = d.machines + excluded.machines,
      connected = d.connected + excluded.connected`.execute(db)
}

/** Marks that the INVITE is about to leave: from here on the number may ring. False when the attempt is not ours any more. */
export async function beginDialling(
  db: Db,
  id: string,
  change: Updateable<CampaignAttemptsTable>,
  campaignNo: number,
  now: Date
): Promise<boolean> {
  return await db.transaction().execute(async trx => {
    const rows = await trx
      .updateTable('campaign_attempts')
      .set({ state: 'dialling', dialled_at: now, ...change })
      .where('id', '=', id)
      .where('state', '=', 'permitted')
      .returning('id')
      .execute()
    if (rows.length === 0) return false
    await addToDay(trx, campaignNo, now.toISOString().slice(0, 10), { dialled: 1 })
    return true
  })
}

/** A person has answered: counted for the law in the same transaction, also when the attempt was closed meanwhile. */
export async function countLive(
  db: Db,
  id: string,
  campaignNo: number,
  answeredAt: Date,
  change: Updateable<CampaignAttemptsTable> = {}
): Promise<void> {
  await db.transaction().execute(async trx => {
    await updateOpenAttempt(trx, id, { ...change, state: 'answered' })
    await addToDay(trx, campaignNo, answeredAt.toISOString().slice(0, 10), { live: 1 })
  })
}

/** What all control planes have under way for a campaign. */
export type OpenCounts = Readonly<{
  total: number
  /** Not dialled yet. */
  reserved: number
  /** Dialled, and nothing has rung yet. */
  dialling: number
  ringing: number
  /** Answered, and nobody of ours talks yet. */
  answered: number
  talking: number
  /** Of those that nobody has answered, the ones that may still be answered by a person: since when they are dialled, in milliseconds. */
  underWayMs: readonly number[]
}>

export async function countOpen(db: Db, campaignNo: number, now: Date): Promise<OpenCounts> {
  const { rows } = await sql<OpenCounts>`
    select count(*)::int as total,
      (count(*) filter (where state in ('reserved', 'permitted')))::int as reserved,
      (count(*) filter (where state = 'dialling' and rang_at is null))::int as dialling,
      (count(*) filter (where state = 'dialling' and rang_at is not null))::int as ringing,
      (count(*) filter (where state = 'answered' and connected_at is null))::int as answered,
      (count(*) filter (where connected_at is not null))::int as talking,
      coalesce(array_agg(greatest(0, extract(epoch from ${now}::timestamptz - coalesce(dialled_at, ${now}::timestamptz)) * 1000)::int)
        filter (where state <> 'answered' and amd_result is distinct from 'machine'
        and amd_result is distinct from 'screening'), '{}') as "underWayMs"
    from campaign_attempts
    where campaign_no = ${campaignNo} and state in ('reserved', 'permitted', 'dialling', 'answered')`.execute(db)
  return rows[0] ?? { total: 0, reserved: 0, dialling: 0, ringing: 0, answered: 0, talking: 0, underWayMs: [] }
}

/**
 * Makes this transaction the only one that takes leads of a campaign; false when another one is at it. What is taken need not
 * be on the disk before it is gone on with: whatever an attempt does next is committed later, and so is that.
 *
 * Open attempts are counted in an index that most entries have left since the last vacuum. Only a plain index scan marks those
 * so that the next one passes over them; a bitmap scan would visit all of them at each look, more from look to look.
 */
export async function lockTaking(trx: Db, campaignNo: number): Promise<boolean> {
  const { rows } = await sql<{ isOurs: boolean }>`
    select pg_try_advisory_xact_lock(727539350, ${campaignNo}) as "isOurs",
      set_config('synchronous_commit', 'off', true), set_config('enable_bitmapscan', 'off', true),
      set_config('enable_seqscan', 'off', true)`.execute(trx)
  return rows[0]?.isOurs === true
}

/** Open attempts whose control plane is dead: its heartbeat is older than `deadSince` or gone. */
export async function orphanedAttempts(db: Db, deadSince: Date, reservedBefore: Date): Promise<readonly AttemptRow[]> {
  const { rows } = await sql<Selectable<CampaignAttemptsTable>>`
    select a.* from campaign_attempts a
    where a.state in ('reserved', 'permitted', 'dialling', 'answered') and a.reserved_at < ${reservedBefore}
      and not exists (select from control_planes p where p.id = a.control_plane_id and p.heartbeat_at >= ${deadSince})
    limit 500`.execute(db)
  return rows.map(withTextId)
}

/** What a control plane has taken and not dialled. */
export async function undialledAttempts(
  db: Db,
  controlPlaneId: string
): Promise<readonly Pick<AttemptRow, 'id' | 'contact_id' | 'position' | 'number'>[]> {
  const rows = await db
    .selectFrom('campaign_attempts')
    .select(['id', 'contact_id', 'position', 'number'])
    .where('state', 'in', [...UNDIALLED])
    .where('control_plane_id', '=', controlPlaneId)
    .execute()
  return rows.map(withTextId)
}

export async function findAttempt(db: Db, id: string): Promise<AttemptRow | undefined> {
  const row = await db.selectFrom('campaign_attempts').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : withTextId(row)
}

export async function attemptsOfLead(db: Db, campaignNo: number, contactId: string): Promise<readonly AttemptRow[]> {
  return (
    await db
      .selectFrom('campaign_attempts')
      .selectAll()
      .where('campaign_no', '=', campaignNo)
      .where('contact_id', '=', contactId)
      .orderBy('reserved_at')
      .execute()
  ).map(withTextId)
}

/** Whether one of these campaigns has talked to a number since. */
export async function wasReached(
  db: Db,
  number: string,
  campaignNos: readonly number[],
  since: Date
): Promise<boolean> {
  if (campaignNos.length === 0) return false
  const row = await db
    .selectFrom('campaign_attempts')
    .select('id')
    .where('number', '=', number)
    .where('campaign_no', 'in', [...campaignNos])
    .where('outcome', '=', 'person')
    .where('ended_at', '>=', since)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** When somebody at this number was abandoned last, in any campaign. */
export async function lastAbandonedAt(db: Db, number: string, since: Date): Promise<Date | null> {
  const row = await db
    .selectFrom('campaign_attempts')
    .select('ended_at')
    .where('number', '=', number)
    // Who heard the message met no agent, whatever the detector took them for; nor did a person who was taken for a machine.
    .where(eb =>
      eb.or([
        eb('is_abandoned', '=', true),
        eb('notice_by', '=', 'abandonedMessage'),
        eb.and([eb('is_amd_wrong', '=', true), eb('connected_at', 'is', null)])
      ])
    )
    .where('ended_at', '>=', since)
    .orderBy('ended_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.ended_at ?? null
}

export type RecentFigures = Readonly<{
  /** Dialled calls of which it is known what has become of them, and those of them that an agent was wanted for. */
  known: number
  live: number
  /** From dialling until a person was known to be there, ascending, in milliseconds. */
  personMs: readonly number[]
  /** From dialling until it was known that nobody is there, ascending, in milliseconds. */
  otherMs: readonly number[]
  /** Talk and wrap-up together, and wrap-up alone, ascending, in milliseconds. */
  handleMs: readonly number[]
  wrapUpMs: readonly number[]
  /** Dials a minute while it dialled: pauses of more than two minutes count as two. Null before there are twenty. */
  perMinute: number | null
}>

/** What the last calls of a campaign were like. */
export async function recentFigures(db: Db, campaignNo: number): Promise<RecentFigures> {
  const { rows } = await sql<RecentFigures>`
    with recent as (
      select a.*, n.wrap_up_started_at, n.wrap_up_ended_at,
        -- A call that an agent has taken, or that nobody was free for, was one that an agent was wanted for.
        a.outcome in ('person', 'abandoned') or a.connected_at is not null as is_live,
        a.state = 'over' or a.connected_at is not null as is_known,
        (extract(epoch from coalesce(a.answered_at + a.amd_ms * interval '1 millisecond', a.answered_at, a.ended_at) - a.dialled_at)
          * 1000)::int as known_ms
      from campaign_attempts a left join call_notes n on n.call_id = a.id and n.agent_id = a.agent_id
      where a.campaign_no = ${campaignNo} and a.dialled_at is not null
      order by a.reserved_at desc limit 400
    ), gaps as (
      select extract(epoch from dialled_at - lag(dialled_at) over (order by dialled_at)) / 60 as minutes from recent
    ), done as (
      select (extract(epoch from coalesce(wrap_up_ended_at, ended_at) - connected_at) * 1000)::int as handle_ms,
        (extract(epoch from wrap_up_ended_at - wrap_up_started_at) * 1000)::int as wrap_up_ms
      from recent
      where connected_at is not null and ended_at is not null and (wrap_up_started_at is null or wrap_up_ended_at is not null)
    )
    select (count(*) filter (where is_known))::int as known,
      (count(*) filter (where is_known and is_live))::int as live,
      coalesce(array_agg(known_ms order by known_ms)
        filter (where is_known and is_live and amd_result is distinct from 'machine' and known_ms is not null), '{}') as "personMs",
      coalesce(array_agg(known_ms order by known_ms)
        filter (where is_known and (not is_live or amd_result = 'machine') and known_ms is not null), '{}') as "otherMs",
      (select coalesce(array_agg(handle_ms order by handle_ms), '{}') from done) as "handleMs",
      (select coalesce(array_agg(wrap_up_ms order by wrap_up_ms) filter (where wrap_up_ms is not null), '{}') from done) as "wrapUpMs",
      (select case when count(minutes) >= 20 then (count(minutes) / greatest(0.01, sum(least(minutes, 2))))::float8 end
        -- The first one has no gap before it, and least() would take that for two minutes.
        from gaps where minutes is not null) as "perMinute"
    from recent`.execute(db)
  const [row] = rows
  return row ?? { known: 0, live: 0, personMs: [], otherMs: [], handleMs: [], wrapUpMs: [], perMinute: null }
}

/**
 * On an attempt `a` with the notes `n` of its agent: the outcome is written by now, or the agent had the time to. Whose queue
 * has no wrap-up is done with the call as soon as it is over.
 */
const IS_DISPOSABLE = sql`a.state = 'over' and a.agent_id is not null and a.disposed_at is null
  and (n.wrap_up_ended_at is not null or (n.wrap_up_started_at is null and a.connected_at is not null
    and exists (select from campaign_leads l
      where l.campaign_no = a.campaign_no and l.contact_id = a.contact_id and l.state = 'wrapUp')
    and not exists (select from agents g where g.id = a.agent_id and g.call_id = a.id)))`

/** Ended calls with an agent whose outcome the agent has written by now, or had the time to. */
export async function disposableAttempts(
  db: Db,
  campaignNo: number,
  limit: number
): Promise<readonly (AttemptRow & Readonly<{ chosen: string | null }>)[]> {
  const { rows } = await sql<Selectable<CampaignAttemptsTable> & { chosen: string | null }>`
    select a.*, n.disposition as chosen from campaign_attempts a
    left join call_notes n on n.call_id = a.id and n.agent_id = a.agent_id
    where a.campaign_no = ${campaignNo} and ${IS_DISPOSABLE}
    order by a.ended_at limit ${limit}`.execute(db)
  return rows.map(row => ({ ...withTextId(row), chosen: row.chosen }))
}

/** Campaigns that do not run, also those that were taken away, whose agents have written outcomes that are not seen to yet. */
export async function haltedWithOutcomes(db: Db): Promise<readonly number[]> {
  const { rows } = await sql<{ no: number }>`
    select distinct a.campaign_no as no from campaign_attempts a
    join campaigns c on c.no = a.campaign_no and (c.state <> 'running' or c.deleted_at is not null)
    left join call_notes n on n.call_id = a.id and n.agent_id = a.agent_id
    where ${IS_DISPOSABLE}`.execute(db)
  return rows.map(row => row.no)
}

export async function setDisposed(
  db: Db,
  id: string,
  disposition: string | null,
  lead: Readonly<{
    state: LeadState
    nextAt: Date | null
    position: number | null
    placeId: number | null
    outcome: string
  }> | null,
  now: Date
): Promise<void> {
  await db.transaction().execute(async trx => {
    const attempt = await trx
      .updateTable('campaign_attempts')
      .set({ disposition, disposed_at: now })
      .where('id', '=', id)
      .where('disposed_at', 'is', null)
      .returning(['campaign_no', 'contact_id'])
      .executeTakeFirst()
    if (attempt === undefined || lead === null) return
    await trx
      .updateTable('campaign_leads')
      .set({
        state: lead.state,
        last_outcome: lead.outcome,
        ...(lead.nextAt !== null && { next_at: lead.nextAt, put_off_at: now }),
        ...(lead.position !== null && { position: lead.position }),
        ...(lead.placeId !== null && { place_id: lead.placeId })
      })
      .where('campaign_no', '=', attempt.campaign_no)
      .where('contact_id', '=', attempt.contact_id)
      // A promise that the agent has made meanwhile stands.
      .where('callback_at', 'is', null)
      .execute()
  })
}

/** An agent has promised to call at an instant. */
export async function promiseCallback(
  db: Db,
  campaignNo: number,
  contactId: string,
  promise: Readonly<{ at: Date; agentId: string | null; note: string }>
): Promise<boolean> {
  const rows = await db
    .updateTable('campaign_leads')
    .set({
      state: 'waiting',
      priority: 0,
      next_at: promise.at,
      put_off_at: null,
      callback_at: promise.at,
      callback_agent_id: promise.agentId,
      callback_note: promise.note
    })
    .where('campaign_no', '=', campaignNo)
    .where('contact_id', '=', contactId)
    .where('state', 'not in', ['reserved', 'blocked'])
    .returning('contact_id')
    .execute()
  return rows.length > 0
}

/** Settles by hand what could not be found out: `waiting` to try again, `done` to leave it. */
export async function settleUnknown(
  db: Db,
  campaignNo: number,
  contactId: string,
  state: 'waiting' | 'done',
  now: Date
): Promise<boolean> {
  const rows = await db
    .updateTable('campaign_leads')
    .set({ state, next_at: now, put_off_at: now })
    .where('campaign_no', '=', campaignNo)
    .where('contact_id', '=', contactId)
    .where('state', 'in', ['unknown', 'review', 'blocked'])
    .returning('contact_id')
    .execute()
  return rows.length > 0
}

export type AttemptFilter = Readonly<{ campaignNo: number; outcome?: string; contactId?: string }>

/** Attempts for screens and export, newest first. */
export async function listAttempts(
  db: Db,
  filter: AttemptFilter,
  before: Readonly<{ at: Date; id: string }> | null,
  limit: number
): Promise<readonly (AttemptRow & Readonly<{ contactName: string }>)[]> {
  let query = db
    .selectFrom('campaign_attempts as a')
    .leftJoin('contacts as c', 'c.id', 'a.contact_id')
    .selectAll('a')
    .select('c.name as contactName')
    .where('a.campaign_no', '=', filter.campaignNo)
    .orderBy('a.reserved_at', 'desc')
    .orderBy('a.id', 'desc')
    .limit(limit)
  if (filter.outcome !== undefined) query = query.where('a.outcome', '=', filter.outcome)
  if (filter.contactId !== undefined) query = query.where('a.contact_id', '=', filter.contactId)
  if (before !== null)
    query = query.where(eb =>
      eb.or([
        eb('a.reserved_at', '<', before.at),
        eb.and([eb('a.reserved_at', '=', before.at), eb('a.id', '<', before.id)])
      ])
    )
  return (await query.execute()).map(row => ({ ...withTextId(row), contactName: row.contactName ?? '' }))
}

/** A listener says that a call was taken for the wrong thing; false when it was said before. */
export async function markDetectorWrong(db: Db, id: string): Promise<AttemptRow | undefined> {
  return await db.transaction().execute(async trx => {
    const row = await trx
      .updateTable('campaign_attempts')
      .set({ is_amd_wrong: true })
      .where('id', '=', id)
      .where('is_amd_wrong', '=', false)
      .where('amd_result', 'in', ['machine', 'screening'])
      .returningAll()
      .executeTakeFirst()
    return row === undefined ? undefined : withTextId(row)
  })
}

/** Machines of a stretch of days that were persons, by day. */
export async function provedPersons(db: Db, campaignNo: number, from: Date, until: Date): Promise<number> {
  const row = await db
    .selectFrom('campaign_attempts')
    .select(eb => eb.fn.countAll<string>().as('count'))
    .where('campaign_no', '=', campaignNo)
    .where('is_amd_wrong', '=', true)
    .where('answered_at', '>=', from)
    .where('answered_at', '<', until)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

function withTextId<Row extends Readonly<{ contact_id: string }>>(row: Row): Row {
  // Drivers differ in how they give a bigint.
  return { ...row, contact_id: String(row.contact_id) }
}
