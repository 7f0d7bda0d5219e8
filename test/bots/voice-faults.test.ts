import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { throughAzure, throughGoogle } from '../support/outside-speech.ts'
import { TestParley } from '../support/parley.ts'
import { AzureServer } from '../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../support/speech-servers/google-server.ts'
import { OpenaiServer } from '../support/speech-servers/openai-server.ts'
import { hearTones } from '../support/speech-servers/tone-words.ts'
import { createToneRecognizer } from '../support/tone-recognizer.ts'
import { eachVoiceFault, HZ, saysUntil, type VoiceFault, voiceFlow, whenChecked } from './provider-support.ts'
import { BotCaller, botFlow } from './support.ts'

const NUMBER = '+12025550111'

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

t.test('a caller to whom Azure does not speak hears every prompt all the same', { timeout: 280_000 }, async t => {
  await using azure = await AzureServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughAzure(azure))
  await whenChecked(server)

  await t.test('it breaks off in the middle of a sentence: the next voice says all of it', async t => {
    await server.publish(voiceFlow(9, '{ de: "Bestellung Lieferung {{ call.callerNumber }}" }'))
    await server.addNumber(NUMBER, 'voice-9', 'de')
    const { promise: heard, resolve: hasHeard } = Promise.withResolvers<void>()
    azure.beforeWord = async at => {
      if (at === 0) return
      await heard
      azure.beforeWord = null
      throw new Error('the voice is lost')
    }
    const { phone, audio, ...rest } = await server.phone()
    await using _ = rest
    const leg = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    await audio.hears(HZ.order)
    await audio.hearsSilence()
    hasHeard()
    await audio.hearsSpeech()
    await audio.hears(880)
    // The next prompt is Azure's again.
    await audio.hears(HZ.delivery)
    await leg.waitForBye()
    const { events } = await server.story(leg.callId)
    t.match(
      events.filter(one => one.kind === 'voiceFellOver'),
      [{ data: { from: 'azure', to: 'espeak-ng', code: 'SYNTHESIS_FAILED' } }]
    )
    t.notOk(events.some(one => one.kind === 'promptFailed'))
  })

  const faults: readonly VoiceFault<NonNullable<AzureServer['trouble']>>[] = [
    ['it is down', { kind: 'refuse', status: 503 }, 'SYNTHESIS_FAILED'],
    ['it hangs up before it speaks', { kind: 'close', code: 1011, afterMs: 0, times: 99 }, 'SYNTHESIS_FAILED'],
    ['it is silent, and calls it a success', { kind: 'silent' }, 'SYNTHESIS_EMPTY'],
    ['it says nothing, and calls it a success', { kind: 'empty' }, 'SYNTHESIS_EMPTY'],
    ['it does not end', { kind: 'endless' }, 'SYNTHESIS_FAILED'],
    ['it takes 25 s', { kind: 'slow', ms: 25_000 }, 'SYNTHESIS_TIMEOUT'],
    ['it has too many requests', { kind: 'refuse', status: 429 }, 'SYNTHESIS_QUOTA'],
    ['the key was revoked', { kind: 'refuse', status: 401 }, 'SYNTHESIS_REFUSED']
  ]
  await eachVoiceFault(t, server, 'azure', faults, trouble => {
    azure.trouble = trouble
  })
})
