import type { Insertable, Selectable, Updateable } from 'kysely'
import { sql } from 'kysely'
import type { Db } from '../database.ts'
import type { CallEventsTable, CdrsTable, WebhookDeliveriesTable, WebhooksTable } from '../tables.ts'

export type WebhookRow = Selectable<WebhooksTable>
export type DeliveryRow = Selectable<WebhookDeliveriesTable>

/** What is to be sent now: the delivery, where to, and the event with its call. */
export type DueDelivery = Readonly<{
  delivery: DeliveryRow
  webhook: WebhookRow
  event: Selectable<CallEventsTable>
  cdr: Selectable<CdrsTable> | undefined
}>

/**
 * Makes the deliveries of events that are stored in the same transaction. Safe to repeat.
 * @param events what was stored, whether new or there before
 */
export async function enqueueDeliveries(
  trx: Db,
  events: readonly Readonly<{ call_id: string; seq: number; kind: string }>[]
): Promise<void> {
  if (events.length === 0) return
  await sql`
    insert into webhook_deliveries (webhook_id, call_id, seq)
    select w.id, e.call_id, e.seq
    from unnest(
      ${sql.val(events.map(event => event.call_id))}::text[],
      ${sql.val(events.map(event => event.seq))}::int[],
      ${sql.val(events.map(event => event.kind))}::text[]
    ) as e (call_id, seq, kind)
    join webhooks w on w.is_enabled and (e.kind = any (w.kinds) or '*' = any (w.kinds))
    on conflict (webhook_id, call_id, seq) do nothing`.execute(trx)
}

/** Takes deliveries that are due, for `leaseMs`; what another control plane is sending is left out. */
export async function takeDueDeliveries(
  db: Db,
  now: Date,
  leaseMs: number,
  limit: number
): Promise<readonly DueDelivery[]> {
  const { rows } = await sql<DeliveryRow>`
    update webhook_deliveries set leased_until = ${new Date(now.getTime() + leaseMs)}, attempts = attempts + 1
    where id in (
      select id from webhook_deliveries
      where state = 'waiting' and next_at <= ${now} and (leased_until is null or leased_until < ${now})
      order by next_at limit ${limit} for update skip locked
    ) returning *`.execute(db)
  if (rows.length === 0) return []
  const callIds = [...new Set(rows.map(row => row.call_id))]
  const [webhooks, events, cdrs] = await Promise.all([
    db.selectFrom('webhooks').selectAll().execute(),
    db.selectFrom('call_events').selectAll().where('call_id', 'in', callIds).execute(),
    db.selectFrom('cdrs').selectAll().where('call_id', 'in', callIds).execute()
  ])
  return rows.flatMap(delivery => {
    const webhook = webhooks.find(one => one.id === delivery.webhook_id)
    const event = events.find(one => one.call_id === delivery.call_id && one.seq === delivery.seq)
    if (webhook === undefined || event === undefined) return []
    return [{ delivery, webhook, event, cdr: cdrs.find(one => one.call_id === delivery.call_id) }]
  })
}

export async function settleDelivery(db: Db, id: string, change: Updateable<WebhookDeliveriesTable>): Promise<void> {
  await db
    .updateTable('webhook_deliveries')
    .set({ ...change, leased_until: null })
    .where('id', '=', id)
    .execute()
}

/** Sends again what was delivered or given up: one delivery, or all of a webhook since an instant. */
export async function replayDeliveries(
  db: Db,
  webhookId: string,
  which: Readonly<{ id: string } | { since: Date; isFailedOnly: boolean }>
): Promise<number> {
  let query = db
    .updateTable('webhook_deliveries')
    .set({ state: 'waiting', attempts: 0, next_at: new Date(), leased_until: null })
    .where('webhook_id', '=', webhookId)
  if ('id' in which) query = query.where('id', '=', which.id)
  else {
    query = query.where('created_at', '>=', which.since)
    if (which.isFailedOnly) query = query.where('state', '=', 'failed')
  }
  return (await query.returning('id').execute()).length
}

export async function listDeliveries(
  db: Db,
  webhookId: string,
  filter: Readonly<{ state?: 'waiting' | 'delivered' | 'failed' }>,
  beforeId: string | null,
  limit: number
): Promise<readonly (DeliveryRow & { kind: string | null })[]> {
  let query = db
    .selectFrom('webhook_deliveries')
    .leftJoin('call_events', join =>
      join
        .onRef('call_events.call_id', '=', 'webhook_deliveries.call_id')
        .onRef('call_events.seq', '=', 'webhook_deliveries.seq')
    )
    .selectAll('webhook_deliveries')
    .select('call_events.kind')
    .where('webhook_deliveries.webhook_id', '=', webhookId)
    .orderBy('webhook_deliveries.id', 'desc')
    .limit(limit)
  if (beforeId !== null) query = query.where('webhook_deliveries.id', '<', beforeId)
  if (filter.state !== undefined) query = query.where('webhook_deliveries.state', '=', filter.state)
  return await query.execute()
}

/** Throws away what was delivered or given up before an instant. */
export async function deleteOldDeliveries(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('webhook_deliveries').where('state', '!=', 'waiting').where('created_at', '<', before).execute()
}

/** A webhook with the newest of its deliveries; both of its fields are null while there is none. */
export type ListedWebhook = WebhookRow & Readonly<{ last_state: DeliveryRow['state'] | null; last_at: Date | null }>

export async function listWebhooks(db: Db): Promise<readonly ListedWebhook[]> {
  return await db
    .selectFrom('webhooks')
    .leftJoinLateral(
      newest =>
        newest
          .selectFrom('webhook_deliveries')
          .select(['state as last_state', 'created_at as last_at'])
          .whereRef('webhook_id', '=', 'webhooks.id')
          .orderBy('id', 'desc')
          .limit(1)
          .as('newest'),
      join => join.onTrue()
    )
    .selectAll('webhooks')
    .select(['newest.last_state', 'newest.last_at'])
    .orderBy('name')
    .execute()
}

export async function findWebhook(db: Db, id: string): Promise<WebhookRow | undefined> {
  return await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function insertWebhook(db: Db, row: Insertable<WebhooksTable>): Promise<void> {
  await db.insertInto('webhooks').values(row).execute()
}

export async function updateWebhook(db: Db, id: string, change: Updateable<WebhooksTable>): Promise<boolean> {
  return (await db.updateTable('webhooks').set(change).where('id', '=', id).returning('id').execute()).length > 0
}

export async function deleteWebhook(db: Db, id: string): Promise<boolean> {
  return (await db.deleteFrom('webhooks').where('id', '=', id).returning('id').execute()).length > 0
}
