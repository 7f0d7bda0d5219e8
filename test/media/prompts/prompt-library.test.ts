import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { joinSamples } from '../../../media/audio/pcm.ts'
import { generateTone } from '../../../media/audio/tone.ts'
import { parseWav, writeWav } from '../../../media/audio/wav.ts'
import { gatherSpeech } from '../../../media/prompts/gather-speech.ts'
import { PromptLibrary } from '../../../media/prompts/prompt-library.ts'
import { plainOf } from '../../../media/prompts/spoken-text.ts'
import { pronounce } from '../../../media/prompts/pronunciations.ts'
import { PromptError, type Synthesizer } from '../../../media/prompts/synthesizer.ts'
import { SynthesizerChain } from '../../../media/prompts/synthesizer-chain.ts'
import { PieceQueue } from '../../../media/speech/piece-queue.ts'
import { ProviderHealth } from '../../../media/speech/provider-health.ts'

const SIGNAL = AbortSignal.timeout(20_000)
const HELLO = { kind: 'speech', text: 'Hello', language: 'en' } as const

/** A synthesiser at the wire: what it is asked is counted, and it speaks when told. */
function scripted(id = 'scripted@1') {
  const asked: string[] = []
  let release: (outcome: Int16Array | PromptError) => void = () => {}
  let next = Promise.resolve<Int16Array | PromptError>(generateTone({ frequenciesHz: [440], durationMs: 100 }))
  const synthesizer: Synthesizer = {
    name: 'scripted',
    id,
    languages: ['en', 'de'],
    host: null,
    region: null,
    centsPerMinute: 0,
    async *stream(text, language) {
      asked.push(`${language} ${plainOf(text)}`)
      const outcome = await next
      if (outcome instanceof PromptError) throw outcome
      yield outcome
    },
    async synthesize(text, language, signal) {
      return await gatherSpeech(this.stream(text, language, signal))
    },
    async [Symbol.asyncDispose]() {}
  }
  return {
    asked,
    synthesizer,
    hold() {
      next = new Promise(resolve => {
        release = resolve
      })
    },
    release: (outcome: Int16Array | PromptError) => release(outcome)
  }
}

async function start(folder: string, synthesizer: Synthesizer) {
  const origins: string[] = []
  const library = new PromptLibrary({
    voices: new SynthesizerChain([synthesizer], []),
    cacheDir: join(folder, 'cache'),
    recordedDir: join(folder, 'recorded'),
    mediaDir: '/media',
    onMade: origin => origins.push(origin)
  })
  return { library, origins }
}

t.test('a prompt that twenty callers want at once is made once', { timeout: 280_000 }, async t => {
  const speech = scripted()
  const { library } = await start(t.testdir({}), speech.synthesizer)
  speech.hold()
  const asking = Array.from({ length: 20 }, () => library.prepare(HELLO, SIGNAL))
  await untilAsked(speech.asked, 1)
  speech.release(generateTone({ frequenciesHz: [440], durationMs: 100 }))
  const ready = await Promise.all(asking)
  t.same(speech.asked, ['en Hello'])
  t.equal(new Set(ready.map(one => one.source)).size, 1)
  t.match((await library.prepare(HELLO, SIGNAL)).origin, 'cached')
})

t.test('a caller who hangs up does not stop what others wait for', { timeout: 280_000 }, async t => {
  const speech = scripted()
  const { library } = await start(t.testdir({}), speech.synthesizer)
  speech.hold()
  const gone = new AbortController()
  const first = library.prepare(HELLO, gone.signal)
  const second = library.prepare(HELLO, SIGNAL)
  await untilAsked(speech.asked, 1)
  gone.abort(new Error('hung up'))
  await t.rejects(first, /hung up/)
  speech.release(generateTone({ frequenciesHz: [440], durationMs: 100 }))
  t.equal((await second).origin, 'made')
  t.equal(speech.asked.length, 1)
})

t.test('what failed once is tried again for the next caller', { timeout: 280_000 }, async t => {
  const speech = scripted()
  const { library } = await start(t.testdir({}), speech.synthesizer)
  speech.hold()
  const failing = library.prepare(HELLO, SIGNAL)
  await untilAsked(speech.asked, 1)
  speech.release(new PromptError('SYNTHESIS_FAILED', 'it crashed'))
  await t.rejects(failing, { code: 'SYNTHESIS_FAILED' })
  speech.hold()
  const again = library.prepare(HELLO, SIGNAL)
  await untilAsked(speech.asked, 2)
  speech.release(generateTone({ frequenciesHz: [440], durationMs: 100 }))
  t.equal((await again).origin, 'made')
})

t.test('after a restart the cache serves, and a new synthesiser makes new prompts', { timeout: 280_000 }, async t => {
  const folder = t.testdir({})
  const { source } = await (await start(folder, scripted().synthesizer)).library.prepare(HELLO, SIGNAL)
  const later = scripted()
  t.match(await (await start(folder, later.synthesizer)).library.prepare(HELLO, SIGNAL), { source, origin: 'cached' })
  t.same(later.asked, [])
  const other = await (await start(folder, scripted('scripted@2').synthesizer)).library.prepare(HELLO, SIGNAL)
  t.not(other.source, source)
  t.equal(other.origin, 'made')
})

t.test(
  'a recording wins over speech, in the nearest language, and a changed one is heard',
  { timeout: 280_000 },
  async t => {
    const folder = t.testdir({})
    const speech = scripted()
    const { library } = await start(folder, speech.synthesizer)
    const record = async (language: string, hz: number) => {
      await mkdir(join(folder, 'recorded', language), { recursive: true })
      const samples = generateTone({ frequenciesHz: [hz], durationMs: 50 })
      await writeFile(
        join(folder, 'recorded', language, 'welcome.wav'),
        writeWav({ sampleRateHz: 8_000, channels: 1, samples })
      )
    }
    await record('de', 500)
    const welcome = { kind: 'speech', text: 'Willkommen', language: 'de-AT', recorded: 'welcome' } as const
    const first = await library.prepare(welcome, SIGNAL)
    t.equal(first.origin, 'recorded')
    await record('de', 600)
    t.not((await library.prepare(welcome, SIGNAL)).source, first.source)
    await record('de-AT', 500)
    t.equal((await library.prepare(welcome, SIGNAL)).source, first.source, 'the same sound is the same file')
    await rm(join(folder, 'recorded'), { recursive: true })
    t.equal((await library.prepare(welcome, SIGNAL)).origin, 'made', 'without a recording it is spoken')
  }
)

t.test('what is no recording is refused with its reason', { timeout: 280_000 }, async t => {
  const folder = t.testdir({ recorded: { en: { 'broken.wav': 'RIFF?' } } })
  const { library } = await start(folder, scripted().synthesizer)
  for (const [name, code] of [
    ['broken', 'RECORDING_UNREADABLE'],
    ['nowhere', 'RECORDING_MISSING'],
    ['../cache/x', 'NAME_NOT_ALLOWED'],
    ['/etc/passwd', 'NAME_NOT_ALLOWED'],
    ['', 'NAME_NOT_ALLOWED']
  ] as const)
    await t.rejects(library.prepare({ kind: 'file', name, language: 'en' }, SIGNAL), { code }, name)
  t.same(await readdir(folder), ['recorded'], 'nothing was copied')
})

t.test('a cache folder that cannot be written is a prompt that cannot be made', { timeout: 280_000 }, async t => {
  const folder = t.testdir({ cache: 'in the way' })
  const { library } = await start(folder, scripted().synthesizer)
  await t.rejects(library.prepare(HELLO, SIGNAL), { code: 'SYNTHESIS_FAILED' })
})

async function untilAsked(asked: readonly string[], count: number): Promise<void> {
  const limit = AbortSignal.timeout(5_000)
  while (asked.length < count) {
    limit.throwIfAborted()
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test('what somebody has removed from the cache is made again, and nobody hears silence in its place', async t => {
  const folder = t.testdir({ recorded: { en: {} } })
  const samples = generateTone({ frequenciesHz: [500], durationMs: 50 })
  await writeFile(
    join(folder, 'recorded', 'en', 'welcome.wav'),
    writeWav({ sampleRateHz: 8_000, channels: 1, samples })
  )
  const { library } = await start(folder, scripted().synthesizer)
  const sources = async () => [
    (await library.prepare(HELLO, SIGNAL)).source,
    (await library.prepare({ kind: 'file', name: 'welcome', language: 'en' }, SIGNAL)).source,
    await library.holdMusic('en')
  ]
  const before = await sources()
  await rm(join(folder, 'cache'), { recursive: true })
  t.equal(await library.find(HELLO), null)
  t.same(await sources(), before)
  for (const source of before)
    await t.resolves(readFile(join(folder, 'cache', source.slice('/media/'.length))), `${source} is there`)
})

t.test('a pronunciation makes a prompt of its own, and leaves the others alone', { timeout: 280_000 }, async t => {
  const folder = t.testdir({})
  const speech = scripted()
  const places = { cacheDir: join(folder, 'cache'), recordedDir: join(folder, 'recorded'), mediaDir: '/media' }
  const voices = new SynthesizerChain([speech.synthesizer], [])
  const plain = new PromptLibrary({ ...places, voices, onMade() {} })
  const taught = new PromptLibrary({
    ...places,
    voices,
    onMade() {},
    pronounce: (text, language) => pronounce({ en: { Parley: { say: 'par lay' } } }, text, language)
  })
  const named = { kind: 'speech', text: 'Parley', language: 'en' } as const
  const before = await plain.prepare(named, SIGNAL)
  t.not((await taught.prepare(named, SIGNAL)).source, before.source)
  await plain.prepare(HELLO, SIGNAL)
  t.equal((await taught.prepare(HELLO, SIGNAL)).origin, 'cached')
  t.same(speech.asked, ['en Parley', 'en par lay', 'en Hello'])
})

t.test(
  'a substitute’s prompt is used while the preferred voice is out, and not after it',
  { timeout: 280_000 },
  async t => {
    const folder = t.testdir({})
    const [first, second] = [scripted('first'), scripted('second')]
    let nowMs = 0
    const health = () => new ProviderHealth({ failures: 1, restMs: 1_000, maxRestMs: 1_000 }, () => nowMs)
    const changes: string[] = []
    const library = new PromptLibrary({
      voices: new SynthesizerChain([first.synthesizer, second.synthesizer], [], { health }),
      cacheDir: join(folder, 'cache'),
      recordedDir: join(folder, 'recorded'),
      mediaDir: '/media',
      onMade() {},
      onFallOver: ({ code }) => changes.push(code)
    })
    first.hold()
    first.release(new PromptError('SYNTHESIS_FAILED', 'it is out'))
    const substitute = await library.prepare(HELLO, SIGNAL)
    t.same(changes, ['SYNTHESIS_FAILED'])
    t.match(await library.prepare(HELLO, SIGNAL), { source: substitute.source, origin: 'cached' })
    first.hold()
    first.release(generateTone({ frequenciesHz: [440], durationMs: 100 }))
    nowMs = 1_000
    const preferred = await library.prepare(HELLO, SIGNAL)
    t.equal(preferred.origin, 'made')
    t.not(preferred.source, substitute.source)
  }
)

/** Voices that speak what the test gives them, one piece after the other, and what is written. */
function streaming(folder: string, names: readonly string[] = ['only']) {
  const spoken = names.map(() => new PieceQueue<Int16Array>())
  const asked = names.map(() => 0)
  const synthesizers = names.map((id, at) => ({
    ...scripted(id).synthesizer,
    name: id,
    stream: () => {
      asked[at] = (asked[at] ?? 0) + 1
      return spoken[at] as PieceQueue<Int16Array>
    }
  }))
  const cacheDir = join(folder, 'cache')
  const changes: string[] = []
  const library = new PromptLibrary({
    voices: new SynthesizerChain(synthesizers, []),
    cacheDir,
    recordedDir: join(folder, 'recorded'),
    mediaDir: '/media',
    onMade() {}
  })
  return {
    library,
    spoken,
    asked,
    changes,
    begin: async (signal = SIGNAL, told = changes) => {
      const { source } = await library.stream(HELLO, signal, change => told.push(`${change.from} → ${change.to}`))
      if (typeof source === 'string') throw new Error('it was made before')
      return source
    },
    samplesOf: async (source: string) =>
      parseWav(await readFile(join(cacheDir, source.slice('/media/'.length)))).samples,
    /** What lies in the folder of prompts: those that are kept, and those that are not. */
    async files() {
      const all = (await readdir(cacheDir, { recursive: true })).filter(one => one.endsWith('.wav'))
      return { kept: all.filter(one => !one.startsWith('passing')).length, all: all.length }
    }
  }
}

const piece = (hz: number, durationMs = 300) => generateTone({ frequenciesHz: [hz], durationMs, amplitude: 8_000 })

t.test('speech is ready with its first sound, and kept when it is whole', { timeout: 280_000 }, async t => {
  const { library, spoken, begin, samplesOf, files } = streaming(t.testdir({}))
  const [voice] = spoken
  voice?.push(piece(500))
  await using speech = await begin()
  const played: Int16Array[] = []
  const sources = speech[Symbol.asyncIterator]()
  const take = async () => {
    const { value, done } = await sources.next()
    if (done !== true) played.push(await samplesOf(value as string))
    return done === true
  }
  await take()
  t.equal(played[0]?.length, 2_400, 'what there is, although more is to come')
  t.same(await files(), { kept: 0, all: 1 })
  const waiting = library.prepare(HELLO, SIGNAL)
  // The next file is asked for when this one begins: what comes while it plays is one.
  const next = take()
  voice?.push(piece(700))
  voice?.push(piece(900))
  voice?.end()
  await next
  t.ok(await take(), 'nothing is left')
  t.same(joinSamples(played), joinSamples([piece(500), piece(700), piece(900)]), 'nothing is lost and nothing is added')
  t.equal((await speech.whole).samples.length, 7_200)
  t.equal((await waiting).origin, 'made', 'who came meanwhile gets the whole')
  t.same(await samplesOf((await waiting).source), joinSamples(played))
  t.match(await library.stream(HELLO, SIGNAL, () => {}), { source: (await waiting).source, origin: 'cached' })
  t.equal((await files()).kept, 1)
  await speech[Symbol.asyncDispose]()
  t.same(await files(), { kept: 1, all: 1 }, 'the pieces go, the prompt stays')
})

t.test('how far speech was heard does not count the waiting', { timeout: 280_000 }, async t => {
  const { spoken, begin } = streaming(t.testdir({}))
  const [voice] = spoken
  voice?.push(piece(500, 200))
  await using speech = await begin()
  const sources = speech[Symbol.asyncIterator]()
  await sources.next()
  t.same(speech.played, { tookMs: 0, isOver: false }, 'nothing has begun')
  const next = sources.next()
  await new Promise(resolve => setTimeout(resolve, 500))
  t.equal(Math.round(speech.played.tookMs), 200)
  voice?.push(piece(700, 200))
  await next
  const end = sources.next()
  voice?.end()
  await end
  const { tookMs, isOver } = speech.played
  t.ok(isOver && tookMs >= 700, `${tookMs} ms with the waiting`)
  t.equal(speech.reachedMs(100), 100)
  t.equal(speech.reachedMs(450), 200, 'in the middle of the waiting')
  t.equal(Math.round(speech.reachedMs(tookMs - 50)), 350)
  t.equal(speech.reachedMs(Number.POSITIVE_INFINITY), 400)
})

t.test('a voice that breaks off is followed by the next, which begins again', { timeout: 280_000 }, async t => {
  const { library, spoken, changes, begin, samplesOf, files } = streaming(t.testdir({}), ['first', 'second'])
  const [first, second] = spoken
  first?.push(piece(500))
  await using speech = await begin()
  const sources = speech[Symbol.asyncIterator]()
  await sources.next()
  const waiting = library.prepare(HELLO, SIGNAL)
  const next = sources.next()
  first?.push(piece(700))
  first?.fail(new PromptError('SYNTHESIS_FAILED', 'it is out'))
  second?.push(piece(900, 600))
  second?.end()
  t.same(await samplesOf((await next).value), piece(900, 600), 'what the first said and nobody heard is left out')
  t.ok((await sources.next()).done)
  t.same(changes, ['first → second'])
  t.equal(speech.failure, null)
  t.match(await speech.whole, { id: 'second' })
  t.equal(speech.reachedMs(Number.POSITIVE_INFINITY), 600)
  t.same(await samplesOf((await waiting).source), piece(900, 600), 'the prompt that is kept is of one voice')
  t.equal((await files()).kept, 1)
})

t.test('who wants words that are being made hears them from the first on, and they are made once', async t => {
  const { library, spoken, asked, begin, samplesOf, files } = streaming(t.testdir({}))
  const [voice] = spoken
  voice?.push(piece(500))
  const first = await begin()
  const playing = first[Symbol.asyncIterator]()
  await playing.next()
  voice?.push(piece(700))
  await using second = await begin()
  const sources = second[Symbol.asyncIterator]()
  t.same(
    await samplesOf((await sources.next()).value),
    joinSamples([piece(500), piece(700)]),
    'before the voice is through'
  )
  // The one for whom it was begun hangs up.
  await first[Symbol.asyncDispose]()
  const next = sources.next()
  voice?.push(piece(900))
  voice?.end()
  t.same(await samplesOf((await next).value), piece(900))
  t.ok((await sources.next()).done)
  t.same(asked, [1])
  t.equal((await library.prepare(HELLO, SIGNAL)).origin, 'cached')
  await second[Symbol.asyncDispose]()
  t.same(await files(), { kept: 1, all: 1 })
})

t.test(
  'when the voice of two callers breaks off, both hear the next one, and a third who comes then as well',
  async t => {
    const { spoken, asked, begin, samplesOf } = streaming(t.testdir({}), ['first', 'second'])
    const [voice, other] = spoken
    voice?.push(piece(500))
    const told: readonly string[][] = [[], [], []]
    await using one = await begin(SIGNAL, told[0])
    await using two = await begin(SIGNAL, told[1])
    const playing = [one, two].map(speech => speech[Symbol.asyncIterator]())
    await Promise.all(playing.map(async sources => await sources.next()))
    const next = playing.map(async sources => await samplesOf((await sources.next()).value as string))
    voice?.fail(new PromptError('SYNTHESIS_FAILED', 'it is out'))
    other?.push(piece(900, 600))
    t.same(await Promise.all(next), [piece(900, 600), piece(900, 600)])
    await using three = await begin(SIGNAL, told[2])
    t.same(await samplesOf((await three[Symbol.asyncIterator]().next()).value as string), piece(900, 600))
    other?.end()
    t.match(await Promise.all([one.whole, two.whole, three.whole]), [
      { id: 'second' },
      { id: 'second' },
      { id: 'second' }
    ])
    t.same(told, [['first → second'], ['first → second'], ['first → second']])
    t.same(asked, [1, 1])
  }
)

t.test('speech that is never whole is not kept, and says why', { timeout: 280_000 }, async t => {
  const { spoken, begin, files } = streaming(t.testdir({}))
  const [voice] = spoken
  voice?.push(piece(500))
  await using speech = await begin()
  voice?.fail(new PromptError('SYNTHESIS_QUOTA', 'enough for today'))
  await t.rejects(speech.whole, { code: 'SYNTHESIS_QUOTA' })
  let sources = 0
  for await (const _ of speech) sources += 1
  t.equal(sources, 1, 'what was made is played')
  t.match(speech.failure, { code: 'SYNTHESIS_QUOTA' })
  t.notOk(speech.made.isWhole)
  t.equal((await files()).kept, 0)

  const { spoken: silent, begin: beginSilent } = streaming(t.testdir({}))
  silent[0]?.fail(new PromptError('SYNTHESIS_FAILED', 'it is out'))
  await t.rejects(beginSilent(), { code: 'SYNTHESIS_FAILED' }, 'before the first sound nothing begins')
})

t.test('a caller who hangs up leaves the whole for the next, and no pieces', { timeout: 280_000 }, async t => {
  const { library, spoken, begin, files } = streaming(t.testdir({}))
  const gone = new AbortController()
  const beginning = begin(gone.signal)
  gone.abort(new Error('hung up'))
  await t.rejects(beginning, /hung up/)
  const next = library.prepare(HELLO, SIGNAL)
  spoken[0]?.push(piece(500))
  spoken[0]?.end()
  t.equal((await next).origin, 'made')
  t.same(await files(), { kept: 1, all: 1 })
})
