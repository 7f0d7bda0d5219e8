import { inspect } from 'node:util'
import t from 'tap'
import { gatherSpeech, longestSpeechMs } from '../../../media/prompts/gather-speech.ts'
import { createAzureBatch } from '../../../media/speech/providers/azure-batch.ts'
import { createAzureRecognizer } from '../../../media/speech/providers/azure-recognizer.ts'
import { createAzureSynthesizer } from '../../../media/speech/providers/azure-synthesizer.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { hearTones, sayInTones, TONE_WORDS } from '../../support/speech-servers/tone-words.ts'
import { patient } from '../../support/patience.ts'

const GERMAN = { language: 'de', phrases: null } as const
const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(10_000)

const azure = await AzureServer.start()
t.teardown(() => azure[Symbol.asyncDispose]())
t.afterEach(() => {
  azure.trouble = null
})
const place = { key: 'right key', region: 'westeurope', endpoint: azure.endpoint }

t.test('what a caller says is understood, and told while it is said', OPEN, async t => {
  const partials: string[] = []
  const { promise: told, resolve } = Promise.withResolvers<void>()
  const stream = createAzureRecognizer(place).open({ ...GERMAN, hints: ['Parley'] }, text => {
    partials.push(text)
    resolve()
  })
  stream.write(sayInTones(['address']))
  await told
  stream.write(sayInTones(['change', 'please']))
  t.same(await stream.finish(), { text: 'address change please', confidence: 0.8 })
  t.equal(partials[0], 'address')
  const asked = azure.asked.at(-1)
  t.match(asked?.url, /language=de-DE/)
  t.match(JSON.stringify(asked?.documents), /Parley/, 'hints are sent')
})

t.test('each failure has its own code, and is known before the speech ends', OPEN, async t => {
  const fails = async (trouble: AzureServer['trouble'], code: string, own = place) => {
    azure.trouble = trouble
    const stream = createAzureRecognizer(own, trouble?.kind === 'slow' ? 500 : 10_000).open(GERMAN)
    stream.write(sayInTones(['balance', 'please']))
    if (code !== 'SPEECH_TIMEOUT') t.match(await stream.failure, { code }, `${JSON.stringify(trouble)} → ${code}`)
    const err = await stream.finish().catch(err => err)
    t.match(err, { code })
    t.notMatch(inspect(err), 'revoked', 'the key is in no error')
  }
  await fails(null, 'SPEECH_REFUSED', { ...place, key: 'revoked key' })
  await fails({ kind: 'refuse', status: 403 }, 'SPEECH_REFUSED')
  await fails({ kind: 'refuse', status: 429 }, 'SPEECH_QUOTA')
  await fails({ kind: 'slow' }, 'SPEECH_TIMEOUT')
  await fails({ kind: 'otherLanguage', language: 'fr-FR' }, 'SPEECH_FAILED')
  azure.trouble = null
  await t.rejects(createAzureRecognizer(place).open({ language: 'qq', phrases: null }).finish(), {
    code: 'SPEECH_LANGUAGE_UNKNOWN'
  })
})

t.test('a connection that is closed in mid-speech is opened again, and no word is lost', OPEN, async t => {
  azure.trouble = { kind: 'close', code: 1011, afterMs: 500, times: 1 }
  const stream = createAzureRecognizer(place).open(GERMAN)
  stream.write(sayInTones(['address', 'change', 'please']))
  // A telephone goes on sending, and the library connects again when there is something to send.
  const line = setInterval(() => stream.write(new Int16Array(160)), 5)
  await azure.connected(azure.asked.length + 2)
  clearInterval(line)
  stream.write(sayInTones(['thanks']))
  t.match(await stream.finish(), { text: 'address change please thanks' })
})

t.test('a connection that is closed instead of an answer fails at once', OPEN, async t => {
  azure.trouble = { kind: 'close', code: 1011, afterMs: 500, times: 99 }
  const stream = createAzureRecognizer(place).open(GERMAN)
  stream.write(sayInTones(['address', 'change', 'please', 'thanks']))
  await t.rejects(stream.finish(), { code: 'SPEECH_FAILED' })
})

t.test('what was said for 15 s before Azure is asked does not keep the caller waiting', OPEN, async t => {
  const words = Array.from({ length: 50 }, (_, index) => TONE_WORDS[index % TONE_WORDS.length]!)
  const recognizer = createAzureRecognizer(place)
  await recognizer.prepare(GERMAN, LIMIT())
  const stream = recognizer.open(GERMAN)
  stream.write(sayInTones(words))
  const startedAt = performance.now()
  t.match(await stream.finish(), { text: words.join(' ') })
  const tookMs = performance.now() - startedAt
  t.ok(tookMs < patient(2_500), `${Math.round(tookMs)} ms`)
})

t.test('silence is no speech, and who is not interested any more costs nothing', OPEN, async t => {
  const stream = createAzureRecognizer(place).open(GERMAN)
  stream.write(new Int16Array(8_000))
  t.equal(await stream.finish(), null)
  const left = createAzureRecognizer(place).open(GERMAN)
  left[Symbol.dispose]()
})

t.test('a recording is heard on both sides, with the time of each word', OPEN, async t => {
  const batch = createAzureBatch(place)
  const audio = { left: sayInTones(['address', 'change', 'please']), right: sayInTones(['delivery', 'tomorrow']) }
  const heard = await batch.recognize(audio, 'de-AT', LIMIT())
  t.same(heard.left, [
    { text: 'address', startMs: 0, endMs: 200, confidence: 0.8 },
    { text: 'change', startMs: 300, endMs: 500, confidence: 0.8 },
    { text: 'please', startMs: 600, endMs: 800, confidence: 0.8 }
  ])
  t.same(
    heard.right.map(one => one.text),
    ['delivery', 'tomorrow']
  )
  t.match(azure.asked.at(-1)?.documents, [{ locales: ['de-AT'], channels: [0, 1] }])
  azure.trouble = { kind: 'refuse', status: 429 }
  await t.rejects(batch.recognize(audio, 'de', LIMIT()), { code: 'SPEECH_QUOTA' })
})

t.test('Azure speaks, piece by piece; what looks like markup stays text', OPEN, async t => {
  const voices = createAzureSynthesizer(place)
  const text = [{ text: 'order <break/> & ' }, { text: 'delivery', ipa: 'dɪˈlɪvəɹi' }, { text: ' tomorrow' }]
  const samples = await gatherSpeech(voices.stream(text, 'en-GB', LIMIT()))
  t.same(
    hearTones(samples).map(one => one.word),
    ['order', 'delivery', 'tomorrow']
  )
  t.match(azure.ssml.at(-1), '<voice name="en-GB-SoniaNeural">order &lt;break/&gt; &amp; <phoneme alphabet="ipa"')
})

t.test('a voice that fails, is silent, never stops or never begins is told apart', OPEN, async t => {
  const speak = (limitMs = 10_000, own = place) =>
    createAzureSynthesizer(own).stream('order please', 'en', AbortSignal.timeout(limitMs))
  await t.rejects(gatherSpeech(speak(10_000, { ...place, key: 'revoked key' })), { code: 'SYNTHESIS_REFUSED' })
  azure.trouble = { kind: 'refuse', status: 429 }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_QUOTA' })
  azure.trouble = { kind: 'close', code: 1013, afterMs: 100, times: 99 }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_FAILED' })
  azure.trouble = { kind: 'silent' }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_EMPTY' })
  azure.trouble = { kind: 'empty' }
  await t.rejects(gatherSpeech(speak()), /SYNTHESIS|silence|speak/)
  azure.trouble = { kind: 'endless' }
  await t.rejects(gatherSpeech(speak(), longestSpeechMs(12)), { code: 'SYNTHESIS_FAILED' })
  azure.trouble = { kind: 'slow' }
  await t.rejects(gatherSpeech(speak(300)), { name: 'TimeoutError' })
  azure.trouble = null
  await t.rejects(gatherSpeech(createAzureSynthesizer(place).stream('order', 'qq', LIMIT())), {
    code: 'LANGUAGE_UNKNOWN'
  })
})
