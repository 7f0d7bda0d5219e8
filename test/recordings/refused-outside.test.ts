import t from 'tap'
import { generateTone } from '../../media/audio/tone.ts'
import { type LanguageModel, permittedModel } from '../../server/bots/model/language-model.ts'
import { mayLeaveMachine } from '../../server/recordings/outside.ts'
import { BotCaller, botFlow, botRecognizers, publishReturns, SAID } from '../bots/support.ts'
import { LlmServer } from '../support/llm-server.ts'
import { TestParley } from '../support/parley.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'
import { CALLERS } from './support.ts'

const NUMBER = '+12025550100'
const NEVER_ASKED = '+12025550101'
const WITH_A_BOT = '+12025550111'

const SAID_RETURNS = generateTone({ frequenciesHz: [SAID.returns], durationMs: 700, amplitude: 8_000 })

/** Asks by 440 Hz whether the call may be recorded, then by 880 Hz for a choice that may also be spoken. */
const FLOW = `
id: asked-first
name: Asked first
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, question: { tone: "%(600,0,440)" }, refusal: { tone: "%(300,0,770)" }, next: menu }
  menu:
    kind: menu
    prompt: { tone: "%(700,0,880)" }
    choices: { "1": bye }
    say: { "1": { en: [sales] } }
    timeoutMs: 1000
    attempts: 1
    noInput: bye
    noMatch: bye
  bye: { kind: hangup }
`

/** The same choice; nobody asks for leave to record. */
const UNASKED_FLOW = FLOW.replace('id: asked-first', 'id: never-asked')
  .replace('name: Asked first', 'name: Never asked')
  .replace('start: consent', 'start: menu')
  .replace(/ {2}consent:.*\n/, '')

t.test('a service outside hears a caller only with leave', { timeout: 280_000 }, async t => {
  let opened = 0
  const outside = createToneRecognizer({ texts: { 500: 'sales' }, host: 'asr.example.com', region: 'eu' })
  const counted = {
    ...outside,
    open(...args: Parameters<typeof outside.open>) {
      opened += 1
      return outside.open(...args)
    }
  }
  await using server = await TestParley.start({ recognizers: [counted], env: { PARLEY_POCKETSPHINX: 'off' } })
  await server.addNumber(NUMBER, await server.publish(FLOW))
  // Nobody on this machine hears the answer to the question; see what comes after it.
  const before = { language: 'en', code: 'SPEECH_NOT_HERE' }
  const calls = [
    ['1', [before], 1],
    ['2', [before, { language: 'en', code: 'SPEECH_MISSING' }], 0]
  ] as const
  for (const [key, told, times] of calls) {
    opened = 0
    await using caller = await server.phone({ user: CALLERS.berlin })
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    caller.audio.sendDigits(key)
    await caller.audio.hears(880)
    caller.audio.sendFrames(thenSilence(toneSpeech([500])))
    await call.waitForBye()
    const { events } = await server.story(call.callId)
    t.match(events.find(one => one.kind === 'recordingConsent')?.data, { result: key === '1' ? 'granted' : 'refused' })
    t.same(
      events.filter(one => one.kind === 'speechUnavailable').map(one => one.data),
      told
    )
    t.equal(opened, times, key === '1' ? 'who agreed may speak' : 'who refused presses keys')
  }

  await server.addNumber(NEVER_ASKED, await server.publish(UNASKED_FLOW))
  const unasked = [
    ['washington', 1, 'where nothing need be said first, who was never asked may speak'],
    ['london', 0, 'where a notice is owed, who was never asked presses keys'],
    ['berlin', 0, 'where the law wants a yes, who was never asked presses keys']
  ] as const
  for (const [place, times, says] of unasked) {
    opened = 0
    await using caller = await server.phone({ user: CALLERS[place] })
    const call = caller.phone.call(server.uri(NEVER_ASKED), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(880)
    caller.audio.sendFrames(thenSilence(toneSpeech([500])))
    await call.waitForBye()
    t.equal(opened, times, says)
  }
})

t.test('leave for services outside is a grant, or a law that wants nothing said first', async t => {
  const policies = ['one_party', 'notice', 'notice_object', 'all_party', 'opt_in', 'never'] as const
  const allowed = (consent: Parameters<typeof mayLeaveMachine>[0]) =>
    policies.filter(policy => mayLeaveMachine(consent, policy))
  t.same(allowed('granted'), policies)
  t.same(allowed('unasked'), ['one_party'])
  t.same(allowed('never'), ['one_party'])
  t.same(allowed('refused'), [])
  t.same(allowed('withdrawn'), [])
})

t.test(
  'what a caller says who refused is kept from a language model outside, in the call itself',
  { timeout: 280_000 },
  async t => {
    await using llm = await LlmServer.start()
    llm.answer = () => ({ kind: 'say', pieces: ['[[1]] You may return the goods within 30 days.'] })
    await using server = await TestParley.start({
      recognizers: botRecognizers(),
      hasDemoData: true,
      env: {
        PARLEY_LLM_URL: llm.url,
        PARLEY_LLM_MODEL: 'small',
        // On this machine here, but said to be elsewhere.
        PARLEY_LLM_REGION: 'eu',
        PARLEY_SPEECH_REGIONS: 'eu'
      }
    })
    await publishReturns(server)
    await server.publish(
      botFlow()
        .replace('start: bot', 'start: consent')
        .replace(
          'nodes:\n',
          'nodes:\n  consent: { kind: consent, question: { tone: "%(600,0,660)" }, refusal: { tone: "%(300,0,770)" }, next: bot }\n'
        )
    )
    await server.api('POST', '/numbers', { number: WITH_A_BOT, language: 'en', flowId: 'bot', region: 'DE' })
    for (const [key, source] of [
      ['2', 'retrieval'],
      ['1', 'model']
    ] as const) {
      const before = llm.requests.length
      await using caller = await BotCaller.call(server, WITH_A_BOT)
      await caller.audio.hears(660)
      caller.audio.sendDigits(key).sendSilence()
      await caller.greeted()
      await caller.sayUntilHeard(SAID_RETURNS, 1)
      t.match(await caller.until('botAnswered'), { outcome: 'answer', source })
      t.equal(llm.requests.length > before, key === '1', key === '1' ? 'who agreed is heard by it' : 'not a word left')
      await caller.bye()
    }
  }
)

t.test('no model outside reads what a caller says who refused', async t => {
  const model = { host: 'llm.example.com', region: 'eu' } as LanguageModel
  t.equal(
    permittedModel(model, host => host === 'llm.example.com'),
    model
  )
  t.equal(
    permittedModel(model, () => false),
    null
  )
  const own = { host: '127.0.0.1', region: null } as LanguageModel
  t.equal(
    permittedModel(own, () => false),
    own,
    'one on this machine is not outside'
  )
})
