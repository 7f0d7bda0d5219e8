/** Kinds of models: `streaming` hears calls, the next hear recordings, the last four speak. */
export const SHERPA_FAMILIES = [
  'streaming',
  'transducer',
  'nemo-transducer',
  'nemo-ctc',
  'zipformer-ctc',
  'wenet-ctc',
  'dolphin',
  'sense-voice',
  'paraformer',
  'whisper',
  'moonshine',
  'canary',
  'fire-red-asr',
  'vits',
  'matcha',
  'kokoro',
  'kitten'
] as const

export type SherpaFamily = (typeof SHERPA_FAMILIES)[number]
export type VoiceFamily = Extract<SherpaFamily, 'vits' | 'matcha' | 'kokoro' | 'kitten'>
export type HearingFamily = Exclude<SherpaFamily, 'streaming' | VoiceFamily>

const VOICES: ReadonlySet<SherpaFamily> = new Set(['vits', 'matcha', 'kokoro', 'kitten'])

export function isVoice(family: SherpaFamily): family is VoiceFamily {
  return VOICES.has(family)
}

/** Families that published names tell; the first that fits counts. */
const BY_NAME: readonly (readonly [RegExp, SherpaFamily])[] = [
  [/kokoro/, 'kokoro'],
  [/kitten/, 'kitten'],
  [/matcha/, 'matcha'],
  [/^vits|piper/, 'vits'],
  [/streaming/, 'streaming'],
  [/whisper/, 'whisper'],
  [/sense-?voice/, 'sense-voice'],
  [/paraformer/, 'paraformer'],
  [/moonshine/, 'moonshine'],
  [/canary/, 'canary'],
  [/fire-?red/, 'fire-red-asr'],
  [/dolphin/, 'dolphin']
]

/**
 * The family of a model by its folder's name, and by its files where the name is shared. A transducer of which nothing else
 * is known hears calls. Pure.
 */
export function familyOf(name: string, files: readonly string[]): SherpaFamily {
  const lower = name.toLowerCase()
  const known = BY_NAME.find(([pattern]) => pattern.test(lower))
  if (known !== undefined) return known[1]
  const isNemo = /nemo|parakeet|giga-?am/.test(lower)
  if (files.some(file => file.includes('joiner') && file.endsWith('.onnx'))) {
    if (isNemo) return 'nemo-transducer'
    return /^(sherpa-onnx|icefall)-/.test(lower) ? 'transducer' : 'streaming'
  }
  if (/wenet|u2pp/.test(lower)) return 'wenet-ctc'
  if (/zipformer.*ctc/.test(lower)) return 'zipformer-ctc'
  return isNemo ? 'nemo-ctc' : 'streaming'
}

/** Paths of a model's files. `find` and `folder` give null where there is none; `need` notes a problem. */
export type ModelFiles = Readonly<{
  need(pattern: RegExp, called: string): string
  find(pattern: RegExp): string | null
  all(pattern: RegExp): readonly string[]
  folder(name: string): string | null
}>

/** The library's own settings for a model, by the names of its interface. */
export type LibraryConfig = Readonly<Record<string, unknown>>

/** `modelConfig` of the library's OfflineRecognizer. Notes missing files. */
export function hearingConfig(family: HearingFamily, files: ModelFiles): LibraryConfig {
  const tokens = files.need(/(^|-)tokens\.txt$/, 'tokens.txt')
  const model = () => files.need(/^model.*\.onnx$/, 'model*.onnx')
  const pair = () => ({
    encoder: files.need(/encoder.*\.onnx$/, 'encoder*.onnx'),
    decoder: files.need(/decoder.*\.onnx$/, 'decoder*.onnx')
  })
  const transducer = () => ({ ...pair(), joiner: files.need(/joiner.*\.onnx$/, 'joiner*.onnx') })
  switch (family) {
    case 'transducer':
      return { transducer: transducer(), tokens, modelType: 'transducer' }
    case 'nemo-transducer':
      return { transducer: transducer(), tokens, modelType: 'nemo_transducer' }
    case 'nemo-ctc':
      return { nemoCtc: { model: model() }, tokens }
    case 'zipformer-ctc':
      return { zipformerCtc: { model: model() }, tokens }
    case 'wenet-ctc':
      return { wenetCtc: { model: model() }, tokens }
    case 'dolphin':
      return { dolphin: { model: model() }, tokens }
    case 'sense-voice':
      return { senseVoice: { model: model(), useInverseTextNormalization: 1 }, tokens }
    case 'paraformer':
      return { paraformer: { model: model() }, tokens }
    case 'whisper':
      // Those that were exported with their attention tell when each word was said.
      return { whisper: { ...pair(), task: 'transcribe', enableTokenTimestamps: 1 }, tokens }
    case 'moonshine':
      return {
        moonshine: {
          preprocessor: files.need(/^preprocess.*\.onnx$/, 'preprocess*.onnx'),
          encoder: files.need(/^encode.*\.onnx$/, 'encode*.onnx'),
          uncachedDecoder: files.need(/^uncached_decode.*\.onnx$/, 'uncached_decode*.onnx'),
          cachedDecoder: files.need(/^cached_decode.*\.onnx$/, 'cached_decode*.onnx')
        },
        tokens
      }
    case 'canary':
      return { canary: { ...pair(), usePnc: 1 }, tokens }
    case 'fire-red-asr':
      return { fireRedAsr: pair(), tokens }
    default:
      return family satisfies never
  }
}

/** The same with the language that is to be heard, for families that want to be told. Pure. */
export function hearingIn(config: LibraryConfig, family: HearingFamily, language: string): LibraryConfig {
  const told = (part: string, settings: Readonly<Record<string, string>>) => ({
    ...config,
    [part]: { ...(config[part] as object), ...settings }
  })
  switch (family) {
    case 'whisper':
      return told('whisper', { language })
    case 'sense-voice':
      return told('senseVoice', { language })
    case 'canary':
      return told('canary', { srcLang: language, tgtLang: language })
    default:
      return config
  }
}

/** Settings of the library's OfflineTts: `model`, and the rules by which it writes out numbers and dates. Notes missing files. */
export function voiceConfig(
  family: VoiceFamily,
  files: ModelFiles,
  shared: (pattern: RegExp) => string | null,
  languages: readonly string[]
): LibraryConfig {
  const tokens = files.need(/^tokens\.txt$/, 'tokens.txt')
  const dataDir = files.folder('espeak-ng-data') ?? ''
  const dictDir = files.folder('dict') ?? ''
  const lexicon = files.all(/^lexicon.*\.txt$/).join(',')
  const model = () => files.need(/\.onnx$/, '*.onnx')
  const voices = () => files.need(/^voices\.bin$/, 'voices.bin')
  const rules = {
    ruleFsts: [...files.all(/\.fst$/)].sort((a, b) => ruleOrder(a) - ruleOrder(b)).join(','),
    ruleFars: files.all(/\.far$/).join(',')
  }
  switch (family) {
    case 'vits':
      return { model: { vits: { model: model(), tokens, lexicon, dataDir, dictDir } }, ...rules }
    case 'matcha': {
      const vocoder = /^(vocos|hifigan).*\.onnx$/
      return {
        model: {
          matcha: {
            acousticModel: files.need(/^model.*\.onnx$/, 'model*.onnx'),
            // Published apart from the models, for all of them.
            vocoder: files.find(vocoder) ?? shared(vocoder) ?? files.need(vocoder, 'vocos*.onnx or hifigan*.onnx'),
            tokens,
            lexicon,
            dataDir,
            dictDir
          }
        },
        ...rules
      }
    }
    case 'kokoro': {
      const [only] = languages
      // English and Chinese come by its lexicons, any other language by eSpeak NG's data.
      const lang = languages.length === 1 && only !== undefined && !['en', 'zh'].includes(only) ? only : ''
      return {
        model: { kokoro: { model: model(), voices: voices(), tokens, lexicon, dataDir, dictDir, lang } },
        ...rules
      }
    }
    case 'kitten':
      return { model: { kitten: { model: model(), voices: voices(), tokens, dataDir } }, ...rules }
    default:
      return family satisfies never
  }
}

/** Telephone numbers and dates before numbers, which would read their digits otherwise. */
function ruleOrder(path: string): number {
  const order = ['phone', 'date', 'number']
  const at = order.findIndex(word => (path.split('/').at(-1) ?? '').startsWith(word))
  return at === -1 ? order.length : at
}
