import type { PersonStore } from './stores.ts'

/** The language that a person chose when they called, kept for the next call. */
export const languages: PersonStore = {
  name: 'languages',
  async find({ db }, { numbers }) {
    if (numbers.length === 0) return []
    const rows = await db
      .selectFrom('caller_languages')
      .select(['id', 'chosen_at'])
      .where('number', 'in', [...numbers])
      .execute()
    return rows.map(row => ({ id: String(row.id), callId: null, at: row.chosen_at, hold: null }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('caller_languages')
      .select(['language', 'chosen_at'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { ...row }
  },
  async erase({ db }, items) {
    await db
      .deleteFrom('caller_languages')
      .where('id', 'in', [...items.map(item => item.id)])
      .execute()
    return 'the language that was chosen deleted with the number'
  }
}
