import { primaryOf } from '../speech-provider.ts'

/** Words of the names of published models: `sherpa-onnx-streaming-zipformer-bilingual-zh-en-…`, `…-sense-voice-zh-en-ja-ko-yue-…`. */
const IN_NAMES: Readonly<Record<string, string>> = {
  ar: 'ar',
  be: 'be',
  bn: 'bn',
  cantonese: 'yue',
  de: 'de',
  en: 'en',
  english: 'en',
  es: 'es',
  fr: 'fr',
  hr: 'hr',
  it: 'it',
  ja: 'ja',
  ko: 'ko',
  korean: 'ko',
  ljs: 'en',
  pl: 'pl',
  pt: 'pt',
  ru: 'ru',
  russian: 'ru',
  th: 'th',
  uk: 'uk',
  vctk: 'en',
  vi: 'vi',
  yue: 'yue',
  zh: 'zh'
}

/** Languages of Massively Multilingual Speech (`vits-mms-deu`), which names them by ISO 639-3. */
const THREE_LETTERS: Readonly<Record<string, string>> = {
  deu: 'de',
  eng: 'en',
  fra: 'fr',
  rus: 'ru',
  spa: 'es',
  tha: 'th',
  ukr: 'uk'
}

/** Those that all models of OpenAI's Whisper know (`whisper/tokenizer.py`). */
const WHISPER =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy ' +
  'sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo ' +
  'uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba su'
/** NVIDIA's Parakeet TDT 0.6b v3, by its model card. */
const PARAKEET = 'bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro sk sl es sv ru uk'

/** Names that tell the languages without naming them; the first that fits counts. */
const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/whisper.*(\.en(-|$)|distil)/, 'en'],
  [/whisper.*aishell/, 'zh'],
  [/whisper/, WHISPER],
  [/parakeet-tdt-0\.6b-v3/, PARAKEET],
  [/parakeet/, 'en'],
  [/giga-?am/, 'ru'],
  [/kokoro.*multi-lang/, 'en zh']
]

/** The one kind of its language that a voice of Piper speaks, by the name of its folder: `vits-piper-en_GB-alan-low`. Pure. */
export function localeIn(name: string): string | null {
  const [, language, country] = /(?:^|-)([a-z]{2,3})_([A-Z]{2})(?:-|$)/.exec(name) ?? []
  return language === undefined ? null : `${language}-${country}`
}

/** Primary language tags by the name of a model's folder; none where it does not tell. Pure. */
export function languagesIn(name: string): readonly string[] {
  const located = localeIn(name)
  if (located !== null) return [primaryOf(located)]
  const lower = name.toLowerCase()
  const [, ofVoice] = /^vits-(?:coqui|mms)-([a-z]{2,3})(?:-|$)/.exec(lower) ?? []
  if (ofVoice !== undefined) return [THREE_LETTERS[ofVoice] ?? ofVoice]
  const known = BY_NAME.find(([pattern]) => pattern.test(lower))
  if (known !== undefined) return known[1].split(' ')
  return [...new Set(lower.split(/[-_]/).flatMap(part => IN_NAMES[part] ?? []))]
}
