import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { azureVoice } from '../../../media/speech/providers/azure-languages.ts'
import { heardTag, spokenTag } from '../../../media/speech/providers/google-languages.ts'
import { openSpeechProviders, type SpeechSettings } from '../../../media/speech/providers/open-providers.ts'
import { checkSpeech } from '../../../media/speech/synthetic-check.ts'
import { writeToneModel } from '../../support/tone-model.ts'
import { writeToneRecordingModel } from '../../support/tone-recording-model.ts'
import { writeToneVoice } from '../../support/tone-voice-model.ts'

const LOG = pino({ level: 'silent' })
const SETTINGS: SpeechSettings = {
  regions: ['eu', 'westeurope'],
  google: { keyFile: '/nowhere/key.json', region: 'eu', endpoint: null },
  azure: { key: 'a key', region: 'westeurope', endpoint: null },
  openai: {
    url: 'https://speech.example.com/v1',
    key: null,
    asrModel: 'whisper-1',
    ttsModel: null,
    languages: ['en'],
    region: 'us'
  },
  sherpaModels: null,
  pocketsphinx: null,
  needsBatch: false
}

t.test('providers are asked in a fixed order, and only where their region is permitted', async t => {
  await using providers = await openSpeechProviders(SETTINGS, LOG)
  t.same(
    providers.recognizers.map(one => one.name),
    ['chain']
  )
  t.same(
    providers.chain.links.map(one => `${one.recognizer.name} ${one.recognizer.host}`),
    ['google eu-speech.googleapis.com', 'azure westeurope.stt.speech.microsoft.com']
  )
  t.same(
    providers.voices.links.map(one => one.synthesizer.name),
    ['google', 'azure', 'espeak-ng']
  )
  t.same(
    providers.batches.map(one => one.name),
    ['google', 'azure']
  )
  t.match(providers.statuses().at(-1), { kind: 'recognizer', name: 'openai', state: 'off' })
})

t.test('a key alone sends nobody’s voice anywhere', async t => {
  await using providers = await openSpeechProviders({ ...SETTINGS, regions: [] }, LOG)
  t.same(providers.recognizers, [])
  t.same(providers.batches, [])
  t.same(
    providers.voices.links.map(one => one.synthesizer.name),
    ['espeak-ng']
  )
})

t.test('a folder of models that is not usable stops the start', async t => {
  await t.rejects(openSpeechProviders({ ...SETTINGS, sherpaModels: t.testdir({}) }, LOG), { code: 'SPEECH_MISSING' })
})

t.test(
  'models of this machine hear first and speak before eSpeak NG, and each is checked',
  { timeout: 280_000 },
  async t => {
    const sherpaModels = t.testdir({})
    await writeToneModel(join(sherpaModels, 'calls'), ['en'])
    await writeToneRecordingModel(join(sherpaModels, 'recordings'), ['en'])
    await writeToneVoice(join(sherpaModels, 'voice'), { languages: ['en'] })
    await using providers = await openSpeechProviders({ ...SETTINGS, sherpaModels, needsBatch: true }, LOG)
    t.same(
      providers.chain.links.map(one => one.recognizer.name),
      ['sherpa-calls', 'google', 'azure']
    )
    t.same(
      providers.voices.links.map(one => one.synthesizer.name),
      ['google', 'azure', 'sherpa-voice', 'espeak-ng']
    )
    t.same(
      providers.batches.map(one => one.name),
      ['sherpa-recordings', 'google', 'azure']
    )

    await using alone = await openSpeechProviders({ ...SETTINGS, regions: [], sherpaModels, needsBatch: true }, LOG)
    t.teardown(() => Promise.all(alone.recognizers.map(one => one[Symbol.asyncDispose]())))
    const results = await checkSpeech(alone, AbortSignal.timeout(60_000), { en: 'order agent delivery' })
    t.match(
      results.map(one => `${one.kind} ${one.name} ${one.result.heard}`),
      [
        'recognizer sherpa-calls 1',
        'recognizer sherpa-recordings 1',
        'synthesizer sherpa-voice 1',
        /^synthesizer espeak-ng/
      ]
    )
    t.match(
      alone.statuses().map(one => ({ name: one.name, state: one.state, heard: one.checks[0]?.heard })),
      [
        { name: 'sherpa-calls', state: 'ok', heard: 1 },
        { name: 'sherpa-recordings', state: 'ok', heard: 1 },
        { name: 'sherpa-voice', state: 'ok', heard: 1 },
        { name: 'espeak-ng' },
        { name: 'google', state: 'off' }
      ]
    )
  }
)

t.test('each provider is told a language by its own name for it', async t => {
  t.same(['de', 'en-GB', 'zh', 'zh-Hant', 'zh-TW', 'ar', 'ar-AE', 'qq'].map(heardTag), [
    'de-DE',
    'en-GB',
    'cmn-Hans-CN',
    'cmn-Hant-TW',
    'cmn-Hant-TW',
    'ar-SA',
    'ar-AE',
    null
  ])
  t.same(['de', 'en-gb', 'zh-TW', 'ar-AE', 'qq'].map(spokenTag), ['de-DE', 'en-GB', 'cmn-CN', 'ar-XA', null])
  t.same(
    ['de-AT', 'no', 'en-ZA', 'zh-HK', 'ja', 'qq'].map(tag => azureVoice(tag)?.tag ?? null),
    ['de-AT', 'nb-NO', 'en-US', 'zh-HK', 'ja-JP', null]
  )
})
