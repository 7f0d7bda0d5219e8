import type { Db } from '../sql/database.ts'
import type { PgBoss } from '../sql/jobs.ts'
import { deleteExpiredSessions } from '../sql/queries/access.ts'
import { deleteOldQuestions } from '../sql/queries/bots/conversations.ts'
import { deleteOldSimulations } from '../sql/queries/simulations.ts'
import { deleteExpiredRegistrations } from '../sql/queries/telephony.ts'
import { deleteOldDeliveries } from '../sql/queries/webhooks.ts'

const QUEUE = 'housekeeping'
/** So long a delivery can be looked at and replayed. */
const KEEP_DELIVERIES_MS = 30 * 86_400_000
/** So long a question without an answer may wait for an article. */
const KEEP_QUESTIONS_MS = 90 * 86_400_000

/** So long what came of simulated calls can be looked at. */
const KEEP_SIMULATIONS_MS = 90 * 86_400_000

/** Throws away what has expired, every quarter of an hour, on one control plane at a time. */
export async function startHousekeeping(jobs: PgBoss, db: Db): Promise<void> {
  await jobs.createQueue(QUEUE)
  await jobs.schedule(QUEUE, '*/15 * * * *')
  await jobs.work(QUEUE, async () => {
    const now = new Date()
    await deleteExpiredSessions(db, now)
    await deleteExpiredRegistrations(db, now)
    await deleteOldQuestions(db, new Date(now.getTime() - KEEP_QUESTIONS_MS))
    await deleteOldSimulations(db, new Date(now.getTime() - KEEP_SIMULATIONS_MS))
    await deleteOldDeliveries(db, new Date(now.getTime() - KEEP_DELIVERIES_MS))
  })
}
