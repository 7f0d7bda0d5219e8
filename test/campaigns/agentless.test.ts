import t from 'tap'
import { headerIn, startSipPhone } from '../support/sip-phone.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

for (const database of testDatabases())
  t.test(`a campaign calls people by itself, with ${database}`, { timeout: 110_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true })
    const world = await CampaignWorld.open(server, carrier)

    await t.test('nobody starts a campaign alone, and not one that lacks what the law wants', async t => {
      const list = await world.list([['Ann', '+12025550111']])
      const id = await world.draft('agentless', { lists: [list] })
      const lacking = await world.call('GET', `/campaigns/${id}`, undefined, 200)
      t.match(lacking['problems'], [{ code: 'FLOW_MISSING' }])
      t.equal((await server.api('POST', `/campaigns/${id}/start`, {}, world.author)).status, 409)
      const before = lacking['settings'] as object
      await world.call('PATCH', `/campaigns/${id}`, { settings: { ...before, flowId: 'campaign-message' } }, 200)
      t.equal(
        (await server.api('POST', `/campaigns/${id}/submit`, {}, world.author)).status,
        409,
        'not without a dry run'
      )
      await world.dryRun(id)
      await world.call('POST', `/campaigns/${id}/submit`, {}, 200)
      t.match(await server.api('POST', `/campaigns/${id}/approve`, {}, world.author), {
        status: 403,
        body: { detail: 'Somebody else than the author must agree.' }
      })
      await world.call('POST', `/campaigns/${id}/refuse`, { reason: 'Say who calls' }, 200, world.approver)
      t.match(await world.call('GET', `/campaigns/${id}`, undefined, 200), { state: 'draft', refusal: 'Say who calls' })
      const { en: _en, ...languages } = { en: { identification: 'Example.' } }
      const words = {
        ...before,
        flowId: 'campaign-message',
        languages: { ...languages, en: { identification: 'Example.' } }
      }
      await world.call('PATCH', `/campaigns/${id}`, { settings: words }, 200)
      t.match((await world.call('GET', `/campaigns/${id}`, undefined, 200))['problems'], [
        { code: 'STATEMENT_MISSING', at: '/languages/en/optOut' },
        { code: 'STATEMENT_MISSING', at: '/languages/en/purpose' }
      ])
    })

    await t.test('people hear who calls before anything else, then the flow', async t => {
      const list = await world.list([['Ann', '+12025550121']])
      const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
      const incoming = await carrier.nextInvite()
      t.match(headerIn(incoming.invite, 'call-id'), /\.parley-1$/, 'made of the attempt')
      await using ear = await startRtpPeer()
      ear.connect(incoming.sdp).sendSilence()
      await incoming.answer(ear.sdp())
      await ear.hearsSpeech()
      await ear.hears(880, { limitMs: 30_000 })
      await incoming.waitForBye()
      const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
      t.ok(attempt?.decisionId, 'with a decision')
      t.match(await world.untilWhy(id, 'ended'), { state: 'ended', leads: { byState: { done: 1 } } })
      const decision = await world.call('GET', `/compliance/decisions/${attempt?.decisionId}`, undefined, 200)
      t.match(JSON.stringify(decision), /ALLOW/)
    })

    await t.test('a key ends such calls for good, in every campaign, while another call waits', async t => {
      const number = '+12025550131'
      const list = await world.list([['Bob', number]])
      const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
      const incoming = await carrier.nextInvite()
      await using ear = await startRtpPeer()
      ear.connect(incoming.sdp).sendSilence()
      await incoming.answer(ear.sdp())
      await ear.hearsSpeech()
      ear.sendDigits('9')
      await incoming.waitForBye()
      await world.until(id, ([one]) => one?.outcome === 'person')
      const again = await world.list([['Bob', number]])
      const other = await world.start('agentless', { lists: [again], flowId: 'campaign-message' })
      const [refused] = await world.until(other, ([one]) => one?.outcome === 'notLawful')
      t.match(refused, { detail: 'BLOCK DNC_INTERNAL' })
      t.match(await world.untilWhy(other, 'ended'), {
        leads: { byState: { blocked: 1 }, byReason: { DNC_INTERNAL: 1 } }
      })
    })

    await t.test(
      'busy, unanswered and refused calls are tried again as configured, at the other number first',
      async t => {
        const list = await world.list([
          ['Busy', '+12025550141'],
          ['Two numbers', '+12025550142', '+12025550143'],
          ['Refuses', '+12025550144'],
          ['Unknown number', '+12025550145'],
          ['Blocked', '+12025550146']
        ])
        const id = await world.start('agentless', {
          lists: [list],
          flowId: 'campaign-message',
          retries: {
            busy: { times: 1, gapMinutes: 60 },
            noAnswer: { times: 2, gapMinutes: 30, nextNumber: true }
          }
        })
        const answers: Record<string, [number, string]> = {
          '+12025550141': [486, 'Busy Here'],
          '+12025550142': [480, 'Temporarily Unavailable'],
          '+12025550144': [603, 'Decline'],
          '+12025550145': [404, 'Not Found'],
          '+12025550146': [603, 'Network Blocked']
        }
        for (let calls = 0; calls < 5; calls += 1) {
          const incoming = await carrier.nextInvite()
          const [status, phrase] = answers[/sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''] ?? [
            500,
            'Unexpected'
          ]
          incoming.reject(status, phrase)
        }
        const attempts = await world.until(id, all => all.filter(one => one.outcome !== null).length >= 5)
        const of = (name: string) => attempts.find(one => one.contactName === name)
        t.equal(of('Busy')?.outcome, 'busy')
        t.equal(of('Two numbers')?.outcome, 'noAnswer')
        t.match(of('Refuses'), { outcome: 'refused', sipStatus: 603 })
        t.match(of('Unknown number'), { outcome: 'invalid' })
        t.match(of('Blocked'), { outcome: 'blocked', sipStatus: 603 })
        const contact = async (name: string) =>
          await world.call('GET', `/campaigns/${id}/contacts/${of(name)?.contactId}`, undefined, 200)
        t.match(await contact('Busy'), { state: 'waiting', nextAt: '2026-11-24T18:00:00.000Z' })
        t.match(
          await contact('Two numbers'),
          { state: 'waiting', nextAt: '2026-11-24T17:01:00.000Z' },
          'the other number'
        )
        t.match(await contact('Refuses'), { state: 'exhausted' }, 'no rule, no second call')
        t.match(await contact('Unknown number'), { state: 'exhausted' })
        t.match(await contact('Blocked'), { state: 'exhausted' })
        const alarms = (await world.call('GET', '/campaign-alarms', undefined, 200))['items']
        t.match(alarms, [{ kind: 'spamBlocked', campaignId: id, detail: { status: 603 } }])
        const [shown] = (await world.call('GET', '/caller-ids', undefined, 200))['items'] as { whyUnusable: string }[]
        t.equal(shown?.whyUnusable, 'blocked', 'the number that was shown rests until somebody has looked')
        t.match((await world.untilWhy(id, 'noCallerId'))['why'], { code: 'noCallerId' })
        await world.call('PATCH', `/caller-ids/${world.callerId}`, { isBlocked: false }, 200)
        await world.call('POST', `/campaigns/${id}/stop`, { reason: 'seen' }, 200)
        const exported = await fetch(`${server.url}/api/v1/campaigns/${id}/attempts.csv`, {
          headers: { authorization: `Bearer ${world.author}` }
        })
        const csv = await exported.text()
        t.match(csv, /^id,contactId,contactName,number,outcome/)
        t.notMatch(csv, /\+12025550141/, 'numbers are masked for the role')
      }
    )
  })
