import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { gatherSpeech } from '../../../media/prompts/gather-speech.ts'
import { SynthesizerChain } from '../../../media/prompts/synthesizer-chain.ts'
import type { Synthesizer } from '../../../media/prompts/synthesizer.ts'
import { readSherpaModels } from '../../../media/speech/providers/sherpa-models.ts'
import { createSherpaSynthesizer } from '../../../media/speech/providers/sherpa-synthesizer.ts'
import { hearTones } from '../../support/speech-servers/tone-words.ts'
import { writeToneMatcha } from '../../support/tone-matcha-model.ts'
import { type ToneVoiceOptions, writeToneVoice } from '../../support/tone-voice-model.ts'

const LOG = pino({ level: 'silent' })
const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(30_000)

/** The library with a network that says the language of tones. */
async function open(t: Test, options: Partial<ToneVoiceOptions> = {}, limitMs?: number): Promise<Synthesizer> {
  const folder = t.testdir({})
  await writeToneVoice(join(folder, 'tones'), { languages: ['en'], ...options })
  const {
    voices: [found]
  } = await readSherpaModels(folder)
  const voice = createSherpaSynthesizer(found!, LOG, limitMs)
  t.teardown(() => voice[Symbol.asyncDispose]())
  return voice
}

/** The newest process of ours that runs a program. */
async function processOf(program: string): Promise<{ kill(): void }> {
  const { pid: own } = process
  const children = (await readFile(`/proc/${own}/task/${own}/children`, 'utf8')).trim().split(' ').map(Number)
  for (const child of children.reverse())
    if ((await readFile(`/proc/${child}/cmdline`, 'utf8')).includes(program))
      return { kill: () => process.kill(child, 'SIGKILL') }
  throw new Error(`${program} does not run`)
}

const wordsIn = (samples: Int16Array) => hearTones(samples).map(one => one.word)

t.test('a network on this machine speaks', OPEN, async t => {
  const voice = await open(t)
  t.match(voice, { name: 'sherpa-tones', languages: ['en'], host: null, region: null, centsPerMinute: 0 })
  t.match(voice.id, /^sherpa-tones@\d+\.\d+\.\d+-0-1$/)

  await t.test('each sentence leaves it when it is made, at the rate of a telephone', async t => {
    const pieces: Int16Array[] = []
    for await (const piece of voice.stream('Order agent. Invoice please! Thanks, balance.', 'en-GB', LIMIT()))
      pieces.push(piece)
    t.ok(pieces.length >= 3, `${pieces.length} pieces`)
    t.same(wordsIn(pieces[0]!), ['order', 'agent'], 'the first sentence comes alone')
    const whole = Int16Array.from(pieces.flatMap(piece => [...piece]))
    const heard = hearTones(whole)
    t.same(
      heard.map(one => one.word),
      ['order', 'agent', 'invoice', 'please', 'thanks', 'balance']
    )
    for (const { word, startMs, endMs } of heard) t.equal(endMs - startMs, 200, word)
  })

  await t.test('words with a pronunciation are spoken as they are written', async t => {
    const text = [{ text: 'order ' }, { text: 'agent', ipa: 'ˈeɪdʒənt' }, { text: ' <break/> please' }]
    t.same(wordsIn(await voice.synthesize(text, 'en', LIMIT())), ['order', 'agent', 'please'])
  })

  await t.test('callers who are spoken to at once hear each their own words', async t => {
    const texts = ['order. agent. order. agent.', 'invoice.', 'please. thanks. please.']
    const heard = await Promise.all(texts.map(async text => wordsIn(await voice.synthesize(text, 'en', LIMIT()))))
    t.same(
      heard,
      texts.map(text => text.replaceAll('.', '').split(' '))
    )
  })

  await t.test('whoever stops listening stops the speech, and the next is heard', async t => {
    const leaving = new AbortController()
    const long = voice.stream('order. '.repeat(200), 'en', leaving.signal)[Symbol.asyncIterator]()
    await long.next()
    leaving.abort(new Error('hung up'))
    await t.rejects(
      (async () => {
        while (!(await long.next()).done);
      })(),
      { message: 'hung up' }
    )
    t.same(wordsIn(await voice.synthesize('thanks', 'en', LIMIT())), ['thanks'])
  })

  await t.test('what it does not speak it refuses', async t => {
    await t.rejects(gatherSpeech(voice.stream('order', 'de', LIMIT())), { code: 'LANGUAGE_UNKNOWN' })
    await t.rejects(voice.synthesize('!?', 'en', LIMIT()), { code: 'SYNTHESIS_EMPTY' })
    await t.rejects(voice.synthesize('nothing of this', 'en', LIMIT()), { code: 'SYNTHESIS_FAILED' })
  })
})

t.test('speaker and speed are those of the model’s folder', OPEN, async t => {
  const plain = await open(t)
  const quiet = await open(t, { languages: ['en', 'de'], about: 'speaker: { de: 1 }\nspeed: 0.5\n' })
  t.not(plain.id, quiet.id, 'prompts that one of them made are not the other’s')
  const [loud, slow, slowAndQuiet] = await Promise.all([
    plain.synthesize('order', 'en', LIMIT()),
    quiet.synthesize('order', 'en', LIMIT()),
    quiet.synthesize('order', 'de', LIMIT())
  ])
  const [once, twice, softly] = [loud, slow, slowAndQuiet].map(samples => ({
    lastsMs: (hearTones(samples!)[0]?.endMs ?? 0) - (hearTones(samples!)[0]?.startMs ?? 0),
    peak: samples!.reduce((most, one) => Math.max(most, one), 0)
  }))
  t.equal(once?.lastsMs, 200)
  t.equal(twice?.lastsMs, 400)
  t.ok(Math.abs((twice?.peak ?? 0) / (softly?.peak ?? 1) - 4) < 0.2, 'the speaker of German is the quieter one')
})

t.test('a voice of two networks speaks Chinese, by the vocoder that all of them share', OPEN, async t => {
  const folder = t.testdir({})
  await writeToneMatcha(join(folder, 'matcha-icefall-zh-tones'))
  const {
    voices: [found]
  } = await readSherpaModels(folder)
  await using voice = createSherpaSynthesizer(found!, LOG)
  t.same(voice.languages, ['zh'])
  t.same(wordsIn(await voice.synthesize('订单，客服。谢谢！', 'zh-CN', LIMIT())), ['order', 'agent', 'thanks'])
})

t.test('a voice that is not whole fails with a code, and the next one speaks', OPEN, async t => {
  const espeak = createEspeak(LOG)
  t.teardown(() => espeak[Symbol.asyncDispose]())
  /** Who speaks, and why another before does not. */
  const spoken = async (voice: Synthesizer) => {
    const changes: unknown[] = []
    const chain = new SynthesizerChain([voice, espeak], [])
    const { id } = await chain.speak('order', 'en', LIMIT(), change => changes.push(change))
    return { id, changes }
  }

  await t.test('one that does not say its rate is not started', async t => {
    const voice = await open(t, { fault: 'rateless' })
    await t.rejects(voice.synthesize('order', 'en', LIMIT()), { code: 'SYNTHESIS_MISSING', message: /sample_rate/ })
    t.match(await spoken(voice), {
      id: /^espeak-ng/,
      changes: [{ from: 'sherpa-tones', to: 'espeak-ng', code: 'SYNTHESIS_MISSING' }]
    })
  })

  await t.test('nor one without the speaker who is asked for', async t => {
    const voice = await open(t, { about: 'speaker: 2\n' })
    await t.rejects(voice.synthesize('order', 'en', LIMIT()), {
      code: 'SYNTHESIS_MISSING',
      message: /its speakers are 0 to 1, not 2/
    })
  })

  await t.test('nor one whose file was taken away', async t => {
    const folder = t.testdir({})
    await writeToneVoice(join(folder, 'tones'), { languages: ['en'] })
    const {
      voices: [found]
    } = await readSherpaModels(folder)
    await rm(join(folder, 'tones', 'tokens.txt'))
    await using voice = createSherpaSynthesizer(found!, LOG)
    await t.rejects(voice.synthesize('order', 'en', LIMIT()), { code: 'SYNTHESIS_MISSING' })
  })

  await t.test('one whose process ends while it speaks is replaced, and started again for the next text', async t => {
    const voice = await open(t)
    await voice.synthesize('order', 'en', LIMIT())
    const program = await processOf('sherpa-voice-program')
    // One of its own: it says the long text to its end.
    await using other = createEspeak(LOG)
    const chain = new SynthesizerChain([voice, other], [])
    const spoken: { id: string; isAnew: boolean }[] = []
    const changes: unknown[] = []
    for await (const { id, isAnew } of chain.stream('order. '.repeat(4_000), 'en', LIMIT(), one => changes.push(one))) {
      if (id !== spoken.at(-1)?.id) spoken.push({ id, isAnew })
      if (spoken.length > 1) break
      program.kill()
    }
    t.match(spoken, [{ id: voice.id }, { id: other.id, isAnew: true }])
    t.match(changes, [{ from: 'sherpa-tones', to: 'espeak-ng', code: 'SYNTHESIS_FAILED' }])
    t.same(wordsIn(await voice.synthesize('agent', 'en', LIMIT())), ['agent'])
  })

  await t.test('one that breaks while it speaks is given up, and started again for the next text', async t => {
    const voice = await open(t, { fault: 'misshapen' }, 2_000)
    for (let time = 0; time < 2; time += 1)
      await t.rejects(voice.synthesize('order', 'en', LIMIT()), { code: /^SYNTHESIS_(TIMEOUT|FAILED)$/ })
    t.match(await spoken(voice), { id: /^espeak-ng/, changes: [{ from: 'sherpa-tones', to: 'espeak-ng' }] })
  })
})
