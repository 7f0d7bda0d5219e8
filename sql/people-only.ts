import { type RawBuilder, sql } from 'kysely'

/**
 * That a call is one of a person: simulated ones count in no report and teach nothing. The one condition for whatever
 * counts or learns from rows that belong to calls.
 * @param callId the column of the query around it that holds the call's id, such as `v.call_id`
 */
export function isOfPerson(callId: string): RawBuilder<boolean> {
  return sql<boolean>`not exists (
    select 1 from cdrs simulated where simulated.call_id = ${sql.ref(callId)} and simulated.is_simulated
  )`
}
