import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { levelDbov } from '../../../media/audio/speech-energy.ts'
import { TestParley } from '../../support/parley.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../../support/tone-recognizer.ts'

const TEXTS = {
  500: { text: 'zweihundert', confidence: 0.6 },
  700: { text: 'einundfünfzig', confidence: 0.6 },
  900: 'ja',
  1100: 'nein',
  1300: 'fünf',
  1500: 'Deutsch'
}

const ZONES = `
stores: { local: { kind: folder } }
zones:
  - { id: heard, countries: [DE, ES, US], store: local, processors: [asr.example.com], reason: test }
  - { id: unheard, countries: [FR], store: local, reason: test }
`

const LANGUAGES = `
id: languages
name: Languages
languages: [en, de]
defaultLanguage: en
start: choose
onFailure: bye
nodes:
  choose:
    kind: language
    remember: true
    prompt: { tone: "%(4000,0,440)" }
    choices: { "1": { language: en, say: [English] }, "2": { language: de, say: [Deutsch] } }
    next: byLanguage
  byLanguage:
    kind: branch
    cases: [{ when: 'call.language = "de"', next: german }]
    otherwise: english
  german: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  english: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`

const flow = (requestUrl: string, id = 'answers', start = 'number') => `
id: ${id}
name: Flow ${id}
languages: [de, es]
defaultLanguage: de
start: ${start}
onFailure: other
vars: { number: { type: number } }
nodes:
  consent: { kind: consent, objection: { tone: "%(300,0,550)" }, next: number }
  number:
    kind: gather
    prompt: { tone: "%(6000,0,440)" }
    speech: { kind: number, least: 100, confirm: { prompt: { tone: "%(6000,0,660)" } } }
    attempts: 1
    save: number
    next: ask
    noMatch: other
  ask: { kind: request, url: "${requestUrl}", timeoutMs: 20000, next: byNumber }
  byNumber: { kind: branch, cases: [{ when: 'vars.number = 251', next: right }], otherwise: other }
  right: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  other: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`

t.test('callers answer by voice', { timeout: 280_000 }, async t => {
  const asked: ServerResponse[] = []
  const service = createServer((_, response) => {
    asked.push(response)
    service.emit('asked')
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  t.teardown(() => service.close())
  const folder = await mkdtemp(join(tmpdir(), 'parley-zones-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const zones = join(folder, 'storage.yaml')
  await writeFile(zones, ZONES)
  await using server = await TestParley.start({
    env: { PARLEY_MAX_SILENCE_MS: '1000', PARLEY_STORAGE_FILE: zones },
    recognizers: [
      createToneRecognizer({ languages: ['de'], texts: TEXTS, host: 'asr.example.com', region: 'eu' }),
      createToneRecognizer({ languages: ['en'], texts: { 1500: { text: 'doors itch', confidence: 0.97 } } }),
      createToneRecognizer({ languages: ['es'], texts: { 500: 'doscientos' }, thinksMs: 30_000 })
    ]
  })
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`
  await server.publish(flow(url))
  // Who does not object has given leave; then the zones alone decide.
  await server.publish(flow(url, 'agreed', 'consent'))
  await server.addNumber('+12025550104', 'answers', 'de')
  await server.addNumber('+34910000100', 'answers', 'es')
  await server.addNumber('+33199000100', 'agreed', 'de')
  await server.publish(LANGUAGES)
  await server.addNumber('+12025550100', 'languages')
  const call = async (number: string) => {
    const caller = await server.phone()
    const leg = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await leg.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    return { ...caller, leg, [Symbol.asyncDispose]: caller[Symbol.asyncDispose] }
  }

  await t.test('an unsure answer is confirmed, and a slow service does not leave the caller in silence', async t => {
    await using caller = await call('+12025550104')
    const { audio, leg } = caller
    const requested = once(service, 'asked')
    audio.sendFrames(thenSilence(toneSpeech([500, 700])))
    await audio.hears(660)
    audio.sendFrames(thenSilence(toneSpeech([900])))
    await requested
    await audio.hearsSilence()
    const { promise: filled, resolve } = Promise.withResolvers<void>()
    audio.onFrame = pcm => {
      if (levelDbov(pcm) > -40) resolve()
    }
    await filled
    asked.pop()?.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    await audio.hears(1200)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    const left = story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'number')
    t.match(left?.data, { outcome: 'next', detail: { by: 'speech', confidence: 0.6, confirmed: true } })
    t.ok(story.events.some(one => one.kind === 'silenceFilled'))
    t.notOk(/zweihundert|einundf/.test(JSON.stringify(story)), 'what was said stays out of the story')
  })

  await t.test('an answer that is denied, and one that cannot be right, do not pass', async t => {
    for (const [first, denied] of [
      [[500, 700], true],
      [[1300], false]
    ] as const) {
      await using caller = await call('+12025550104')
      const { audio, leg } = caller
      audio.sendFrames(thenSilence(toneSpeech(first)))
      if (denied) {
        await audio.hears(660)
        audio.sendFrames(thenSilence(toneSpeech([1100])))
      }
      await audio.hears(300)
      await leg.waitForBye()
      const story = await server.story(leg.callId)
      const left = story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'number')
      t.match(left?.data, { outcome: 'noMatch' })
    }
  })

  await t.test('the language is chosen by voice, against a recogniser that is sure of nonsense, and kept', async t => {
    await using caller = await call('+12025550100')
    const { audio, leg } = caller
    audio.sendFrames(thenSilence(toneSpeech([1500])))
    await audio.hears(1200)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    const left = story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'choose')
    t.match(left?.data, { detail: { language: 'de', by: 'speech' } })
    await using again = await server.phone()
    const next = again.phone.call(server.uri('+12025550100'), { sdp: again.audio.sdp() })
    again.audio.connect((await next.answered()).sdp).sendSilence()
    await again.audio.hears(1200)
    await next.waitForBye()
    const later = await server.story(next.callId)
    t.match(later.events.find(one => one.kind === 'nodeLeft')?.data, { detail: { language: 'de', by: 'earlierCall' } })
  })

  await t.test('where the law of a place does not let a host outside hear callers, keys alone are used', async t => {
    await using caller = await call('+33199000100')
    const { audio, leg } = caller
    audio.sendDigits('5#')
    await audio.hears(300)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    t.match(
      story.events.filter(one => one.kind === 'speechUnavailable').map(one => one.data),
      [
        { language: 'de', code: 'SPEECH_NOT_HERE' },
        { language: 'de', code: 'SPEECH_MISSING' }
      ]
    )
  })

  await t.test('a recogniser that thinks for too long is not waited for', async t => {
    await using caller = await call('+34910000100')
    const { audio, leg } = caller
    audio.sendFrames(thenSilence(toneSpeech([500])))
    await audio.hears(300)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    t.match(
      story.events.filter(one => one.kind === 'speechFailed').map(one => one.data),
      [{ code: 'SPEECH_TIMEOUT' }]
    )
  })
})
