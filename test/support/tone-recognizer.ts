import { goertzelPower, meanSquare } from '../../media/audio/goertzel.ts'
import { generateTone } from '../../media/audio/tone.ts'
import type { Recognition, Recognizer } from '../../media/speech/recognizer.ts'

/** A word or sentence that a tone stands for; `confidence` 0.9 unless given. */
export type ToneText = string | Readonly<{ text: string; confidence: number }>

export type ToneRecognizerOptions = Readonly<{
  /** What each frequency in Hz stands for. Frequencies lie at least 100 Hz apart, from 300 to 3400 Hz. */
  texts: Readonly<Record<number, ToneText>>
  languages?: readonly string[]
  name?: string
  isOpen?: boolean
  host?: string | null
  region?: string | null
  centsPerMinute?: number
  /** Whether it tells what it heard so far. */
  tellsPartials?: boolean
  /** How long it takes to get ready. */
  preparesMs?: number
  /** How long it thinks when the speech is over. */
  thinksMs?: number
  /**
   * A tone that goes on after a gap of up to this length is still the same word: on a busy machine frames may be late,
   * and the tap fills their place. 0 unless given, for callers who say one word twice.
   */
  sameWithinMs?: number
}>

const BLOCK = 320
const BLOCK_MS = BLOCK / 8
const LEAST_SHARE = 0.8
/** Below about -50 dBov there is no tone. */
const QUIET = 100 ** 2
/** So many blocks of 40 ms make a tone; one may be a transition. */
const LEAST_BLOCKS = 2

/**
 * A recogniser for tests, no part of the product: it hears tones instead of words. Each stretch of one of the known
 * frequencies is one text; several stretches one after the other make a sentence. It finds them in the audio by
 * Goertzel's algorithm, as they really arrive through phone, media server and tap, and knows nothing of the test.
 */
export function createToneRecognizer(options: ToneRecognizerOptions): Recognizer {
  const frequencies = Object.keys(options.texts).map(Number)
  return {
    name: options.name ?? 'tones',
    languages: options.languages ?? ['en'],
    isOpen: options.isOpen ?? true,
    host: options.host ?? null,
    region: options.region ?? null,
    centsPerMinute: options.centsPerMinute ?? 0,
    async prepare() {
      if (options.preparesMs !== undefined) await new Promise(resolve => setTimeout(resolve, options.preparesMs))
    },
    open(request, onPartial) {
      let rest = new Int16Array(0)
      let last: number | null = null
      let blocks = 0
      let isCounted = false
      let quietMs = Number.POSITIVE_INFINITY
      const heard: number[] = []
      const hear = (block: Int16Array) => {
        const hz = toneIn(block, frequencies)
        if (hz !== last) {
          last = hz
          blocks = 0
          isCounted = false
        }
        blocks += 1
        if (hz === null) quietMs += BLOCK_MS
        if (hz === null || isCounted || blocks < LEAST_BLOCKS) return
        isCounted = true
        const isSame = heard.at(-1) === hz && quietMs <= (options.sameWithinMs ?? 0)
        quietMs = 0
        if (isSame) return
        heard.push(hz)
        if (options.tellsPartials !== false) onPartial?.(textOf(heard, options.texts).text)
      }
      return {
        write(samples) {
          const all = new Int16Array(rest.length + samples.length)
          all.set(rest)
          all.set(samples, rest.length)
          let at = 0
          for (; at + BLOCK <= all.length; at += BLOCK) hear(all.subarray(at, at + BLOCK))
          rest = all.slice(at)
        },
        async finish() {
          if (options.thinksMs !== undefined) await new Promise(resolve => setTimeout(resolve, options.thinksMs))
          if (heard.length === 0) return null
          const found = textOf(heard, options.texts)
          return request.phrases === null || request.phrases.includes(found.text) ? found : null
        },
        [Symbol.dispose]() {}
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

/** Samples (8 kHz) that a tone recogniser hears as the texts of these frequencies: 240 ms each, 60 ms of quiet between. */
export function toneSpeech(frequenciesHz: readonly number[], amplitude = 8_000): Int16Array {
  const parts = frequenciesHz.flatMap(hz => [
    generateTone({ frequenciesHz: [hz], durationMs: 240, amplitude }),
    new Int16Array(480)
  ])
  const all = new Int16Array(parts.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Says something once, and is quiet from then on, as a phone is that goes on sending: frames of 20 ms. */
export function thenSilence(samples: Int16Array): () => Int16Array {
  let at = 0
  return () => {
    const frame = new Int16Array(160)
    frame.set(samples.subarray(at, at + 160))
    at += 160
    return frame
  }
}

/** Says something every two seconds, as people do who are not understood: frames of 20 ms. */
export function againAndAgain(samples: Int16Array): () => Int16Array {
  let say = thenSilence(samples)
  let frames = 0
  return () => {
    if (frames > 0 && frames % 100 === 0) say = thenSilence(samples)
    frames += 1
    return say()
  }
}

function toneIn(block: Int16Array, frequencies: readonly number[]): number | null {
  const total = meanSquare(block)
  if (total < QUIET) return null
  return frequencies.find(hz => goertzelPower(block, hz) / total >= LEAST_SHARE) ?? null
}

function textOf(heard: readonly number[], texts: Readonly<Record<number, ToneText>>): Recognition {
  const found = heard.map(hz => {
    const text = texts[hz] as ToneText
    return typeof text === 'string' ? { text, confidence: 0.9 } : text
  })
  return { text: found.map(one => one.text).join(' '), confidence: Math.min(...found.map(one => one.confidence)) }
}
