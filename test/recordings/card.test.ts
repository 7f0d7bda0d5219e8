import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { audioBytes, CALLERS, everythingWritten, hear, liveCall, recordingsOf, talk } from './support.ts'

/** A number that Visa keeps for tests. */
const CARD = '4000001234567899'
const NUMBER = '+12025550100'

const FLOW = `
id: pays
name: Pays
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
vars:
  card: { type: string }
nodes:
  consent: { kind: consent, next: before }
  before: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,500)" }, next: card }
  card:
    kind: gather
    card: true
    public: true
    prompt: { tone: "%(500,0,440)" }
    save: card
    min: 16
    max: 16
    interDigitMs: 4000
    timeoutMs: 20000
    next: after
    noInput: after
    noMatch: after
  after: { kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }
  bye: { kind: hangup }
`

/** The digits one after the other, whatever stands between them. */
function holds(text: string, digits: string): boolean {
  return new RegExp([...digits].join('[\\s,"\\[\\]-]{0,4}')).test(text)
}

for (const database of oneDatabase())
  t.test(`the number of a card is written down nowhere, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })
    await server.addNumber(NUMBER, await server.publish(FLOW))

    for (const way of ['telephone-event', 'INFO'] as const)
      await t.test(`keyed in by ${way}`, async t => {
        await using caller = await server.phone({ user: CALLERS.washington })
        const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp({ events: way !== 'INFO' }) })
        caller.audio.connect((await call.answered()).sdp).sendTone(1000)
        await caller.audio.hears(440)
        if (way === 'INFO')
          for (const digit of CARD) await call.info(`Signal=${digit}\r\nDuration=100\r\n`, 'application/dtmf-relay')
        else caller.audio.sendDigits(CARD, 60)
        await caller.audio.hears(880)
        caller.audio.sendTone(1000)
        await talk(server, 1_000)
        await call.bye()
        const story = await server.story(call.callId)
        t.match(story.events.find(event => event.kind === 'digitsCollected')?.data, { count: 16 })
        t.match(story.events.find(event => event.kind === 'cardEntryEnded')?.data, { by: 'flow', keys: 16 })
        const [recording] = await recordingsOf(server, story.id)
        const gap = recording?.gaps.find(one => one.kind === 'card')
        if (recording === undefined || gap === undefined) throw new Error('no card gap was declared')
        const during = await hear(server, recording.id, gap)
        t.ok(
          [...during.left, ...during.right].every(sample => sample === 0),
          'neither side is in the recording'
        )
        t.notOk(recording.gaps.some(one => one.kind === 'lost'))
        const after = await hear(server, recording.id, { fromMs: gap.toMs + 200 })
        t.ok(
          after.left.some(sample => sample !== 0),
          'it goes on afterwards'
        )
      })

    await using espeak = createEspeak(pino({ level: 'silent' }))
    for (const language of ['en', 'de', 'es', 'zh', 'ar', 'ja'])
      await t.test(`spoken in ${language}`, async t => {
        const speech = await espeak.synthesize([...CARD].join(' '), language, AbortSignal.timeout(20_000))
        await using caller = await server.phone({ user: CALLERS.washington })
        const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered()).sdp).sendSilence()
        await caller.audio.hears(440)
        const heard: number[] = []
        using _listener = liveCall(server).tap?.attach({
          name: 'transcript',
          onFrame: frame =>
            void heard.push(Math.max(...new Int16Array(frame.leftAndRight.buffer, frame.leftAndRight.byteOffset, 320)))
        })
        caller.audio.sendPcm(speech)
        await talk(server, 3_000)
        // The caller says the number and keys it in, and so ends the entry; nothing of the number is still being said then.
        caller.audio.sendSilence().sendDigits(CARD, 60)
        await caller.audio.hears(880)
        t.ok(
          heard.slice(5, 140).every(loudest => loudest === 0),
          'nothing of it reaches a transcript'
        )
        await call.bye()
        const story = await server.story(call.callId)
        const [recording] = await recordingsOf(server, story.id)
        const gap = recording?.gaps.find(one => one.kind === 'card')
        t.ok((gap?.toMs ?? 0) - (gap?.fromMs ?? 0) > 3_000)
        const { left } = await hear(server, recording?.id ?? '')
        t.ok(
          left.subarray((gap?.fromMs ?? 0) * 8).every(sample => Math.abs(sample) < 64),
          'nor the recording'
        )
      })

    const written = await everythingWritten(server)
    t.ok(written.includes('cardEntryEnded') && written.length > 10_000, 'the scan sees what is written')
    t.notOk(holds(written, CARD), 'no digits in a row')
    t.notOk(holds(written, CARD.slice(4)), 'not even most of them')
    t.ok((await audioBytes(server)) > 0)
  })

t.test('the entry of a card ends by itself', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ env: { PARLEY_CARD_LIMIT_MS: '1000' } })
  await server.addNumber(NUMBER, await server.publish(FLOW))
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(440)
  const recording = server.parley.recordings.of(liveCall(server))
  const ended = Promise.withResolvers<void>()
  recording.onChange(() => {
    if (!recording.isCardEntry) ended.resolve()
  })
  await ended.promise
  t.match(recording.view, { state: 'recording', card: null })
  await call.bye()
  const story = await server.story(call.callId)
  t.match(story.events.find(event => event.kind === 'cardEntryEnded')?.data, { by: 'timeLimit', keys: 0 })
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  t.match(metrics, /parley_recording_alarms_total\{code="CARD_ENTRY_TOO_LONG"\} 1/)
})
