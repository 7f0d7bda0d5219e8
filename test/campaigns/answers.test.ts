import { pino } from 'pino'
import t from 'tap'
import { joinSamples } from '../../media/audio/pcm.ts'
import { generateNoise, generateTone } from '../../media/audio/tone.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import { likeness } from '../bots/support.ts'
import { CampaignWorld, WORDS } from './support.ts'

/** The law's two seconds are too few for a machine that runs other tests too. */
const PATIENCE_MS = 6_000

for (const database of oneDatabase())
  t.test(`people and machines answer a campaign, with ${database}`, { timeout: 280_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    await using server = await TestParley.start({ database, hasDemoData: true, campaignWithinMs: PATIENCE_MS })
    await using speech = createEspeak(pino({ level: 'silent' }))
    const hello = await speech.synthesize('Hello?', 'en', AbortSignal.timeout(30_000))
    const greeting = await speech.synthesize(
      'You have reached Ann and Ben. We cannot come to the phone right now. Please leave a message after the tone.',
      'en',
      AbortSignal.timeout(30_000)
    )
    const world = await CampaignWorld.open(server, carrier)
    const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 20_000 })
    t.equal(queue.status, 201)
    const queueId = queue.body['id'] as string

    await t.test('in predictive dialling a person is connected, and a machine is not', async t => {
      await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
      const list = await world.list([['Person', '+12025550231']])
      const id = await world.start('predictive', {
        lists: [list],
        queue: queueId,
        amd: { isOn: true, onMachine: 'hangUp' }
      })
      const incoming = await carrier.nextInvite()
      await using person = await startRtpPeer()
      person.connect(incoming.sdp).sendSilence()
      await incoming.answer(person.sdp())
      person.sendPcm(hello)
      await person.hears(600)
      await incoming.bye()
      const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
      t.match(attempt, { amdResult: 'human', isAbandoned: false, agentId: world.agents.ana.id })
      const live = await world.live(id)
      t.match(live['windows'], [{ per: 'P30D', live: 1, abandoned: 0 }])
      await ana.until(state => state.wrapUp !== null)
      await ana.request('wrapUp.finish', { callId: attempt?.id ?? '', disposition: null, note: '' })
      t.match((await world.untilWhy(id, 'ended'))['leads'], { byState: { done: 1 } })
    })

    await t.test('whom nobody can take hears who called, and rests for three days', async t => {
      const list = await world.list([['Abandoned', '+12025550241']])
      const ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
      const id = await world.start('predictive', {
        lists: [list],
        queue: queueId,
        amd: { isOn: true, onMachine: 'hangUp' }
      })
      const incoming = await carrier.nextInvite()
      await ana[Symbol.asyncDispose]()
      await using person = await startRtpPeer()
      person.connect(incoming.sdp).sendSilence()
      await incoming.answer(person.sdp())
      person.sendPcm(hello)
      await person.hearsSpeech()
      await incoming.waitForBye(20_000)
      const [attempt] = await world.until(id, ([one]) => one?.outcome === 'abandoned')
      t.match(attempt, { isAbandoned: true })
      const story = (await server.api('GET', `/calls/${attempt?.id}`)).body as unknown as {
        events: { kind: string; at: string }[]
      }
      t.ok(story.events.some(event => event.kind === 'answered'))
      const other = await world.list([['Abandoned again', '+12025550241']])
      await using back = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
      t.ok(back)
      const next = await world.start('predictive', {
        lists: [other],
        queue: queueId,
        amd: { isOn: true, onMachine: 'hangUp' }
      })
      const [rested] = await world.until(next, ([one]) => one?.outcome === 'notDialled')
      t.match(rested, { detail: 'abandoned within 72 hours' })
      await world.call('POST', `/campaigns/${next}/stop`, {}, 200)
    })

    await t.test(
      'what sounds like a machine and finds no agent counts as a machine, and is left alone as a person',
      async t => {
        const id = await world.start('predictive', {
          lists: [await world.list([['Perhaps', '+12025550242']])],
          queue: queueId,
          amd: { isOn: true, onMachine: 'hangUp' }
        })
        const ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
        const incoming = await carrier.nextInvite()
        await ana[Symbol.asyncDispose]()
        await using answerer = await startRtpPeer()
        answerer.connect(incoming.sdp).sendSilence()
        await incoming.answer(answerer.sdp())
        answerer.sendPcm(Int16Array.from([...greeting, ...generateNoise(3_200, 40)]))
        await answerer.hearsSpeech()
        await incoming.waitForBye(20_000)
        const [attempt] = await world.until(id, ([one]) => one?.outcome === 'machine')
        t.match(attempt, { amdResult: 'machine', isAbandoned: false, detail: 'no agent was free to hear it' })
        t.match(attempt?.notice, { by: 'abandonedMessage' }, 'it heard who called')
        t.match((await world.live(id))['windows'], [{ per: 'P30D', live: 0, abandoned: 0, abandonedAtMost: 1 }])
        const next = await world.start('predictive', {
          lists: [await world.list([['Perhaps again', '+12025550242']])],
          queue: queueId,
          amd: { isOn: true, onMachine: 'hangUp' }
        })
        await using back = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
        t.ok(back)
        const [rested] = await world.until(next, ([one]) => (one?.outcome ?? null) !== null)
        t.match(rested, { outcome: 'notDialled', detail: 'abandoned within 72 hours' })
        await world.call('POST', `/campaigns/${next}/stop`, {}, 200)
      }
    )

    await t.test('a machine gets the message after its beep, with who has called, and a fax is left alone', async t => {
      const message = 'Please call two oh two, five five five, oh one hundred.'
      const list = await world.list([['Machine', '+12025550251']])
      const id = await world.start('agentless', {
        lists: [list],
        flowId: 'campaign-message',
        languages: { en: { ...WORDS, voicemail: message } },
        amd: { isOn: true, onMachine: 'message' },
        retries: { machine: { times: 1, gapMinutes: 120 } }
      })
      const incoming = await carrier.nextInvite()
      await using machine = await startRtpPeer()
      machine.connect(incoming.sdp).sendSilence()
      await incoming.answer(machine.sdp())
      const beep = generateTone({ frequenciesHz: [1_000], durationMs: 400, amplitude: 9_000 })
      machine.sendPcm(Int16Array.from([...greeting, ...generateNoise(3_200, 40), ...beep]))
      await machine.hearsSpeech()
      await incoming.waitForBye(20_000)
      for (const text of [WORDS.identification, message]) {
        const spoken = await speech.synthesize(text, 'en', AbortSignal.timeout(30_000))
        const likely = likeness(machine.captured(), spoken)
        t.ok(likely > 0.9, `“${text}” was left (likeness ${likely.toFixed(2)})`)
      }
      const [attempt] = await world.until(id, ([one]) => one?.outcome === 'machine')
      t.match(attempt, { amdResult: 'machine' })
      t.match(await world.call('GET', `/campaigns/${id}/contacts/${attempt?.contactId}`, undefined, 200), {
        state: 'waiting',
        nextAt: '2026-11-24T19:00:00.000Z'
      })
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
      const faxes = await world.list([['Fax', '+12025550252']])
      const other = await world.start('agentless', {
        lists: [faxes],
        flowId: 'campaign-message',
        amd: { isOn: true, onMachine: 'message' }
      })
      const second = await carrier.nextInvite()
      await using fax = await startRtpPeer()
      fax.connect(second.sdp).sendTone(2_100)
      await second.answer(fax.sdp())
      await second.waitForBye()
      t.match((await world.until(other, ([one]) => one?.outcome !== null))[0], { outcome: 'fax', amdResult: 'fax' })
    })

    await t.test('the network that speaks in the very moment of the answer is nobody', async t => {
      const id = await world.start('agentless', {
        lists: [await world.list([['Out of service', '+12025550253']])],
        flowId: 'campaign-message',
        amd: { isOn: true, onMachine: 'message' }
      })
      const incoming = await carrier.nextInvite()
      await using network = await startRtpPeer()
      // The first two tones have gone by when the answer comes; the third is long, so that a slow machine hears its end.
      const third = generateTone({ frequenciesHz: [1_800], durationMs: 3_000, amplitude: 9_000 })
      const says = await speech.synthesize('Not in service.', 'en', AbortSignal.timeout(30_000))
      network.connect(incoming.sdp).sendFrames(thenSilence(joinSamples([third, says])))
      await incoming.answer(network.sdp())
      await incoming.waitForBye()
      const [attempt] = await world.until(id, ([one]) => one?.outcome !== null)
      t.match(attempt, { outcome: 'network', amdResult: 'network' })
      t.match(await world.call('GET', `/campaigns/${id}/contacts/${attempt?.contactId}`, undefined, 200), {
        state: 'exhausted'
      })
    })
  })
