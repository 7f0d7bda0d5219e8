import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { isChecked, throughAzure, throughGoogle } from '../support/outside-speech.ts'
import { TestParley } from '../support/parley.ts'
import { AzureServer } from '../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../support/speech-servers/google-server.ts'
import { OpenaiServer } from '../support/speech-servers/openai-server.ts'
import { hearTones, sayInTones, type ToneWord } from '../support/speech-servers/tone-words.ts'
import { createToneRecognizer, thenSilence } from '../support/tone-recognizer.ts'
import { BotCaller, botFlow } from './support.ts'

const MENU_NUMBER = '+12025550111'
const BOT_NUMBER = '+12025550119'
/** What asks to wait where there are no words for it. */
const WAIT_HZ = 330
/** Words in the language of tones. */
const HZ = { balance: 500, order: 700, delivery: 1_500, please: 2_500, thanks: 2_700 }

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
const words = (at: number) => `{ de: "Guten Tag und willkommen, {{ call.callerNumber }}, zum Versuch ${at}" }`
const voiceFlow = (at: number, first = words(at)) => `
id: voice-${at}
name: Voice ${at}
languages: [de]
defaultLanguage: de
start: first
onFailure: failed
nodes:
  first: { kind: say, bargeIn: false, prompt: ${first}, next: tone }
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

/** A language that one voice alone speaks. */
const LONE = 'mn'
const TROUBLE_HZ = 1_000

const GROWING = `
id: growing
name: Growing
languages: [${LONE}]
defaultLanguage: ${LONE}
start: ask
onFailure: failed
nodes:
  ask:
    kind: menu
    timeoutMs: 20000
    choices: { "1": chosen }
    say: { "1": { ${LONE}: [order] } }
    prompt:
      - { ${LONE}: "order delivery {{ call.callerNumber }}" }
      - { ${LONE}: "please thanks {{ call.callerNumber }}" }
      - { tone: "%(60000,0,880)" }
  chosen: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

const BREAKING = `
id: breaking
name: Breaking
languages: [${LONE}]
defaultLanguage: ${LONE}
start: welcome
onFailure: trouble
nodes:
  welcome: { kind: say, prompt: { ${LONE}: "balance address number {{ call.callerNumber }}" }, next: trouble }
  trouble:
    kind: menu
    prompt: { file: { ${LONE}: trouble } }
    choices: { "1": people }
  people: { kind: queue, queue: people, overflow: nobody }
  nobody: { kind: say, prompt: { tone: "%(600,0,1200)" }, next: bye }
  bye: { kind: hangup }
`

t.test('prompts of flows are heard while they are made', { timeout: 280_000 }, async t => {
  await using openai = await OpenaiServer.start()
  await using server = await TestParley.start({
    env: {
      PARLEY_OPENAI_SPEECH_URL: openai.url,
      PARLEY_OPENAI_SPEECH_TTS_MODEL: 'tones',
      PARLEY_OPENAI_SPEECH_LANGUAGES: LONE
    },
    recognizers: [createToneRecognizer({ languages: [LONE], texts: { [HZ.order]: 'order' }, sameWithinMs: 2_000 })]
  })
  const dial = async (number: string) => {
    const { phone, audio, ...rest } = await server.phone()
    const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    return { audio, leg, rest }
  }
  await server.publish(GROWING)
  await server.addNumber('+12025550131', 'growing', LONE)
  await server.api('POST', '/queues', { name: 'people' })
  await server.publish(BREAKING)
  await server.addNumber('+12025550132', 'breaking', LONE)
  await server.publish(
    botFlow()
      .replaceAll('[en]', `[${LONE}]`)
      .replace('Language: en', `Language: ${LONE}`)
      .replace('kind: bot', `kind: bot\n    disclosure: { ${LONE}: thanks number }`)
      .replace(
        'kind: queue, queue: support, overflow: sorry',
        'kind: say, prompt: { tone: "%(900,0,1300)" }, next: end'
      )
  )
  await server.addNumber('+12025550133', 'bot', LONE)
  const recordings = join(server.dataDir, 'recorded-prompts', LONE)
  await mkdir(recordings, { recursive: true })
  const trouble = generateTone({ frequenciesHz: [TROUBLE_HZ], durationMs: 5_000, amplitude: 8_000 })
  await writeFile(join(recordings, 'trouble.wav'), writeWav({ sampleRateHz: 8_000, channels: 1, samples: trouble }))
  /** Holds words back, from the first but one of each prompt, until it is called. */
  const holdBack = () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    openai.beforeWord = async at => {
      if (at > 0) await released
    }
    return release
  }

  await t.test('a key stops what is heard and what is still made; it is kept for the next caller', async t => {
    const release = holdBack()
    const { audio, leg, rest } = await dial('+12025550131')
    await audio.hears(HZ.order)
    audio.sendDigits('1')
    await audio.hears(1_200)
    release()
    await leg.waitForBye()
    await rest[Symbol.asyncDispose]()
    const { events } = await server.story(leg.callId)
    t.match(events.find(one => one.kind === 'promptStarted')?.data, { prompts: 3, ready: 'made' })
    t.match(events.find(one => one.kind === 'bargedIn')?.data, { by: 'key', prompt: 0 })
    const hasMade = () => openai.forms.length === 2
    t.ok(hasMade())

    // As soon as it is whole.
    openai.beforeWord = null
    const next = await dial('+12025550131')
    for (const hz of [HZ.order, HZ.delivery, HZ.please, HZ.thanks, 880]) await next.audio.hears(hz)
    next.audio.sendDigits('1')
    await next.audio.hears(1_200)
    await next.leg.waitForBye()
    await next.rest[Symbol.asyncDispose]()
    t.ok(hasMade(), 'nobody is asked for it again')
  })

  await t.test('the first word is heard before the others are made, and all parts come in order', async t => {
    await server.publish(GROWING.replaceAll('order delivery', 'order delivery now'))
    const release = holdBack()
    const { audio, leg, rest } = await dial('+12025550131')
    await audio.hears(HZ.order)
    await audio.hearsSilence()
    release()
    for (const hz of [HZ.delivery, HZ.please, HZ.thanks, 880]) await audio.hears(hz)
    audio.sendDigits('1')
    await audio.hears(1_200)
    await leg.waitForBye()
    await rest[Symbol.asyncDispose]()
    const words = hearTones(audio.captured()).map(one => one.word)
    t.match(words.join(' '), /order delivery please thanks/)
    const barged = (await server.story(leg.callId)).events.find(one => one.kind === 'bargedIn')?.data
    t.match(barged, { by: 'key', prompt: 2 })
    const { heardMs, promptHeardMs } = barged as { heardMs: number; promptHeardMs: number }
    t.ok(promptHeardMs < heardMs - 400, `${promptHeardMs} ms of the tone after four words, ${heardMs} ms in all`)
  })

  await t.test('every voice breaks off: the caller hears a recording, presses a key and is led to a queue', async t => {
    const { promise: heard, resolve: hasHeard } = Promise.withResolvers<void>()
    openai.beforeWord = async at => {
      if (at === 0) return
      await heard
      throw new Error('the voice is lost')
    }
    const { audio, leg, rest } = await dial('+12025550132')
    await audio.hears(HZ.balance)
    hasHeard()
    await audio.hears(TROUBLE_HZ)
    audio.sendDigits('1')
    await audio.hears(1_200)
    await leg.waitForBye()
    await rest[Symbol.asyncDispose]()
    openai.beforeWord = null
    const { events } = await server.story(leg.callId)
    t.match(events.find(one => one.kind === 'promptFailed')?.data, { code: 'SYNTHESIS_FAILED' })
    t.match(
      events.filter(one => one.kind === 'nodeLeft').map(one => [one.data['node'], one.data['outcome']]),
      [
        ['welcome', 'failed'],
        ['trouble', 'key 1'],
        ['people', 'noAgents'],
        ['nobody', 'next']
      ]
    )
  })

  await t.test('every voice breaks off in a bot’s answer: the caller is led to a person', async t => {
    const title = 'Your order'
    const body = 'Whoever has an order may cancel the invoice and change the balance tomorrow.'
    const { body: article } = await server.api('POST', '/knowledge-articles', { language: LONE, title, body })
    await server.api('POST', `/knowledge-articles/${article['id']}/publish`, { version: 1 })
    await using caller = await BotCaller.call(server, '+12025550133')
    await caller.greeted()
    const { promise: heard, resolve: hasHeard } = Promise.withResolvers<void>()
    openai.beforeWord = async at => {
      if (at === 0) return
      await heard
      throw new Error('the voice is lost')
    }
    caller.audio.forget()
    await saysUntil(caller, 'order', limitMs => caller.audio.hears(HZ.order, { limitMs }))
    hasHeard()
    // What a bot says of itself, it says in English where it has no words: by another voice.
    await caller.audio.hearsSpeech()
    await caller.audio.hears(1_300)
    openai.beforeWord = null
    t.match(await caller.until('promptFailed'), { code: 'SYNTHESIS_FAILED' })
    t.match(await caller.until('botHandedOver'), { reason: 'fault' })
  })
})

t.test('two callers need the same new words at once', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughGoogle(google))
  await whenChecked(server)
  const flow = (id: string) => `
id: ${id}
name: ${id}
languages: [de]
defaultLanguage: de
start: first
onFailure: failed
nodes:
  first: { kind: say, prompt: { de: "Bestellung Lieferung {{ call.callerNumber }} ${id}" }, next: tone }
  tone: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,880)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`
  const asked = (id: string) => google.configs.filter(one => JSON.stringify(one).includes(id)).length
  /** Both, after each has heard the first word while the voice waits before the second. */
  const dialBoth = async (id: string, number: string, stack: AsyncDisposableStack) => {
    await server.publish(flow(id))
    await server.addNumber(number, id, 'de')
    const calls = []
    for (let at = 0; at < 2; at += 1) {
      const { phone, audio } = stack.use(await server.phone())
      const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
      audio.connect((await leg.answered()).sdp).sendSilence()
      await audio.hears(HZ.order)
      calls.push({ audio, leg })
    }
    return calls
  }

  await t.test('both hear them while they are made, of one voice that is asked once', async t => {
    await using stack = new AsyncDisposableStack()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    google.beforeWord = async at => {
      if (at > 0) await released
    }
    const calls = await dialBoth('einmal', '+12025550141', stack)
    // Only now is the rest made.
    release()
    await Promise.all(
      calls.map(async ({ audio, leg }) => {
        await audio.hears(HZ.delivery)
        await audio.hears(880)
        await leg.waitForBye()
      })
    )
    for (const { leg } of calls) {
      const { events } = await server.story(leg.callId)
      t.match(events.find(one => one.kind === 'promptStarted')?.data, { ready: 'made' })
      t.notOk(events.some(one => one.kind === 'voiceFellOver' || one.kind === 'promptFailed'))
    }
    t.equal(asked('einmal'), 1)
  })

  await t.test('the voice breaks off: both hear the next one, and both stories say so', async t => {
    await using stack = new AsyncDisposableStack()
    const { promise: broken, resolve: breakOff } = Promise.withResolvers<void>()
    google.beforeWord = async at => {
      if (at === 0) return
      await broken
      throw new Error('the voice is lost')
    }
    const calls = await dialBoth('gebrochen', '+12025550142', stack)
    for (const { audio } of calls) {
      await audio.hearsSilence()
      audio.forget()
    }
    breakOff()
    await Promise.all(
      calls.map(async ({ audio, leg }) => {
        await audio.hearsSpeech()
        await audio.hears(880)
        await leg.waitForBye()
      })
    )
    for (const { leg } of calls) {
      const { events } = await server.story(leg.callId)
      t.match(
        events.filter(one => one.kind === 'voiceFellOver'),
        [{ data: { from: 'google', to: 'espeak-ng', code: 'SYNTHESIS_FAILED' } }]
      )
      t.notOk(events.some(one => one.kind === 'promptFailed'))
    }
    google.beforeWord = null
    t.equal(asked('gebrochen'), 1)
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
