import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { joinSamples } from '../../media/audio/pcm.ts'
import { generateTone } from '../../media/audio/tone.ts'
import { LlmServer } from '../support/llm-server.ts'
import { TestParley } from '../support/parley.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'
import { BotCaller, botFlow, publishReturns, SAID, TEXTS } from './support.ts'

const NUMBER = '+12025550111'
const SPELLING = '+12025550112'
const IMPATIENT = '+12025550113'
/** Two letters, in the language of tones. */
const LETTERS_HZ = [2_100, 2_300]
/** What no recogniser of these tests knows. */
const RADIO_HZ = 2_600

const SPELL = `
id: spell
name: Spell
languages: [de]
defaultLanguage: de
start: name
onFailure: failed
vars: { name: { type: string } }
nodes:
  name:
    kind: gather
    prompt: { tone: "%(2000,0,440)" }
    speech: { kind: spelled, confirm: { when: never } }
    save: name
    next: byName
    noMatch: failed
  byName: { kind: branch, cases: [{ when: 'vars.name = "BO"', next: right }], otherwise: failed }
  right: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

/** Talk that never ends, with the gaps between words that talk has. */
function radio(): () => Int16Array {
  const words = [...tone(RADIO_HZ, 240), ...new Int16Array(480)]
  let at = 0
  return () => {
    const frame = Int16Array.from(words.slice(at, at + 160))
    at = (at + 160) % words.length
    return frame
  }
}

const tone = (hz: number, durationMs: number, amplitude = 8_000) =>
  generateTone({ frequenciesHz: [hz], durationMs, amplitude })

t.test('whatever a caller does, there is a next step, and the story says why', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({
    hasDemoData: true,
    recognizers: [
      createToneRecognizer({
        languages: ['en'],
        texts: TEXTS,
        sameWithinMs: 200
      }),
      createToneRecognizer({ languages: ['de'], texts: { 2100: 'B wie Berta', 2300: 'O wie Otto' }, sameWithinMs: 200 })
    ]
  })
  await publishReturns(server)
  await server.publish(botFlow('    limits: { silences: 2, misunderstandings: 2 }'))
  await server.addNumber(NUMBER, 'bot')
  await server.publish(
    botFlow('    limits: { misunderstandings: 1 }')
      .replace('id: bot', 'id: impatient')
      .replace('name: Bot', 'name: Impatient')
  )
  await server.addNumber(IMPATIENT, 'impatient')
  await server.publish(SPELL)
  await server.addNumber(SPELLING, 'spell', 'de')
  // Calls wait for speech most of the time: they run beside each other.
  t.jobs = 3
  // For each its own: tests at the same time that share one object get each other’s results.
  const buffered = () => ({ buffered: true, timeout: 120_000 })

  await Promise.all([
    t.test('who is silent is asked again, then told of the key for a person, and not kept', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      await caller.audio.hears(1_200, { limitMs: 60_000 })
      const { events } = await server.story(caller.sipCallId)
      t.match(events.find(one => one.kind === 'botEnded')?.data, { outcome: 'noAnswer', turns: 0 })
    }),

    t.test('where the flow says nothing of it, a bot listens three times for a silent caller', buffered(), async t => {
      await using caller = await BotCaller.call(server, IMPATIENT)
      await caller.greeted()
      const startedAtMs = performance.now()
      await caller.audio.hears(1_200, { limitMs: 60_000 })
      const tookMs = performance.now() - startedAtMs
      // Six seconds each; twice would be over after 15 s, with what is said between.
      t.ok(tookMs > 18_000, `${Math.round(tookMs)} ms`)
      const { events } = await server.story(caller.sipCallId)
      t.match(events.find(one => one.kind === 'botEnded')?.data, { outcome: 'noAnswer', turns: 0 })
    }),

    t.test('who swears twice gets a person', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      await caller.sayUntilHeard(tone(SAID.ridiculous, 700), 1)
      await caller.until('botAnswered')
      await caller.sayUntilHeard(tone(SAID.ridiculous, 700), 2)
      t.match(await caller.until('botHandedOver'), { reason: 'frustrated' })
      await caller.bye()
    }),

    t.test('who shouts a sharp word gets a person at once', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      // How loud somebody speaks is known after two seconds of it.
      caller.audio.sendFrames(thenSilence(toneSpeech(Array(10).fill(SAID.returns), 1_500)))
      await caller.until('botAnswered')
      caller.audio.sendFrames(thenSilence(tone(SAID.ridiculous, 700, 12_000)))
      await caller.until('voiceRaised')
      t.match(await caller.until('botHandedOver'), { reason: 'frustrated' })
      await caller.bye()
    }),

    t.test('who is hardly understood is asked again, and then gets a person', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      await caller.sayUntilHeard(tone(SAID.mumble, 700), 1)
      caller.audio.forget()
      await caller.audio.hearsSpeech()
      await caller.audio.hearsSilence()
      t.notOk((await caller.events()).some(one => one.kind === 'botHandedOver' || one.kind === 'botAnswered'))
      await caller.sayUntilHeard(tone(SAID.mumble, 700), 2)
      t.match(await caller.until('botHandedOver'), { reason: 'notUnderstood' })
      t.match(await caller.until('speechHeard'), { confidence: 0.4 })
      await caller.bye()
    }),

    t.test('who asks for the same a third time gets a person', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      for (const times of [1, 2]) {
        await caller.sayUntilHeard(tone(SAID.returns, 700), times)
        await caller.until('botAnswered', times)
      }
      await caller.sayUntilHeard(tone(SAID.returns, 700), 3)
      t.match(await caller.until('botHandedOver'), { reason: 'loop' })
      await caller.bye()
    }),

    t.test('music is no question; the key for a person works above it', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      caller.audio.sendFrames(() => tone(SAID.tiger, 20))
      await caller.until('musicHeard')
      t.notOk((await caller.events()).some(one => one.kind === 'botAnswered'))
      caller.audio.sendDigits('0')
      t.match(await caller.until('botHandedOver'), { reason: 'asked' })
      await caller.bye()
    }),

    t.test('whoever never stops talking is cut off by a bot, and gets a person', buffered(), async t => {
      await using caller = await BotCaller.call(server, IMPATIENT)
      await caller.greeted()
      caller.audio.sendFrames(radio())
      await caller.until('speechCutOff', 1, 60_000)
      t.match(await caller.until('botHandedOver'), { reason: 'notUnderstood' })
      await caller.bye()
    }),

    t.test(
      'whoever never stops talking into a question is asked by keys in the end, and goes on',
      buffered(),
      async t => {
        await using caller = await BotCaller.call(server, SPELLING)
        await caller.audio.hears(440)
        caller.audio.sendFrames(radio())
        await caller.audio.hears(300, { limitMs: 80_000 })
        const { events } = await server.story(caller.sipCallId)
        t.ok(events.filter(one => one.kind === 'speechCutOff').length >= 1)
        const left = events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'name')
        t.match(left?.data, { outcome: /^no/ })
      }
    ),

    t.test('two people who speak at once are not understood, and a person is called', buffered(), async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      const both = generateTone({
        frequenciesHz: [SAID.returns, SAID.person],
        durationMs: 700,
        amplitude: 8_000
      })
      caller.audio.sendFrames(thenSilence(both))
      await caller.until('turnHeard')
      caller.audio.forget()
      await caller.audio.hearsSpeech()
      caller.audio.sendFrames(thenSilence(both))
      t.match(await caller.until('botHandedOver'), { reason: 'notUnderstood' })
      await caller.bye()
    }),

    t.test('a name is spelled; letters that are none are asked for again', buffered(), async t => {
      await using caller = await BotCaller.call(server, SPELLING)
      await caller.audio.hears(440)
      caller.audio.sendFrames(thenSilence(tone(1_000, 700)))
      // Not by silence: on a busy machine the prompt may have a hole.
      await caller.until('turnHeard')
      caller.audio.forget()
      await caller.audio.hears(440)
      const pause = new Int16Array(480)
      const letters = joinSamples(LETTERS_HZ.flatMap(hz => [tone(hz, 400), pause]))
      caller.audio.sendFrames(thenSilence(letters))
      await caller.audio.hears(1_200)
      const { events } = await server.story(caller.sipCallId)
      const left = events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'name')
      t.match(left?.data, { outcome: 'next', detail: { by: 'speech', attempts: 2 } })
      t.notMatch(JSON.stringify(events), /Berta|"BO"/, 'what was spelled stays out of the story')
    })
  ])
})

t.test(
  'whatever a model or a tool does, there is a next step, and the story says why',
  { timeout: 280_000 },
  async t => {
    await using llm = await LlmServer.start()
    const shop = createServer((request, response) => {
      if (request.url !== '/never') response.end('{"orders": [')
    })
    shop.listen(0, '127.0.0.1')
    await once(shop, 'listening')
    t.teardown(() => shop.close().closeAllConnections())
    const shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
    await using server = await TestParley.start({
      hasDemoData: true,
      recognizers: [createToneRecognizer({ languages: ['en'], texts: TEXTS })],
      env: { PARLEY_LLM_URL: llm.url, PARLEY_LLM_MODEL: 'small' },
      secrets: { llmKey: 'sk-of-nobody' }
    })
    await publishReturns(server)
    await server.publish(
      botFlow(`
    limits: { unknowns: 3 }
    tools:
      - name: my_orders
        description: Lists the orders of the caller.
        url: ${shopUrl}/orders
      - name: my_parcels
        description: Lists the parcels of the caller.
        timeoutMs: 700
        url: ${shopUrl}/never`)
    )
    await server.addNumber(NUMBER, 'bot')

    await t.test('a tool whose answer cannot be read', async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      llm.steps = [
        { kind: 'call', calls: [{ name: 'my_orders', arguments: '{}' }] },
        { kind: 'say', pieces: ['[[unknown]]'] }
      ]
      caller.say('order')
      t.match(await caller.until('botTool'), { tool: 'my_orders', outcome: 'NOT_JSON' })
      t.match(llm.requests.at(-1)?.messages.at(-1)?.content, /NOT_JSON/, 'the model is told')
      t.match(await caller.until('botAnswered'), { outcome: 'unknown' })
      caller.say('person')
      t.match(await caller.until('botHandedOver'), { reason: 'asked' })
      await caller.bye()
    })

    await t.test('a tool that never answers', async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      llm.steps = [
        { kind: 'call', calls: [{ name: 'my_parcels', arguments: '{}' }] },
        { kind: 'say', pieces: ['[[unknown]]'] }
      ]
      caller.say('order')
      const { tookMs, ...rest } = await caller.until('botTool')
      t.match(rest, { tool: 'my_parcels', outcome: 'TIMEOUT' })
      t.ok((tookMs as number) >= 690 && (tookMs as number) < 2_000, `it was waited for for ${tookMs} ms`)
      t.match(llm.requests.at(-1)?.messages.at(-1)?.content, /TIMEOUT/, 'the model is told')
      t.match(await caller.until('botAnswered'), { outcome: 'unknown' })
      caller.say('person')
      t.match(await caller.until('botHandedOver'), { reason: 'asked' })
      await caller.bye()
    })

    await t.test('a model that goes round in circles is cut off', async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      const circle = 'You may return goods within 30 days. '
      llm.steps = [{ kind: 'say', pieces: ['[[1]] ', ...Array.from({ length: 400 }, () => circle)] }]
      caller.say('returns')
      t.match(await caller.until('botHeld'), { why: 'repeated' })
      t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'model' })
      caller.say('person')
      t.match(await caller.until('botHandedOver'), { reason: 'asked' })
      await caller.bye()
    })

    await t.test('a model that writes nothing but markup: the article is read', async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      llm.steps = [{ kind: 'say', pieces: ['[[1]] <speak><audio src="x"/></speak>'] }]
      caller.say('returns')
      t.match(await caller.until('botFault'), { code: 'MODEL_EMPTY' })
      t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval' })
      await caller.bye()
    })
  }
)
