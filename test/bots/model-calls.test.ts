import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { lineFor } from '../../server/bots/lines.ts'
import { LlmServer } from '../support/llm-server.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { BotCaller, botFlow, botRecognizers, likeness, publishReturns, SAID, TEXTS } from './support.ts'

const NUMBER = '+12025550111'
/** Callers that are strangers to the company, and those that it is on familiar terms with. */
const GERMAN = { formal: '+12025550112', informal: '+12025550113' } as const
const KEY = 'sk-of-nobody'

t.test('a caller talks with a bot that has a language model', { timeout: 280_000 }, async t => {
  await using llm = await LlmServer.start()
  const asked: string[] = []
  const shop = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end(JSON.stringify({ orders: [{ id: 'A-4711', state: 'on its way' }] }))
  })
  shop.listen(0, '127.0.0.1')
  await once(shop, 'listening')
  t.teardown(() => shop.close())
  const base = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
  await using server = await TestParley.start({
    hasDemoData: true,
    recognizers: botRecognizers(['en', 'de']),
    env: { PARLEY_LLM_URL: llm.url, PARLEY_LLM_MODEL: 'small', PARLEY_LLM_PRICES: '100,400' },
    secrets: { llmKey: KEY }
  })
  const articleId = await publishReturns(server)
  await server.publish(
    botFlow(`
    limits: { thinkMs: 4000 }
    tools:
      - name: my_orders
        description: Lists the orders of the caller.
        facts: { phone: "{{ call.callerNumber }}" }
        url: ${base}/orders?phone={phone}
        proves: { order: orders.*.id }
      - name: cancel_order
        description: Cancels an order of the caller.
        parameters: { type: object, properties: { orderId: { type: string } }, required: [orderId] }
        proven: { orderId: order }
        facts: { phone: "{{ call.callerNumber }}" }
        method: POST
        url: ${base}/orders/{orderId}/cancel?phone={phone}
        changes: true
        confirm: { en: "Shall I cancel the order {orderId}?" }`)
  )
  await server.addNumber(NUMBER, 'bot')

  await t.test('it answers from an article and from a tool, and changes something only after a yes', async t => {
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    llm.steps = [
      {
        kind: 'say',
        pieces: ['[[1]] You may return', ' the goods within 30 days', ', and we pay for the parcel.'],
        betweenMs: 150
      }
    ]
    caller.say('returns')
    t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'model', articleId })
    t.match(llm.requests[0], { authorization: `Bearer ${KEY}` })
    t.match(llm.requests[0]?.messages.at(-1)?.content, /Passages:\n\[1\] Returning goods: You may return goods/)

    const cancel = { name: 'cancel_order', arguments: '{"orderId":"A-4711"}' }
    llm.steps = [
      { kind: 'call', calls: [{ name: 'my_orders', arguments: '{}' }] },
      { kind: 'call', calls: [cancel] },
      { kind: 'say', pieces: ['[[talk]] That is done.'] }
    ]
    caller.say('cancel')
    await caller.until('botTool')
    t.same(asked, ['GET /orders?phone=%2B12025550123'], 'nothing is changed before the caller was asked')
    // The question is long enough to be answered while it is asked; what was heard before is not the question.
    caller.audio.forget()
    await caller.audio.hearsSpeech()
    // On a busy machine it may have been “One moment, please”.
    caller.say('yes', 1_500)
    t.match(await caller.until('botTool', 2), { tool: 'cancel_order', outcome: 'done' })
    t.equal(asked[1], 'POST /orders/A-4711/cancel?phone=%2B12025550123')
    t.match(await caller.until('botAnswered', 2), { outcome: 'talk' })
    const kept = async () => (await readdir(join(server.dataDir, 'prompts', 'passing'))).length
    t.ok((await kept()) > 0)
    await caller.bye()
    const story = await server.story(caller.sipCallId)
    t.equal(await kept(), 0, 'no prompt that speaks of the caller is kept')
    t.notMatch(JSON.stringify(story.events), /A-4711|goods/, 'no words and no numbers of orders are in the story')
    const ended = story.events.find(one => one.kind === 'botEnded')?.data
    t.ok((ended?.['tokens'] as number) > 100 && (ended?.['cents'] as number) > 0, JSON.stringify(ended))
  })

  const people = await signInPeople(server, ['ana'])

  await t.test('a caller who interrupts has heard what was said until then, and nothing more', async t => {
    const clause = 'You may return any of the goods that you buy within 30 days,'
    await using ana = await TestSoftphone.onShift(server, people.ana.token)
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    llm.steps = [{ kind: 'say', pieces: [`[[1]] ${clause} and we pay for the parcel.`] }]
    caller.audio.forget()
    caller.say('returns')
    await caller.until('speechHeard')
    await caller.audio.hearsSpeech()
    llm.steps = [
      { kind: 'call', calls: [{ name: 'my_orders', arguments: '{}' }] },
      { kind: 'say', pieces: ['[[talk]] I am sorry to hear that.'] }
    ]
    caller.say('ridiculous', 700)
    t.match(await caller.until('botAnswered'), { outcome: 'interrupted' })
    const { by, heardMs } = await caller.until('bargedIn')
    t.equal(by, 'voice')
    t.ok((heardMs as number) > 200 && (heardMs as number) < 3_000, `${heardMs} ms of about 3500 ms were heard`)

    await caller.until('botAnswered', 2)
    // The last request is the one with what the tool has found.
    const known = llm.requests.at(-2)?.messages.filter(one => one.role === 'assistant') ?? []
    t.equal(known.length, 1)
    const heard = known[0]?.content ?? ''
    t.match(heard, /^You may.*…$/, 'the model knows where it was interrupted')
    t.ok(clause.startsWith(heard.slice(0, -1)) && heard.length < clause.length * 0.8, heard)

    caller.audio.sendDigits('0')
    const { offer } = await ana.until(state => state.offer?.callId === caller.id, 20_000)
    t.match(
      offer?.customer.bot,
      {
        reason: 'asked',
        summary: TEXTS[SAID.returns],
        facts: [{ label: 'order', value: 'A-4711' }],
        mood: 'annoyed'
      },
      'the agent reads before the answer why, what about, what was found, and how the caller is'
    )
    const words = offer?.customer.bot?.utterances ?? []
    const at = words.findIndex(one => one.text === TEXTS[SAID.returns])
    t.match(words.slice(at, at + 3), [
      { speaker: 'customer' },
      { speaker: 'bot', text: heard },
      { speaker: 'customer', text: TEXTS[SAID.ridiculous] }
    ])
    t.notMatch(JSON.stringify(words), /parcel/, 'whoever takes over does not read what nobody heard')
    await caller.bye()
  })

  await t.test('one that hangs for 25 s: the caller is asked to wait, and gets the article', async t => {
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    llm.steps = [{ kind: 'hang', ms: 25_000 }]
    caller.audio.forget()
    caller.say('returns')
    await caller.until('speechHeard')
    await caller.audio.hearsSpeech({ limitMs: 3_500 })
    t.same(
      (await caller.events()).filter(one => one.kind === 'botFault'),
      [],
      'it speaks before the model is given up'
    )
    t.match(await caller.until('botFault'), { code: 'MODEL_TIMEOUT' })
    t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval', articleId })
    await caller.bye()
  })

  await t.test('one that is down, busy, cut off or makes things up: the article, or a person', async t => {
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    llm.steps = [{ kind: 'cutOff', pieces: ['[[1]] You '] }]
    caller.say('returns')
    t.match(await caller.until('botFault'), { code: 'MODEL_CUT_OFF' })
    t.match(await caller.until('botAnswered'), { source: 'retrieval' })

    llm.steps = [{ kind: 'say', pieces: ['[[1]] You may return goods within 90 days.'] }]
    caller.say('returns')
    t.match(await caller.until('botHeld'), { why: 'unsupported' })
    t.match(await caller.until('botAnswered', 2), { source: 'retrieval' })

    llm.steps = [{ kind: 'status', status: 429 }]
    caller.say('tiger')
    t.match(await caller.until('botFault', 3), { code: 'MODEL_BUSY' })
    t.match(await caller.until('botHandedOver'), { reason: 'fault' })
    await caller.bye()
  })

  await t.test('“du” is held back from strangers, and said where the company wants it so', async t => {
    await using espeak = createEspeak(pino({ level: 'silent' }))
    for (const register of ['formal', 'informal'] as const) {
      await server.publish(
        botFlow(register === 'informal' ? '    register: { de: informal }' : '')
          .replace('id: bot', `id: german-${register}`)
          .replace('name: Bot', `name: German ${register}`)
          .replace('languages: [en]', 'languages: [de]')
          .replace('defaultLanguage: en', 'defaultLanguage: de')
      )
      await server.addNumber(GERMAN[register], `german-${register}`, 'de')
    }
    for (const register of ['formal', 'informal'] as const) {
      await using caller = await BotCaller.call(server, GERMAN[register])
      await caller.greeted()
      const { text } = lineFor('disclosure', 'de', register) as { text: string }
      const disclosed = likeness(
        caller.audio.captured(),
        await espeak.synthesize(text, 'de', AbortSignal.timeout(20_000))
      )
      t.ok(disclosed > 0.85, `${register}: what it says of itself is so too (likeness ${disclosed.toFixed(2)})`)
      llm.requests.length = 0
      llm.steps = [{ kind: 'say', pieces: ['[[talk]] Schön, dass du anrufst.'] }]
      caller.audio.forget()
      caller.say('returns')
      // Of a courtesy that may not be said nothing is left: no caller waits in silence for more.
      t.match(await caller.until('botAnswered'), { outcome: register === 'formal' ? 'unknown' : 'talk' })
      t.match(llm.requests[0]?.messages[0]?.content, register === 'formal' ? /"Sie"/ : /"du"/)
      const held = (await caller.events()).filter(one => one.kind === 'botHeld')
      if (register === 'formal') {
        t.match(held, [{ data: { why: 'register' } }])
        t.match(await caller.until('botHandedOver'), { reason: 'fault' })
      } else {
        t.same(held, [], 'nothing is held back')
        const said = await espeak.synthesize('Schön, dass du anrufst.', 'de', AbortSignal.timeout(20_000))
        const heard = likeness(caller.audio.captured(), said)
        t.ok(heard > 0.9, `the caller heard it (likeness ${heard.toFixed(2)})`)
      }
      await caller.bye()
    }
  })
})
