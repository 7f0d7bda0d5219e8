import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** A call that an agent has promised and that has not been made. */
export type PromisedCall = Readonly<{
  contactId: string
  name: string
  number: string
  at: Date
  agentId: string | null
  note: string
}>

/** The next one first; `after` is where the page before ended. */
export async function listPromises(
  db: Db,
  campaignNo: number,
  after: Readonly<{ at: Date; contactId: string }> | null,
  limit: number
): Promise<readonly PromisedCall[]> {
  const isLater =
    after === null ? sql`true` : sql`(l.callback_at, l.contact_id) > (${after.at}, ${after.contactId}::bigint)`
  const { rows } = await sql<PromisedCall>`
    select l.contact_id::text as "contactId", coalesce(c.name, '') as name, coalesce(n.number, '') as number,
      l.callback_at as at, l.callback_agent_id as "agentId", l.callback_note as note
    from campaign_leads l
    left join contacts c on c.id = l.contact_id
    left join contact_numbers n on n.contact_id = l.contact_id and n.position = l.position
    where l.campaign_no = ${campaignNo} and l.state = 'waiting' and l.callback_at is not null and ${isLater}
    order by l.callback_at, l.contact_id limit ${limit}`.execute(db)
  return rows
}

export async function promiseOf(
  db: Db,
  campaignNo: number,
  contactId: string
): Promise<Readonly<{ at: Date; note: string }> | null> {
  const row = await db
    .selectFrom('campaign_leads')
    .select(['callback_at as at', 'callback_note as note'])
    .where('campaign_no', '=', campaignNo)
    .where('contact_id', '=', contactId)
    .executeTakeFirst()
  return row === undefined || row.at === null ? null : { at: row.at, note: row.note }
}

/** False when nothing is promised, or the promised call is under way. */
export async function changePromise(
  db: Db,
  campaignNo: number,
  contactId: string,
  change: Readonly<{ at?: Date; agentId?: string | null }>
): Promise<boolean> {
  const { at, agentId } = change
  const rows = await db
    .updateTable('campaign_leads')
    .set({
      ...(at !== undefined && { callback_at: at, next_at: at, put_off_at: null }),
      ...(agentId !== undefined && { callback_agent_id: agentId })
    })
    .where('campaign_no', '=', campaignNo)
    .where('contact_id', '=', contactId)
    .where('state', '=', 'waiting')
    .where('callback_at', 'is not', null)
    .returning('contact_id')
    .execute()
  return rows.length > 0
}

const USUAL_PRIORITY = 5

/** The contact keeps the time that was promised and goes before nobody any more. */
export async function cancelPromise(db: Db, campaignNo: number, contactId: string): Promise<boolean> {
  const rows = await db
    .updateTable('campaign_leads')
    .set({ callback_at: null, callback_agent_id: null, callback_note: '', priority: USUAL_PRIORITY })
    .where('campaign_no', '=', campaignNo)
    .where('contact_id', '=', contactId)
    .where('state', '=', 'waiting')
    .where('callback_at', 'is not', null)
    .returning('contact_id')
    .execute()
  return rows.length > 0
}
