import t from 'tap'
import { OPT_OUT_LANGUAGES } from '../../server/campaigns/opt-out-words.ts'
import { complianceDb } from '../../sql/queries/compliance/db.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { TestParley } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'
import { CampaignWorld, MESSAGE_FLOW } from './support.ts'

/** What tones of the people say. */
const TEXTS = { 500: 'stop', 700: 'calling me please', 1100: 'who is', 1300: 'this' }
const STOP_CALLING = [500, 700] as const
const WHO_IS_THIS = [1100, 1300] as const

/** What people say in the other languages that ship: the first is no wish, the second is. */
const ELSEWHERE = {
  de: ['Wer spricht da?', 'Bitte rufen Sie mich nicht mehr an.'],
  es: ['¿Quién habla?', 'Por favor, no me llamen más.'],
  zh: ['请问是哪位？', '请不要再打电话给我了。'],
  ja: ['どちら様ですか。', 'もう電話をかけてこないでください。'],
  ar: ['من المتكلم؟', 'من فضلك لا تتصلوا بي مرة أخرى.']
} as const
const QUESTION_HZ = 1_700
const WISH_HZ = 2_100

/** The message lasts until somebody ends it. */
const LONG_FLOW = MESSAGE_FLOW.replace('%(700,0,880)', '%(20000,0,880)')

t.test('people who are called by a campaign say that they want no more calls', { timeout: 280_000 }, async t => {
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  await using server = await TestParley.start({
    hasDemoData: true,
    // The test's own recognisers alone: open speech in the languages that ship, and French outside this machine.
    env: { PARLEY_POCKETSPHINX: 'off' },
    recognizers: [
      createToneRecognizer({ texts: TEXTS }),
      ...Object.entries(ELSEWHERE).map(([language, [question, wish]]) =>
        createToneRecognizer({
          name: `tones-${language}`,
          texts: { [QUESTION_HZ]: question, [WISH_HZ]: wish },
          languages: [language]
        })
      ),
      createToneRecognizer({
        name: 'outside',
        texts: TEXTS,
        languages: ['fr'],
        host: 'asr.example.com',
        region: 'eu'
      })
    ]
  })
  const world = await CampaignWorld.open(server, carrier)
  await server.publish(LONG_FLOW)

  /** The newest line of the internal list. */
  const lastStop = async () =>
    await complianceDb(server.parley.db)
      .selectFrom('dnc_suppressions')
      .select(['kind', 'scope', 'channel'])
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()

  /** A campaign calls somebody, who answers and is quiet. */
  const called = async (number: string, pacing = 'agentless', change: object = {}, person: object = {}) => {
    const list = await world.list([['Ann', number]], person)
    const id = await world.start(pacing, { lists: [list], flowId: 'campaign-message', ...change })
    const incoming = await carrier.nextInvite()
    const ear = await startRtpPeer()
    ear.connect(incoming.sdp).sendSilence()
    await incoming.answer(ear.sdp())
    return {
      id,
      ear,
      incoming,
      say: (hz: readonly number[]) => ear.sendFrames(thenSilence(toneSpeech(hz))),
      async story() {
        const [attempt] = await world.until(id, ([one]) => one?.outcome !== null)
        return { attempt, story: await server.story(`${attempt?.id}.parley`) }
      },
      [Symbol.asyncDispose]: () => ear[Symbol.asyncDispose]()
    }
  }

  await t.test('in words during the flow: the call ends, and no campaign calls them again', async t => {
    const number = '+12025550151'
    await using person = await called(number)
    await person.ear.hears(880)
    person.say(WHO_IS_THIS)
    await person.ear.hears(880)
    person.say(STOP_CALLING)
    await person.incoming.waitForBye()
    const { attempt, story } = await person.story()
    t.match(attempt, { outcome: 'person' })
    t.match(
      story.events.filter(one => one.kind === 'optedOut').map(one => one.data),
      [{ by: 'speech', language: 'en', confidence: 0.9 }]
    )
    t.notMatch(JSON.stringify(story), /calling me|who is/, 'no words are kept')
    t.same(await lastStop(), { kind: 'stop', scope: 'all', channel: 'speech' }, 'for every channel')
    const other = await world.start('agentless', {
      lists: [await world.list([['Ann', number]])],
      flowId: 'campaign-message'
    })
    t.match(await world.until(other, ([one]) => one?.outcome === 'notLawful'), [{ detail: 'BLOCK DNC_INTERNAL' }])
  })

  await t.test('over the statements that come first, even when they hang up within the words', async t => {
    const number = '+12025550152'
    await using person = await called(number)
    await person.ear.hearsSpeech()
    // No quiet follows that would end what is said.
    const words = toneSpeech(STOP_CALLING)
    const { promise: isSaid, resolve } = Promise.withResolvers<void>()
    const frame = thenSilence(words)
    let frames = 0
    person.ear.sendFrames(() => {
      frames += 1
      if (frames * 160 >= words.length) resolve()
      return frame()
    })
    await isSaid
    await person.incoming.bye()
    const { story } = await person.story()
    t.match(
      story.events.filter(one => one.kind === 'optedOut').map(one => one.data),
      [{ by: 'speech', language: 'en' }]
    )
    t.match(await lastStop(), { channel: 'speech' })
  })

  await t.test('when no agent has joined in time', async t => {
    const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
    const number = '+12025550153'
    const ana = await TestSoftphone.onShift(server, world.agents.ana.token, { hz: 600 })
    await using person = await called(number, 'predictive', { queue: queue.body['id'] as string })
    await ana[Symbol.asyncDispose]()
    await person.ear.hearsSpeech()
    person.say(STOP_CALLING)
    await person.incoming.waitForBye()
    await person.story()
    t.match(await lastStop(), { channel: 'speech' })
  })

  await t.test('every language that ships is spoken here', async t => {
    t.same(['en', ...Object.keys(ELSEWHERE)].toSorted(), [...OPT_OUT_LANGUAGES].toSorted())
  })

  for (const [index, language] of Object.keys(ELSEWHERE).entries())
    await t.test(`in words of their own language (${language}), for every campaign at once`, async t => {
      const number = `+1202555016${index}`
      const isTheirs = (one: { method?: string | undefined; uri?: string | undefined }) =>
        one.method === 'INVITE' && one.uri?.includes(number) === true
      await using person = await called(number, 'agentless', {}, { language })
      await person.ear.hears(880)
      person.say([QUESTION_HZ])
      await person.ear.hears(880)
      person.say([WISH_HZ])
      await person.incoming.waitForBye()
      const { story } = await person.story()
      t.match(
        story.events.filter(one => one.kind === 'optedOut').map(one => one.data),
        [{ by: 'speech', language, confidence: 0.9 }]
      )
      t.same(await lastStop(), { kind: 'stop', scope: 'all', channel: 'speech' })
      const other = await world.start('agentless', {
        lists: [await world.list([['Ann', number]], { language })],
        flowId: 'campaign-message'
      })
      t.match(await world.until(other, ([one]) => one?.outcome === 'notLawful'), [{ detail: 'BLOCK DNC_INTERNAL' }])
      t.equal(carrier.received.filter(isTheirs).length, 1, 'nothing more has left for them')
    })

  await t.test('and by key alone where nobody on this machine understands their language', async t => {
    const number = '+12025550154'
    await using person = await called(number, 'agentless', {}, { language: 'fr' })
    await person.ear.hears(880)
    person.say(STOP_CALLING)
    await person.ear.hears(880)
    person.ear.sendDigits('9')
    await person.incoming.waitForBye()
    const { story } = await person.story()
    const of = (kind: string) => story.events.filter(one => one.kind === kind).map(one => one.data)
    t.same(of('speechUnavailable'), [{ language: 'fr', code: 'SPEECH_NOT_HERE' }], 'said once')
    t.match(of('optedOut'), [{ by: 'key' }])
    t.match(await lastStop(), { channel: 'key' })
  })
})
