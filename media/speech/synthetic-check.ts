import type { SynthesizerChain } from '../prompts/synthesizer-chain.ts'
import type { BatchRecognizer } from './batch-recognizer.ts'
import { shareHeard } from './compare-words.ts'
import type { CheckResult, ProviderHealth } from './provider-health.ts'
import type { RecognitionRequest, Recognizer } from './recognizer.ts'
import type { RecognizerChain } from './recognizer-chain.ts'
import { within } from './within.ts'

/**
 * A sentence of common words for each language. Japanese in katakana: eSpeak NG reads no kanji, and recognisers write
 * these words as they stand here.
 */
export const CHECK_PHRASES: Readonly<Record<string, string>> = {
  en: 'the blue train leaves the station this morning',
  es: 'el tren azul sale de la estación esta mañana',
  de: 'der blaue Zug fährt heute Morgen vom Bahnhof ab',
  zh: '蓝色的火车今天早上从车站出发',
  ar: 'القطار الأزرق يغادر المحطة هذا الصباح',
  ja: 'カメラ テレビ ラジオ テスト'
}

/** What a recogniser that knows only phrases might take the sentence for. */
const OTHER_PHRASES: Readonly<Record<string, string>> = {
  en: 'the red bus stops at the market every evening',
  es: 'el autobús rojo para en el mercado cada tarde',
  de: 'der rote Bus hält jeden Abend am Markt',
  zh: '红色的公共汽车每天晚上停在市场',
  ar: 'الحافلة الحمراء تقف عند السوق كل مساء',
  ja: 'ギター ピアノ ベッド ドア'
}

/** A recogniser of phrases and grammars, which is in no chain, and how it does. */
export type ClosedRecognizer = Readonly<{ recognizer: Recognizer; health: ProviderHealth }>

/** A recogniser that hears nothing but recordings, and how it does. */
export type RecordingRecognizer = Readonly<{ recognizer: BatchRecognizer; health: ProviderHealth }>

export type CheckedProvider = Readonly<{ kind: 'recognizer' | 'synthesizer'; name: string; result: CheckResult }>

/** Less than this and the provider is degraded: a synthetic voice over a telephone is never understood whole. */
const LEAST_HEARD = 0.5
const LIMIT_MS = 15_000
const RECORDED_LIMIT_MS = 60_000

/**
 * Lets every voice speak a known sentence in each of its languages and every recogniser hear it, `closed` ones by choosing
 * it among two; compares the words, and tells each provider's health. Goes on past failures: they are results. `onChecked` hears of
 * each as it comes: several who do not answer may take all the time that there is.
 */
export async function checkSpeech(
  {
    voices,
    chain,
    closed = [],
    ofRecordings = []
  }: Readonly<{
    voices: SynthesizerChain
    chain: RecognizerChain
    closed?: readonly ClosedRecognizer[]
    ofRecordings?: readonly RecordingRecognizer[]
  }>,
  signal: AbortSignal,
  phrases: Readonly<Record<string, string>> = CHECK_PHRASES,
  onChecked: (checked: CheckedProvider) => void = () => {}
): Promise<readonly CheckedProvider[]> {
  const results: CheckedProvider[] = []
  const tell = (checked: CheckedProvider) => {
    results.push(checked)
    onChecked(checked)
  }
  for (const [language, phrase] of Object.entries(phrases)) {
    const spoken = []
    for (const { synthesizer, health } of voices.linksFor(language)) {
      signal.throwIfAborted()
      const startedAt = performance.now()
      const outcome = await outcomeOf(synthesizer.synthesize(phrase, language, limited(signal)), signal)
      spoken.push({ synthesizer, health, outcome, tookMs: performance.now() - startedAt })
    }
    const samples = spoken.map(one => one.outcome).find(one => one instanceof Int16Array)
    let judge: Ear | null = null
    for (const ear of earsFor(language, phrase, chain, closed, ofRecordings)) {
      if (samples === undefined) break
      const { name, health } = ear
      const startedAt = performance.now()
      const heard = await outcomeOf(ear.hear(samples, signal), signal)
      const result = resultOf(language, startedAt, heard, phrase)
      if (result.code === null) health.succeeded()
      else health.failed(result.code)
      health.checked(result)
      tell({ kind: 'recognizer', name, result })
      // Who chooses among two sentences is no judge of a voice.
      if (result.isOk && ear.isOpen) judge ??= ear
    }
    for (const { synthesizer, health, outcome, tookMs } of spoken) {
      // Without somebody who hears, sound alone has to do.
      const heard =
        outcome instanceof Int16Array && judge !== null ? await outcomeOf(judge.hear(outcome, signal), signal) : null
      const share = typeof heard === 'string' ? shareHeard(phrase, heard, language) : null
      const code = outcome instanceof Int16Array ? null : outcome.code
      if (code === null) health.succeeded()
      else health.failed(code)
      const isOk = code === null && (share === null || share >= LEAST_HEARD)
      const result = { language, checkedAt: new Date(), isOk, heard: share, tookMs: Math.round(tookMs), code }
      health.checked(result)
      tell({ kind: 'synthesizer', name: synthesizer.name, result })
    }
  }
  return results
}

/** Somebody who hears the sentence; `hear` resolves with the words, an empty string when there are none. */
type Ear = Readonly<{
  name: string
  health: ProviderHealth
  isOpen: boolean
  hear(samples: Int16Array, signal: AbortSignal): Promise<string>
}>

function earsFor(
  language: string,
  phrase: string,
  chain: RecognizerChain,
  closed: readonly ClosedRecognizer[],
  ofRecordings: readonly RecordingRecognizer[]
): readonly Ear[] {
  const live = [...chain.linksFor(language), ...closed.filter(one => one.recognizer.languages.includes(language))]
  const phrases = [phrase, ...(OTHER_PHRASES[language] === undefined ? [] : [OTHER_PHRASES[language]])]
  return [
    ...live.map(({ recognizer, health }) => ({
      name: recognizer.name,
      health,
      isOpen: recognizer.isOpen,
      hear: (samples: Int16Array) =>
        hear(recognizer, samples, { language, phrases: recognizer.isOpen ? null : phrases })
    })),
    ...ofRecordings
      .filter(one => one.recognizer.languages.includes(language))
      .map(({ recognizer, health }) => ({
        name: recognizer.name,
        health,
        isOpen: true,
        hear: (samples: Int16Array, signal: AbortSignal) => hearRecorded(recognizer, samples, language, signal)
      }))
  ]
}

function limited(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)])
}

/** A failure as a value with its code; an abort from outside is no result. */
async function outcomeOf<T>(work: Promise<T>, signal: AbortSignal): Promise<T | Readonly<{ code: string }>> {
  try {
    return await work
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof DOMException && err.name === 'TimeoutError') return { code: 'SYNTHESIS_TIMEOUT' }
    if (err instanceof Error && 'code' in err && typeof err.code === 'string') return { code: err.code }
    throw err
  }
}

/** What a recogniser makes of the audio; an empty string when it is nothing. */
async function hear(recognizer: Recognizer, samples: Int16Array, request: RecognitionRequest): Promise<string> {
  const stream = recognizer.open(request)
  try {
    // At once: a check need not take the time that the speech takes.
    for (let at = 0; at < samples.length; at += 160) stream.write(samples.slice(at, at + 160))
    return (await within(stream.finish(), LIMIT_MS, recognizer.name))?.text ?? ''
  } finally {
    stream[Symbol.dispose]()
  }
}

/** The same from somebody who hears recordings, who may have to load a large model first. */
async function hearRecorded(
  recognizer: BatchRecognizer,
  samples: Int16Array,
  language: string,
  signal: AbortSignal
): Promise<string> {
  const heard = recognizer.recognize({ left: samples, right: null }, language, signal)
  return (await within(heard, RECORDED_LIMIT_MS, recognizer.name)).left.map(word => word.text).join(' ')
}

function resultOf(
  language: string,
  startedAt: number,
  heard: string | Readonly<{ code: string }>,
  phrase: string
): CheckResult {
  const share = typeof heard === 'string' ? shareHeard(phrase, heard, language) : null
  return {
    language,
    checkedAt: new Date(),
    isOk: share !== null && share >= LEAST_HEARD,
    heard: share,
    tookMs: Math.round(performance.now() - startedAt),
    code: typeof heard === 'string' ? null : heard.code
  }
}
