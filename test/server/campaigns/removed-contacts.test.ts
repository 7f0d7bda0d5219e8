import t from 'tap'
import { finishAttempt } from '../../../server/campaigns/attempt-log.ts'
import { settleUnknown } from '../../../sql/queries/campaigns/attempts.ts'
import { countConversations, isAnybodyLeft } from '../../../sql/queries/campaigns/campaigns.ts'
import { deleteContact } from '../../../sql/queries/campaigns/contacts.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, log, NOW } from './support.ts'

const after = (ms: number) => new Date(NOW.getTime() + ms)

for (const database of testDatabases())
  t.test(`contacts who are taken out of their list, with ${database}`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const parts = { db, log, now: () => NOW }

    await t.test('nobody was talked to who was removed, or left alone by hand', async t => {
      const people = await rows.list(['+12025550161', '+12025550162', '+12025550163'])
      const campaign = await rows.campaign('agentless', [people], { goal: 2 })
      const [talked, lost] = await rows.take(campaign, 'one', 2)
      await finishAttempt(parts, campaign, talked as never, 'person', { isConnected: true })
      await finishAttempt(parts, campaign, lost as never, 'unknown')
      t.ok(await settleUnknown(db, campaign.no, lost?.contactId ?? '', 'done', NOW))
      const removed = people.contactIds.find(id => id !== talked?.contactId && id !== lost?.contactId) ?? ''
      t.ok(await deleteContact(db, removed))
      t.match(await rows.lead(campaign, removed), { state: 'done', last_outcome: 'contactRemoved' })
      t.equal((await countConversations(db, campaign.no, 2)).done, 1)
    })

    await t.test('who is removed while being called keeps no campaign from its end', async t => {
      const people = await rows.list(['+12025550164'])
      const campaign = await rows.campaign('agentless', [people], { retries: { busy: { times: 3, gapMinutes: 10 } } })
      const [lead] = await rows.take(campaign, 'one', 1)
      t.ok(await deleteContact(db, lead?.contactId ?? ''))
      await finishAttempt(parts, campaign, lead as never, 'busy')
      for (const minutes of [11, 22, 33]) t.same(await rows.take(campaign, 'one', 1, after(minutes * 60_000)), [])
      t.match(await rows.lead(campaign, lead?.contactId ?? ''), { state: 'done', last_outcome: 'contactRemoved' })
      t.notOk(await isAnybodyLeft(db, campaign.no))
    })
  })
