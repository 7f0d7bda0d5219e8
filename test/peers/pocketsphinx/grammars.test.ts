import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { TestParley } from '../../support/parley.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'

const MODEL = '/usr/share/pocketsphinx/model/en-us'
const GRAMMAR = '+12025550100'
const DATE = '+12025550101'

if (!existsSync(MODEL)) throw new Error('this test needs PocketSphinx and its English model')
const espeak = createEspeak(pino({ level: 'silent' }))
t.teardown(() => espeak[Symbol.asyncDispose]())
const say = (text: string) => espeak.synthesize(text, 'en', AbortSignal.timeout(20_000))

/** The question is 440 Hz, “I did not understand” 660 Hz, the right end 1200 Hz, any other 300 Hz. */
const flow = (id: string, url: string, type: string, speech: string) => `
id: ${id}
name: ${id}
languages: [en]
defaultLanguage: en
start: ask
onFailure: failed
vars: { answer: { type: ${type} } }
nodes:
  ask:
    kind: gather
    prompt: { tone: "%(6000,0,440)" }
    noMatchPrompt: { tone: "%(600,0,660)" }
    attempts: 4
    speechAttempts: 4
    speech:
${speech}
    save: answer
    next: tell
    noInput: failed
    noMatch: failed
  tell: { kind: request, method: POST, url: "${url}", body: { answer: "{{ vars.answer }}" }, next: right }
  right: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`

/** As a restaurant's author of flows might write it. */
const ORDER = `
      kind: grammar
      grammar:
        en: |
          #JSGF V1.0;
          grammar order;
          public <order> = [ i would like | please bring me ] <count> <dish> [ please ];
          <count> = ( a | one ) {1} | two {2} | three {3};
          <dish> = ( pizza | pizzas ) {pizza} | ( salad | salads ) {salad} | ( chicken | chicken soup ) {chicken};
      confirm: { when: never }`

const DAY = `
      kind: date
      confirm: { when: never }`

t.test('a caller answers in a grammar of the flow’s author, and with a date', { timeout: 280_000 }, async t => {
  const told: unknown[] = []
  const shop = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    told.push(JSON.parse(Buffer.concat(chunks).toString('utf8')))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  shop.listen(0, '127.0.0.1')
  await once(shop, 'listening')
  t.teardown(() => shop.close())
  const url = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/`
  await using server = await TestParley.start()
  await server.publish(flow('order', url, 'list', ORDER))
  await server.addNumber(GRAMMAR, 'order')
  await server.publish(flow('day', url, 'string', DAY))
  await server.addNumber(DATE, 'day')

  const cases = [
    {
      what: 'what is no sentence of the grammar is asked again, and one that is becomes the value of its tags',
      number: GRAMMAR,
      wrong: 'the quick brown fox jumps over the dog',
      right: 'I would like two pizzas please',
      value: ['2', 'pizza']
    },
    {
      what: 'a day that no calendar has is asked again, and one that it has becomes a date',
      number: DATE,
      wrong: 'the thirtieth of february',
      right: 'the fifth of november twenty twenty seven',
      value: '2027-11-05'
    }
  ]
  for (const { what, number, wrong, right, value } of cases)
    await t.test(what, async t => {
      told.length = 0
      await using caller = await server.phone()
      const { phone, audio } = caller
      const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
      audio.connect((await leg.answered()).sdp).sendSilence()
      await audio.hears(440)
      audio.sendFrames(thenSilence(await say(wrong)))
      await audio.hears(660)
      t.same(told, [], 'what does not fit is no value')
      audio.forget()
      await audio.hears(440)
      audio.sendFrames(thenSilence(await say(right)))
      await audio.hears(1_200)
      await leg.waitForBye()
      t.same(told, [{ answer: value }])
      const { events } = await server.story(leg.callId)
      const left = events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'ask')
      t.match(left?.data, { outcome: 'next', detail: { by: 'speech', attempts: 2 } })
      t.notMatch(JSON.stringify(events), /pizza|2027-11-05/, 'what was said stays out of the story')
    })
})
