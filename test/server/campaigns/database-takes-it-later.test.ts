import { sql } from 'kysely'
import t from 'tap'
import { finishAttempt } from '../../../server/campaigns/attempt-log.ts'
import { beginDialling, updateOpenAttempt } from '../../../sql/queries/campaigns/attempts.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, log, NOW } from './support.ts'

/** What a database says that takes the same statement later. */
const NOT_NOW = {
  '25006': 'it can only be read while another machine takes over',
  '53100': 'its disk is full',
  '40P01': 'another one waited for the same rows the other way round',
  '57014': 'somebody held the row for too long'
}

for (const database of testDatabases())
  t.test(`how a call ended is known when ${database} takes it only later`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const parts = { db, log, now: () => NOW }
    let last = 180
    for (const [code, why] of Object.entries(NOT_NOW))
      await t.test(why, async t => {
        last += 1
        const people = await rows.list([`+12025550${last}`])
        const campaign = await rows.campaign('agentless', [people])
        const [lead] = await rows.take(campaign, 'this one', 1)
        if (lead === undefined) throw new Error('nobody was taken')
        await updateOpenAttempt(db, lead.id, { state: 'permitted' })
        await beginDialling(db, lead.id, { sip_call_id: 'sip' }, campaign.no, NOW)
        await sql`create function not_now() returns trigger language plpgsql as $$ begin
          raise exception 'not now' using errcode = '${sql.raw(code)}'; end $$`.execute(db)
        await sql`create trigger not_now before update on campaign_attempts for each row execute function not_now()`.execute(
          db
        )
        await finishAttempt(parts, campaign, lead, 'busy')
        t.match(await rows.attempt(lead.id), { state: 'dialling' })
        await sql`drop function not_now() cascade`.execute(db)
        const limit = AbortSignal.timeout(10_000)
        while ((await rows.attempt(lead.id)).state !== 'over') limit.throwIfAborted()
        t.match(await rows.attempt(lead.id), { outcome: 'busy' })
        t.match(await rows.lead(campaign, lead.contactId), { state: 'exhausted' }, 'its campaign is done with them')
      })
  })
