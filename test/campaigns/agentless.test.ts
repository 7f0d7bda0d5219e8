import { pino } from 'pino'
import t from 'tap'
import { joinSamples } from '../../media/audio/pcm.ts'
import { generateTone } from '../../media/audio/tone.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { lineFor } from '../../server/bots/lines.ts'
import { complianceDb } from '../../sql/queries/compliance/db.ts'
import { botFlow, likeness, publishReturns, SAID, TEXTS } from '../bots/support.ts'
import { headerIn, startSipPhone } from '../support/sip-phone.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { createToneRecognizer, thenSilence } from '../support/tone-recognizer.ts'
import { CampaignWorld, WORDS } from './support.ts'

/** A tone that stands for the wish not to be called again. */
const STOP_HZ = 2_600

for (const database of oneDatabase())
  t.test(`a campaign calls people by itself, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    const texts = { ...TEXTS, [STOP_HZ]: 'Please stop calling me' }
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      recognizers: [createToneRecognizer({ texts, sameWithinMs: 2_000 })]
    })
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
      const unproved = await server.api('POST', '/caller-ids', { number: '+12025550109', carrier: 'Example Carrier' })
      t.equal(unproved.status, 201)
      const shown = await world.draft('agentless', {
        lists: [list],
        flowId: 'campaign-message',
        callerIds: [unproved.body['id'] as string]
      })
      t.match((await world.call('GET', `/campaigns/${shown}`, undefined, 200))['problems'], [
        { code: 'CALLER_ID_NOT_PROVED', at: '/callerIds' }
      ])
      await world.dryRun(shown)
      await world.call('POST', `/campaigns/${shown}/submit`, {}, 400)
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

    await t.test(
      'people hear who calls before anything else, then the flow, and no more than the goal wants',
      async t => {
        const list = await world.list([
          ['Ann', '+12025550121'],
          ['Beyond the goal', '+12025550122']
        ])
        const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message', goal: 1 })
        const incoming = await carrier.nextInvite()
        t.match(headerIn(incoming.invite, 'call-id'), /\.parley-1$/, 'made of the attempt')
        await using ear = await startRtpPeer()
        ear.connect(incoming.sdp).sendSilence()
        await incoming.answer(ear.sdp())
        await ear.hearsSpeech()
        t.match((await world.untilWhy(id, 'goal'))['calls'], { answered: 1 }, 'one call may be all that is needed')
        await ear.hears(880)
        await incoming.waitForBye()
        const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
        t.ok(attempt?.decisionId, 'with a decision')
        t.match(await world.untilWhy(id, 'ended'), {
          state: 'ended',
          stateReason: 'goal reached',
          leads: { byState: { done: 1, waiting: 1 } }
        })
        const decision = await world.call('GET', `/compliance/decisions/${attempt?.decisionId}`, undefined, 200)
        t.match(JSON.stringify(decision), /ALLOW/)

        // Tuesday noon in Washington.
        t.same((await world.call('GET', `/campaigns/${id}/times`, undefined, 200))['items'], [
          { weekday: 2, hour: 12, dialled: 1, answered: 1 }
        ])
        const { settings } = await world.call('GET', `/campaigns/${id}`, undefined, 200)
        const clone = await world.call('POST', `/campaigns/${id}/clone`, { name: 'Once more' }, 201)
        t.match(clone, { state: 'draft', isApproved: false, isDryRunStale: true, dryRun: null, startedAt: null })
        t.same(clone['settings'], settings)
        await world.call('POST', `/campaigns/${clone['id']}/start`, {}, 409)
        await world.call('POST', `/campaigns/${id}/clone`, { name: 'Once more' }, 409)

        const suppress = { campaigns: [id], days: 30 }
        const next = await world.draft('agentless', { lists: [list], flowId: 'campaign-message', suppress })
        t.match(await world.dryRun(next), { total: 2, parts: { reached: 1, now: 1 } })
        await world.agree(next)
        await world.call('POST', `/campaigns/${next}/start`, {}, 200)
        const second = await carrier.nextInvite()
        t.match(second.invite.uri, '+12025550122')
        second.reject(486, 'Busy Here')
        t.match(await world.untilWhy(next, 'ended'), { leads: { byState: { suppressed: 1, exhausted: 1 } } })
        t.match(
          (await world.attempts(next)).find(one => one.contactName === 'Ann'),
          { outcome: 'notDialled', detail: 'reached by another campaign' },
          'whom another campaign has talked to is left alone'
        )
      }
    )

    await t.test('a key ends such calls for good, also in a campaign in which the person waits already', async t => {
      const number = '+12025550131'
      const list = await world.list([['Bob', number]])
      const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
      const incoming = await carrier.nextInvite()
      await using ear = await startRtpPeer()
      ear.connect(incoming.sdp).sendSilence()
      await incoming.answer(ear.sdp())
      await ear.hearsSpeech()
      const queued = await world.list([
        ['Rings', '+12025550132'],
        ['Bob', number]
      ])
      const other = await world.start('agentless', { lists: [queued], flowId: 'campaign-message', maxLines: 1 })
      const ringing = await carrier.nextInvite()
      t.match(ringing.invite.uri, '+12025550132', 'Bob waits')
      ear.sendDigits('9')
      await incoming.waitForBye()
      await world.until(id, ([one]) => one?.outcome === 'person')
      ringing.reject(486, 'Busy Here')
      const attempts = await world.until(other, all => all.some(one => one.outcome === 'notLawful'))
      t.match(
        attempts.find(one => one.contactName === 'Bob'),
        { detail: 'BLOCK DNC_INTERNAL' }
      )
      t.match(await world.untilWhy(other, 'ended'), {
        leads: { byState: { blocked: 1, exhausted: 1 }, byReason: { DNC_INTERNAL: 1 } }
      })
      const calls = carrier.received.filter(one => one.method === 'INVITE' && one.uri?.includes(number))
      t.equal(calls.length, 1, 'and is never dialled again')
    })

    await t.test('a bot says what it is, talks with who has answered, and whoever wants no more is let go', async t => {
      await using espeak = createEspeak(pino({ level: 'silent' }))
      const spoken = async (text: string) => await espeak.synthesize(text, 'en', AbortSignal.timeout(30_000))
      await publishReturns(server)
      await server.publish(botFlow())
      const words = { ...WORDS, aiDisclosure: 'No human speaks, but a computer.' }
      const numbers = ['+12025550135', '+12025550136'] as const
      const list = await world.list([
        ['Says it', numbers[0]],
        ['Presses it', numbers[1]]
      ])
      const id = await world.start('agentless', {
        lists: [list],
        flowId: 'bot',
        isAi: true,
        languages: { en: words },
        amd: { isOn: true, onMachine: 'hangUp' }
      })
      const hello = await spoken('Hello?')
      /** Answers as a person does, listens to the bot’s greeting, and does what this person does. */
      const answer = async () => {
        const incoming = await carrier.nextInvite()
        const isSpeaker = incoming.invite.uri?.includes(numbers[0]) === true
        await using ear = await startRtpPeer()
        ear.connect(incoming.sdp).sendSilence()
        await incoming.answer(ear.sdp())
        // Nobody has said anything yet: it is said once more.
        ear.sendFrames(thenSilence(joinSamples([hello, new Int16Array(8 * 2_500), hello])))
        await ear.hears(440, { limitMs: 90_000 })
        const opening = ear.captured()
        await ear.hearsSilence()
        const says = (hz: number) => ear.sendFrames(thenSilence(generateTone({ frequenciesHz: [hz], durationMs: 700 })))
        const callId = headerIn(incoming.invite, 'call-id').replace(/\..*/, '')
        let answered: Int16Array | null = null
        if (isSpeaker) {
          ear.forget()
          says(SAID.returns)
          await untilTold(server, callId, 'botAnswered')
          answered = ear.captured()
          says(STOP_HZ)
        } else ear.sendDigits('9')
        await incoming.waitForBye()
        const stops = await complianceDb(server.parley.db)
          .selectFrom('dnc_suppressions')
          .select(['kind', 'scope', 'channel'])
          .where('detail', 'like', `%${callId}`)
          .execute()
        const channel = isSpeaker ? 'speech' : 'key'
        t.same(stops, [{ kind: 'stop', scope: 'all', channel }], `by ${channel}, in force when the call ends`)
        return { opening, answered }
      }
      const heard = await Promise.all([answer(), answer()])
      // Compared only now: the bot waits for nobody who is silent meanwhile.
      for (const text of [
        words.identification,
        words.aiDisclosure,
        words.optOut,
        words.purpose,
        lineFor('disclosure', 'en')?.text ?? ''
      ]) {
        const sound = await spoken(text)
        for (const { opening } of heard) {
          const likely = likeness(opening, sound)
          t.ok(likely > 0.9, `“${text}” was heard (likeness ${likely.toFixed(2)})`)
        }
      }
      const article = await spoken('You may return goods within 30 days.')
      const likely = likeness(heard.find(one => one.answered !== null)?.answered ?? new Int16Array(), article)
      t.ok(likely > 0.9, `the bot’s answer was heard (likeness ${likely.toFixed(2)})`)

      const attempts = await world.until(id, all => all.every(one => one.outcome === 'person'))
      for (const one of attempts) t.match(one, { amdResult: 'human', decisionId: String, isAbandoned: false })
      const again = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
      const refused = await world.until(again, all => all.filter(one => one.outcome !== null).length === 2)
      for (const one of refused) t.match(one, { outcome: 'notLawful', detail: 'BLOCK DNC_INTERNAL' })
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

/** Resolves when a running call's story tells of something. */
async function untilTold(server: TestParley, callId: string, kind: string): Promise<void> {
  const limit = AbortSignal.timeout(40_000)
  for (;;) {
    await server.parley.storiesWritten()
    const { body } = await server.api('GET', `/calls/${callId}`)
    const kinds = (body['events'] as { kind: string }[]).map(one => one.kind)
    if (kinds.includes(kind)) return
    if (limit.aborted) throw new Error(`no ${kind} in ${kinds.join(', ')}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
