import type { Selectable } from 'kysely'
import type { Db } from '../../database.ts'
import type { ConsentResult, RecordingsTable } from '../../recording-tables.ts'

export async function recordingsOfCalls(
  db: Db,
  callIds: readonly string[]
): Promise<readonly Selectable<RecordingsTable>[]> {
  if (callIds.length === 0) return []
  return await db
    .selectFrom('recordings')
    .selectAll()
    .where('call_id', 'in', [...callIds])
    .orderBy('id')
    .execute()
}

/** The customer's last word about being recorded; undefined when nobody asked. */
export async function consentResult(db: Db, callId: string): Promise<ConsentResult | undefined> {
  const row = await db
    .selectFrom('recording_consents')
    .select('result')
    .where('call_id', '=', callId)
    .where('party', '=', 'customer')
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.result
}
