import type { Db } from '../../database.ts'
import type { ConsentResult, RecordingsTable } from '../../recording-tables.ts'
import type { Selectable } from 'kysely'

/** What is kept of calls: their recordings, and what their customers last said to being recorded. */
export type KeptOfCalls = Readonly<{
  recordings: ReadonlyMap<string, readonly Pick<Selectable<RecordingsTable>, 'id' | 'state' | 'duration_ms' | 'gaps'>[]>
  consents: ReadonlyMap<string, ConsentResult>
}>

export async function keptOfCalls(db: Db, callIds: readonly string[]): Promise<KeptOfCalls> {
  if (callIds.length === 0) return { recordings: new Map(), consents: new Map() }
  const [recordings, consents] = await Promise.all([
    db
      .selectFrom('recordings')
      .select(['id', 'call_id', 'state', 'duration_ms', 'gaps'])
      .where('call_id', 'in', [...callIds])
      .orderBy('id')
      .execute(),
    db
      .selectFrom('recording_consents')
      .select(['call_id', 'result'])
      .where('call_id', 'in', [...callIds])
      .where('party', '=', 'customer')
      .orderBy('at')
      .orderBy('id')
      .execute()
  ])
  return {
    recordings: Map.groupBy(recordings, row => row.call_id),
    consents: new Map(consents.map(row => [row.call_id, row.result]))
  }
}
