import type { PgBoss } from '../../sql/jobs.ts'
import type { Quality } from './quality.ts'
import { sampleAll } from './sampling.ts'

const SAMPLING = 'review-sampling'

/** Draws calls for review every hour, on one control plane at a time. */
export async function startQualityJobs(jobs: PgBoss, quality: Quality): Promise<void> {
  await jobs.createQueue(SAMPLING)
  await jobs.schedule(SAMPLING, '7 * * * *')
  await jobs.work(SAMPLING, async () => {
    const drawn = await sampleAll(quality, new Date())
    if (drawn > 0) quality.log.info({ drawn }, 'calls were drawn for review')
  })
}
