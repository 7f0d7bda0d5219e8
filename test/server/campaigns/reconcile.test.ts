import t from 'tap'
import { finishAttempt } from '../../../server/campaigns/attempt-log.ts'
import { reconcileAttempts } from '../../../server/campaigns/reconcile.ts'
import { LifeSigns } from '../../../server/life-signs.ts'
import {
  beginDialling,
  countLive,
  lastAbandonedAt,
  updateOpenAttempt
} from '../../../sql/queries/campaigns/attempts.ts'
import { campaignDays } from '../../../sql/queries/campaigns/campaigns.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, log, NOW } from './support.ts'

const NUMBER = '+12025550171'
const after = (ms: number) => new Date(NOW.getTime() + ms)
const media = { isConnected: false, endLeg: async () => false }

for (const database of testDatabases())
  t.test(`what a control plane has left that was taken for dead, with ${database}`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const partsAt = (now: Date) => ({ db, log, media, lifeSigns: new LifeSigns(db), now: () => now })

    await t.test('whom it dials at the very moment at which others give them back, nobody else dials', async t => {
      const people = await rows.list([NUMBER])
      const campaign = await rows.campaign('agentless', [people])
      const [lead] = await rows.take(campaign, 'slow', 1)
      const id = lead?.id ?? ''
      await updateOpenAttempt(db, id, { state: 'permitted' })
      await reconcileAttempts(partsAt(after(9_000)), async () => {
        // It was only slow, and goes on now.
        t.ok(await beginDialling(db, id, { sip_call_id: 'sip' }, campaign.no, after(9_000)))
        return campaign
      })
      t.match(await rows.attempt(id), { state: 'dialling', outcome: null }, 'it rings')
      t.match(await rows.lead(campaign, lead?.contactId ?? ''), { state: 'reserved' })
      await finishAttempt(partsAt(after(10_000)), campaign, lead as never, 'person')
    })

    await t.test('whom it has abandoned the law counts, and the dialler leaves alone for three days', async t => {
      const people = await rows.list(['+12025550172'])
      const campaign = await rows.campaign('predictive', [people])
      const [lead] = await rows.take(campaign, 'cut off', 1)
      const id = lead?.id ?? ''
      await updateOpenAttempt(db, id, { state: 'permitted' })
      await beginDialling(db, id, { sip_call_id: 'sip' }, campaign.no, after(1_000))
      t.equal(await reconcileAttempts(partsAt(after(30_000)), async () => campaign), 1)
      t.match(await rows.attempt(id), { state: 'unknown' })
      // It was only cut off from the database; the person has heard the message.
      await countLive(db, id, campaign.no, after(5_000))
      const facts = { isAbandoned: true, answeredAt: after(5_000) }
      await finishAttempt(partsAt(after(31_000)), campaign, lead as never, 'abandoned', facts)
      t.match(await campaignDays(db, campaign.no, '2026-11-01'), [{ live: 1, abandoned: 1 }])
      t.not(await lastAbandonedAt(db, '+12025550172', NOW), null)
      t.match(await rows.lead(campaign, lead?.contactId ?? ''), { state: 'unknown' }, 'a person decides')
      await finishAttempt(partsAt(after(32_000)), campaign, lead as never, 'abandoned', facts)
      t.match(await campaignDays(db, campaign.no, '2026-11-01'), [{ live: 1, abandoned: 1 }], 'once')
    })

    await t.test('who has answered it and met nobody was abandoned', async t => {
      const people = await rows.list(['+12025550173', '+12025550174'])
      const campaign = await rows.campaign('predictive', [people])
      const [alone, talking] = await rows.take(campaign, 'gone', 2)
      for (const one of [alone, talking]) {
        const id = one?.id ?? ''
        await updateOpenAttempt(db, id, { state: 'permitted' })
        await beginDialling(db, id, { sip_call_id: 'sip' }, campaign.no, after(1_000))
        await countLive(db, id, campaign.no, after(5_000), { answered_at: after(5_000), amd_result: 'human' })
      }
      await updateOpenAttempt(db, talking?.id ?? '', { connected_at: after(6_000), agent_id: null })
      t.equal(await reconcileAttempts(partsAt(after(30_000)), async () => campaign), 2)
      t.match(await rows.attempt(alone?.id ?? ''), { state: 'unknown', is_abandoned: true })
      t.match(await rows.attempt(talking?.id ?? ''), { state: 'unknown', is_abandoned: false })
      t.match(await campaignDays(db, campaign.no, '2026-11-01'), [{ live: 2, abandoned: 1 }])
      t.not(await lastAbandonedAt(db, alone?.number ?? '', NOW), null)
      t.equal(await lastAbandonedAt(db, talking?.number ?? '', NOW), null)
    })
  })
