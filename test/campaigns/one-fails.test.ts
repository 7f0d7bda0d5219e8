import { sql } from 'kysely'
import t from 'tap'
import { LAWFUL_NOW, oneDatabase, TestParley } from '../support/parley.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CampaignWorld } from './support.ts'

for (const database of oneDatabase())
  t.test(`a campaign that cannot be dialled, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true, now: () => LAWFUL_NOW })
    const world = await CampaignWorld.open(server, carrier)
    const { db } = server.parley
    const draft = async (number: string) => {
      const list = await world.list([['Ann', number]])
      const id = await world.draft('agentless', { lists: [list], flowId: 'campaign-message' })
      await world.agree(id)
      return id
    }
    const broken = await draft('+12025550271')
    const good = await draft('+12025550272')
    const { no } = await db.selectFrom('campaigns').select('no').where('id', '=', broken).executeTakeFirstOrThrow()
    await sql`create function refuse() returns trigger language plpgsql as $$ begin
      if new.campaign_no = ${sql.raw(String(no))} then raise exception 'refused'; end if; return new; end $$`.execute(
      db
    )
    await sql`create trigger refuse before insert on campaign_attempts for each row execute function refuse()`.execute(
      db
    )
    const complaints = () =>
      server.logs.filter(one => one.includes(broken) && one.includes('a campaign cannot be dialled'))

    await t.test('whoever starts it has started it', async t => {
      await t.resolves(world.call('POST', `/campaigns/${broken}/start`, {}, 200))
      t.match(await world.call('GET', `/campaigns/${broken}`, undefined, 200), { state: 'running' })
    })

    await t.test(
      'whoever starts and pauses another one meanwhile is told nothing of it, and people are called',
      async t => {
        await world.call('POST', `/campaigns/${good}/start`, {}, 200)
        const incoming = await carrier.nextInvite()
        t.match(incoming.invite.uri, /\+12025550272@/)
        incoming.reject(486, 'Busy Here')
        await world.until(good, all => all.some(one => one.outcome === 'busy'))
        await world.untilWhy(good, 'ended')
        t.equal(complaints().length, 1, 'the log says it once')
        await t.resolves(world.call('POST', `/campaigns/${broken}/pause`, { reason: 'it does nothing' }, 200))
      }
    )

    await t.test('its people have their turn when it can be dialled again', async t => {
      await sql`drop function refuse() cascade`.execute(db)
      await world.call('POST', `/campaigns/${broken}/start`, {}, 200)
      const incoming = await carrier.nextInvite()
      t.match(incoming.invite.uri, /\+12025550271@/)
      incoming.reject(486, 'Busy Here')
    })
  })
