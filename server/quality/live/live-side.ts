import type { CallTap, TapFrame } from '../../../media/tap/call-tap.ts'
import type {
  RecognitionRequest,
  RecognitionStream,
  Recognizer,
  SpeechError
} from '../../../media/speech/recognizer.ts'
import { VoiceListener } from '../../../media/speech/voice-listener.ts'

/** One stretch of speech as it was understood. Times are milliseconds since the answer. */
export type Said = Readonly<{
  text: string
  confidence: number
  startMs: number
  endMs: number
  words: readonly Readonly<{ text: string; startMs: number; endMs: number }>[]
}>

export type LiveSideOptions = Readonly<{
  tap: Pick<CallTap, 'attach'>
  side: 'left' | 'right'
  recognizer: Recognizer
  request: RecognitionRequest
  /** Whether what is said at this moment may be kept. */
  isOpen(): boolean
  onSaid(said: Said): void
  onFailure(err: SpeechError): void
}>

/** People breathe within a sentence; longer quiet ends an utterance. */
const ENDPOINT_MS = 700
/** Nobody reads an utterance of more than half a minute at once. */
const MAX_SPEECH_MS = 30_000
/** The listener is sure of speech after so much of it. */
const SURE_AFTER_MS = 80
const FRAME_MS = 20
/** What was being said when the call ended is waited for so long. */
const LAST_WORDS_MS = 5_000

type Stretch = {
  readonly stream: RecognitionStream
  /** When each word was first understood. */
  readonly heardAtMs: number[]
  startMs: number
  pausedAtMs: number | null
  isFinishing: boolean
}

/** Turns one side of a running call into text, stretch by stretch. Disposing it throws away what is being said. */
export class LiveSide implements Disposable {
  readonly #options: LiveSideOptions
  readonly #listener: VoiceListener
  readonly #finishing = new Set<Promise<void>>()
  #stretch: Stretch | null = null
  /** Up to where the recogniser has been given audio. */
  #reachedMs = 0

  constructor(options: LiveSideOptions) {
    this.#options = options
    const { recognizer, request } = options
    this.#listener = new VoiceListener({
      tap: {
        attach: consumer =>
          options.tap.attach({
            ...consumer,
            name: 'live transcript',
            onFrame: frame => consumer.onFrame(this.#frameOf(frame))
          })
      },
      recognizer: { ...recognizer, name: recognizer.name, open: (...args) => this.#open(...args) } as Recognizer,
      request,
      endpointMs: () => ENDPOINT_MS,
      maxSpeechMs: MAX_SPEECH_MS,
      onEvent: event => {
        const stretch = this.#stretch
        switch (event.kind) {
          case 'speaking':
            if (stretch !== null) stretch.startMs = Math.max(0, event.atMs - SURE_AFTER_MS)
            break
          case 'paused':
            if (stretch !== null) stretch.pausedAtMs = event.atMs
            break
          case 'resumed':
            if (stretch !== null) stretch.pausedAtMs = null
            break
          case 'failed':
            options.onFailure(event.err)
            break
          default:
        }
      }
    })
  }

  /** The call is over: what was being said is still understood, within a few seconds. */
  async finish(): Promise<void> {
    const stretch = this.#stretch
    // Before the listener lets go of it.
    const last = stretch === null || stretch.isFinishing ? null : this.#finish(stretch)
    const rest = [...this.#finishing, ...(last === null ? [] : [last.then(() => {}, this.#options.onFailure)])]
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      Promise.allSettled(rest),
      new Promise<void>(resolve => {
        timer = setTimeout(resolve, LAST_WORDS_MS)
      })
    ])
    clearTimeout(timer)
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#stretch = null
    this.#listener[Symbol.dispose]()
  }

  /** This side's voice on the left, where the listener hears; hidden while it may not be kept. */
  #frameOf(frame: TapFrame): TapFrame {
    this.#reachedMs = frame.atMs + FRAME_MS
    if (!this.#options.isOpen()) return { ...frame, isHidden: true }
    if (this.#options.side === 'left') return frame
    const { leftAndRight } = frame
    const swapped = Buffer.allocUnsafe(leftAndRight.length)
    for (let at = 0; at + 3 < leftAndRight.length; at += 4) {
      swapped.writeInt16LE(leftAndRight.readInt16LE(at + 2), at)
      swapped.writeInt16LE(leftAndRight.readInt16LE(at), at + 2)
    }
    return { ...frame, leftAndRight: swapped }
  }

  #open(...[request, onPartial, onFallOver]: Parameters<Recognizer['open']>): RecognitionStream {
    const { recognizer } = this.#options
    const heardAtMs: number[] = []
    const stream = recognizer.open(
      request,
      text => {
        const count = wordsIn(text).length
        while (heardAtMs.length < count) heardAtMs.push(this.#reachedMs)
        onPartial?.(text)
      },
      onFallOver
    )
    const stretch: Stretch = { stream, heardAtMs, startMs: this.#reachedMs, pausedAtMs: null, isFinishing: false }
    this.#stretch = stretch
    return {
      write: samples => stream.write(samples),
      finish: () => this.#finish(stretch),
      ...(stream.failure !== undefined && { failure: stream.failure }),
      [Symbol.dispose]: () => {
        if (this.#stretch === stretch) this.#stretch = null
        // Whoever waits for the last words disposes it when they are there.
        if (!stretch.isFinishing) stream[Symbol.dispose]()
      }
    }
  }

  #finish(stretch: Stretch): ReturnType<RecognitionStream['finish']> {
    stretch.isFinishing = true
    if (this.#stretch === stretch) this.#stretch = null
    const endMs = stretch.pausedAtMs ?? this.#reachedMs
    const found = stretch.stream.finish()
    const told = found.then(
      one => {
        if (one !== null && one.text.trim() !== '') this.#options.onSaid(saidOf(one, stretch, endMs))
      },
      // The listener tells of it.
      () => {}
    )
    this.#finishing.add(told)
    void told.finally(() => this.#finishing.delete(told))
    return found
  }
}

function saidOf(found: Readonly<{ text: string; confidence: number }>, stretch: Stretch, endMs: number): Said {
  const startMs = Math.min(stretch.startMs, endMs)
  return { ...found, startMs, endMs, words: timesOf(wordsIn(found.text), stretch.heardAtMs, startMs, endMs) }
}

/**
 * Words with the moment at which the recogniser first understood each; none where it told nothing while it listened or
 * where words are not written apart. A word ends when it is understood and begins where the one before ended; words that were
 * understood at once share that time by their length. Pure.
 */
export function timesOf(
  words: readonly string[],
  heardAtMs: readonly number[],
  startMs: number,
  endMs: number
): Said['words'] {
  if (heardAtMs.length === 0 || words.length < 2) return []
  const untilMs = words.map((_, at) => heardAtMs[at] ?? endMs)
  let fromMs = startMs
  let toMs = startMs
  let letters = 0
  return words.map((text, at) => {
    if (at === 0 || untilMs[at] !== untilMs[at - 1]) {
      // A group of words that were understood at once begins.
      fromMs = toMs
      toMs = Math.min(endMs, Math.max(fromMs, untilMs[at] ?? endMs))
      letters = 0
    }
    const group = words.filter((_, other) => untilMs[other] === untilMs[at])
    const all = group.reduce((sum, one) => sum + one.length, 0)
    const place = (count: number) => Math.round(fromMs + ((toMs - fromMs) * count) / all)
    const word = { text, startMs: place(letters), endMs: place(letters + text.length) }
    letters += text.length
    return word
  })
}

function wordsIn(text: string): readonly string[] {
  return text.split(/\s+/).filter(word => word !== '')
}
