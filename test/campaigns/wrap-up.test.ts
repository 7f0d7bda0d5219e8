import t from 'tap'
import { LAWFUL_NOW, oneDatabase, TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { CampaignWorld } from './support.ts'

for (const database of oneDatabase())
  t.test(
    `what an agent writes down counts whatever the campaign does, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
      await using server = await TestParley.start({ database, hasDemoData: true, now: () => LAWFUL_NOW })
      const world = await CampaignWorld.open(server, carrier)
      const { db } = server.parley
      const made = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 60_000 })
      const queue = made.body['id'] as string
      await server.api('POST', '/dispositions', { code: 'never-again', labels: { en: 'Never again' } })
      await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
      let stops = 0
      const untilStopped = async () => {
        stops += 1
        const limit = AbortSignal.timeout(15_000)
        for (;;) {
          const rows = await db
            .selectFrom('dnc_suppressions' as never)
            .selectAll()
            .execute()
          if (rows.length === stops) return
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
      }
      const talkTo = async (number: string, goal?: number) => {
        const list = await world.list([['Ann', number]])
        const id = await world.start('progressive', {
          lists: [list],
          queue,
          dispositions: { 'never-again': { action: 'stop' } },
          ...(goal !== undefined && { goal })
        })
        const incoming = await carrier.nextInvite()
        await using person = await startRtpPeer()
        person.connect(incoming.sdp).sendTone(440)
        await incoming.answer(person.sdp())
        await ana.hears(440, 'call')
        await incoming.bye()
        const { wrapUp } = await ana.until(state => state.wrapUp !== null)
        const callId = wrapUp?.callId ?? ''
        return {
          id,
          neverAgain: () => ana.request('wrapUp.finish', { callId, disposition: 'never-again', note: '' })
        }
      }

      await t.test('a campaign whose agents have no wrap-up ends when everybody was talked to', async t => {
        const short = await server.api('POST', '/queues', { name: 'short', isAutoAnswered: true, wrapUpMs: 0 })
        const list = await world.list([['Bea', '+12025550242']])
        const id = await world.start('progressive', { lists: [list], queue: short.body['id'] as string })
        const incoming = await carrier.nextInvite()
        await using person = await startRtpPeer()
        person.connect(incoming.sdp).sendTone(440)
        await incoming.answer(person.sdp())
        await ana.hears(440, 'call')
        await incoming.bye()
        t.match((await world.untilWhy(id, 'ended'))['leads'], { byState: { done: 1 } })
        t.match(await world.attempts(id), [{ outcome: 'person', agentId: world.agents.ana.id }])
      })

      await t.test('who wants no more calls gets none when the campaign was stopped meanwhile', async t => {
        const { id, neverAgain } = await talkTo('+12025550241')
        await world.call('POST', `/campaigns/${id}/stop`, { reason: 'no more today' }, 200)
        await neverAgain()
        await t.resolves(untilStopped())
        t.match((await world.live(id))['leads'], { byState: { done: 1 } })
      })
    }
  )
