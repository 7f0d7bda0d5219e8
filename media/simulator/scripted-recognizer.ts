import type { Recognition, RecognitionRequest, Recognizer } from '../speech/recognizer.ts'

/** What a caller is saying now, of which a script knows the words; `soundMs` is how long it takes. */
export type Saying = Readonly<{ text: string; confidence: number; soundMs: number }>

const SAMPLES_PER_MS = 8
const PARTIAL_EVERY_MS = 100

/**
 * Hears the words of a script instead of sound. That something is said, when it begins and when it is over still comes from
 * the sound. `current` gives what is being said; null is a sound without words. It understands open speech; of closed phrases
 * it hears the one that is the same by `isSame`, or nothing.
 */
export function createScriptedRecognizer(
  languages: readonly string[],
  current: () => Saying | null,
  isSame: (one: string, other: string) => boolean
): Recognizer {
  return {
    name: 'script',
    languages,
    host: null,
    region: null,
    centsPerMinute: 0,
    isOpen: true,
    async prepare() {},
    open(request, onPartial) {
      const saying = current()
      const words = saying?.text.split(/(?<=\s)/) ?? []
      let samples = 0
      let toldAtMs = 0
      return {
        write(more) {
          samples += more.length
          const ms = samples / SAMPLES_PER_MS
          if (saying === null || ms - toldAtMs < PARTIAL_EVERY_MS) return
          toldAtMs = ms
          const known = Math.ceil(words.length * Math.min(1, ms / Math.max(1, saying.soundMs)))
          onPartial?.(words.slice(0, known).join('').trim())
        },
        finish: async () => (saying === null ? null : understood(saying, request, isSame)),
        [Symbol.dispose]() {}
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

function understood(
  { text, confidence }: Saying,
  { phrases }: RecognitionRequest,
  isSame: (one: string, other: string) => boolean
): Recognition | null {
  if (phrases === null) return { text, confidence }
  const phrase = phrases.find(one => isSame(one, text))
  return phrase === undefined ? null : { text: phrase, confidence }
}

/** The same recogniser, of which `onHeard` learns what it made of each stretch of speech. Disposing it leaves the other as it is. */
export function overheard(recognizer: Recognizer, onHeard: (found: Recognition | null) => void): Recognizer {
  return {
    name: recognizer.name,
    languages: recognizer.languages,
    host: recognizer.host,
    region: recognizer.region,
    centsPerMinute: recognizer.centsPerMinute,
    isOpen: recognizer.isOpen,
    ...(recognizer.asksForEachHost !== undefined && { asksForEachHost: recognizer.asksForEachHost }),
    prepare: (request, signal) => recognizer.prepare(request, signal),
    open(request, onPartial, onFallOver) {
      const stream = recognizer.open(request, onPartial, onFallOver)
      return {
        write: samples => stream.write(samples),
        async finish() {
          const found = await stream.finish()
          onHeard(found)
          return found
        },
        ...(stream.failure !== undefined && { failure: stream.failure }),
        [Symbol.dispose]: () => stream[Symbol.dispose]()
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}
