import { joinSamples } from '../../../media/audio/pcm.ts'
import { meanSquare, toneShare } from '../../../media/audio/goertzel.ts'
import { generateTone } from '../../../media/audio/tone.ts'

/**
 * A language of tones, so that servers of tests really hear what they are sent: each word is a frequency. What arrives
 * changed, late, twice or not at all is heard as such.
 */
const WORDS = [
  'balance',
  'order',
  'agent',
  'address',
  'invoice',
  'delivery',
  'cancel',
  'change',
  'tomorrow',
  'number',
  'please',
  'thanks'
] as const

export type ToneWord = (typeof WORDS)[number]
export type HeardTone = Readonly<{ word: string; startMs: number; endMs: number }>

const LOWEST_HZ = 500
const STEP_HZ = 200
const BLOCK_SAMPLES = 160
const BLOCK_MS = 20
const LEAST_MS = 60
/** A media server is silent for so long where a prompt is broken off; pauses between words are longer. */
const LONGEST_TEAR_MS = 60

export const TONE_WORDS: readonly ToneWord[] = WORDS

/** The same words in other tongues, in the same order: what a server hears and says that knows tongues. */
const TONGUES: Readonly<Record<string, readonly string[]>> = {
  de: [
    'Saldo',
    'Bestellung',
    'Mitarbeiter',
    'Adresse',
    'Rechnung',
    'Lieferung',
    'Kündigung',
    'Änderung',
    'morgen',
    'Nummer',
    'bitte',
    'danke'
  ],
  zh: ['余额', '订单', '客服', '地址', '发票', '送货', '取消', '更改', '明天', '号码', '请', '谢谢'],
  ar: ['رصيد', 'طلبات', 'موظف', 'عنوان', 'فاتورة', 'توصيل', 'إلغاء', 'تغيير', 'غدا', 'رقم', 'فضلك', 'شكرا']
}

/** The tongue of a provider's language tag, such as `cmn-Hans-CN`; English where there is no other. */
function tongueOf(tag: string): readonly string[] {
  const primary = tag.toLowerCase().split('-')[0] ?? ''
  return TONGUES[primary === 'cmn' ? 'zh' : primary] ?? WORDS
}

/** A heard word as somebody writes it down who listens to a language. */
export function inTongue(heard: HeardTone, tag: string): HeardTone {
  return { ...heard, word: tongueOf(tag)[WORDS.indexOf(heard.word as ToneWord)] ?? heard.word }
}

/** The words of the language in a text; a text without any is spoken as “thanks”, so that there is something to hear. */
export function toneWordsIn(text: string): readonly ToneWord[] {
  return knownWordsIn(text, WORDS)
}

/** Like {@link toneWordsIn}, by a voice of one language: words of any other are none. */
export function toneWordsInTongue(text: string, tag: string): readonly ToneWord[] {
  return knownWordsIn(text, tongueOf(tag))
}

function knownWordsIn(text: string, tongue: readonly string[]): readonly ToneWord[] {
  // Chinese is written without spaces: its words are cut by the same rules as the others.
  const cut = [...new Intl.Segmenter('zh', { granularity: 'word' }).segment(text)].map(one => one.segment)
  const words = cut.flatMap(word => WORDS[tongue.indexOf(word)] ?? [])
  return words.length === 0 ? ['thanks'] : words
}

/** The words one after the other, with pauses between them. */
export function sayInTones(words: readonly ToneWord[], wordMs = 200, pauseMs = 100): Int16Array {
  return joinSamples(
    words.flatMap(word => [
      generateTone({ frequenciesHz: [LOWEST_HZ + STEP_HZ * WORDS.indexOf(word)], durationMs: wordMs }),
      new Int16Array(pauseMs * 8)
    ])
  )
}

/** Which words are in the audio, and when. */
export function hearTones(samples: Int16Array): readonly HeardTone[] {
  const ear = new ToneEar()
  ear.push(samples)
  return ear.words
}

/** Hears tones in audio that comes piece by piece. */
export class ToneEar {
  readonly #heard: { word: string; startMs: number; endMs: number }[] = []
  #rest = new Int16Array(0)
  #heardMs = 0

  /** Of everything so far, in milliseconds. */
  get lengthMs(): number {
    return this.#heardMs + this.#rest.length / 8
  }

  get words(): readonly HeardTone[] {
    return this.#heard.filter(one => one.endMs - one.startMs >= LEAST_MS)
  }

  push(piece: Int16Array): void {
    const samples = joinSamples([this.#rest, piece])
    let at = 0
    for (; at + BLOCK_SAMPLES <= samples.length; at += BLOCK_SAMPLES) {
      const word = wordIn(samples.subarray(at, at + BLOCK_SAMPLES))
      const startMs = this.#heardMs
      this.#heardMs += BLOCK_MS
      const last = this.#heard.at(-1)
      if (word === null) continue
      if (last?.word === word && startMs - last.endMs <= LONGEST_TEAR_MS) last.endMs = this.#heardMs
      else this.#heard.push({ word, startMs, endMs: this.#heardMs })
    }
    this.#rest = samples.slice(at)
  }
}

function wordIn(block: Int16Array): string | null {
  if (meanSquare(block) < 200 ** 2) return null
  return WORDS.find((_, index) => toneShare(block, LOWEST_HZ + STEP_HZ * index) > 0.7) ?? null
}
