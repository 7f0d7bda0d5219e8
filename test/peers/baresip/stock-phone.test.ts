import t from 'tap'
import { levelDbov, SpeechDetector } from '../../../media/audio/speech-energy.ts'
import { generateTone } from '../../../media/audio/tone.ts'
import { DEMO_NUMBERS } from '../../../server/demo-data.ts'
import { Baresip } from '../../support/baresip.ts'
import { TestParley } from '../../support/parley.ts'

const SAYS = generateTone({ frequenciesHz: [440], durationMs: 30_000 })

t.test('a stock phone calls', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true })

  for (const { number, language } of DEMO_NUMBERS)
    await t.test(`the ${language} number: it hears speech, presses 9 and is hung up on`, async t => {
      await using phone = await Baresip.start(SAYS)
      phone.command('dial', server.uri(number))
      await phone.event('CALL_ESTABLISHED')
      phone.command('sndcode', '9')
      await phone.event('CALL_CLOSED', 25_000)
      const heard = await phone.heard()
      t.ok(
        secondsOfSpeech(heard) > 1,
        `${secondsOfSpeech(heard).toFixed(1)} s of speech at ${levelDbov(heard).toFixed(0)} dBov`
      )
      const story = await server.story()
      t.match(story, { endReason: 'flowHungUp', language, fault: 'none' })
      t.ok(story.events.some(event => event.kind === 'nodeLeft' && event.data['outcome'] === 'key 9'))
    })

  await t.test('and hangs up by itself in the greeting', async t => {
    await using phone = await Baresip.start(SAYS)
    phone.command('dial', server.uri('+12025550100'))
    await phone.event('CALL_ESTABLISHED')
    await phone.event('CALL_RTPESTAB')
    phone.command('hangup')
    await phone.event('CALL_CLOSED')
    t.match(await server.story(), { endReason: 'callerHungUp', endedBy: 'caller' })
  })
})

function secondsOfSpeech(samples: Int16Array): number {
  const detector = new SpeechDetector()
  let frames = 0
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    detector.push(samples.subarray(at, at + 160))
    if (detector.isSpeaking) frames += 1
  }
  return frames * 0.02
}
