import type { Insertable, Selectable } from 'kysely'
import { sql } from 'kysely'
import type { Db } from '../database.ts'
import type { CallEventsTable, CdrsTable, QueueCallbacksTable, SurveyAnswersTable, VoicemailsTable } from '../tables.ts'
import { type ErasureRow, insertErasures } from './privacy/items.ts'
import { enqueueDeliveries } from './webhooks.ts'

/**
 * Stores events, the CDRs folded from them and what webhooks are to hear of them, in one transaction. Safe to repeat: events that are already there stay,
 * and a CDR never goes back to an earlier event. `erasures`: what is stored without its person.
 */
export async function saveCallEvents(
  db: Db,
  events: readonly Insertable<CallEventsTable>[],
  cdrs: readonly Insertable<CdrsTable>[],
  erasures: readonly ErasureRow[] = []
): Promise<void> {
  await db.transaction().execute(async trx => {
    await insertErasures(trx, erasures)
    if (events.length > 0)
      await trx
        .insertInto('call_events')
        .values([...events])
        .onConflict(conflict => conflict.columns(['call_id', 'seq']).doNothing())
        .execute()
    // What happens to a simulated caller is no news to other programs.
    const simulated = new Set(cdrs.filter(cdr => cdr.is_simulated === true).map(cdr => cdr.call_id))
    await enqueueDeliveries(
      trx,
      events.filter(event => !simulated.has(event.call_id))
    )
    if (cdrs.length > 0)
      await trx
        .insertInto('cdrs')
        .values([...cdrs])
        .onConflict(conflict =>
          conflict
            .column('call_id')
            .doUpdateSet(eb => ({
              trunk_id: eb.ref('excluded.trunk_id'),
              flow_id: eb.ref('excluded.flow_id'),
              flow_version: eb.ref('excluded.flow_version'),
              language: eb.ref('excluded.language'),
              state: eb.ref('excluded.state'),
              answered_at: eb.ref('excluded.answered_at'),
              ended_at: eb.ref('excluded.ended_at'),
              duration_ms: eb.ref('excluded.duration_ms'),
              talk_ms: eb.ref('excluded.talk_ms'),
              end_reason: eb.ref('excluded.end_reason'),
              ended_by: eb.ref('excluded.ended_by'),
              fault: eb.ref('excluded.fault'),
              hangup_cause: eb.ref('excluded.hangup_cause'),
              tags: eb.ref('excluded.tags'),
              last_seq: eb.ref('excluded.last_seq')
            }))
            .whereRef('cdrs.last_seq', '<', sql.ref('excluded.last_seq'))
        )
        .execute()
  })
}

export async function listCallEvents(db: Db, callId: string): Promise<readonly Selectable<CallEventsTable>[]> {
  return await db
    .selectFrom('call_events')
    .selectAll()
    .where('call_id', '=', callId)
    .orderBy('seq')
    .limit(10_000)
    .execute()
}

export async function findCdr(db: Db, callId: string): Promise<Selectable<CdrsTable> | undefined> {
  return await db.selectFrom('cdrs').selectAll().where('call_id', '=', callId).executeTakeFirst()
}

export type CdrFilter = Readonly<{
  direction?: 'inbound' | 'outbound'
  state?: 'ringing' | 'answered' | 'ended'
  endReason?: string
  number?: string
  tag?: string
  from?: Date
  until?: Date
  /** Only simulated calls, or only others. */
  isSimulated?: boolean
}>

/** Newest first; `before` names the last row of the page before. */
export async function listCdrs(
  db: Db,
  filter: CdrFilter,
  before: Readonly<{ startedAt: Date; callId: string }> | null,
  limit: number
): Promise<readonly Selectable<CdrsTable>[]> {
  let query = db.selectFrom('cdrs').selectAll().orderBy('started_at', 'desc').orderBy('call_id', 'desc').limit(limit)
  if (before !== null)
    query = query.where(eb =>
      eb.or([
        eb('started_at', '<', before.startedAt),
        eb.and([eb('started_at', '=', before.startedAt), eb('call_id', '<', before.callId)])
      ])
    )
  const { direction, state, endReason, number, tag, from, until, isSimulated } = filter
  if (isSimulated !== undefined) query = query.where('is_simulated', '=', isSimulated)
  if (direction !== undefined) query = query.where('direction', '=', direction)
  if (state !== undefined) query = query.where('state', '=', state)
  if (endReason !== undefined) query = query.where('end_reason', '=', endReason)
  if (number !== undefined)
    query = query.where(eb => eb.or([eb('caller_number', '=', number), eb('called_number', '=', number)]))
  if (tag !== undefined) query = query.where(sql<boolean>`${tag} = any(tags)`)
  if (from !== undefined) query = query.where('started_at', '>=', from)
  if (until !== undefined) query = query.where('started_at', '<', until)
  return await query.execute()
}

/** Calls that are not ended although their control plane has not been heard of since `deadSince`. */
export async function listOrphanedCalls(
  db: Db,
  deadSince: Date
): Promise<readonly { callId: string; lastSeq: number }[]> {
  return await db
    .selectFrom('cdrs')
    .leftJoin('control_planes', 'control_planes.id', 'cdrs.control_plane_id')
    .select(['cdrs.call_id as callId', 'cdrs.last_seq as lastSeq'])
    .where('cdrs.state', '<>', 'ended')
    .where(eb =>
      eb.or([eb('control_planes.heartbeat_at', 'is', null), eb('control_planes.heartbeat_at', '<', deadSince)])
    )
    .limit(1000)
    .execute()
}

export async function insertSurveyAnswer(db: Db, answer: Insertable<SurveyAnswersTable>): Promise<void> {
  await db
    .insertInto('survey_answers')
    .values(answer)
    .onConflict(conflict => conflict.columns(['call_id', 'question']).doUpdateSet({ answer: answer.answer }))
    .execute()
}

export async function insertQueueCallback(db: Db, callback: Insertable<QueueCallbacksTable>): Promise<void> {
  await db.insertInto('queue_callbacks').values(callback).execute()
}

export async function insertVoicemail(db: Db, voicemail: Insertable<VoicemailsTable>): Promise<void> {
  await db.insertInto('voicemails').values(voicemail).execute()
}

export async function listVoicemails(
  db: Db,
  before: string | null,
  limit: number,
  callId?: string
): Promise<readonly Selectable<VoicemailsTable>[]> {
  let query = db.selectFrom('voicemails').selectAll().orderBy('id', 'desc').limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  if (callId !== undefined) query = query.where('call_id', '=', callId)
  return await query.execute()
}

export async function findVoicemail(db: Db, id: string): Promise<Selectable<VoicemailsTable> | undefined> {
  return await db.selectFrom('voicemails').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function markVoicemailHeard(db: Db, id: string, now: Date): Promise<void> {
  await db.updateTable('voicemails').set({ heard_at: now }).where('id', '=', id).where('heard_at', 'is', null).execute()
}

const KEPT_MS = 730 * 86_400_000

/** Keeps the language that a caller chose, for two years; the newest choice counts. */
export async function keepCallerLanguage(db: Db, number: string, language: string, chosenAt: Date): Promise<void> {
  await db
    .insertInto('caller_languages')
    .values({ number, language, chosen_at: chosenAt })
    .onConflict(conflict => conflict.column('number').doUpdateSet({ language, chosen_at: chosenAt }))
    .execute()
  await db
    .deleteFrom('caller_languages')
    .where('chosen_at', '<', new Date(chosenAt.getTime() - KEPT_MS))
    .execute()
}

/** The language that was chosen in an earlier call from this number; null when there is none. */
export async function callerLanguage(db: Db, number: string): Promise<string | null> {
  const row = await db.selectFrom('caller_languages').select('language').where('number', '=', number).executeTakeFirst()
  return row?.language ?? null
}
