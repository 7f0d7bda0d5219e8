import { status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { throughAzure, throughGoogle } from '../support/outside-speech.ts'
import { TestParley } from '../support/parley.ts'
import { AzureServer } from '../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../support/speech-servers/google-server.ts'
import { hearTones, sayInTones } from '../support/speech-servers/tone-words.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import {
  eachVoiceFault,
  HZ,
  type Providers,
  saysUntil,
  type VoiceFault,
  voiceFlow,
  whenChecked,
  words
} from './provider-support.ts'
import { BotCaller, botFlow } from './support.ts'

const MENU_NUMBER = '+12025550111'
const BOT_NUMBER = '+12025550119'
/** What asks to wait where there are no words for it. */
const WAIT_HZ = 330
const MENU = `
id: menu
name: Menu
languages: [de]
defaultLanguage: de
start: choose
onFailure: failed
nodes:
  choose:
    kind: menu
    prompt: { tone: "%(20000,0,440)" }
    choices: { "1": chosen }
    say: { "1": { de: [Bestellung] } }
    noInput: failed
    noMatch: failed
  chosen: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,880)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

/** A caller whose words are lost is asked again, and goes on with a key. Gives the events of the call. */
async function saysThenPresses(server: TestParley) {
  const { phone, audio, ...rest } = await server.phone()
  await using _ = rest
  const leg = phone.call(server.uri(MENU_NUMBER), { sdp: audio.sdp() })
  audio.connect((await leg.answered()).sdp).sendSilence()
  await audio.hears(440)
  audio.sendFrames(thenSilence(sayInTones(['order'], 400)))
  await audio.hearsSilence()
  audio.forget()
  await audio.hears(440)
  audio.sendDigits('1')
  await audio.hears(880)
  await leg.waitForBye()
  return (await server.story(leg.callId)).events
}

/** Null: the provider answers as it should, and has heard nothing. */
type Fault<Trouble> = readonly [what: string, trouble: Trouble, code: string | null]

async function eachFault<Trouble>(
  t: Test,
  server: TestParley,
  faults: readonly Fault<Trouble>[],
  set: (trouble: Trouble | null) => void
): Promise<void> {
  await server.publish(MENU)
  await server.addNumber(MENU_NUMBER, 'menu', 'de')
  await whenChecked(server)
  for (const [what, trouble, code] of faults)
    await t.test(what, async t => {
      set(trouble)
      const events = await saysThenPresses(server)
      set(null)
      const failures = events.filter(one => one.kind === 'speechFailed')
      t.match(failures, code === null ? [] : [{ data: { code } }])
      t.equal(failures.length, code === null ? 0 : 1)
      const heard = events.find(one => one.kind === 'turnHeard')?.data['events'] as readonly unknown[] | undefined
      t.match(heard?.at(-1), { kind: 'answer', sounds: null })
      const left = events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'choose')
      t.match(left?.data, { outcome: 'key 1', detail: { attempts: 2 } })
    })
  const range = `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`
  t.match(
    (await server.api('GET', `/reports/bots?${range}`)).body['menuChoices'],
    [{ flowId: 'menu', node: 'choose', key: '1', count: faults.length, spoken: 0, calls: faults.length }],
    'a key that was pressed is what a caller wants, too'
  )
}

t.test('whatever Google does, the caller gets on, and the story says why', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughGoogle(google))
  const faults: readonly Fault<NonNullable<GoogleServer['trouble']>>[] = [
    ['it is down', { kind: 'status', code: status.UNAVAILABLE }, 'SPEECH_FAILED'],
    ['it hears nothing', { kind: 'empty' }, null],
    ['it does not answer', { kind: 'slow' }, 'SPEECH_TIMEOUT'],
    ['it hears another language', { kind: 'otherLanguage', language: 'fr-fr' }, 'SPEECH_FAILED'],
    ['the key was revoked', { kind: 'status', code: status.UNAUTHENTICATED }, 'SPEECH_REFUSED']
  ]
  await eachFault(t, server, faults, trouble => {
    google.trouble = trouble
  })

  await t.test('nobody is asked who refused the key: the menu is one of keys', async t => {
    const { phone, audio, ...rest } = await server.phone()
    await using _ = rest
    const leg = phone.call(server.uri(MENU_NUMBER), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    await audio.hears(440)
    audio.sendDigits('1')
    await audio.hears(880)
    await leg.waitForBye()
    const { events } = await server.story(leg.callId)
    t.match(
      events.filter(one => one.kind === 'speechUnavailable'),
      [{ data: { language: 'de' } }]
    )
  })

  await t.test('a voice that fails is replaced, and the caller hears every prompt', async t => {
    const faults: readonly VoiceFault<NonNullable<GoogleServer['trouble']>>[] = [
      ['down', { kind: 'status', code: status.UNAVAILABLE }, 'SYNTHESIS_FAILED'],
      ['silent, and calls it a success', { kind: 'silent' }, 'SYNTHESIS_EMPTY'],
      ['without any audio', { kind: 'empty' }, 'SYNTHESIS_EMPTY'],
      ['without an end', { kind: 'endless' }, 'SYNTHESIS_FAILED'],
      ['slow', { kind: 'slow' }, 'SYNTHESIS_TIMEOUT'],
      ['refused', { kind: 'status', code: status.UNAUTHENTICATED }, 'SYNTHESIS_REFUSED']
    ]
    await eachVoiceFault(t, server, 'google', faults, trouble => {
      google.trouble = trouble
    })
  })
})

t.test('a bot whose ear and mouth are Google’s', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start({ hasTongues: true })
  await using azure = await AzureServer.start({ hasTongues: true })
  // Azure is set up as well, in a region that is not permitted.
  const [one, other] = [throughGoogle(google), throughAzure(azure)]
  await using server = await TestParley.start({
    env: { ...other.env, ...one.env },
    secrets: { ...other.secrets, ...one.secrets }
  })
  await whenChecked(server)
  const publish = async (title: string, body: string) => {
    const { body: article } = await server.api('POST', '/knowledge-articles', { language: 'en', title, body })
    await server.api('POST', `/knowledge-articles/${article['id']}/publish`, { version: 1 })
  }
  await publish(
    'Your order',
    'Whoever has an order may ask us for delivery, and we say please and thanks to the agent.'
  )
  await publish('Your balance', 'Whoever has a balance may change the address tomorrow, and we cancel the invoice.')
  await server.publish(
    botFlow().replace(
      'kind: queue, queue: support, overflow: sorry',
      'kind: say, prompt: { tone: "%(900,0,1300)" }, next: end'
    )
  )
  await server.addNumber(BOT_NUMBER, 'bot')
  const asked = (text: string) => google.configs.filter(one => JSON.stringify(one).includes(text)).length

  await t.test('a bot is heard while its voice still makes the sentence', async t => {
    await using caller = await BotCaller.call(server, BOT_NUMBER)
    await caller.greeted()
    const { promise: heard, resolve: hasHeard } = Promise.withResolvers<void>()
    google.beforeWord = async at => {
      if (at > 0) await heard
    }
    caller.audio.forget()
    await saysUntil(caller, 'order', limitMs => caller.audio.hears(HZ.order, { limitMs }))
    // Only now is the rest made.
    hasHeard()
    await caller.audio.hears(HZ.delivery)
    t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval' })
    google.beforeWord = null
    await caller.bye()
    t.equal(asked('delivery'), 1)

    // Whoever asks next hears the prompt that was kept, whole.
    await using next = await BotCaller.call(server, BOT_NUMBER)
    await next.greeted()
    next.audio.forget()
    await saysUntil(next, 'order', limitMs => next.until('botAnswered', 1, limitMs))
    const words = hearTones(next.audio.captured()).map(one => one.word)
    t.match(words.join(' '), /order delivery please thanks agent/)
    t.equal(asked('delivery'), 1, 'nobody is asked for it again')
    await next.bye()
  })

  await t.test('a voice that breaks off in the middle: another begins again, and says all of it', async t => {
    await using caller = await BotCaller.call(server, BOT_NUMBER)
    await caller.greeted()
    const { promise: heard, resolve: hasHeard } = Promise.withResolvers<void>()
    google.beforeWord = async at => {
      if (at === 0) return
      await heard
      google.beforeWord = null
      throw new Error('the voice is lost')
    }
    await saysUntil(caller, 'balance', limitMs => caller.audio.hears(HZ.balance, { limitMs }))
    hasHeard()
    const change = await caller.until('voiceFellOver')
    t.match(change, { from: 'google', to: 'espeak-ng', code: 'SYNTHESIS_FAILED' })
    await caller.audio.hearsSpeech()
    t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval' })
    t.notOk((await caller.events()).some(one => one.kind === 'promptFailed'))
    await caller.bye()
  })

  await t.test('a provider over its quota: the story says so, and none in a forbidden region is asked', async t => {
    await using caller = await BotCaller.call(server, BOT_NUMBER)
    await caller.greeted()
    google.trouble = { kind: 'status', code: status.RESOURCE_EXHAUSTED }
    const failure = await saysUntil(caller, 'order', limitMs => caller.until('speechFailed', 1, limitMs))
    t.match(failure, { code: 'SPEECH_QUOTA' })
    // It asks again in words that nobody has said yet.
    t.match(await caller.until('voiceFellOver'), { from: 'google', to: 'espeak-ng', code: 'SYNTHESIS_QUOTA' })
    google.trouble = null
    caller.audio.forget()
    await caller.audio.hearsSpeech()
    await caller.audio.hearsSilence()
    const answered = await saysUntil(caller, 'order', limitMs => caller.until('botAnswered', 1, limitMs))
    t.match(answered, { outcome: 'answer' })
    await caller.bye()
    t.same(azure.asked, [], 'Azure has heard and said nothing in any of these calls')
    const { items } = (await server.api('GET', '/speech/providers')).body as { items: Providers }
    t.ok(items.filter(one => one.name === 'azure').every(one => one.state === 'off'))
    t.ok(items.some(one => one.name === 'azure'))
  })
})

t.test('a caller whom Azure does not hear is asked again, and the story says why', { timeout: 280_000 }, async t => {
  await using azure = await AzureServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughAzure(azure))
  const faults: readonly Fault<NonNullable<AzureServer['trouble']>>[] = [
    ['it is down', { kind: 'close', code: 1011, afterMs: 100, times: 99 }, 'SPEECH_FAILED'],
    ['it hears nothing', { kind: 'empty' }, null],
    ['it does not answer', { kind: 'slow' }, 'SPEECH_TIMEOUT'],
    ['it hears another language', { kind: 'otherLanguage', language: 'fr-FR' }, 'SPEECH_FAILED'],
    ['the key was revoked', { kind: 'refuse', status: 401 }, 'SPEECH_REFUSED']
  ]
  await eachFault(t, server, faults, trouble => {
    azure.trouble = trouble
  })
})

t.test(
  'a caller whose prompt no voice makes in time is asked to wait, and then goes the failure way',
  { timeout: 280_000 },
  async t => {
    await using google = await GoogleServer.start({ hasTongues: true })
    await using azure = await AzureServer.start({ hasTongues: true })
    const [one, other] = [throughGoogle(google), throughAzure(azure)]
    await using server = await TestParley.start({
      env: {
        ...one.env,
        ...other.env,
        PARLEY_SPEECH_REGIONS: 'eu,westeurope',
        // Each voice gets four seconds: the caller must have been given up before the third one speaks.
        PARLEY_MAX_SILENCE_MS: '600'
      },
      secrets: other.secrets
    })
    const tone = '{ tone: "%(400,0,700)" }'
    await server.publish(voiceFlow(0, `[${tone}, ${words(0)}]`))
    await server.addNumber(BOT_NUMBER, 'voice-0', 'de')
    await server.publish(voiceFlow(1, tone))
    await server.addNumber(MENU_NUMBER, 'voice-1', 'de')
    await whenChecked(server)
    google.trouble = { kind: 'slow' }
    azure.trouble = { kind: 'slow' }
    // A voice that has failed twice is not asked for a while.
    const cases: readonly (readonly [what: string, number: string, node: string])[] = [
      ['for the rest of a prompt', BOT_NUMBER, 'first'],
      ['for a prompt in the middle of the call', MENU_NUMBER, 'then']
    ]
    for (const [what, number, node] of cases)
      await t.test(what, async t => {
        const { phone, audio, ...rest } = await server.phone()
        await using _ = rest
        const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
        audio.connect((await leg.answered()).sdp).sendSilence()
        for (const hz of [700, WAIT_HZ, 300]) await audio.hears(hz)
        await leg.waitForBye()
        const { events } = await server.story(leg.callId)
        t.match(events.find(one => one.kind === 'silenceGivenUp')?.data, { silences: 5 })
        t.ok(
          events.some(one => one.kind === 'nodeLeft' && one.data['node'] === node && one.data['outcome'] === 'failed')
        )
        t.match(events.find(one => one.kind === 'promptFailed')?.data, { code: 'SILENT_TOO_LONG' })
      })
  }
)
