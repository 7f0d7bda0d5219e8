import type { Insertable, Selectable } from 'kysely'
import type { Db } from '../../database.ts'
import type { PrivacyMarksTable } from '../../quality-tables.ts'

/** What holds for a person now, or undefined when nothing was ever said. */
export async function latestMark(
  db: Db,
  subjectHash: string,
  kind: PrivacyMarksTable['kind']
): Promise<Selectable<PrivacyMarksTable> | undefined> {
  return await db
    .selectFrom('privacy_marks')
    .selectAll()
    .where('subject_hash', '=', subjectHash)
    .where('kind', '=', kind)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function insertMarks(db: Db, rows: readonly Insertable<PrivacyMarksTable>[]): Promise<void> {
  if (rows.length > 0)
    await db
      .insertInto('privacy_marks')
      .values([...rows])
      .execute()
}
