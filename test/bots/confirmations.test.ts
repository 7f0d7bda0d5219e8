import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { LlmServer } from '../support/llm-server.ts'
import { TestParley } from '../support/parley.ts'
import { BotCaller, botFlow, botRecognizers } from './support.ts'

const NUMBER = '+12025550111'

t.test('a bot asks before it changes something', { timeout: 280_000 }, async t => {
  await using llm = await LlmServer.start()
  const changed: string[] = []
  /** Resolves when an order is looked up, which ends when it is resolved itself. */
  const lookUp = { asked: Promise.withResolvers<void>(), answer: Promise.withResolvers<void>() }
  const shop = createServer(async (request, response) => {
    if (request.method === 'POST') changed.push(request.url ?? '')
    else {
      lookUp.asked.resolve()
      await lookUp.answer.promise
    }
    response.end(JSON.stringify({ orders: [{ id: 'A-4711' }] }))
  })
  shop.listen(0, '127.0.0.1')
  await once(shop, 'listening')
  t.teardown(() => shop.close())
  const base = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
  await using server = await TestParley.start({
    recognizers: botRecognizers(),
    env: { PARLEY_LLM_URL: llm.url, PARLEY_LLM_MODEL: 'small' }
  })
  await server.publish(
    botFlow(`
    limits: { thinkMs: 20000 }
    tools:
      - name: my_orders
        description: Lists the orders of the caller.
        url: ${base}/orders
        proves: { order: orders.*.id }
      - name: cancel_order
        description: Cancels an order of the caller.
        parameters: { type: object, properties: { orderId: { type: string } }, required: [orderId] }
        proven: { orderId: order }
        method: POST
        url: ${base}/orders/{orderId}/cancel
        changes: true
        confirm: { en: "Shall I cancel the order {orderId}, which cannot be undone?" }`)
  )
  await server.addNumber(NUMBER, 'bot')
  const cancels = [
    { kind: 'call', calls: [{ name: 'my_orders', arguments: '{}' }] },
    { kind: 'call', calls: [{ name: 'cancel_order', arguments: '{"orderId":"A-4711"}' }] },
    { kind: 'say', pieces: ['[[talk]] I see.'] }
  ] as const

  await t.test('a key that was pressed before the question agrees to nothing', async t => {
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    llm.steps = [...cancels]
    caller.say('cancel')
    await lookUp.asked.promise
    caller.audio.sendDigits('1')
    caller.audio.forget()
    // “One moment, please”, well after the key.
    await caller.audio.hearsSpeech()
    await caller.audio.hearsSilence()
    caller.audio.forget()
    lookUp.answer.resolve()
    await caller.audio.hearsSpeech()
    caller.say('nothing', 1_500)
    t.match(await caller.until('botTool', 2), { tool: 'cancel_order', outcome: 'notAgreed' })
    t.same(changed, [])
    await caller.bye()
  })

  for (const [how, ask] of [
    ['presses 0', (caller: BotCaller) => void caller.audio.sendDigits('0')],
    ['asks for a person', (caller: BotCaller) => caller.say('person', 1_000)]
  ] as const)
    await t.test(`a caller who ${how} instead of an answer is given to a person`, async t => {
      await using caller = await BotCaller.call(server, NUMBER)
      await caller.greeted()
      llm.steps = [...cancels]
      caller.say('cancel')
      await caller.until('botTool')
      caller.audio.forget()
      await caller.audio.hearsSpeech()
      ask(caller)
      t.match(await caller.until('botTool', 2), { outcome: 'notAgreed' })
      t.match(await caller.until('botHandedOver', 1, 20_000), { reason: 'asked' })
      t.same(changed, [])
      await caller.bye()
    })
})
