import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ToneDetector, toneShare } from '../../../media/audio/goertzel.ts'
import { pino } from 'pino'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { SynthesizerChain } from '../../../media/prompts/synthesizer-chain.ts'
import { ProviderHealth } from '../../../media/speech/provider-health.ts'
import { createPocketsphinx } from '../../../media/speech/providers/pocketsphinx.ts'
import { RecognizerChain } from '../../../media/speech/recognizer-chain.ts'
import { checkSpeech } from '../../../media/speech/synthetic-check.ts'
import { Baresip } from '../../support/baresip.ts'
import { TestParley } from '../../support/parley.ts'
import { SPOKEN_MENU } from '../../support/spoken-menu.ts'

const MODEL = '/usr/share/pocketsphinx/model/en-us'
const NUMBER = '+12025550100'
const PHRASES = ['sales', 'customer support', 'opening hours', 'operator']
const silent = pino({ level: 'silent' })

if (!existsSync(MODEL)) throw new Error('this test needs PocketSphinx and its English model')
const espeak = createEspeak(silent)
t.teardown(() => espeak[Symbol.asyncDispose]())
/** Says something once, and is quiet from then on, as a phone is that goes on sending. */
function thenSilence(samples: Int16Array): () => Int16Array {
  let at = 0
  return () => {
    const frame = new Int16Array(160)
    frame.set(samples.subarray(at, at + 160))
    at += 160
    return frame
  }
}
/** Words, and then quiet until long after the call. */
function saidOnce(words: Int16Array): Int16Array {
  const all = new Int16Array(words.length + 60 * 8_000)
  all.set(words)
  return all
}
/** For how long a tone was heard at most without a break, in milliseconds. */
function longestToneMs(samples: Int16Array, hz: number): number {
  const detector = new ToneDetector([hz])
  let longestMs = 0
  for (let at = 0; at < samples.length; at += 320) {
    detector.push(samples.subarray(at, at + 320))
    longestMs = Math.max(longestMs, detector.heardMs)
  }
  return longestMs
}
/** As a listener hands it over: with the quiet before and after. */
function padded(samples: Int16Array): Int16Array {
  const all = new Int16Array(samples.length + 4_000)
  all.set(samples, 2_000)
  return all
}

const say = (text: string, language = 'en') => espeak.synthesize(text, language, AbortSignal.timeout(20_000))

t.test(
  'a process that has just died fails whoever asks it and not the server, and the next one is answered',
  async t => {
    await using recognizer = createPocketsphinx(MODEL, silent)
    if (recognizer === null) throw new Error('PocketSphinx is not installed')
    const request = { language: 'en', phrases: PHRASES }
    const limit = () => AbortSignal.timeout(20_000)
    await recognizer.prepare(request, limit())
    const { pid: own } = process
    const children = readFileSync(`/proc/${own}/task/${own}/children`, 'utf8').trim().split(' ')
    const child = children.find(one => readFileSync(`/proc/${one}/cmdline`, 'utf8').includes('pocketsphinx-program'))
    process.kill(Number(child), 'SIGKILL')
    // Dead, and this program has not heard of it yet.
    while (!/\) [ZX] /.test(readFileSync(`/proc/${child}/stat`, 'utf8')));
    await t.rejects(recognizer.prepare(request, limit()), { code: 'SPEECH_FAILED' })
    await t.resolves(recognizer.prepare(request, limit()))
  }
)

t.test('where no process can be started nobody listens, and the server goes on', async t => {
  await using recognizer = createPocketsphinx(MODEL, silent)
  if (recognizer === null) throw new Error('PocketSphinx is not installed')
  const request = { language: 'en', phrases: PHRASES }
  const { execPath } = process
  process.execPath = '/nowhere/node'
  const ready = recognizer.prepare(request, AbortSignal.timeout(20_000))
  process.execPath = execPath
  await t.rejects(ready, { code: 'SPEECH_MISSING' })
  await t.resolves(recognizer.prepare(request, AbortSignal.timeout(20_000)))
})

t.test(
  'each of many who answer at once is understood; a process that hangs is ended',
  { timeout: 280_000 },
  async t => {
    const limitMs = 1_500
    await using recognizer = createPocketsphinx(MODEL, silent, limitMs)
    if (recognizer === null) throw new Error('PocketSphinx is not installed')
    const request = { language: 'en', phrases: PHRASES }
    await recognizer.prepare(request, AbortSignal.timeout(20_000))
    const samples = padded(await say('opening hours'))
    const hear = async () => {
      using stream = recognizer.open(request)
      stream.write(samples)
      return await stream.finish()
    }
    const startedAtMs = performance.now()
    const heard = await Promise.all(Array.from({ length: 60 }, hear))
    t.ok(performance.now() - startedAtMs > limitMs)
    t.same(new Set(heard.map(one => one?.text)), new Set(['opening hours']))
    const { pid: own } = process
    const children = readFileSync(`/proc/${own}/task/${own}/children`, 'utf8').trim().split(' ')
    const child = children.find(one => readFileSync(`/proc/${one}/cmdline`, 'utf8').includes('pocketsphinx-program'))
    process.kill(Number(child), 'SIGSTOP')
    await t.rejects(hear(), { code: 'SPEECH_TIMEOUT' })
  }
)

t.test('phrases are told apart, and what fits none of them is given little credit', { timeout: 280_000 }, async t => {
  await using recognizer = createPocketsphinx(MODEL, silent)
  if (recognizer === null) throw new Error('PocketSphinx is not installed')
  const request = { language: 'en', phrases: PHRASES }
  const hear = async (text: string) => {
    using stream = recognizer.open(request)
    const samples = padded(await say(text))
    for (let at = 0; at < samples.length; at += 160) stream.write(samples.subarray(at, at + 160))
    return await stream.finish()
  }
  for (const phrase of PHRASES) {
    const found = await hear(phrase)
    t.equal(found?.text, phrase)
    t.ok((found?.confidence ?? 0) >= 0.3, `${phrase}: ${found?.confidence}`)
  }
  for (const other of ['I would like to eat a sandwich with cheese', 'the quick brown fox jumps over the dog']) {
    const found = await hear(other)
    t.ok((found?.confidence ?? 0) < 0.3, `${other}: ${found?.text} ${found?.confidence}`)
  }
  const health = new ProviderHealth()
  const voices = new SynthesizerChain([espeak], [])
  const checked = await checkSpeech(
    { voices, chain: new RecognizerChain([], []), closed: [{ recognizer, health }] },
    AbortSignal.timeout(60_000)
  )
  t.match(
    checked.filter(one => one.kind === 'recognizer'),
    [{ name: 'pocketsphinx', result: { language: 'en', isOk: true, heard: 1, code: null } }],
    'it passes the hourly check'
  )
  t.equal(health.state, 'ok')
  await t.rejects(
    recognizer.prepare({ language: 'en', phrases: ['zzyzx'] }, AbortSignal.timeout(10_000)),
    { code: 'SPEECH_PHRASE_UNKNOWN' },
    'a word that the dictionary does not have is said so'
  )
})

t.test('callers speak into a menu', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.publish(SPOKEN_MENU)
  await server.addNumber(NUMBER, 'spoken-menu')
  await server.addNumber('+493023125100', 'spoken-menu', 'de')
  const call = async (number: string) => {
    const { phone, audio, ...rest } = await server.phone()
    const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    await audio.hears(440)
    return { leg, audio, rest }
  }

  await t.test('speaking stops the prompt and takes the way of its phrase', async t => {
    const { leg, audio, rest } = await call(NUMBER)
    audio.sendFrames(thenSilence(await say('customer support')))
    await audio.hears(1200)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    const left = story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'menu')
    t.match(left?.data, { outcome: 'key 2', detail: { key: '2', by: 'speech' } })
    t.ok(story.events.some(one => one.kind === 'speechHeard'))
    t.notOk(JSON.stringify(story).includes('customer support'), 'what was said stays out of the story')
    await rest[Symbol.asyncDispose]()
  })

  await t.test('a stock phone says its choice, whenever it is asked, and hears where that leads', async t => {
    const words = saidOnce(await say('customer support'))
    await using phone = await Baresip.start(saidOnce(new Int16Array()))
    phone.command('dial', server.uri(NUMBER))
    const isOver = () => phone.has('CALL_CLOSED')
    for (;;) {
      await phone.untilHeard(last => isOver() || toneShare(last, 440) > 0.5, 120_000)
      if (isOver()) break
      await phone.say(words)
      await phone.untilHeard(last => isOver() || toneShare(last, 440) < 0.1, 120_000)
    }
    const heard = await phone.heard()
    t.ok(longestToneMs(heard, 1200) > 400, 'the branch of what was said is heard')
    for (const other of [880, 1600, 600, 2000, 300]) t.ok(longestToneMs(heard, other) < 200, `no ${other} Hz`)
    const story = await server.story()
    t.match(story, { endReason: 'flowHungUp' })
    const left = story.events.filter(one => one.kind === 'nodeLeft' && one.data['node'] === 'menu')
    t.match(left.at(-1)?.data, { outcome: 'key 2', detail: { key: '2', by: 'speech' } })
  })

  await t.test('keys always work, also while a recogniser listens', async t => {
    const { leg, audio, rest } = await call(NUMBER)
    audio.sendDigits('1')
    await audio.hears(880)
    await leg.waitForBye()
    t.match(await server.story(leg.callId), { endReason: 'flowHungUp' })
    await rest[Symbol.asyncDispose]()
  })

  await t.test('where nobody understands the language the menu is one of keys, and the story says so once', async t => {
    const { leg, audio, rest } = await call('+493023125100')
    audio.sendFrames(thenSilence(await say('Mitarbeiter', 'de')))
    audio.sendDigits('3')
    await audio.hears(1600)
    await leg.waitForBye()
    const story = await server.story(leg.callId)
    const said = story.events.filter(one => one.kind === 'speechUnavailable')
    t.match(said, [{ data: { language: 'de', code: 'SPEECH_MISSING' } }])
    t.equal(said.length, 1)
    await rest[Symbol.asyncDispose]()
  })
})
