import t from 'tap'
import { loadLeads } from '../../../sql/queries/campaigns/campaigns.ts'
import { testDatabases } from '../../support/parley.ts'
import { CampaignRows, NOW } from './support.ts'

const EVERYBODY = { languages: null, countries: null, custom: {}, first: [] }

for (const database of testDatabases())
  t.test(`only people of the lists that were agreed to are called, with ${database}`, { timeout: 120_000 }, async t => {
    await using rows = await CampaignRows.open(database)
    const { db } = rows
    const numbersOf = (leads: readonly Readonly<{ number: string }>[]) => leads.map(one => one.number).toSorted()

    await t.test('who was in a list that the campaign has no more is left alone, until it has it again', async t => {
      const kept = await rows.list(['+12025550141'])
      const left = await rows.list(['+12025550142'])
      const campaign = await rows.campaign('agentless', [kept, left])
      const { settings } = campaign
      const edited = { ...campaign, settings: { ...settings, lists: [kept.id] } }
      t.same(numbersOf(await rows.take(edited, 'one', 5)), ['+12025550141'])
      t.match(await rows.lead(campaign, left.contactIds[0] ?? ''), { state: 'suppressed', last_outcome: 'notMeant' })
      t.match(await loadLeads(db, campaign.no, [kept.no, left.no], EVERYBODY, '0', 100, NOW), { added: 1 })
      t.same(numbersOf(await rows.take(campaign, 'one', 5)), ['+12025550142'])
    })

    await t.test('those who are left out keep nobody else waiting', async t => {
      const left = await rows.list(Array.from({ length: 40 }, (_, index) => `+120255501${index + 10}`))
      const kept = await rows.list(['+12025550199'])
      const campaign = await rows.campaign('agentless', [left, kept])
      const edited = { ...campaign, settings: { ...campaign.settings, lists: [kept.id] } }
      // All in one place, and whoever is still meant is the last one.
      const { place_id: placeId } = await rows.lead(campaign, left.contactIds[0] ?? '')
      await db
        .updateTable('campaign_leads')
        .set({ place_id: placeId, next_at: new Date(NOW.getTime() - 1) })
        .where('campaign_no', '=', campaign.no)
        .where('contact_id', 'in', [...left.contactIds])
        .execute()
      await db
        .updateTable('campaign_leads')
        .set({ place_id: placeId })
        .where('contact_id', 'in', [...kept.contactIds])
        .execute()
      t.same(await rows.take(edited, 'one', 1), [])
      t.same(numbersOf(await rows.take(edited, 'one', 1)), ['+12025550199'])
    })

    await t.test('who was in a list that was taken out of use is left alone in mid-campaign', async t => {
      const list = await rows.list(['+12025550143'])
      const campaign = await rows.campaign('agentless', [list])
      await db.updateTable('contact_lists').set({ deleted_at: NOW }).where('id', '=', list.id).execute()
      t.same(await rows.take(campaign, 'one', 5), [])
    })

    await t.test(
      'who is not in the part of the lists that is meant now is left alone, unless a call was promised',
      async t => {
        const list = await rows.list(['+12025550144', '+12025550145', '+12025550146'])
        const [german = '', english = '', promised = ''] = list.contactIds
        const speaks = (id: string, language: string) =>
          db.updateTable('contacts').set({ language }).where('id', '=', id).execute()
        await Promise.all([speaks(german, 'de'), speaks(english, 'en'), speaks(promised, 'en')])
        const campaign = await rows.campaign('agentless', [list])
        await db
          .updateTable('campaign_leads')
          .set({ callback_at: NOW })
          .where('contact_id', '=', promised)
          .where('campaign_no', '=', campaign.no)
          .execute()
        const edited = { ...campaign, settings: { ...campaign.settings, segment: { languages: ['de'] } } }
        t.same(numbersOf(await rows.take(edited, 'one', 5)), ['+12025550144', '+12025550146'])
      }
    )
  })
