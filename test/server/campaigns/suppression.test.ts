import t from 'tap'
import { finishAttempt } from '../../../server/campaigns/attempt-log.ts'
import { leaveAlone } from '../../../server/campaigns/suppression.ts'
import { beginDialling, markDetectorWrong, updateOpenAttempt } from '../../../sql/queries/campaigns/attempts.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, log, NOW } from './support.ts'

const HOUR_MS = 3_600_000
const after = (ms: number) => new Date(NOW.getTime() + ms)

for (const database of testDatabases())
  t.test(
    `a person who was taken for a machine is left alone for three days, with ${database}`,
    { timeout: 120_000 },
    async t => {
      await using rows = await CampaignRows.open(database)
      const { db } = rows
      const partsAt = (now: Date) => ({ db, log, now: () => now })
      const people = await rows.list(['+12025550151', '+12025550152'])
      const campaign = await rows.campaign('predictive', [people], {
        retries: { machine: { times: 3, gapMinutes: 60 } }
      })
      const leads = await rows.take(campaign, 'one', 2)
      for (const lead of leads) {
        await updateOpenAttempt(db, lead.id, { state: 'permitted' })
        await beginDialling(db, lead.id, { sip_call_id: lead.id }, campaign.no, NOW)
        await updateOpenAttempt(db, lead.id, { answered_at: NOW })
        await finishAttempt(partsAt(NOW), campaign, lead, 'machine', { amd: { result: 'machine', ms: 900 } })
      }
      // Somebody has listened to one of them.
      t.ok(await markDetectorWrong(db, leads[0]?.id ?? ''))
      const again = await rows.take(campaign, 'one', 2, after(2 * HOUR_MS))
      const alone = await Promise.all(
        again.map(async lead => [lead.number, await leaveAlone(partsAt(after(2 * HOUR_MS)), campaign, lead)])
      )
      t.same(
        alone.toSorted(),
        [
          [leads[0]?.number, true],
          [leads[1]?.number, false]
        ].toSorted()
      )
      const later = await rows.take(campaign, 'one', 1, after(73 * HOUR_MS))
      t.match(later, [{ number: leads[0]?.number }])
      t.notOk(await leaveAlone(partsAt(after(73 * HOUR_MS)), campaign, later[0] as never))
    }
  )
