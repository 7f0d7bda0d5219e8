import t from 'tap'
import { startRtpPeer } from '../../support/rtp-peer.ts'
import { callerScenario, runSipp } from '../../support/sipp.ts'
import { testDatabases, TestParley } from '../../support/parley.ts'

const GREETINGS = [
  ['+12025550100', 'en'],
  ['+34500000100', 'es'],
  ['+493023125100', 'de'],
  ['+861000000100', 'zh'],
  ['+97140000100', 'ar']
] as const

for (const database of testDatabases())
  t.test(`SIPp calls the demo numbers, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const target = `${server.sip.host}:${server.sip.port}`

    for (const [number, language] of GREETINGS)
      await t.test(`the ${language} number greets, and key 9 says goodbye and hangs up`, async t => {
        await using voice = await startRtpPeer()
        const running = runSipp({
          scenario: callerScenario(voice),
          target,
          service: number,
          calls: 1,
          rate: 1,
          limitMs: 30_000
        })
        await voice.hearsSpeech()
        // The server learns where we are from the SDP; keys go back to where its voice comes from.
        voice.answerToSender()
        voice.sendSilence()
        // Past the greeting and into the menu; a key in the greeting would be kept and used there just as well.
        voice.sendDigits('9')
        const { code, callIds } = await running
        t.equal(code, 0, 'SIPp saw the call through to the BYE')
        const story = await server.story(callIds[0])
        t.match(story, { endReason: 'flowHungUp', language, state: 'ended' })
        t.ok(story.events.some(event => event.kind === 'nodeLeft' && event.data['outcome'] === 'key 9'))
        t.equal(story.events.filter(event => event.kind === 'promptFailed').length, 0)
      })

    await t.test('a caller who hangs up first is let go', async t => {
      await using voice = await startRtpPeer()
      const { code, callIds } = await runSipp({
        scenario: callerScenario(voice, 1_500),
        target,
        service: '+12025550100',
        calls: 1,
        rate: 1,
        limitMs: 15_000
      })
      t.equal(code, 0)
      t.match(await server.story(callIds[0]), { endReason: 'callerHungUp' })
    })

    await t.test('fifty callers within two seconds are all served and leave nothing behind', async t => {
      await using voice = await startRtpPeer()
      voice.isListening = false
      const { code, callIds } = await runSipp({
        scenario: callerScenario(voice, 1_000),
        target,
        service: '+12025550100',
        calls: 50,
        rate: 25,
        limitMs: 30_000
      })
      t.equal(code, 0)
      t.equal(callIds.length, 50)
      for (const callId of callIds) t.match(await server.story(callId), { endReason: 'callerHungUp' })
      if (server.engines.freeswitch !== null)
        t.match(await server.engines.freeswitch.stats(), { channels: 0, rtpPortsInUse: 0 })
    })
  })
