import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { joinSamples } from '../../../media/audio/pcm.ts'
import { generateNoise } from '../../../media/audio/tone.ts'
import type { BatchRecognizer, SpokenWord } from '../../../media/speech/batch-recognizer.ts'
import { createSherpaBatch } from '../../../media/speech/providers/sherpa-batch.ts'
import { readSherpaModels } from '../../../media/speech/providers/sherpa-models.ts'
import { wordsOf } from '../../../media/speech/providers/sherpa-words.ts'
import { spokenStretches } from '../../../media/speech/spoken-stretches.ts'
import { sayInTones } from '../../support/speech-servers/tone-words.ts'
import { type ToneRecordingFault, writeToneRecordingModel } from '../../support/tone-recording-model.ts'
import { writeToneWhisper } from '../../support/tone-whisper-model.ts'

const LOG = pino({ level: 'silent' })
const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(60_000)
const quiet = (ms: number) => new Int16Array(ms * 8)

/** The library with a network that hears the language of tones. */
async function open(t: Test, fault?: ToneRecordingFault): Promise<BatchRecognizer> {
  const folder = t.testdir({})
  await writeToneRecordingModel(join(folder, 'tones'), ['en'], fault)
  const {
    hearing: [found]
  } = await readSherpaModels(folder)
  const recognizer = createSherpaBatch(found!, LOG)
  t.teardown(() => recognizer[Symbol.asyncDispose]())
  return recognizer
}

/** Times may be wrong by two of the network’s frames of 40 ms. */
function isAt(t: Test, word: SpokenWord | undefined, text: string, startMs: number, endMs: number): void {
  t.equal(word?.text, text)
  const { startMs: from = Number.NaN, endMs: to = Number.NaN } = word ?? {}
  t.ok(Math.abs(from - startMs) <= 80, `${text} begins at ${from}, not ${startMs}`)
  t.ok(to > from && Math.abs(to - endMs) <= 200, `${text} ends at ${to}, not ${endMs}`)
}

t.test('a network on this machine hears recordings', OPEN, async t => {
  const recognizer = await open(t)
  t.match(recognizer, { name: 'sherpa-tones', languages: ['en'], host: null, region: null, centsPerMinute: 0 })

  await t.test('each side apart, with the time of each word', async t => {
    const left = joinSamples([
      quiet(2_000),
      sayInTones(['order', 'order'], 300),
      quiet(3_000),
      sayInTones(['agent'], 300)
    ])
    const right = joinSamples([quiet(4_000), sayInTones(['delivery', 'balance'], 300)])
    const heard = await recognizer.recognize({ left, right }, 'en-GB', LIMIT())
    isAt(t, heard.left[0], 'order', 2_000, 2_300)
    isAt(t, heard.left[1], 'order', 2_400, 2_700)
    isAt(t, heard.left[2], 'agent', 5_800, 6_100)
    t.equal(heard.left.length, 3)
    isAt(t, heard.right[0], 'delivery', 4_000, 4_300)
    isAt(t, heard.right[1], 'balance', 4_400, 4_700)
    t.equal(heard.right.length, 2)
  })

  await t.test('speech without a pause is cut where it is quietest, and no word is lost', async t => {
    const words = Array.from({ length: 100 }, (_, at) => (['order', 'agent', 'invoice'] as const)[at % 3] ?? 'order')
    const left = sayInTones(words, 300)
    t.ok(left.length / 8_000 > 28)
    const heard = await recognizer.recognize({ left, right: null }, 'en', LIMIT())
    t.same(
      heard.left.map(one => one.text),
      words
    )
    isAt(t, heard.left[99], 'order', 39_600, 39_900)
    t.same(heard.right, [])
  })

  await t.test('neither silence nor a humming line is speech', async t => {
    const heard = await recognizer.recognize({ left: quiet(5_000), right: generateNoise(40_000, 30) }, 'en', LIMIT())
    t.same(heard, { left: [], right: [] })
  })

  await t.test('several recordings at once are not mixed up', async t => {
    const said = [['order'], ['agent', 'invoice'], ['delivery', 'balance', 'order']] as const
    const heard = await Promise.all(
      said.map(words => recognizer.recognize({ left: sayInTones(words, 300), right: null }, 'en', LIMIT()))
    )
    t.same(
      heard.map(one => one.left.map(word => word.text)),
      said
    )
  })

  await t.test('what it does not understand it refuses, and whoever gives up hears why', async t => {
    const audio = { left: sayInTones(['order'], 300), right: null }
    await t.rejects(recognizer.recognize(audio, 'de', LIMIT()), { code: 'SPEECH_LANGUAGE_UNKNOWN' })
    await t.rejects(recognizer.recognize(audio, 'en', AbortSignal.abort(new Error('stop'))), { message: 'stop' })
  })
})

t.test('Whisper is told the language, and gives what was said between two pauses as a whole', OPEN, async t => {
  const folder = t.testdir({})
  await writeToneWhisper(join(folder, 'whisper'))
  const {
    hearing: [found]
  } = await readSherpaModels(folder)
  await using recognizer = createSherpaBatch(found!, LOG)
  const said = joinSamples([
    sayInTones(['order', 'order', 'agent'], 300),
    quiet(2_000),
    sayInTones(['delivery'], 300),
    quiet(1_000)
  ])
  for (const [language, first, second] of [
    ['en', 'order order agent', 'delivery'],
    ['de-AT', 'Bestellung Bestellung Mitarbeiter', 'Lieferung'],
    ['en', 'order order agent', 'delivery']
  ] as const) {
    const { left, right } = await recognizer.recognize({ left: said, right: quiet(5_000) }, language, LIMIT())
    isAt(t, left[0], first, 0, 1_300)
    isAt(t, left[1], second, 3_000, 3_700)
    t.equal(left.length, 2)
    t.same(right, [], 'nothing is written into silence')
  }
  await t.rejects(recognizer.recognize({ left: said, right: null }, 'fr', LIMIT()), { code: 'SPEECH_LANGUAGE_UNKNOWN' })
})

t.test('a Whisper that tells to what it listened gives the time of each word', OPEN, async t => {
  const folder = t.testdir({})
  await writeToneWhisper(join(folder, 'whisper'), true)
  const {
    hearing: [found]
  } = await readSherpaModels(folder)
  await using recognizer = createSherpaBatch(found!, LOG)
  const left = joinSamples([quiet(2_000), sayInTones(['order', 'agent', 'delivery'], 300)])
  const heard = (await recognizer.recognize({ left, right: null }, 'en', LIMIT())).left
  t.same(
    heard.map(one => one.text),
    ['order', 'agent', 'delivery']
  )
  for (const [at, word] of heard.entries()) {
    const spokenMs = 2_000 + at * 400
    // What lies between two words is given to either of them.
    t.ok(Math.abs(word.startMs - spokenMs) <= 250, `${word.text} begins at ${word.startMs}, not ${spokenMs}`)
    t.ok(word.endMs > word.startMs && word.endMs <= spokenMs + 550, `${word.text} ends at ${word.endMs}`)
  }
})

t.test('a model that is not whole fails with a code instead of ending the server', OPEN, async t => {
  const audio = { left: sayInTones(['order'], 300), right: null }

  await t.test('one whose file was taken away is not started', async t => {
    const folder = t.testdir({})
    await writeToneRecordingModel(join(folder, 'tones'), ['en'])
    const {
      hearing: [found]
    } = await readSherpaModels(folder)
    await rm(join(folder, 'tones', 'model.onnx'))
    await using recognizer = createSherpaBatch(found!, LOG)
    await t.rejects(recognizer.recognize(audio, 'en', LIMIT()), { code: 'SPEECH_MISSING' })
  })

  await t.test('one that breaks while it listens ends its process, and is started again for the next', async t => {
    const recognizer = await open(t, 'misshapen')
    for (let time = 0; time < 2; time += 1)
      await t.rejects(recognizer.recognize(audio, 'en', LIMIT()), { code: 'SPEECH_FAILED', message: /sherpa-tones/ })
  })
})

t.test('pieces of words become words, in scripts with spaces and without', OPEN, async t => {
  const words = (text: string, tokens: readonly string[], more = {}) =>
    wordsOf({ text, tokens, timestamps: tokens.map((_, at) => at / 2), ...more }, 1_000, 4_000)
  t.match(words('Hello, world', [' Hel', 'lo', ',', ' world']), [
    { text: 'Hello,', startMs: 1_000, endMs: 2_300, confidence: 0.6 },
    { text: 'world', startMs: 2_500, endMs: 2_800 }
  ])
  t.match(words('你好ok', ['你', '好', 'ok']), [{ text: '你' }, { text: '好' }, { text: 'ok' }])
  t.match(words('hello there', ['hel@@', 'lo', 'there']), [
    { text: 'hello', startMs: 1_000 },
    { text: 'there', startMs: 2_000 }
  ])
  t.match(words('so', [' so'], { durations: [0.08], ys_log_probs: [Math.log(0.5)] }), [
    { startMs: 1_000, endMs: 1_080, confidence: 0.5 }
  ])
  t.same(
    wordsOf({ text: ' Hello there. ', tokens: [' Hello', ' there.'], timestamps: [] }, 1_000, 4_000),
    [{ text: 'Hello there.', startMs: 1_000, endMs: 5_000, confidence: 0.6 }],
    'a model without times gives what was said between two pauses as a whole'
  )
  t.same(wordsOf({ text: '  ' }, 0, 100), [])
})

t.test('a recording is taken apart where nobody speaks', OPEN, async t => {
  const samples = joinSamples([quiet(1_000), sayInTones(['order'], 500), quiet(2_000), sayInTones(['agent'], 500)])
  const stretches = spokenStretches(samples, 10_000).map(one => [one.at / 8, (one.at + one.samples.length) / 8])
  t.equal(stretches.length, 2)
  const [[from = 0, to = 0] = [], [nextFrom = 0, end = 0] = []] = stretches
  t.ok(from <= 900 && from >= 700 && to >= 1_600 && to <= 1_800, `${from} to ${to}`)
  t.ok(nextFrom <= 3_500 && nextFrom >= 3_300 && end === samples.length / 8, `${nextFrom} to ${end}`)
  const cut = spokenStretches(sayInTones(Array(20).fill('order'), 300), 2_000)
  t.ok(cut.length >= 4 && cut.every(one => one.samples.length <= 16_000))
})
