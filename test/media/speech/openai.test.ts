import t from 'tap'
import { gatherSpeech, longestSpeechMs } from '../../../media/prompts/gather-speech.ts'
import {
  createOpenaiBatch,
  createOpenaiRecognizer,
  createOpenaiSynthesizer
} from '../../../media/speech/providers/openai-speech.ts'
import { OpenaiServer } from '../../support/speech-servers/openai-server.ts'
import { hearTones, sayInTones } from '../../support/speech-servers/tone-words.ts'

const LIMIT = () => AbortSignal.timeout(10_000)
const OPEN = { timeout: 280_000 }
const openai = await OpenaiServer.start()
t.teardown(() => openai[Symbol.asyncDispose]())
t.afterEach(() => {
  openai.trouble = null
})
const place = {
  url: openai.url,
  key: 'a key',
  asrModel: 'whisper-1',
  ttsModel: 'tts-1:nova',
  languages: ['en', 'ja'],
  region: 'eu'
}
const listen = (language = 'en-GB', answerMs?: number) =>
  createOpenaiRecognizer(place, answerMs)!.open({ language, phrases: null, hints: ['Parley'] })

t.test('what a caller says is understood when it is over', OPEN, async t => {
  const stream = listen()
  stream.write(sayInTones(['order']))
  stream.write(sayInTones(['please']))
  const understood = await stream.finish()
  t.equal(understood?.text, 'order please')
  t.ok(Math.abs((understood?.confidence ?? 0) - 0.7) < 0.001)
  t.match(openai.forms.at(-1), {
    model: 'whisper-1',
    language: 'en',
    prompt: 'Parley',
    response_format: 'verbose_json'
  })
  t.equal(openai.keys.at(-1), 'Bearer a key')
  t.equal(await listen().finish(), null, 'no audio is no speech')
})

t.test('a noise is no speech, whatever the model writes', OPEN, async t => {
  openai.trouble = { kind: 'noSpeech' }
  const stream = listen()
  stream.write(sayInTones(['order']))
  t.equal(await stream.finish(), null)
})

t.test('each failure has its own code', OPEN, async t => {
  for (const [trouble, code] of [
    [{ kind: 'status', status: 401 }, 'SPEECH_REFUSED'],
    [{ kind: 'status', status: 429 }, 'SPEECH_QUOTA'],
    [{ kind: 'status', status: 500 }, 'SPEECH_FAILED'],
    [{ kind: 'cut' }, 'SPEECH_FAILED'],
    [{ kind: 'garbage' }, 'SPEECH_FAILED'],
    [{ kind: 'slow' }, 'SPEECH_TIMEOUT']
  ] as const) {
    openai.trouble = trouble
    const stream = listen('en', trouble.kind === 'slow' ? 300 : 10_000)
    stream.write(sayInTones(['order']))
    await t.rejects(stream.finish(), { code }, trouble.kind)
  }
  const unknown = listen('de')
  unknown.write(sayInTones(['order']))
  await t.rejects(unknown.finish(), { code: 'SPEECH_LANGUAGE_UNKNOWN' })
})

t.test('a recording is heard on both sides, with the time of each word', OPEN, async t => {
  const audio = { left: sayInTones(['address', 'change']), right: sayInTones(['thanks']) }
  const { left, right } = await createOpenaiBatch(place)!.recognize(audio, 'en', LIMIT())
  t.match(left, [
    { text: 'address', startMs: 0, endMs: 200 },
    { text: 'change', startMs: 300, endMs: 500 }
  ])
  t.match(right, [{ text: 'thanks' }])
})

t.test('the service speaks, at the rate of a telephone, and its failures are told apart', OPEN, async t => {
  const voices = createOpenaiSynthesizer(place)!
  const speak = (limitMs = 5_000) => voices.stream('order please', 'en', AbortSignal.timeout(limitMs))
  t.same(
    hearTones(await gatherSpeech(speak())).map(one => one.word),
    ['order', 'please']
  )
  t.match(openai.forms.at(-1), { model: 'tts-1', voice: 'nova', input: 'order please', response_format: 'pcm' })
  openai.trouble = { kind: 'status', status: 429 }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_QUOTA' })
  openai.trouble = { kind: 'cut' }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_FAILED' })
  openai.trouble = { kind: 'silent' }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_EMPTY' })
  openai.trouble = { kind: 'endless' }
  await t.rejects(gatherSpeech(speak(), longestSpeechMs(12)), { code: 'SYNTHESIS_FAILED' })
  openai.trouble = { kind: 'slow' }
  await t.rejects(gatherSpeech(speak(200)), { name: 'TimeoutError' })
})

t.test('a service on this machine sends nothing outside, and has no model but those that are named', async t => {
  const here = { ...place, region: null, ttsModel: null }
  t.match(createOpenaiRecognizer(here), { host: null, region: null, centsPerMinute: 0 })
  t.equal(createOpenaiSynthesizer(here), null)
})
