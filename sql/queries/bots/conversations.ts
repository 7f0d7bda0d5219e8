import type { Insertable, Selectable } from 'kysely'
import type { BotConversationsTable, BotQuestionsTable, BotTurnsTable } from '../../bot-tables.ts'
import type { Db } from '../../database.ts'

export type NewTurn = Omit<Insertable<BotTurnsTable>, 'conversation_id'>

/** Stores a conversation and its turns; safe to repeat. */
export async function insertConversation(
  db: Db,
  row: Insertable<BotConversationsTable>,
  turns: readonly NewTurn[]
): Promise<void> {
  await db.transaction().execute(async trx => {
    await trx
      .insertInto('bot_conversations')
      .values(row)
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
    if (turns.length === 0) return
    await trx
      .insertInto('bot_turns')
      .values(turns.map(turn => ({ ...turn, conversation_id: row.id })))
      .onConflict(conflict => conflict.columns(['conversation_id', 'turn']).doNothing())
      .execute()
  })
}

/** Stores a question that had no answer; safe to repeat. */
export async function insertQuestion(db: Db, row: Insertable<BotQuestionsTable>): Promise<void> {
  await db
    .insertInto('bot_questions')
    .values(row)
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute()
}

export type QuestionRow = Selectable<BotQuestionsTable>

/** Questions that nobody has dealt with, newest first. */
export async function listOpenQuestions(
  db: Db,
  language: string | null,
  limit: number
): Promise<readonly QuestionRow[]> {
  let query = db.selectFrom('bot_questions').selectAll().where('settled_at', 'is', null)
  if (language !== null) query = query.where('language', '=', language)
  return await query.orderBy('asked_at', 'desc').limit(limit).execute()
}

/** Marks questions as dealt with, by an article or because none is wanted; returns how many were open. */
export async function settleQuestions(db: Db, ids: readonly string[], articleId: string | null): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('bot_questions')
    .set({ settled_at: new Date(), article_id: articleId })
    .where('id', 'in', [...ids])
    .where('settled_at', 'is', null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Deletes questions that were asked before an instant; returns how many. */
export async function deleteOldQuestions(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db.deleteFrom('bot_questions').where('asked_at', '<', before).executeTakeFirst()
  return Number(numDeletedRows)
}
