import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { CallerIdsTable, CampaignsTable, CampaignState, LeadState } from '../../campaign-tables.ts'
import type { Db } from '../../database.ts'
import type { Slot } from './attempts.ts'

export type CampaignRow = Selectable<CampaignsTable>
export type CallerIdRow = Selectable<CallerIdsTable>

export async function insertCampaign(db: Db, row: Insertable<CampaignsTable>): Promise<CampaignRow> {
  return await db.insertInto('campaigns').values(row).returningAll().executeTakeFirstOrThrow()
}

export async function findCampaign(db: Db, id: string): Promise<CampaignRow | undefined> {
  return await db
    .selectFrom('campaigns')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function listCampaigns(db: Db): Promise<readonly CampaignRow[]> {
  return await db
    .selectFrom('campaigns')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(500)
    .execute()
}

export async function listRunningCampaigns(db: Db): Promise<readonly CampaignRow[]> {
  return await db
    .selectFrom('campaigns')
    .selectAll()
    .where('state', '=', 'running')
    .where('deleted_at', 'is', null)
    .orderBy('no')
    .execute()
}

/**
 * Changes a campaign that is in one of these states and, where `settingsHash` is given, still has these settings; undefined
 * when it is not any more.
 */
export async function updateCampaign(
  db: Db,
  id: string,
  from: readonly CampaignState[],
  change: Updateable<CampaignsTable>,
  settingsHash?: string
): Promise<CampaignRow | undefined> {
  let query = db
    .updateTable('campaigns')
    .set(change)
    .where('id', '=', id)
    .where('state', 'in', [...from])
    .where('deleted_at', 'is', null)
  if (settingsHash !== undefined) query = query.where('settings_hash', '=', settingsHash)
  return await query.returningAll().executeTakeFirst()
}

export async function findCampaignNos(db: Db, ids: readonly string[]): Promise<readonly number[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('campaigns')
    .select('no')
    .where('id', 'in', [...ids])
    .execute()
  return rows.map(row => row.no)
}

export async function findListNos(db: Db, ids: readonly string[]): Promise<readonly number[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('contact_lists')
    .select('no')
    .where('id', 'in', [...ids])
    .where('deleted_at', 'is', null)
    .execute()
  return rows.map(row => row.no)
}

/** Who of the lists is meant, and in which order. */
export type Segment = Readonly<{
  languages: readonly string[] | null
  countries: readonly string[] | null
  custom: Readonly<Record<string, readonly string[]>>
  first: readonly Readonly<{ field: string; value: string; priority: number }>[]
}>

/** On a contact `c`. */
export function segmentConditions(segment: Omit<Segment, 'first'>) {
  const { languages, countries, custom } = segment
  const parts = [sql`true`]
  if (languages !== null) parts.push(sql`c.language = any(${[...languages]}::text[])`)
  if (countries !== null) parts.push(sql`c.country = any(${[...countries]}::text[])`)
  for (const [field, values] of Object.entries(custom))
    parts.push(sql`c.custom ->> ${field} = any(${[...values]}::text[])`)
  return sql.join(parts, sql` and `)
}

function priorityOf(segment: Segment) {
  return segment.first.reduceRight(
    (otherwise, { field, value, priority }) =>
      sql`case when c.custom ->> ${field} = ${value} then ${priority}::smallint else ${otherwise} end`,
    sql`5::smallint`
  )
}

/** Contacts of a stretch of ids that are not in the campaign yet become leads; how many there were, and the last id. */
export async function loadLeads(
  db: Db,
  campaignNo: number,
  listNos: readonly number[],
  segment: Segment,
  afterId: string,
  limit: number,
  now: Date
): Promise<Readonly<{ lastId: string | null; added: number }>> {
  const { rows } = await sql<{ lastId: string | null; added: number }>`
    with found as (
      select c.id, ${priorityOf(segment)} as priority, n.place_id, ${segmentConditions(segment)} as is_meant
      from contacts c join contact_numbers n on n.contact_id = c.id and n.position = 0
      where c.list_no = any(${[...listNos]}::integer[]) and c.id > ${afterId}::bigint
      order by c.id limit ${limit}
    ), added as (
      insert into campaign_leads (campaign_no, contact_id, priority, place_id, next_at, put_off_at)
      select ${campaignNo}::integer, id, priority, place_id, ${now}, ${now} from found where is_meant
      -- Who was left out, and is meant again, has the turn they had.
      on conflict (campaign_no, contact_id) do update set state = 'waiting', last_outcome = null
        where campaign_leads.state = 'suppressed' and campaign_leads.last_outcome = 'notMeant'
      returning 1
    )
    select (select max(id)::text from found) as "lastId", (select count(*)::int from added) as added`.execute(db)
  return rows[0] ?? { lastId: null, added: 0 }
}

export type SegmentContact = Readonly<{
  id: string
  name: string
  language: string | null
  country: string | null
  region: string | null
  zone: string | null
  party: 'consumer' | 'business' | 'unknown'
  isCustomer: boolean | null
  custom: Readonly<Record<string, string>>
  number: string
  placeId: number
}>

/** Contacts of lists with their first number, in order of id, for dry runs. */
export async function segmentContacts(
  db: Db,
  listNos: readonly number[],
  segment: Segment,
  afterId: string,
  limit: number
): Promise<readonly SegmentContact[]> {
  const { rows } = await sql<SegmentContact>`
    select c.id::text as id, c.name, c.language, c.country, c.region, c.zone, c.party, c.is_customer as "isCustomer",
      c.custom, n.number, n.place_id as "placeId"
    from contacts c join contact_numbers n on n.contact_id = c.id and n.position = 0
    where c.list_no = any(${[...listNos]}::integer[]) and c.id > ${afterId}::bigint and ${segmentConditions(segment)}
    order by c.id limit ${limit}`.execute(db)
  return rows
}

export async function countSegment(db: Db, listNos: readonly number[], segment: Segment): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from contacts c
    where c.list_no = any(${[...listNos]}::integer[]) and ${segmentConditions(segment)}`.execute(db)
  return rows[0]?.count ?? 0
}

export type LeadCounts = Readonly<{
  byState: Readonly<Partial<Record<LeadState, number>>>
  /** Of those that may not be called: by the first reason. */
  byReason: Readonly<Record<string, number>>
  /** Of those that a decision has put off: by the first reason, and when the next one of them has its turn. */
  putOff: readonly Readonly<{ reason: string; count: number; nextAt: Date }>[]
  /** Of those that wait, by place: how many are due, and when the others are. */
  places: readonly Readonly<{ placeId: number; waiting: number; due: number; nextAt: Date | null }>[]
}>

export async function countLeads(db: Db, campaignNo: number, now: Date): Promise<LeadCounts> {
  const [states, reasons, putOff, places] = await Promise.all([
    sql<{ state: LeadState; count: number }>`
      select state, count(*)::int as count from campaign_leads where campaign_no = ${campaignNo} group by state`.execute(
      db
    ),
    sql<{ reason: string; count: number }>`
      select reasons[1] as reason, count(*)::int as count from campaign_leads
      where campaign_no = ${campaignNo} and state in ('blocked', 'review') and cardinality(reasons) > 0
      group by reasons[1]`.execute(db),
    sql<{ reason: string; count: number; nextAt: Date }>`
      select reasons[1] as reason, count(*)::int as count, min(next_at) as "nextAt" from campaign_leads
      where campaign_no = ${campaignNo} and state = 'waiting' and next_at > ${now} and cardinality(reasons) > 0
      group by reasons[1] order by 2 desc`.execute(db),
    sql<{ placeId: number; waiting: number; due: number; nextAt: Date | null }>`
      select place_id as "placeId", count(*)::int as waiting, (count(*) filter (where next_at <= ${now}))::int as due,
        min(next_at) filter (where next_at > ${now}) as "nextAt"
      from campaign_leads where campaign_no = ${campaignNo} and state = 'waiting' group by place_id`.execute(db)
  ])
  return {
    byState: Object.fromEntries(states.rows.map(row => [row.state, row.count])),
    byReason: Object.fromEntries(reasons.rows.map(row => [row.reason, row.count])),
    putOff: putOff.rows,
    places: places.rows
  }
}

/** Where somebody waits, with which priorities; found by jumping along the index, whatever the number of leads. */
export async function slotsWaiting(db: Db, campaignNo: number): Promise<readonly Slot[]> {
  const { rows } = await sql<Slot>`
    with recursive slots as (
      (select place_id, priority from campaign_leads where campaign_no = ${campaignNo} and state = 'waiting'
        order by place_id, priority limit 1)
      union all
      select n.place_id, n.priority from slots s cross join lateral (
        select l.place_id, l.priority from campaign_leads l where l.campaign_no = ${campaignNo} and l.state = 'waiting'
          and (l.place_id, l.priority) > (s.place_id, s.priority) order by l.place_id, l.priority limit 1
      ) n
    ) select place_id as "placeId", priority from slots`.execute(db)
  return rows
}

/** Whether anybody of a campaign is still to be called or looked after; found without counting anybody. */
export async function isAnybodyLeft(db: Db, campaignNo: number): Promise<boolean> {
  const { rows } = await sql<{ isLeft: boolean }>`
    select exists (select from campaign_leads where campaign_no = ${campaignNo} and state = 'waiting')
      or exists (select from campaign_leads where campaign_no = ${campaignNo} and state in ('reserved', 'wrapUp')
        and state <> 'waiting') as "isLeft"`.execute(db)
  return rows[0]?.isLeft === true
}

/** How many people of a campaign were talked to, and with how many that is not decided before wrap-up is over. */
export async function countConversations(
  db: Db,
  campaignNo: number,
  atMost: number
): Promise<Readonly<{ done: number; inWrapUp: number }>> {
  const { rows } = await sql<{ done: number; inWrapUp: number }>`
    select
      (select count(*)::int from (
        -- Who was removed, or left alone by hand, was not talked to.
        select from campaign_leads where campaign_no = ${campaignNo} and state = 'done' and state <> 'waiting'
          and last_outcome = 'person'
        limit ${atMost}
      ) talked) as done,
      (select count(*)::int from campaign_leads where campaign_no = ${campaignNo} and state = 'wrapUp'
        and state <> 'waiting') as "inWrapUp"`.execute(db)
  return rows[0] ?? { done: 0, inWrapUp: 0 }
}

/** Somebody of a place, whose number and address say when its people may be called. */
export async function sampleOfPlace(
  db: Db,
  campaignNo: number,
  placeId: number
): Promise<
  Readonly<{ number: string; country: string | null; region: string | null; zone: string | null }> | undefined
> {
  const { rows } = await sql<{ number: string; country: string | null; region: string | null; zone: string | null }>`
    select n.number, c.country, c.region, c.zone from campaign_leads l
    join contacts c on c.id = l.contact_id
    join contact_numbers n on n.contact_id = l.contact_id and n.position = l.position
    where l.campaign_no = ${campaignNo} and l.place_id = ${placeId} and l.state = 'waiting' limit 1`.execute(db)
  return rows[0]
}

export type DayCounts = Readonly<{
  day: string
  dialled: number
  live: number
  abandoned: number
  machines: number
  connected: number
}>

export async function campaignDays(db: Db, campaignNo: number, fromDay: string): Promise<readonly DayCounts[]> {
  const { rows } = await sql<DayCounts>`
    select to_char(day, 'YYYY-MM-DD') as day, dialled::int as dialled, live::int as live, abandoned::int as abandoned,
      machines::int as machines, connected::int as connected
    from campaign_days where campaign_no = ${campaignNo} and day >= ${fromDay}::date order by day`.execute(db)
  return rows
}

export async function insertCallerId(db: Db, row: Insertable<CallerIdsTable>): Promise<void> {
  await db.insertInto('caller_ids').values(row).execute()
}

export async function updateCallerId(
  db: Db,
  id: string,
  change: Updateable<CallerIdsTable>
): Promise<CallerIdRow | undefined> {
  return await db.updateTable('caller_ids').set(change).where('id', '=', id).returningAll().executeTakeFirst()
}

export async function listCallerIds(db: Db): Promise<readonly CallerIdRow[]> {
  return await db.selectFrom('caller_ids').selectAll().orderBy('number').execute()
}

export type AlarmRow = Readonly<{
  id: string
  campaignId: string | null
  kind: string
  detail: Readonly<Record<string, unknown>>
  at: Date
  seenBy: string | null
}>

export async function insertAlarm(
  db: Db,
  alarm: Readonly<{ campaignNo: number | null; kind: string; detail: Readonly<Record<string, unknown>>; at: Date }>
): Promise<void> {
  await db
    .insertInto('campaign_alarms')
    .values({
      campaign_no: alarm.campaignNo,
      kind: alarm.kind,
      detail: JSON.stringify(alarm.detail),
      at: alarm.at,
      seen_by: null,
      seen_at: null
    })
    .execute()
}

export async function listAlarms(db: Db, onlyOpen: boolean, campaignNo: number | null): Promise<readonly AlarmRow[]> {
  let query = db
    .selectFrom('campaign_alarms as a')
    .leftJoin('campaigns as c', 'c.no', 'a.campaign_no')
    .select(['a.id', 'c.id as campaignId', 'a.kind', 'a.detail', 'a.at', 'a.seen_by as seenBy'])
    .orderBy('a.at', 'desc')
    .limit(200)
  if (onlyOpen) query = query.where('a.seen_at', 'is', null)
  if (campaignNo !== null) query = query.where('a.campaign_no', '=', campaignNo)
  return (await query.execute()).map(row => ({ ...row, id: String(row.id) }))
}

export async function seeAlarm(db: Db, id: string, by: string | null, at: Date): Promise<boolean> {
  const rows = await db
    .updateTable('campaign_alarms')
    .set({ seen_by: by, seen_at: at })
    .where('id', '=', id)
    .where('seen_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}

export async function isCampaignRunning(db: Db, campaignNo: number): Promise<boolean> {
  const row = await db.selectFrom('campaigns').select('state').where('no', '=', campaignNo).executeTakeFirst()
  return row?.state === 'running'
}

/** A place that begins so little before it is asked for has not passed. */
const PLACE_MS = 1

/**
 * Takes the first place from `atMs` on of those that a scope has in that second: as many as may begin in a second lie evenly
 * in it, so that the end of one and the start of the next have no more together. Resolves with the instant of the place, or
 * with null when none of that second is left. Instants are milliseconds since 1970.
 */
export async function takeDialSlot(db: Db, scope: string, atMs: number, perSecond: number): Promise<number | null> {
  const second = Math.floor(atMs / 1_000)
  const passed = Math.max(0, Math.ceil(((atMs - second * 1_000 - PLACE_MS) * perSecond) / 1_000))
  if (passed >= perSecond) return null
  const { rows } = await sql<{ taken: number }>`
    insert into dial_slots as s (scope, second, taken) values (${scope}, ${second}, ${passed + 1})
    on conflict (scope, second) do update set taken = greatest(s.taken, ${passed}::integer) + 1
      where s.taken < ${perSecond}
    returning taken`.execute(db)
  const taken = rows[0]?.taken
  return taken === undefined ? null : second * 1_000 + ((taken - 1) * 1_000) / perSecond
}

export async function forgetDialSlots(db: Db, before: number): Promise<void> {
  await db.deleteFrom('dial_slots').where('second', '<', String(before)).execute()
}

export async function carrierLimits(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await db.selectFrom('carrier_limits').selectAll().execute()
  return new Map(rows.map(row => [row.carrier, row.max_calls_per_second]))
}

export async function setCarrierLimit(db: Db, carrier: string, maxCallsPerSecond: number | null): Promise<void> {
  if (maxCallsPerSecond === null) {
    await db.deleteFrom('carrier_limits').where('carrier', '=', carrier).execute()
    return
  }
  await db
    .insertInto('carrier_limits')
    .values({ carrier, max_calls_per_second: maxCallsPerSecond })
    .onConflict(conflict => conflict.column('carrier').doUpdateSet({ max_calls_per_second: maxCallsPerSecond }))
    .execute()
}
