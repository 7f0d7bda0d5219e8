import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { LINE_LANGUAGES, lineFor } from '../../server/bots/lines.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { BotCaller, botFlow, botRecognizers, likeness, publishReturns, RETURNS } from './support.ts'

const NUMBER = '+12025550111'
const RECORDED = '+12025550112'
/** In each shipped language one. */
const NUMBERS = new Map(LINE_LANGUAGES.map((language, at) => [language, `+1202555012${at}`]))
const ENGLISHES = {
  'en-GB': { number: '+12025550131', says: 'Tell us the postcode of your address by 3 May.' },
  'en-US': { number: '+12025550132', says: 'Tell us the zip code of your address by May 3.' }
} as const

t.test('a caller talks with a bot that reads articles', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true, recognizers: botRecognizers(LINE_LANGUAGES) })
  await using espeak = createEspeak(pino({ level: 'silent' }))
  const articleId = await publishReturns(server)
  await server.publish(botFlow('    taboo: { en: [parcel] }'))
  await server.addNumber(NUMBER, 'bot')
  // The same with a recording that the law of both places allows.
  await server.publish(
    botFlow(
      '  consent: { kind: consent, question: { tone: "%(700,0,620)" }, notice: { tone: "%(700,0,620)" }, next: bot }'
    )
      .replace('id: bot', 'id: consenting')
      .replace('name: Bot', 'name: Consenting')
      .replace('start: bot', 'start: consent')
  )
  await server.addNumber(RECORDED, 'consenting')
  await server.publish(
    botFlow()
      .replace('id: bot', 'id: tongues')
      .replace('name: Bot', 'name: Tongues')
      .replace('languages: [en]', `languages: [${LINE_LANGUAGES.join(', ')}]`)
  )
  for (const [language, number] of NUMBERS) await server.addNumber(number, 'tongues', language)
  const { body: article } = await server.api('POST', '/knowledge-articles', {
    language: 'en',
    title: 'Your address',
    body: 'Tell us the zip code of your address by May 3.'
  })
  await server.api('POST', `/knowledge-articles/${article['id']}/publish`, { version: 1 })
  await server.publish(
    botFlow()
      .replace('id: bot', 'id: englishes')
      .replace('name: Bot', 'name: Englishes')
      .replace('languages: [en]', 'languages: [en-GB, en-US]')
      .replace('defaultLanguage: en', 'defaultLanguage: en-GB')
  )
  for (const [language, { number }] of Object.entries(ENGLISHES)) await server.addNumber(number, 'englishes', language)
  const people = await signInPeople(server, ['ana'])
  // Calls wait for speech most of the time: they run beside each other.
  t.jobs = 4
  const spoken = async (text: string) => await espeak.synthesize(text, 'en', AbortSignal.timeout(10_000))

  await t.test('every shipped language has a voice for the disclosure', async t => {
    for (const language of LINE_LANGUAGES) {
      const samples = await espeak.synthesize(
        lineFor('disclosure', language)?.text ?? '',
        language,
        AbortSignal.timeout(10_000)
      )
      const lengthMs = samples.length / 8
      t.ok(lengthMs > 2_000 && lengthMs < 15_000, `${language}: ${lengthMs} ms`)
    }
  })

  // Alone: the callers of the other tests are handed over too, and nobody is on shift for them.
  await t.test('an agent sees what the caller wants before answering', async t => {
    await using ana = await TestSoftphone.onShift(server, people.ana.token)
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    caller.say('returns')
    await caller.until('botAnswered')
    caller.say('person')
    const { offer } = await ana.until(state => state.offer !== null, 20_000)
    const bot = offer?.customer.bot
    t.match(bot, { reason: 'asked', topics: ['Returning goods'], mood: 'calm' })
    t.equal(bot?.summary, 'How can I return the goods that I bought?')
    const words = bot?.utterances.map(one => `${one.speaker}: ${one.text}`) ?? []
    t.ok(
      words.some(one => one.startsWith('customer: How can I return')),
      words.join('\n')
    )
    t.ok(words.some(one => one.startsWith('bot: You are speaking with a computer')))
    t.ok(words.some(one => one === `bot: ${RETURNS.split('. ')[0]}.`))
    t.match(await caller.until('botHandedOver'), { reason: 'asked' })
    t.match(await caller.until('botHeld'), { why: 'taboo' })
    t.notOk(
      words.some(one => one.includes('parcel')),
      'what the article says in words that the bot must not use was not said'
    )
    await caller.bye()
  })

  await Promise.all([
    t.test('it says first that it is no human, answers, and asks if that settled it', { buffered: true }, async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      // Neither keys nor words skip the disclosure.
      caller.audio.sendDigits('00')
      caller.say('person')
      const disclosure = await caller.until('disclosureMade')
      const { heardMs, lengthMs } = disclosure as { heardMs: number; lengthMs: number }
      t.ok(lengthMs > 2_500, `the disclosure has ${lengthMs} ms of sound`)
      t.ok(heardMs >= lengthMs * 0.97, `the caller was sent ${heardMs} ms of it`)
      t.match(disclosure, { attempt: 1, language: 'en' })
      await caller.greeted()
      const disclosed = likeness(caller.audio.captured(), await spoken(lineFor('disclosure', 'en')?.text ?? ''))
      t.ok(disclosed > 0.9, `the caller heard it (likeness ${disclosed.toFixed(2)})`)

      caller.audio.forget()
      caller.say('returns')
      t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval', articleId, turn: 1 })
      const answered = likeness(caller.audio.captured(), await spoken('You may return goods within 30 days.'))
      t.ok(answered > 0.9, `the caller heard the article (likeness ${answered.toFixed(2)})`)

      caller.say('nothing')
      await caller.until('speechHeard', 2)
      // Whether it settled the matter is asked only now.
      caller.audio.forget()
      await caller.audio.hearsSpeech()
      caller.say('yes')
      await caller.audio.hears(1_200)
      const story = await server.story(caller.sipCallId)
      const ended = story.events.find(one => one.kind === 'botEnded')
      t.match(ended?.data, { outcome: 'done', answered: 1, tokens: 0, cents: 0 })
      // Three short answers, with the quiet that ends them, at a cent for ten seconds.
      const speechCents = ended?.data['speechCents'] as number
      t.ok(speechCents > 0.25 && speechCents < 0.9, `hearing the caller cost ${speechCents} cents`)
      t.notMatch(JSON.stringify(story.events), /goods|thank you/i, 'no words of the caller are in the story')
    }),

    t.test(
      'a question without an answer is kept of a caller who may be recorded, for whoever writes articles',
      { buffered: true },
      async t => {
        await using caller = await BotCaller.call(server, RECORDED)
        t.match(await caller.until('recordingConsent'), { result: 'granted' })
        await caller.greeted()
        caller.say('tiger')
        t.match(await caller.until('botAnswered'), { outcome: 'unknown' })
        await caller.bye()
        await server.story(caller.sipCallId)
        const kept = await server.parley.db
          .selectFrom('bot_questions')
          .selectAll()
          .where('call_id', '=', caller.id)
          .execute()
        t.match(kept, [{ question: 'What do I feed a tiger?', words: ['feed', 'tiger'], language: 'en' }])
      }
    ),

    t.test(
      'Americans and the British hear their own words, from one article, and their own voice',
      { buffered: true },
      async t => {
        const voices = await Promise.all(
          Object.entries(ENGLISHES).map(async ([language, { says }]) => {
            return await espeak.synthesize(says, language, AbortSignal.timeout(20_000))
          })
        )
        for (const [at, { number }] of Object.values(ENGLISHES).entries()) {
          await using caller = await BotCaller.call(server, number)
          await caller.greeted()
          caller.audio.forget()
          caller.say('address')
          t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval' })
          const [own = 0, other = 0] = [at, 1 - at].map(one =>
            likeness(caller.audio.captured(), voices[one] ?? new Int16Array())
          )
          t.ok(own > 0.9 && own > other, `likeness ${own.toFixed(2)}, with the other English ${other.toFixed(2)}`)
          await caller.bye()
        }
      }
    ),

    t.test('it says that it is no human in the language of the call', { buffered: true }, async t => {
      await Promise.all(
        [...NUMBERS].map(async ([language, number]) => {
          await using caller = await BotCaller.call(server, number)
          const { heardMs, lengthMs, ...rest } = await caller.until('disclosureMade', 1, 40_000)
          t.match(rest, { language, attempt: 1 })
          t.ok((heardMs as number) >= (lengthMs as number) * 0.97, `${language}: ${heardMs} of ${lengthMs} ms`)
          const { text } = lineFor('disclosure', language) as { text: string }
          const made = await espeak.synthesize(text, language, AbortSignal.timeout(20_000))
          const disclosed = likeness(caller.audio.captured(), made)
          t.ok(disclosed > 0.9, `${language}: likeness ${disclosed.toFixed(2)}`)
          await caller.bye()
        })
      )
    }),

    t.test(
      'what it says of itself is said again when it was not heard, and not for ever',
      { buffered: true },
      async t => {
        const hidden = (caller: BotCaller) => server.parley.liveCalls.get(caller.id)?.tap?.hide() as Disposable
        await using lucky = await BotCaller.call(server, NUMBER)
        // The tap sees nothing of one and a half seconds of it.
        const once = hidden(lucky)
        const { promise: over, resolve } = Promise.withResolvers<void>()
        let frames = 0
        lucky.audio.onFrame = () => {
          frames += 1
          if (frames === 75) resolve()
        }
        await over
        once[Symbol.dispose]()
        await using unlucky = await BotCaller.call(server, NUMBER)
        using _ = hidden(unlucky)
        const first = (await lucky.until('disclosureMade')) as { heardMs: number; lengthMs: number }
        t.ok(first.heardMs < first.lengthMs * 0.97, 'it could not be measured')
        const second = (await lucky.until('disclosureMade', 2)) as typeof first
        t.match(second, { attempt: 2 })
        t.ok(second.heardMs >= second.lengthMs * 0.97)
        await lucky.greeted()
        await lucky.bye()

        await unlucky.until('disclosureMade', 3, 40_000)
        // A bot that cannot say what it is says nothing else: a person comes.
        await unlucky.until('queueEntered')
        await unlucky.bye()
        const { events } = await server.story(unlucky.sipCallId)
        t.equal(events.filter(one => one.kind === 'disclosureMade').length, 3)
        t.match(events.find(one => one.kind === 'botEnded')?.data, { outcome: 'failed', turns: 0 })
        t.match(JSON.stringify(events), /DISCLOSURE_NOT_HEARD/)
      }
    ),

    t.test('what no article says is not answered, and a person comes in', { buffered: true }, async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      caller.say('tiger')
      t.match(await caller.until('botAnswered'), { outcome: 'unknown', source: 'none' })
      caller.say('tiger')
      await caller.until('botHandedOver')
      await caller.bye()
      await server.story(caller.sipCallId)
      const rows = await server.parley.db
        .selectFrom('bot_questions')
        .selectAll()
        .where('call_id', '=', caller.id)
        .execute()
      t.same(rows, [], 'nothing is kept of a caller who did not agree to that')
    }),

    t.test(
      'zero brings a person in the middle of a sentence, and a hang-up is where the caller left',
      { buffered: true },
      async t => {
        await using caller = await BotCaller.call(server, NUMBER)
        await caller.greeted()
        caller.say('returns')
        await caller.audio.hearsSpeech()
        caller.audio.sendDigits('0')
        t.match(await caller.until('botHandedOver'), { reason: 'asked' })
        await caller.bye()

        await using other = await BotCaller.call(server, NUMBER)
        await other.greeted()
        await other.bye()
        await server.story(other.sipCallId)
        const left = await server.parley.db
          .selectFrom('bot_conversations')
          .selectAll()
          .where('call_id', '=', other.id)
          .executeTakeFirst()
        t.match(left, { outcome: 'callerLeft', ended_at_step: 'greeting', turns: 0 })
        t.ok((left?.disclosed_ms ?? 0) > 2_000)
      }
    )
  ])
})
