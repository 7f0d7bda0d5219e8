import { status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { isChecked, throughAzure, throughGoogle } from '../support/outside-speech.ts'
import { TestParley } from '../support/parley.ts'
import { AzureServer } from '../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../support/speech-servers/google-server.ts'
import { hearTones, sayInTones, type ToneWord } from '../support/speech-servers/tone-words.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import { BotCaller, botFlow } from './support.ts'

const MENU_NUMBER = '+12025550111'
const BOT_NUMBER = '+12025550119'
/** What asks to wait where there are no words for it. */
const WAIT_HZ = 330
/** Words in the language of tones. */
const HZ = { balance: 500, order: 700, delivery: 1_500 }

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
    prompt: { tone: "%(3000,0,440)" }
    choices: { "1": chosen }
    say: { "1": { de: [Bestellung] } }
    noInput: failed
    noMatch: failed
  chosen: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,880)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

/** Words that nobody has said before: prompts are kept, and made beforehand where nothing has to be filled in. */
const voiceFlow = (at: number) => `
id: voice-${at}
name: Voice ${at}
languages: [de]
defaultLanguage: de
start: first
onFailure: failed
nodes:
  first: { kind: say, bargeIn: false, prompt: { de: "Guten Tag und willkommen, {{ call.callerNumber }}, zum Versuch ${at}" }, next: tone }
  tone: { kind: say, bargeIn: false, prompt: [{ tone: "%(600,0,880)" }, { silenceMs: 700 }], next: then }
  then: { kind: say, bargeIn: false, prompt: { de: "Lieferung Lieferung {{ call.callerNumber }} ${at}" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

type Providers = Readonly<{ name: string; state: string; checks: readonly unknown[]; languages: readonly string[] }>[]

/** Until the check at the start is over: troubles that begin now are those of calls. */
async function whenChecked(server: TestParley): Promise<void> {
  const limit = AbortSignal.timeout(60_000)
  for (;;) {
    const items = (await server.api('GET', '/speech/providers')).body.items as Providers
    if (items.every(one => one.state === 'off' || isChecked(one))) return
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

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
    const faults: readonly (readonly [what: string, trouble: NonNullable<GoogleServer['trouble']>, code: string])[] = [
      ['down', { kind: 'status', code: status.UNAVAILABLE }, 'SYNTHESIS_FAILED'],
      ['silent, and calls it a success', { kind: 'silent' }, 'SYNTHESIS_EMPTY'],
      ['without any audio', { kind: 'empty' }, 'SYNTHESIS_EMPTY'],
      ['without an end', { kind: 'endless' }, 'SYNTHESIS_FAILED'],
      ['slow', { kind: 'slow' }, 'SYNTHESIS_TIMEOUT'],
      ['refused', { kind: 'status', code: status.UNAUTHENTICATED }, 'SYNTHESIS_REFUSED']
    ]
    for (const [at, [what, trouble, code]] of faults.entries())
      await t.test(what, async t => {
        await server.publish(voiceFlow(at))
        const number = `+1202555012${at}`
        await server.addNumber(number, `voice-${at}`, 'de')
        const { phone, audio, ...rest } = await server.phone()
        await using _ = rest
        google.trouble = trouble
        const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
        audio.connect((await leg.answered()).sdp).sendSilence()
        await audio.hearsSpeech()
        await audio.hears(880)
        google.trouble = null
        // Whoever works again speaks again; a key that was refused rests.
        if (code === 'SYNTHESIS_REFUSED') await audio.hearsSpeech()
        else await audio.hears(1_500)
        await leg.waitForBye()
        const { events } = await server.story(leg.callId)
        t.match(
          events.filter(one => one.kind === 'voiceFellOver'),
          [{ data: { from: 'google', to: 'espeak-ng', code } }]
        )
        t.notOk(events.some(one => one.kind === 'promptFailed'))
      })
  })
})

/** A word that arrives with a hole in it, on a busy machine, is said once more. */
async function saysUntil<T>(caller: BotCaller, word: ToneWord, happens: (limitMs: number) => Promise<T>): Promise<T> {
  const say = () => caller.audio.sendFrames(thenSilence(sayInTones([word], 400)))
  say()
  return await happens(12_000).catch(() => {
    say()
    return happens(40_000)
  })
}

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
    await server.publish(voiceFlow(0))
    await server.addNumber(BOT_NUMBER, 'voice-0', 'de')
    await whenChecked(server)
    google.trouble = { kind: 'slow' }
    azure.trouble = { kind: 'slow' }
    const { phone, audio, ...rest } = await server.phone()
    await using _ = rest
    const leg = phone.call(server.uri(BOT_NUMBER), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    await audio.hears(WAIT_HZ)
    await audio.hears(300)
    await leg.waitForBye()
    const { events } = await server.story(leg.callId)
    t.match(events.find(one => one.kind === 'silenceGivenUp')?.data, { silences: 5 })
    t.match(events.find(one => one.kind === 'promptFailed')?.data, { code: 'SILENT_TOO_LONG' })
  }
)
