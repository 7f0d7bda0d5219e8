import { existsSync } from 'node:fs'
import { pino } from 'pino'
import t from 'tap'
import { type AnswerValue, readAnswer, type SpokenKind } from '../../../ivr-flows/understand/answer.ts'
import { closedGrammar } from '../../../ivr-flows/understand/closed-grammar.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { createPocketsphinx } from '../../../media/speech/providers/pocketsphinx.ts'
import { TestParley } from '../../support/parley.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'

const MODEL = '/usr/share/pocketsphinx/model/en-us'
const NUMBER = '+12025550100'
const silent = pino({ level: 'silent' })

const FLOW = `
id: spoken-number
name: Spoken number
languages: [en]
defaultLanguage: en
start: number
onFailure: failed
vars: { number: { type: number } }
nodes:
  number:
    kind: gather
    prompt: { tone: "%(6000,0,440)" }
    speech: { kind: number, confirm: { when: always, prompt: { tone: "%(3000,0,700)" } } }
    save: number
    next: byNumber
  byNumber:
    kind: branch
    cases: [{ when: 'vars.number = 251', next: right }]
    otherwise: wrong
  right: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  wrong: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,2000)" }, next: bye }
  bye: { kind: hangup }
`

if (!existsSync(MODEL)) throw new Error('this test needs PocketSphinx and its English model')
const espeak = createEspeak(silent)
t.teardown(() => espeak[Symbol.asyncDispose]())
const say = (text: string) => espeak.synthesize(text, 'en', AbortSignal.timeout(20_000))

t.test('answers of each kind are heard by a recogniser that knows only grammars', { timeout: 280_000 }, async t => {
  await using recognizer = createPocketsphinx(MODEL, silent)
  if (recognizer === null) throw new Error('PocketSphinx is not installed')
  const hear = async (kind: SpokenKind, text: string): Promise<AnswerValue | null> => {
    const grammar = closedGrammar(kind, 'en')
    if (grammar === null) throw new Error(`there is no grammar for ${kind}`)
    using stream = recognizer.open({ language: 'en', phrases: null, grammar })
    const speech = await say(text)
    const samples = new Int16Array(speech.length + 4_000)
    samples.set(speech, 2_000)
    for (let at = 0; at < samples.length; at += 160) stream.write(samples.subarray(at, at + 160))
    const found = await stream.finish()
    t.comment(kind, text, found)
    return found === null ? null : readAnswer(found.text, 'en', { kind, today: '2026-03-02' })
  }
  t.equal(await hear('yesNo', 'yes'), true)
  t.equal(await hear('yesNo', 'no thank you'), false)
  t.equal(await hear('digits', 'one two three four'), '1234')
  t.equal(await hear('number', 'two hundred and fifty one'), 251)
  t.equal(await hear('date', 'the fifth of november'), '2026-11-05')
  t.equal(await hear('spelled', 'bravo oscar bravo'), 'BOB')
})

t.test('a caller says a number, confirms it, and is understood', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.publish(FLOW)
  await server.addNumber(NUMBER, 'spoken-number')
  await using caller = await server.phone()
  const { phone, audio } = caller
  const leg = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
  audio.connect((await leg.answered()).sdp).sendSilence()
  await audio.hears(440)
  audio.sendFrames(thenSilence(await say('two hundred and fifty one')))
  await audio.hears(700)
  audio.sendFrames(thenSilence(await say('yes')))
  await audio.hears(1200)
  await leg.waitForBye()
  const story = await server.story(leg.callId)
  const left = story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'number')
  t.match(left?.data, { outcome: 'next', detail: { by: 'speech', confirmed: true, attempts: 1 } })
  t.notOk(JSON.stringify(story).includes('251'), 'what was said stays out of the story')
  const bargedIn = story.events.find(one => one.kind === 'bargedIn')
  t.match(bargedIn?.data, { by: 'voice', prompt: 0 })
})
