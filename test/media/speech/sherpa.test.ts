import { readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { generateNoise } from '../../../media/audio/tone.ts'
import { readSherpaModels } from '../../../media/speech/providers/sherpa-models.ts'
import { createSherpa } from '../../../media/speech/providers/sherpa.ts'
import { RecognizerChain } from '../../../media/speech/recognizer-chain.ts'
import type { RecognitionStream, Recognizer } from '../../../media/speech/recognizer.ts'
import { sayInTones } from '../../support/speech-servers/tone-words.ts'
import { type ToneModelFault, writeToneModel } from '../../support/tone-model.ts'

const LOG = pino({ level: 'silent' })
const OPEN = { timeout: 280_000 }
const model = (more: Record<string, string> = {}) => ({
  'encoder-epoch-99.onnx': 'no model',
  'encoder-epoch-99.int8.onnx': 'no model',
  'decoder-epoch-99.onnx': 'no model',
  'joiner-epoch-99.onnx': 'no model',
  'tokens.txt': 'a 1',
  ...more
})

t.test(
  'the files of a model are found by their names, its languages by the folder’s or its own file',
  OPEN,
  async t => {
    const folder = t.testdir({
      'sherpa-onnx-streaming-zipformer-bilingual-zh-en-2023-02-20': model(),
      house: model({ 'model.yaml': 'languages: [de, fr]' }),
      '.cache': {}
    })
    const { streaming } = await readSherpaModels(folder)
    t.match(streaming, [
      { name: 'sherpa-house', languages: ['de', 'fr'], encoder: `${folder}/house/encoder-epoch-99.int8.onnx` },
      { languages: ['zh', 'en'], tokens: /tokens\.txt$/ }
    ])
  }
)

t.test('a folder that is not usable says everything that is wrong with it', OPEN, async t => {
  const refuses = async (folder: string, ...said: readonly RegExp[]) => {
    const err = await readSherpaModels(folder).catch(err => err)
    t.match(err, { code: 'SPEECH_MISSING' })
    for (const one of said) t.match(err.message, one)
  }
  await refuses('/nowhere/at/all', /ENOENT/)
  await refuses(t.testdir({}), /no folder with a model/)
  await refuses(
    t.testdir({ en: { 'decoder.onnx': '' }, house: model(), other: model({ 'model.yaml': 'languages: English' }) }),
    /en has no encoder\*\.onnx/,
    /en has no joiner\*\.onnx/,
    /en has no tokens\.txt/,
    /house does not say its languages/,
    /other.model\.yaml must read languages/
  )
})

t.test(
  'the library is here, and a model that is none fails with a code instead of ending the server',
  OPEN,
  async t => {
    createRequire(import.meta.url).resolve('sherpa-onnx-node')
    const {
      streaming: [broken]
    } = await readSherpaModels(t.testdir({ en: model() }))
    await using recognizer = createSherpa(broken!, LOG)
    t.match(recognizer, { name: 'sherpa-en', languages: ['en'], host: null, isOpen: true })
    const request = { language: 'en', phrases: null }
    await t.rejects(recognizer.prepare(request, AbortSignal.timeout(20_000)), { code: 'SPEECH_MISSING' })
    const stream = recognizer.open(request)
    stream.write(sayInTones(['order']))
    t.match(await stream.failure, { code: 'SPEECH_MISSING' })
    await t.rejects(stream.finish(), { code: 'SPEECH_MISSING' })
  }
)

const REQUEST = { language: 'en', phrases: null }

/** The library with a network that hears the language of tones. */
async function open(t: Test, fault?: ToneModelFault, answerMs?: number): Promise<Recognizer> {
  const folder = t.testdir({})
  await writeToneModel(join(folder, 'tones'), ['en'], fault)
  const {
    streaming: [model]
  } = await readSherpaModels(folder)
  const recognizer = createSherpa(model!, LOG, answerMs)
  t.teardown(() => recognizer[Symbol.asyncDispose]())
  return recognizer
}

/** The process ids of our recognisers. */
async function recognisers(): Promise<readonly number[]> {
  const { pid: own } = process
  const children = (await readFile(`/proc/${own}/task/${own}/children`, 'utf8')).trim().split(' ').map(Number)
  const commands = await Promise.all(children.map(child => readFile(`/proc/${child}/cmdline`, 'utf8')))
  return children.filter((_, at) => commands[at]?.includes('sherpa-program') === true)
}

/** As it comes from a call: in frames of 20 ms. */
function send(stream: RecognitionStream, samples: Int16Array): void {
  for (let at = 0; at < samples.length; at += 160) stream.write(samples.slice(at, at + 160))
}

t.test('a streaming network hears callers while they speak', OPEN, async t => {
  const recognizer = await open(t)

  await t.test('what was understood so far grows word by word, and the answer is whole and sure', async t => {
    const partials: string[] = []
    const stream = recognizer.open(REQUEST, text => partials.push(text))
    send(stream, sayInTones(['order', 'agent', 'agent', 'delivery'], 240))
    const found = await stream.finish()
    t.equal(found?.text, 'order agent agent delivery')
    t.ok((found?.confidence ?? 0) > 0.9, `${found?.confidence}`)
    t.ok(partials.length >= 4, partials.join(', '))
    for (const [at, partial] of partials.entries()) {
      t.ok(found?.text.startsWith(partial), partial)
      t.ok(at === 0 || partial.length > (partials[at - 1] ?? '').length, 'no partial comes twice')
    }
  })

  await t.test('callers who speak at once are not mixed up', async t => {
    const said = [['order', 'invoice'] as const, ['balance'] as const, ['agent', 'address', 'order'] as const]
    const callers = said.map(words => ({ stream: recognizer.open(REQUEST), samples: sayInTones(words, 240) }))
    for (let at = 0; at < 8_000; at += 160)
      for (const { stream, samples } of callers) stream.write(samples.slice(at, at + 160))
    const heard = await Promise.all(callers.map(one => one.stream.finish()))
    t.same(
      heard.map(one => one?.text),
      said.map(words => words.join(' '))
    )
  })

  await t.test('neither silence nor noise is speech', async t => {
    for (const samples of [new Int16Array(8_000), generateNoise(8_000, 8_000)]) {
      const stream = recognizer.open(REQUEST)
      send(stream, samples)
      t.equal(await stream.finish(), null)
    }
  })

  await t.test('what nobody wants any more is dropped, and the next caller is heard', async t => {
    const dropped = recognizer.open(REQUEST, () => t.fail('nobody asked'))
    send(dropped, sayInTones(['order'], 240))
    dropped[Symbol.dispose]()
    const stream = recognizer.open(REQUEST)
    send(stream, sayInTones(['invoice'], 240))
    t.equal((await stream.finish())?.text, 'invoice')
  })
})

t.test('a model that is not whole fails with a code, and callers wait for no answer', OPEN, async t => {
  await t.test('one that does not say its kind is not started', async t => {
    const recognizer = await open(t, 'nameless')
    await t.rejects(recognizer.prepare(REQUEST, AbortSignal.timeout(20_000)), {
      code: 'SPEECH_MISSING',
      message: /model_type/
    })
  })

  await t.test('one whose file was taken away is not started either', async t => {
    const folder = t.testdir({})
    await writeToneModel(join(folder, 'tones'), ['en'])
    const {
      streaming: [model]
    } = await readSherpaModels(folder)
    await rm(model!.joiner)
    await using recognizer = createSherpa(model!, LOG)
    await t.rejects(recognizer.prepare(REQUEST, AbortSignal.timeout(20_000)), { code: 'SPEECH_MISSING' })
  })

  await t.test('one that breaks while it listens ends its process, which everybody who speaks learns', async t => {
    const recognizer = await open(t, 'misshapen')
    await recognizer.prepare(REQUEST, AbortSignal.timeout(20_000))
    const streams = [recognizer.open(REQUEST), recognizer.open(REQUEST)]
    for (const stream of streams) send(stream, sayInTones(['order', 'agent'], 240))
    for (const stream of streams) {
      t.match(await stream.failure, { code: 'SPEECH_FAILED' })
      await t.rejects(stream.finish(), { code: 'SPEECH_FAILED' })
    }
    await recognizer.prepare(REQUEST, AbortSignal.timeout(20_000))
  })
})

t.test('a process that hangs is left for the next recogniser, and started again', { timeout: 60_000 }, async t => {
  const recognizer = await open(t, undefined, 1_000)
  await recognizer.prepare(REQUEST, AbortSignal.timeout(20_000))
  for (const child of await recognisers()) process.kill(child, 'SIGSTOP')
  const chain = new RecognizerChain([recognizer], [], { limits: { slowMs: 200 } })
  const asked = chain.open(REQUEST)
  send(asked, sayInTones(['order']))
  await t.rejects(asked.finish(), { code: 'SPEECH_TIMEOUT' })
  // Whoever speaks meanwhile hears of its end.
  using meanwhile = recognizer.open(REQUEST)
  t.match(await meanwhile.failure, { code: 'SPEECH_FAILED' })
  const stream = recognizer.open(REQUEST)
  send(stream, sayInTones(['agent'], 240))
  t.match(await stream.finish(), { text: 'agent' })
})

t.test('where no process can be started the recogniser is missing, and the server goes on', OPEN, async t => {
  const recognizer = await open(t)
  const { execPath } = process
  process.execPath = '/nowhere/node'
  const ready = recognizer.prepare(REQUEST, AbortSignal.timeout(20_000))
  process.execPath = execPath
  await t.rejects(ready, { code: 'SPEECH_MISSING' })
  await t.resolves(recognizer.prepare(REQUEST, AbortSignal.timeout(20_000)))
})
