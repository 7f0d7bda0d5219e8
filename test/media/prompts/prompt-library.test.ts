import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { generateTone } from '../../../media/audio/tone.ts'
import { writeWav } from '../../../media/audio/wav.ts'
import { PromptLibrary } from '../../../media/prompts/prompt-library.ts'
import { PromptError, type Synthesizer } from '../../../media/prompts/synthesizer.ts'

const SIGNAL = AbortSignal.timeout(20_000)
const HELLO = { kind: 'speech', text: 'Hello', language: 'en' } as const

/** A synthesiser at the wire: what it is asked is counted, and it speaks when told. */
function scripted(id = 'scripted@1') {
  const asked: string[] = []
  let release: (outcome: Int16Array | PromptError) => void = () => {}
  let next = Promise.resolve<Int16Array | PromptError>(generateTone({ frequenciesHz: [440], durationMs: 100 }))
  const synthesizer: Synthesizer = {
    id,
    async synthesize(text, language) {
      asked.push(`${language} ${text}`)
      const outcome = await next
      if (outcome instanceof PromptError) throw outcome
      return outcome
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
    synthesizer,
    cacheDir: join(folder, 'cache'),
    recordedDir: join(folder, 'recorded'),
    mediaDir: '/media',
    onMade: origin => origins.push(origin)
  })
  return { library, origins }
}

t.test('a prompt that twenty callers want at once is made once', { timeout: 20_000 }, async t => {
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

t.test('a caller who hangs up does not stop what others wait for', { timeout: 20_000 }, async t => {
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

t.test('what failed once is tried again for the next caller', { timeout: 20_000 }, async t => {
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

t.test('after a restart the cache serves, and a new synthesiser makes new prompts', { timeout: 20_000 }, async t => {
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
  { timeout: 20_000 },
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

t.test('what is no recording is refused with its reason', { timeout: 20_000 }, async t => {
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

t.test('a cache folder that cannot be written is a prompt that cannot be made', { timeout: 20_000 }, async t => {
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
