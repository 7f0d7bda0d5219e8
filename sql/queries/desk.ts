import type { Db } from '../database.ts'

/** One earlier call with a customer, newest first. */
export type EarlierCall = Readonly<{
  callId: string
  direction: 'inbound' | 'outbound'
  startedAt: Date
  talkMs: number | null
  queue: string | null
  agent: string | null
  disposition: string | null
  note: string | null
}>

/** Earlier calls from or to a number in E.164; `exceptCallId` is the one that is going on. */
export async function listEarlierCalls(
  db: Db,
  number: string,
  exceptCallId: string,
  limit: number
): Promise<readonly EarlierCall[]> {
  const calls = await db
    .selectFrom('cdrs')
    .select(['call_id', 'direction', 'started_at', 'talk_ms'])
    .where(eb =>
      eb.or([
        eb.and([eb('direction', '=', 'inbound'), eb('caller_number', '=', number)]),
        eb.and([eb('direction', '=', 'outbound'), eb('called_number', '=', number)])
      ])
    )
    .where('call_id', '!=', exceptCallId)
    .orderBy('started_at', 'desc')
    .limit(limit)
    .execute()
  if (calls.length === 0) return []
  const ids = calls.map(call => call.call_id)
  const [notes, visits] = await Promise.all([
    db
      .selectFrom('call_notes')
      .leftJoin('users', 'users.id', 'call_notes.agent_id')
      .select(['call_notes.call_id', 'call_notes.note', 'call_notes.disposition', 'users.display_name as agent'])
      .where('call_notes.call_id', 'in', ids)
      .execute(),
    db
      .selectFrom('queue_visits')
      .innerJoin('queues', 'queues.id', 'queue_visits.queue_id')
      .select(['queue_visits.call_id', 'queues.name as queue'])
      .where('queue_visits.call_id', 'in', ids)
      .execute()
  ])
  return calls.map(call => {
    const note = notes.find(one => one.call_id === call.call_id)
    return {
      callId: call.call_id,
      direction: call.direction,
      startedAt: call.started_at,
      talkMs: call.talk_ms,
      queue: visits.find(one => one.call_id === call.call_id)?.queue ?? null,
      agent: note?.agent ?? null,
      disposition: note?.disposition ?? null,
      note: note?.note ?? null
    }
  })
}

/** When a customer asked to be called back. Rejects when there is no such callback. */
export async function callbackRequestedAt(db: Db, id: string): Promise<Date> {
  const row = await db.selectFrom('queue_callbacks').select('created_at').where('id', '=', id).executeTakeFirstOrThrow()
  return row.created_at
}
