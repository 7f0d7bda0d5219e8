import t from 'tap'
import { afterQuestion } from '../../server/recordings/consent-voice.ts'
import { readConsent } from '../../server/recordings/consent-words.ts'
import type { VoiceEvent } from '../../media/speech/voice-listener.ts'
import type { VoiceInput } from '../../server/calls/leg-audio.ts'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import { TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { againAndAgain, createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'
import { arrivesWhole, audioBytes, CALLERS, hear, RECORDED, recordingsOf, talk, toneTime } from './support.ts'

const NUMBER = '+12025550100'
const GERMAN_NUMBER = '+12025550101'
/** Leads to somebody in Germany, in Spanish. */
const TO_BERLIN = '+12025550102'
/** What tones of the callers say. */
const TEXTS = {
  500: 'yes',
  1100: { text: 'yes', confidence: 0.45 },
  1300: 'well maybe',
  1500: "please don't record",
  1700: 'no'
}
const [YES, UNSURE, MAYBE, OBJECTION, NO] = [500, 1100, 1300, 1500, 1700] as const

const TRANSFER = `
id: to-berlin
name: To Berlin
languages: [es]
defaultLanguage: es
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: transfer }
  transfer: { kind: transfer, to: { number: '+493023125150' }, next: bye, busy: bye, noAnswer: bye, failed: bye }
  bye: { kind: hangup }
`

t.test('a yes to a recording is taken only when it is clear', async t => {
  const read = (text: string, language: string, confidence = 0.9) => readConsent(text, confidence, language)
  for (const [language, text] of [
    ['en', 'Yes, please.'],
    ['en-GB', 'Yes, you may record it, thank you'],
    ['de', 'Ja, gerne'],
    ['de-AT', 'Ich bin damit einverstanden'],
    ['es', 'Sí, por favor'],
    ['zh', '我同意'],
    ['zh', '可以的'],
    ['ar', 'نعم، موافق'],
    ['ja', 'はい、お願いします']
  ] as const)
    t.equal(read(text, language), language === 'de-AT' ? 'unclear' : 'yes', `${language}: ${text}`)
  for (const [language, text] of [
    ['en', 'No'],
    ['en', "yes but don't record me"],
    ['de', 'Bitte nicht aufzeichnen'],
    ['de', 'Das möchte ich nicht'],
    ['es', 'No quiero que graben'],
    ['zh', '不同意'],
    ['ar', 'لا أوافق'],
    ['ja', '録音しないでください']
  ] as const)
    t.equal(read(text, language, 0.3), 'no', `${language}: ${text}`)
  for (const [language, text] of [
    ['en', 'Mhm'],
    ['en', 'Okay'],
    ['en', 'What for?'],
    ['en', 'Yes but why'],
    ['en', 'Yes. No.'],
    ['en', 'No problem'],
    ['de', 'Kein Problem'],
    ['es', 'Bueno'],
    ['zh', '没问题'],
    ['ar', 'لا مانع'],
    ['ja', '大丈夫です'],
    ['fr', 'oui']
  ] as const)
    t.equal(read(text, language), 'unclear', `${language}: ${text}`)
  t.equal(read('yes', 'en', 0.59), 'unclear', 'a recogniser that is not sure has heard no yes')
})

t.test('what is said over the question is no yes, and a no is heard at once', async t => {
  const heardOver = (waitsForSpeaker: boolean) => {
    let tell: (event: VoiceEvent) => void = () => {}
    const told: string[] = []
    const voice: VoiceInput = {
      listen(onEvent) {
        tell = onEvent
        return { heardMs: 0, promptOver() {}, [Symbol.dispose]() {} }
      }
    }
    const rules = { isObjection: (text: string) => text === 'no', waitsForSpeaker }
    const listening = afterQuestion(voice, rules).listen(event => told.push(event.kind), true)
    return { tell: (event: VoiceEvent) => tell(event), told, listening }
  }
  const speaking = { kind: 'speaking', atMs: 100 } as const
  const said = (text: string) => ({ kind: 'spoken', text, confidence: 0.9 }) as const

  const yes = heardOver(false)
  yes.tell(speaking)
  yes.tell(said('yes'))
  yes.listening.promptOver()
  t.same(yes.told, [])
  yes.tell(speaking)
  yes.tell(said('yes'))
  t.same(yes.told, ['speaking', 'spoken'], 'after the question it is one')

  const no = heardOver(false)
  no.tell(speaking)
  no.tell(said('no'))
  t.same(no.told, ['speaking', 'spoken'])

  const over = heardOver(true)
  over.tell(speaking)
  over.listening.promptOver()
  await Promise.resolve()
  t.same(over.told, ['speaking'], 'whoever still speaks is waited for')
  over.tell(said('something long'))
  t.same(over.told, ['speaking', 'notUnderstood'], 'and asked again')
})

t.test('callers say whether they may be recorded', { timeout: 280_000 }, async t => {
  let opened = 0
  const outside = createToneRecognizer({
    name: 'outside',
    texts: { 500: 'ja' },
    languages: ['de'],
    host: 'asr.example.com',
    region: 'eu'
  })
  const counted: typeof outside = {
    ...outside,
    open(...args) {
      opened += 1
      return outside.open(...args)
    }
  }
  await using server = await TestParley.start({
    recognizers: [
      createToneRecognizer({ texts: TEXTS }),
      createToneRecognizer({ name: 'Spanish', texts: { [YES]: 'sí', [NO]: 'no' }, languages: ['es'] }),
      counted
    ]
  })
  await server.publish(
    RECORDED.replace('languages: [en]', 'languages: [en, de]').replace('timeoutMs: 700', 'timeoutMs: 1500')
  )
  await server.addNumber(NUMBER, 'recorded')
  await server.addNumber(GERMAN_NUMBER, 'recorded', 'de')

  await server.publish(TRANSFER)
  await server.addNumber(TO_BERLIN, 'to-berlin', 'es')
  await using carrier = await server.phone({ user: 'carrier' })
  await server.api('POST', '/trunks', {
    name: 'carrier',
    authentication: 'ip',
    outboundAddress: `127.0.0.1:${carrier.phone.port}`,
    allowedPrefixes: ['+49'],
    defaultCallerNumber: NUMBER
  })

  /** A caller who hears the question to its end, which is a tone of this frequency. */
  const dial = async (user: string, questionHz: number, number = NUMBER) => {
    const caller = await server.phone({ user })
    const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    const { audio } = caller
    const question = async () => {
      await audio.hears(questionHz)
      await audio.hearsSilence()
    }
    await question()
    return {
      audio,
      question,
      // Twice, as people do who want to be heard.
      say: (hz: number) => audio.sendFrames(thenSilence(toneSpeech([hz, hz]))),
      async hangUp() {
        await call.bye()
        const story = await server.story(call.callId)
        const consents = story.events.filter(one => one.kind === 'recordingConsent').map(one => one.data)
        return { story, consents, rows: await listRecordingConsents(server.parley.db, story.id) }
      },
      [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]()
    }
  }

  await t.test('a clear yes starts the recording, and how sure it was is kept', async t => {
    const before = await audioBytes(server)
    await using caller = await dial(CALLERS.berlin, 440)
    caller.say(YES)
    await caller.audio.hears(880)
    await talk(server, 1_000)
    const { story, consents, rows } = await caller.hangUp()
    t.same(consents, [{ party: 'customer', result: 'granted', policy: 'opt_in', method: 'speech', confidence: 0.9 }])
    t.match(rows, [{ result: 'granted', method: 'speech', confidence: 0.9, prompt_version: /^[0-9a-f]{32}$/ }])
    t.equal((await recordingsOf(server, story.id)).length, 1)
    t.ok((await audioBytes(server)) > before)
  })

  await t.test('what is not clearly a yes is asked again, and doubt is not consent', async t => {
    const before = await audioBytes(server)
    await using caller = await dial(CALLERS.berlin, 440)
    caller.say(UNSURE)
    await caller.question()
    caller.say(MAYBE)
    await caller.audio.hears(770)
    const { story, rows } = await caller.hangUp()
    t.match(rows, [{ result: 'refused', policy: 'opt_in', method: 'silence', confidence: null }])
    t.same(await recordingsOf(server, story.id), [])
    t.equal(await audioBytes(server), before, 'not a byte on the disk')
    t.notMatch(JSON.stringify(story), /maybe/, 'what was said stays out of the story')
  })

  await t.test('a no, and a wish not to be recorded where one may object, are refusals', async t => {
    for (const [user, questionHz, words, policy] of [
      [CALLERS.berlin, 440, NO, 'opt_in'],
      [CALLERS.paris, 660, OBJECTION, 'notice_object']
    ] as const) {
      await using caller = await dial(user, questionHz)
      caller.say(words)
      await caller.audio.hears(770)
      const { story, rows } = await caller.hangUp()
      t.match(rows, [{ result: 'refused', policy, method: 'speech', confidence: 0.9 }])
      t.same(await recordingsOf(server, story.id), [])
    }
  })

  await t.test('where one may object, unclear words are asked about, and then silence is no objection', async t => {
    await using caller = await dial(CALLERS.paris, 660)
    caller.say(MAYBE)
    await caller.question()
    await caller.audio.hears(880)
    const { rows } = await caller.hangUp()
    t.match(rows, [{ result: 'granted', policy: 'notice_object', method: 'notice', confidence: null }])
  })

  await t.test('who joins answers in the language of the call, too, and is recorded with a yes only', async t => {
    for (const [words, result] of [
      [YES, 'granted'],
      [NO, 'refused']
    ] as const) {
      await using caller = await server.phone({ user: CALLERS.washington })
      const call = caller.phone.call(server.uri(TO_BERLIN), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      const incoming = await carrier.phone.nextInvite()
      await using other = await startRtpPeer()
      other.connect(incoming.sdp).sendSilence()
      await incoming.answer(other.sdp())
      await other.hearsSpeech()
      // Over the question only a no counts; who goes on saying yes is heard when it is over.
      other.sendFrames(againAndAgain(toneSpeech([words, words])))
      await other.hears(1000, { limitMs: 40_000 })
      other.sendTone(1300)
      await caller.audio.hears(1300)
      await arrivesWhole(server, 800)
      await call.bye()
      const story = await server.story(call.callId)
      const [recording] = await recordingsOf(server, story.id)
      const { right } = await hear(server, recording?.id ?? '')
      const ofThemMs = toneTime(right, 1300) * (right.length / 8)
      if (result === 'granted') t.ok(ofThemMs > 300, `${ofThemMs} ms of who joined`)
      else t.equal(ofThemMs, 0, 'nothing of who refused')
      t.match(await listRecordingConsents(server.parley.db, story.id), [
        { party: 'customer', result: 'granted', policy: 'one_party' },
        { result, policy: 'opt_in', method: 'speech', confidence: 0.9, language: 'es' }
      ])
      t.notOk(
        story.events.some(one => one.kind === 'turnHeard'),
        'the story tells of the customer’s turns only'
      )
    }
  })

  await t.test('before any leave nobody outside hears the caller: keys alone count, and the story says so', async t => {
    await using caller = await dial(CALLERS.berlin, 440, GERMAN_NUMBER)
    caller.say(YES)
    await caller.question()
    caller.audio.sendDigits('1').sendSilence()
    await caller.audio.hears(880)
    const { story, rows } = await caller.hangUp()
    t.equal(opened, 0, 'no sound went outside')
    t.match(rows, [{ result: 'granted', policy: 'opt_in', method: 'key' }])
    t.match(
      story.events.filter(one => one.kind === 'speechUnavailable').map(one => one.data),
      [{ language: 'de', code: 'SPEECH_NOT_HERE' }]
    )
  })
})
