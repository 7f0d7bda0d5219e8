import type { PersonStore } from './stores.ts'

/** Questions to a bot that no article answers, of calls that may be recorded. */
export const botQuestions: PersonStore = {
  name: 'botQuestions',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('bot_questions')
      .select(['id', 'call_id', 'asked_at'])
      .where('call_id', 'in', [...callIds])
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.asked_at, hold: null }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('bot_questions')
      .select(['question', 'language'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, ...row }
  },
  async erase({ db }, items) {
    await db
      .deleteFrom('bot_questions')
      .where(
        'id',
        'in',
        items.map(item => item.id)
      )
      .execute()
    return 'rows deleted'
  }
}
