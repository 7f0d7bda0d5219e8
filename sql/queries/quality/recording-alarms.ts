import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** A running call that has to be recorded and is not, since when and why. */
export type RecordingAlarm = Readonly<{ callId: string; since: Date; code: string }>

/** The newest first, at most a hundred. */
export async function listRecordingAlarms(db: Db): Promise<readonly RecordingAlarm[]> {
  const { rows } = await sql<RecordingAlarm>`
    select call_events.call_id as "callId", min(call_events.at) as since, min(data ->> 'code') as code
    from call_events join cdrs on cdrs.call_id = call_events.call_id and cdrs.state <> 'ended'
    where kind = 'recordingTrouble' and data ->> 'mustRecord' = 'goesOn'
    group by call_events.call_id order by since desc limit 100`.execute(db)
  return rows
}
