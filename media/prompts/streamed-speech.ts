import { meanSquare } from '../audio/goertzel.ts'
import { joinSamples } from '../audio/pcm.ts'
import { LINE_RATE_HZ } from './espeak-messages.ts'
import type { PassingFiles } from './passing-files.ts'
import { PromptError } from './synthesizer.ts'
import type { SpeechPiece, WholeSpeech } from './synthesizer-chain.ts'

/** A stretch of this length is long enough to make the next one while it plays, whatever the voice's pace. */
const GOOD_STRETCH_MS = 400
/** Sound waits no longer than this for more of it: then it is played, however short. */
const PATIENCE_MS = 60
/** So long before a stretch has been played the next one is taken: time to write it and to tell the media server. */
const LEAD_MS = 120
const FRAME_SAMPLES = 160
/** Less than this is never cut in two. */
const LEAST_CUT_FRAMES = 10

/** What of a speech has been played so far. */
export type PlayedSpeech = Readonly<{
  /** From where its first file began to where the last one ends that has begun, waiting for sound included. */
  tookMs: number
  isOver: boolean
}>

type Stretch = Readonly<{
  source: string
  lengthMs: number
  /** Where in the speech it begins. */
  fromMs: number
}>

/**
 * Speech that is played while it is made. FreeSWITCH plays files, one after the other, so it comes as short files: each
 * holds what was made while the one before was played, cut where it is quietest. To be iterated once, by whoever plays:
 * asking for the next file says that the one before begins now. What breaks off ends early; `failure` says why.
 */
export class StreamedSpeech implements AsyncIterable<string>, AsyncDisposable {
  readonly #files: PassingFiles
  readonly #stopping = new AbortController()
  readonly #played: { fromMs: number; lengthMs: number; startedAtMs: number }[] = []
  readonly #whole: Promise<WholeSpeech>
  #made: Int16Array[] = []
  /** What was made and is in no file yet. */
  #pending: Int16Array[] = []
  #pendingSinceMs = 0
  /** Where in the speech it begins, in samples. */
  #pendingFrom = 0
  /** Nothing more comes. */
  #isMade = false
  #isWhole = false
  #isOver = false
  #failure: PromptError | null = null
  /** What nobody foresaw, for whoever plays. */
  #bug: unknown
  #wake: () => void = () => {}
  #first: Promise<Stretch | null>

  private constructor(files: PassingFiles, make: (stop: AbortSignal) => AsyncIterable<SpeechPiece>) {
    this.#files = files
    this.#whole = this.#take(make(this.#stopping.signal))
    // Told by `failure` to whoever plays.
    this.#whole.catch(() => {})
    this.#first = this.#next(0)
  }

  /**
   * Resolves when there is something to play. Rejects with {@link PromptError} when nothing will be. `make` is given a signal
   * that is aborted when the speech is disposed.
   */
  static async begin(
    files: PassingFiles,
    make: (stop: AbortSignal) => AsyncIterable<SpeechPiece>
  ): Promise<StreamedSpeech> {
    const speech = new StreamedSpeech(files, make)
    if ((await speech.#first) !== null) return speech
    await speech[Symbol.asyncDispose]()
    if (speech.#failure !== null) throw speech.#failure
    await speech.#whole
    throw new PromptError('SYNTHESIS_EMPTY', 'the speech is empty')
  }

  /** Everything, by one voice. Rejects with {@link PromptError} when it broke off. */
  get whole(): Promise<WholeSpeech> {
    return this.#whole
  }

  /** Why it ended before its end. */
  get failure(): PromptError | null {
    return this.#failure
  }

  /** All that is made so far of what is said now, and whether that is all. */
  get made(): Readonly<{ samples: Int16Array; isWhole: boolean }> {
    return { samples: joinSamples(this.#made), isWhole: this.#isWhole }
  }

  get played(): PlayedSpeech {
    const [first, last] = [this.#played[0], this.#played.at(-1)]
    if (first === undefined || last === undefined) return { tookMs: 0, isOver: this.#isOver }
    return { tookMs: last.startedAtMs + last.lengthMs - first.startedAtMs, isOver: this.#isOver }
  }

  /**
   * The furthest place in the speech that had been played `afterMs` after its first file began. Waiting for sound is no part
   * of it, nor is what was said again because a voice broke off.
   */
  reachedMs(afterMs: number): number {
    const startedAtMs = this.#played[0]?.startedAtMs ?? 0
    return this.#played.reduce((furthest, one) => {
      const ms = Math.min(one.lengthMs, afterMs - (one.startedAtMs - startedAtMs))
      return ms <= 0 ? furthest : Math.max(furthest, one.fromMs + ms)
    }, 0)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    let stretch = await this.#first
    while (stretch !== null && !this.#stopping.signal.aborted) {
      const { source, lengthMs, fromMs } = stretch
      yield source
      const startedAtMs = performance.now()
      this.#played.push({ fromMs, lengthMs, startedAtMs })
      stretch = await this.#next(startedAtMs + lengthMs - LEAD_MS)
    }
    this.#isOver = true
    if (this.#bug !== undefined) throw this.#bug
  }

  /** Stops what makes it, and throws its files away. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new PromptError('SYNTHESIS_FAILED', 'nobody listens any more'))
    this.#wake()
    await this.#files[Symbol.asyncDispose]()
  }

  async #take(pieces: AsyncIterable<SpeechPiece>): Promise<WholeSpeech> {
    let id = ''
    try {
      for await (const piece of pieces) {
        id = piece.id
        if (piece.isAnew) this.#beginAnew()
        if (this.#pending.length === 0) this.#pendingSinceMs = performance.now()
        this.#made.push(piece.samples)
        this.#pending.push(piece.samples)
        this.#wake()
      }
      this.#isWhole = true
      return { id, samples: joinSamples(this.#made) }
    } catch (err) {
      if (err instanceof PromptError) this.#failure ??= err
      else this.#bug = err
      throw err
    } finally {
      this.#isMade = true
      this.#wake()
    }
  }

  #beginAnew(): void {
    this.#made = []
    this.#pending = []
    this.#pendingFrom = 0
  }

  /** The next file, not before `dueAtMs` unless everything is made; null when nothing is left. */
  async #next(dueAtMs: number): Promise<Stretch | null> {
    await this.#ready(dueAtMs)
    if (this.#stopping.signal.aborted || this.#pending.length === 0) return null
    const pending = joinSamples(this.#pending)
    const samples = this.#isMade ? pending : pending.subarray(0, quietEnd(pending))
    const rest = pending.subarray(samples.length)
    const from = this.#pendingFrom
    this.#pending = rest.length === 0 ? [] : [rest]
    this.#pendingFrom += samples.length
    try {
      return { source: await this.#files.write(samples), lengthMs: msOf(samples.length), fromMs: msOf(from) }
    } catch (err) {
      if (!(err instanceof PromptError)) throw err
      this.#failure = err
      return null
    }
  }

  async #ready(dueAtMs: number): Promise<void> {
    while (!this.#isMade && !this.#stopping.signal.aborted) {
      const { promise: woken, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const pendingMs = msOf(this.#pending.reduce((sum, one) => sum + one.length, 0))
      const enoughAtMs = pendingMs >= GOOD_STRETCH_MS ? 0 : this.#pendingSinceMs + PATIENCE_MS
      const waitMs = pendingMs === 0 ? null : Math.max(dueAtMs, enoughAtMs) - performance.now()
      if (waitMs !== null && waitMs <= 0) return
      const timer = waitMs === null ? undefined : setTimeout(resolve, waitMs)
      await woken
      clearTimeout(timer)
    }
  }
}

/** Where to cut what was made so far: on a frame, as the media server fills half of one with silence, and where it is quiet. */
function quietEnd(samples: Int16Array): number {
  const frames = Math.floor(samples.length / FRAME_SAMPLES)
  // Less than a frame cannot be cut, and is played as it is.
  if (frames === 0) return samples.length
  let [cut, quietest] = [frames, Number.POSITIVE_INFINITY]
  if (frames < LEAST_CUT_FRAMES) return cut * FRAME_SAMPLES
  for (let frame = frames; frame > frames / 2; frame -= 1) {
    const at = frame * FRAME_SAMPLES
    const level = meanSquare(samples.subarray(at - FRAME_SAMPLES / 2, at + FRAME_SAMPLES / 2))
    if (level >= quietest) continue
    quietest = level
    cut = frame
  }
  return cut * FRAME_SAMPLES
}

function msOf(samples: number): number {
  return (samples / LINE_RATE_HZ) * 1000
}
