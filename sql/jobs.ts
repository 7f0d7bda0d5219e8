import { PgBoss } from 'pg-boss'
import type { Database } from './database.ts'

export type { PgBoss } from 'pg-boss'

/** pg-boss hands its settings to its pool, which drops a connection on which an answer does not come; its own upkeep takes seconds. */
const ANSWER_LIMIT_MS = 30_000

/** Starts the durable job runner on the same database; `onError` hears of failures between jobs. */
export async function startJobs(database: Database, onError: (err: Error) => void): Promise<PgBoss> {
  const boss =
    database.jobsDb === null
      ? new PgBoss({
          connectionString: database.url ?? '',
          application_name: 'parley-jobs',
          max: 3,
          ...{ query_timeout: ANSWER_LIMIT_MS }
        })
      : new PgBoss({ db: database.jobsDb, backend: 'pglite' })
  boss.on('error', onError)
  await boss.start()
  return boss
}
