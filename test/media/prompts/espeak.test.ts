import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import t from 'tap'
import { meanSquare } from '../../../media/audio/goertzel.ts'
import { joinSamples } from '../../../media/audio/pcm.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { isAudible } from '../../../media/prompts/gather-speech.ts'
import { ESPEAK_LANGUAGES } from '../../../media/prompts/voices.ts'

const espeak = createEspeak(pino({ level: 'silent' }))
t.teardown(() => espeak[Symbol.asyncDispose]())
const LIMIT = () => AbortSignal.timeout(20_000)

const LONG =
  'Thank you for calling. Your parcel has left our warehouse this morning and will reach you tomorrow between nine and ' +
  'twelve. If nobody is at home, the driver leaves it with a neighbour.'

t.test('speech comes in pieces as it is made, and the pieces are the whole', { timeout: 280_000 }, async t => {
  const pieces: Int16Array[] = []
  for await (const piece of espeak.stream(LONG, 'en', LIMIT())) pieces.push(piece)
  t.ok(pieces.length > 10, `${pieces.length} pieces`)
  t.ok(isAudible(pieces.slice(0, 3).reduce((a, b) => joinSamples([a, b]))), 'sound is there from the beginning')
  // Its hisses are chance: no two speeches are the same to the sample.
  const whole = await espeak.synthesize(LONG, 'en', LIMIT())
  const streamed = joinSamples(pieces)
  t.ok(Math.abs(streamed.length - whole.length) < 800, `${streamed.length} and ${whole.length} samples`)
  t.ok(meanSquare(streamed) / meanSquare(whole) > 0.9)
})

t.test('who stops listening stops nobody else', { timeout: 280_000 }, async t => {
  for await (const _ of espeak.stream(LONG, 'en', LIMIT())) break
  const gone = new AbortController()
  const spoken = Promise.all([
    espeak.synthesize('one', 'en', LIMIT()),
    espeak.synthesize(LONG, 'en', gone.signal).catch(err => err),
    espeak.synthesize('zwei', 'de', LIMIT())
  ])
  gone.abort(new Error('hung up'))
  const [one, left, two] = await spoken
  t.match(left, { message: 'hung up' })
  t.ok(one.length > 1_000 && two.length > 1_000)
})

t.test(
  'a process that has just died fails whoever asks it, and the next one is answered',
  { timeout: 280_000 },
  async t => {
    await espeak.synthesize('one', 'en', LIMIT())
    const [child = ''] = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ')
    process.kill(Number(child), 'SIGKILL')
    // Dead, and this program has not heard of it yet.
    while (!/\) [ZX] /.test(readFileSync(`/proc/${child}/stat`, 'utf8')));
    await t.rejects(espeak.synthesize('two', 'en', LIMIT()), { code: 'SYNTHESIS_FAILED' })
    t.ok((await espeak.synthesize('three', 'en', LIMIT())).length > 1_000)
  }
)

t.test(
  'a voice may take its time for many, and is started again when it says nothing',
  { timeout: 280_000 },
  async t => {
    const limitMs = 1_000
    await using busy = createEspeak(pino({ level: 'silent' }), limitMs)
    await busy.synthesize('one', 'en', LIMIT())
    const startedAtMs = performance.now()
    const spoken = await Promise.all(
      Array.from({ length: 40 }, () => busy.synthesize(LONG, 'en', AbortSignal.timeout(120_000)))
    )
    t.ok(performance.now() - startedAtMs > limitMs)
    t.ok(
      spoken.every(one => one.length > 8_000),
      'who came last is told all of it'
    )
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
    process.kill(Number(children.at(-1)), 'SIGSTOP')
    await t.rejects(busy.synthesize('two', 'en', LIMIT()), { code: 'SYNTHESIS_TIMEOUT' })
    t.ok((await busy.synthesize('three', 'en', LIMIT())).length > 1_000)
  }
)

t.test('where no process can be started the prompt fails and not the server, and the next one is spoken', async t => {
  await using other = createEspeak(pino({ level: 'silent' }))
  const { execPath } = process
  process.execPath = '/nowhere/node'
  const spoken = other.synthesize('one', 'en', LIMIT())
  process.execPath = execPath
  await t.rejects(spoken, { code: 'SYNTHESIS_FAILED' })
  t.ok((await other.synthesize('two', 'en', LIMIT())).length > 1_000)
})

t.test('what looks like markup is spoken, and an unknown language is refused', { timeout: 280_000 }, async t => {
  const plain = await espeak.synthesize('Fish', 'en', LIMIT())
  const tagged = await espeak.synthesize('Fish <break time="3s"/>', 'en', LIMIT())
  t.ok(tagged.length > plain.length + 8_000, 'the words of the tag are heard')
  const breaks = await espeak.synthesize('Fish & chips', 'en', LIMIT())
  t.ok(breaks.length > plain.length)
  await t.rejects(espeak.synthesize('Hello', 'qq', LIMIT()), { code: 'LANGUAGE_UNKNOWN' })
})

t.test('an accent is another voice of the same words, and one that does not exist is refused', async t => {
  const alike = async (one: string, other: string) => {
    const [a, b] = await Promise.all([espeak.speakAs(LONG, one, LIMIT()), espeak.speakAs(LONG, other, LIMIT())])
    return Math.abs(a.length - b.length)
  }
  t.ok((await alike('en-gb-scotland', 'en-gb-scotland')) < 800, 'the same but for its hisses')
  t.ok((await alike('en-gb-scotland', 'en-us')) > 1_600, 'not as long in another accent')
  await t.rejects(espeak.speakAs('Hello', 'en-gb-atlantis', LIMIT()), { code: 'LANGUAGE_UNKNOWN' })
})

t.test('every language that is promised is spoken', { timeout: 280_000 }, async t => {
  for (const language of ESPEAK_LANGUAGES)
    await t.resolves(espeak.synthesize('2', language, LIMIT()), `${language} speaks`)
})
