import t from 'tap'
import { windowsOf } from '../../../server/campaigns/laws.ts'
import { runningCampaign } from '../../../server/campaigns/running-campaign.ts'
import { takeLeads } from '../../../server/campaigns/take-leads.ts'
import { addToDay } from '../../../sql/queries/campaigns/attempts.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, NOW } from './support.ts'

const TODAY = NOW.toISOString().slice(0, 10)
const HOUSE_CAP = [{ per: 'P30D', capPercent: 3 }]

for (const database of testDatabases())
  t.test(`what may be abandoned is counted when calls are begun, with ${database}`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const campaign = await rows.campaign('predictive', [await rows.list(['+12025550181'])])
    await addToDay(db, campaign.no, TODAY, { dialled: 100, live: 100 })
    const running = runningCampaign(campaign, 0)
    running.caps = HOUSE_CAP
    const look = () =>
      takeLeads({ db, controlPlaneId: 'one' }, running, {
        slots: [],
        lines: 10,
        callsAtOnce: () => 10,
        ids: ['first'],
        now: NOW
      })
    running.windows = await windowsOf(db, campaign, HOUSE_CAP, NOW)
    await look()
    t.equal(running.pace?.headroom, 2)
    // Two of those who were on their way have just met nobody, here or on another control plane.
    await addToDay(db, campaign.no, TODAY, { live: 2, abandoned: 2 })
    await look()
    t.equal(running.pace?.headroom, 0, 'nobody more may meet nobody')
  })
