import { sql } from 'kysely'
import { HAS_REVIEW_TEXT } from '../../sql/queries/privacy/items.ts'
import type { PersonStore } from './stores.ts'

/** Free text in what reviewers and agents wrote about a call; it may name the customer. Scores stay. */
export const reviewNotes: PersonStore = {
  name: 'reviewNotes',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('reviews')
      .select(['id', 'call_id', 'changed_at'])
      .where('call_id', 'in', [...callIds])
      .where(sql<boolean>`${sql.raw(HAS_REVIEW_TEXT)}`)
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.changed_at, hold: null }))
  },
  async read({ db }, item) {
    const [row, disputes] = await Promise.all([
      db.selectFrom('reviews').select(['note', 'answers']).where('id', '=', item.id).executeTakeFirst(),
      db.selectFrom('review_disputes').select(['reason', 'answer']).where('review_id', '=', item.id).execute()
    ])
    // What is said to the agent about the agent's work is not the customer's to read.
    return { callId: item.callId, note: row?.note ?? '', notes: notesIn(row?.answers), disputes }
  },
  async erase({ db }, items) {
    const ids = items.map(item => item.id)
    await db.transaction().execute(async trx => {
      await sql`select set_config('parley.erasing', 'on', true)`.execute(trx)
      const without = sql`coalesce((select jsonb_object_agg(key, value - 'note') from jsonb_each(answers)), '{}')`
      await sql`update reviews set note = '', coaching = '', answers = ${without} where id = any(${ids}::text[])`.execute(
        trx
      )
      await sql`update review_history set answers = ${without} where review_id = any(${ids}::text[])`.execute(trx)
      await sql`update review_disputes set reason = '', answer = case when answer is null then null else '' end
        where review_id = any(${ids}::text[])`.execute(trx)
    })
    return 'text removed; the scores stay'
  }
}

function notesIn(answers: unknown): readonly string[] {
  return Object.values((answers ?? {}) as Readonly<Record<string, { note?: string }>>).flatMap(one => one.note ?? [])
}
