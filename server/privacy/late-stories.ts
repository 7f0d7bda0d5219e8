import type { Db } from '../../sql/database.ts'
import { erasureSince } from '../../sql/queries/privacy/requests.ts'
import type { CallEvent } from '../calls/call-events.ts'

/** What began so long ago may have been missed by an erasure: a story that waited for its database is told late. */
const LATE_MS = 10_000

/**
 * Calls among these events, told late, whose customer was forgotten after they began: the erasure could not find them. By call,
 * what caused the erasure. `hashOf` is the keyed hash by which requests name numbers.
 */
export async function forgottenCalls(
  db: Db,
  hashOf: (number: string) => string,
  events: readonly CallEvent[],
  now: Date
): Promise<ReadonlyMap<string, string>> {
  const forgotten = new Map<string, string>()
  for (const event of events) {
    if (event.kind !== 'started' || event.at.getTime() > now.getTime() - LATE_MS) continue
    const number = event.direction === 'inbound' ? event.callerNumber : event.calledNumber
    if (number === null) continue
    const request = await erasureSince(db, hashOf(number), event.at, now)
    if (request !== null) forgotten.set(event.callId, `request:${request}`)
  }
  return forgotten
}
