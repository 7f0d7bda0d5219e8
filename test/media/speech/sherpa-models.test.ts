import t from 'tap'
import { readSherpaModels } from '../../../media/speech/providers/sherpa-models.ts'

const OPEN = { timeout: 280_000 }
/** Empty files of these names. */
const files = (...names: readonly string[]) => Object.fromEntries(names.map(name => [name, '']))
const transducer = () => files('encoder-epoch-99.onnx', 'decoder-epoch-99.onnx', 'joiner-epoch-99.onnx', 'tokens.txt')

t.test('published voices are known by the names of their folders', OPEN, async t => {
  const folder = t.testdir({
    'kokoro-multi-lang-v1_0': {
      ...files('model.onnx', 'voices.bin', 'tokens.txt', 'lexicon-us-en.txt', 'lexicon-zh.txt'),
      ...files('date-zh.fst', 'number-zh.fst', 'phone-zh.fst'),
      'espeak-ng-data': {},
      dict: {}
    },
    'kitten-nano-en-v0_1-fp16': { ...files('model.fp16.onnx', 'voices.bin', 'tokens.txt'), 'espeak-ng-data': {} },
    'matcha-icefall-zh-baker': { ...files('model-steps-3.onnx', 'tokens.txt', 'lexicon.txt'), dict: {} },
    'vits-piper-de_DE-thorsten-medium': {
      ...files('de_DE-thorsten-medium.onnx', 'de_DE-thorsten-medium.onnx.json', 'tokens.txt'),
      'espeak-ng-data': {}
    },
    'vits-mms-deu': files('model.onnx', 'tokens.txt'),
    'vits-coqui-lt-cv': { ...files('model.onnx', 'tokens.txt'), 'model.yaml': 'speaker: 2\nspeed: 1.1\nthreads: 4' },
    'vocos-22khz-univ.onnx': ''
  })
  const { voices, streaming, hearing } = await readSherpaModels(folder)
  t.same([...streaming, ...hearing], [])
  t.same(
    voices.map(({ name, languages, speaker, speed, threads }) => [name, languages.join(), speaker, speed, threads]),
    [
      ['sherpa-kitten-nano-en-v0_1-fp16', 'en', 0, 1, 2],
      ['sherpa-kokoro-multi-lang-v1_0', 'en,zh', 0, 1, 2],
      ['sherpa-matcha-icefall-zh-baker', 'zh', 0, 1, 2],
      ['sherpa-vits-coqui-lt-cv', 'lt', 2, 1.1, 4],
      ['sherpa-vits-mms-deu', 'de', 0, 1, 2],
      ['sherpa-vits-piper-de_DE-thorsten-medium', 'de', 0, 1, 2]
    ]
  )
  t.same(
    voices.flatMap(({ name, locale }) => (locale === null ? [] : [[name, locale]])),
    [['sherpa-vits-piper-de_DE-thorsten-medium', 'de-DE']],
    'and what kind of the language they speak'
  )
  const config = (name: string) => voices.find(one => one.name === `sherpa-${name}`)?.config
  const piper = `${folder}/vits-piper-de_DE-thorsten-medium`
  t.match(config('vits-piper-de_DE-thorsten-medium'), {
    model: { vits: { model: `${piper}/de_DE-thorsten-medium.onnx`, dataDir: `${piper}/espeak-ng-data`, lexicon: '' } }
  })
  const kokoro = `${folder}/kokoro-multi-lang-v1_0`
  t.match(config('kokoro-multi-lang-v1_0'), {
    model: {
      kokoro: { lexicon: `${kokoro}/lexicon-us-en.txt,${kokoro}/lexicon-zh.txt`, dictDir: `${kokoro}/dict`, lang: '' }
    },
    ruleFsts: `${kokoro}/phone-zh.fst,${kokoro}/date-zh.fst,${kokoro}/number-zh.fst`
  })
  t.match(config('matcha-icefall-zh-baker'), {
    model: { matcha: { vocoder: `${folder}/vocos-22khz-univ.onnx` } }
  })
})

t.test('so are models that hear recordings, and transducers are told from those that hear calls', OPEN, async t => {
  const folder = t.testdir({
    'sherpa-onnx-whisper-tiny.en': files(
      'tiny.en-encoder.int8.onnx',
      'tiny.en-decoder.int8.onnx',
      'tiny.en-tokens.txt'
    ),
    'sherpa-onnx-whisper-turbo': files('turbo-encoder.onnx', 'turbo-decoder.onnx', 'turbo-tokens.txt'),
    'sherpa-onnx-sense-voice-zh-en-ja-ko-yue-2024-07-17': files('model.onnx', 'model.int8.onnx', 'tokens.txt'),
    'sherpa-onnx-paraformer-zh-2023-09-14': files('model.int8.onnx', 'tokens.txt'),
    'sherpa-onnx-zipformer-en-2023-04-01': transducer(),
    'sherpa-onnx-streaming-zipformer-en-2023-06-26': transducer(),
    'sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8': files(
      'encoder.int8.onnx',
      'decoder.int8.onnx',
      'joiner.int8.onnx',
      'tokens.txt'
    ),
    'sherpa-onnx-nemo-ctc-en-citrinet-512': files('model.int8.onnx', 'tokens.txt'),
    'sherpa-onnx-zipformer-ctc-zh-int8-2025-07-03': files('model.int8.onnx', 'tokens.txt'),
    'sherpa-onnx-moonshine-tiny-en-int8': files(
      'preprocess.onnx',
      'encode.int8.onnx',
      'uncached_decode.int8.onnx',
      'cached_decode.int8.onnx',
      'tokens.txt'
    ),
    'sherpa-onnx-nemo-canary-180m-flash-en-es-de-fr-int8': files(
      'encoder.int8.onnx',
      'decoder.int8.onnx',
      'tokens.txt'
    ),
    'sherpa-onnx-fire-red-asr-large-zh_en-2025-02-16': files('encoder.int8.onnx', 'decoder.int8.onnx', 'tokens.txt'),
    house: { ...transducer(), 'model.yaml': 'languages: [de]\nfamily: transducer' }
  })
  const { streaming, hearing } = await readSherpaModels(folder)
  t.match(streaming, [{ name: 'sherpa-sherpa-onnx-streaming-zipformer-en-2023-06-26' }])
  t.equal(streaming.length, 1)
  const told = Object.fromEntries(hearing.map(one => [one.name.replace('sherpa-sherpa-onnx-', ''), one]))
  t.same(
    Object.entries(told).map(([name, { family, languages }]) => [
      name,
      family,
      languages.length > 5 ? 'many' : languages.join()
    ]),
    [
      ['sherpa-house', 'transducer', 'de'],
      ['fire-red-asr-large-zh_en-2025-02-16', 'fire-red-asr', 'zh,en'],
      ['moonshine-tiny-en-int8', 'moonshine', 'en'],
      ['nemo-canary-180m-flash-en-es-de-fr-int8', 'canary', 'en,es,de,fr'],
      ['nemo-ctc-en-citrinet-512', 'nemo-ctc', 'en'],
      ['nemo-parakeet-tdt-0.6b-v3-int8', 'nemo-transducer', 'many'],
      ['paraformer-zh-2023-09-14', 'paraformer', 'zh'],
      ['sense-voice-zh-en-ja-ko-yue-2024-07-17', 'sense-voice', 'zh,en,ja,ko,yue'],
      ['whisper-tiny.en', 'whisper', 'en'],
      ['whisper-turbo', 'whisper', 'many'],
      ['zipformer-ctc-zh-int8-2025-07-03', 'zipformer-ctc', 'zh'],
      ['zipformer-en-2023-04-01', 'transducer', 'en']
    ]
  )
  t.match(told['sense-voice-zh-en-ja-ko-yue-2024-07-17']?.config, { senseVoice: { model: /model\.int8\.onnx$/ } })
  t.match(told['whisper-tiny.en']?.config, {
    whisper: { encoder: /tiny\.en-encoder/ },
    tokens: /tiny\.en-tokens\.txt$/
  })
})

t.test('a voice or a model for recordings that is not whole says what is missing', OPEN, async t => {
  const folder = t.testdir({
    'matcha-icefall-en_US-ljspeech': files('model-steps-3.onnx'),
    'sherpa-onnx-whisper-base': files('base-encoder.onnx', 'base-tokens.txt'),
    'vits-ljs': { ...files('vits-ljs.onnx', 'tokens.txt'), 'model.yaml': 'speed: 9' },
    tones: { ...files('model.onnx', 'tokens.txt'), 'model.yaml': 'family: zipformer-ctc' }
  })
  const err = await readSherpaModels(folder).catch(err => err)
  t.match(err, { code: 'SPEECH_MISSING' })
  for (const said of [
    /ljspeech has no tokens\.txt/,
    /ljspeech has no vocos\*\.onnx or hifigan\*\.onnx/,
    /whisper-base has no decoder\*\.onnx/,
    /vits-ljs.model\.yaml must read .*speed \(0\.5 to 2\)/,
    /tones does not say its languages/
  ])
    t.match(err.message, said)
})
