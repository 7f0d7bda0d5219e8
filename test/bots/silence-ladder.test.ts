import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { type LineName, lineFor } from '../../server/bots/lines.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { BotCaller, botFlow, botRecognizers, hearsWords, publishReturns, TEXTS, SAID } from './support.ts'

const BOT = '+12025550111'
const QUESTION = '+12025550112'

/** The question is 440 Hz, the first rung 660 Hz, the second, which offers keys, 880 Hz; the right answer is 1200 Hz. */
const ASK = `
id: question
name: Question
languages: [en]
defaultLanguage: en
start: size
onFailure: sorry
nodes:
  size:
    kind: gather
    prompt: { tone: "%(600,0,440)" }
    noInputPrompt: { tone: "%(600,0,660)" }
    keysPrompt: { tone: "%(600,0,880)" }
    timeoutMs: 1500
    speech: { kind: number }
    next: right
    noInput: people
    noMatch: people
  people: { kind: queue, queue: support, overflow: sorry }
  right: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: end }
  sorry: { kind: say, prompt: { tone: "%(1500,0,1700)" }, next: end }
  end: { kind: hangup }
`

t.test('a caller who says nothing goes up a ladder to a person', { timeout: 280_000 }, async t => {
  await using espeak = createEspeak(pino({ level: 'silent' }))
  const line = (name: LineName) =>
    espeak.synthesize(lineFor(name, 'en', 'formal')?.text as string, 'en', AbortSignal.timeout(20_000))
  const rungs = [await line('didNotHear'), await line('pressZero')] as const
  await using server = await TestParley.start({ hasDemoData: true, recognizers: botRecognizers() })
  await publishReturns(server)
  // Where the flow says nothing of it, the last rung is a person.
  await server.publish(botFlow().replace('    noAnswer: bye\n', ''))
  await server.addNumber(BOT, 'bot')
  await server.publish(ASK)
  await server.addNumber(QUESTION, 'question')
  const kinds = async (caller: BotCaller) => (await caller.events()).map(one => one.kind)

  await t.test('a bot asks again, then offers a key, then gives the caller to a person', async t => {
    await using caller = await BotCaller.call(server, BOT)
    await caller.greeted()
    for (const rung of rungs) {
      t.notOk((await kinds(caller)).includes('queueEntered'))
      // What comes after is heard after: each rung by itself.
      caller.audio.forget()
      await hearsWords(caller, rung)
    }
    t.match(await caller.until('queueEntered'), { queue: 'support' })
    const events = await caller.events()
    t.match(events.find(one => one.kind === 'botEnded')?.data, { outcome: 'noAnswer', turns: 0 })
    t.match(events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'bot')?.data, { outcome: 'noAnswer' })
    await caller.bye()
  })

  await t.test('the key that the second rung offers leads to a person at once', async t => {
    await using caller = await BotCaller.call(server, BOT)
    await caller.greeted()
    caller.audio.forget()
    await hearsWords(caller, rungs[1])
    caller.audio.sendDigits('0')
    t.match(await caller.until('botHandedOver'), { reason: 'asked' })
    t.match(await caller.until('queueEntered'), { queue: 'support' })
    await caller.bye()
  })

  await t.test('a question is asked again, then by keys, then a person is called', async t => {
    await using caller = await BotCaller.call(server, QUESTION)
    const { audio } = caller
    // Each is waited for in what comes after the one before.
    for (const hz of [440, 660, 440, 880]) {
      await audio.hears(hz)
      audio.forget()
    }
    t.match(await caller.until('queueEntered'), { queue: 'support' })
    const left = (await caller.events()).find(one => one.kind === 'nodeLeft' && one.data['node'] === 'size')
    t.match(left?.data, { outcome: 'noInput' })
    await caller.bye()
  })

  await t.test('keys that the question asks for on its second rung are an answer', async t => {
    await using caller = await BotCaller.call(server, QUESTION)
    await caller.audio.hears(880)
    caller.audio.sendDigits('42#')
    await caller.audio.hears(1_200)
    const left = (await caller.events()).find(one => one.kind === 'nodeLeft' && one.data['node'] === 'size')
    t.match(left?.data, { outcome: 'next', detail: { attempts: 3 } })
  })

  await t.test('who falls silent after a question comes to the person with all that was said', async t => {
    const people = await signInPeople(server, ['ana'])
    await using ana = await TestSoftphone.onShift(server, people.ana.token)
    await using caller = await BotCaller.call(server, BOT)
    await caller.greeted()
    caller.say('returns')
    await caller.until('botAnswered')
    const { offer } = await ana.until(state => state.offer?.callId === caller.id, 60_000)
    t.match(offer?.customer.bot, { reason: 'silent', summary: TEXTS[SAID.returns], topics: ['Returning goods'] })
    t.ok(offer?.customer.bot?.utterances.some(one => one.text === TEXTS[SAID.returns]))
    await caller.bye()
  })
})
