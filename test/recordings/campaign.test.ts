import t from 'tap'
import { CampaignWorld } from '../campaigns/support.ts'
import { TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { indexed, transcribe } from '../support/transcripts.ts'
import { audioBytes, CALLERS, hear, RECORDED, recordingsOf, talkOn, toneTime } from './support.ts'

// Campaigns run on both databases in their own tests.
t.test('calls of campaigns are recorded like all others', { timeout: 280_000 }, async t => {
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  await using server = await TestParley.start({
    hasDemoData: true,
    env: { PARLEY_RECORD_AGENT_CALLS: 'on' }
  })
  const world = await CampaignWorld.open(server, carrier)
  await server.publish(RECORDED)
  /** Somebody answers the next call of a campaign. */
  const pickUp = async () => {
    const incoming = await carrier.nextInvite()
    const audio = await startRtpPeer()
    audio.connect(incoming.sdp).sendSilence()
    await incoming.answer(audio.sdp())
    return { incoming, audio, [Symbol.asyncDispose]: () => audio[Symbol.asyncDispose]() }
  }
  const search = async (query: string) => {
    await indexed(server)
    const { body } = await server.api('GET', `/search/calls?${query}`)
    return (body.items as { callId: string; hasRecording: boolean }[]).map(one => [one.callId, one.hasRecording])
  }

  await t.test('one without agents asks by its flow, and is found by its words and its campaign', async t => {
    const list = await world.list([['Bea', CALLERS.berlin]], { language: 'en' })
    const id = await world.start('agentless', { lists: [list], flowId: 'recorded' })
    await using person = await pickUp()
    await person.audio.hearsSpeech()
    await person.audio.hears(440, { limitMs: 40_000 })
    t.equal(await audioBytes(server), 0, 'who is called hears first who calls, and nothing is kept of that')
    person.audio.sendDigits('1').sendTone(1000)
    await person.audio.hears(880)
    const span = await talkOn(server, 2_000)
    await person.incoming.bye()
    const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
    const callId = attempt?.id ?? ''
    const [recording] = await recordingsOf(server, callId)
    if (recording === undefined) throw new Error('the call was not recorded')
    t.match(recording, { kind: 'call', state: 'stored' })
    t.match(recording.gaps, [{ kind: 'beforeConsent', fromMs: 0 }])
    const { left, right } = await hear(server, recording.id, span)
    t.ok(toneTime(left, 1000) > 0.5, `the person is on it: ${toneTime(left, 1000)}`)
    t.ok(toneTime(right, 880) > 0.5, `and what the person hears: ${toneTime(right, 880)}`)
    await transcribe(server, callId, 'en', [
      ['bot', 100, 1_000, 'this is example energy'],
      ['customer', 1_200, 2_400, 'my meter is broken']
    ])
    t.same(await search(`q=meter&campaignId=${id}`), [[callId, true]])
    t.same(await search('q=meter&campaignId=another'), [])
  })

  await t.test('who says no to the flow of a campaign is called all the same and not recorded', async t => {
    const bytesBefore = await audioBytes(server)
    const list = await world.list([['Ben', '+493023125124']])
    const id = await world.start('agentless', { lists: [list], flowId: 'recorded' })
    await using person = await pickUp()
    await person.audio.hears(440, { limitMs: 40_000 })
    person.audio.sendDigits('2')
    await person.audio.hears(880)
    await person.incoming.bye()
    const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
    t.same(await recordingsOf(server, attempt?.id ?? ''), [])
    t.equal(await audioBytes(server), bytesBefore)
  })

  await t.test('with an agent the person is told before the agent is there', async t => {
    const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
    await using ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
    const list = await world.list([['Liz', CALLERS.london]])
    const id = await world.start('progressive', { lists: [list], queue: queue.body['id'] as string })
    await using person = await pickUp()
    await person.audio.hearsSpeech()
    person.audio.sendTone(440)
    await ana.hears(440, 'call', 40_000)
    await ana.until(state => state.call?.recording.state === 'recording')
    const callId = ana.state.call?.callId ?? ''
    const span = await talkOn(server, 2_000)
    await person.incoming.bye()
    await world.until(id, ([one]) => one?.outcome === 'person')
    const [recording] = await recordingsOf(server, callId)
    const { left } = await hear(server, recording?.id ?? '', span)
    t.ok(toneTime(left, 440) > 0.4, `the person is on it: ${toneTime(left, 440)}`)
    t.same(await search(`campaignId=${id}`), [[callId, true]])
  })
})
