import { MediaError } from '../../media/endpoint.ts'
import type { CallTap, TapFrame } from '../../media/tap/call-tap.ts'
import { FRAME_MS } from '../../media/tap/timeline.ts'
import type { Call } from '../calls/call.ts'
import type { VoiceInput } from '../calls/leg-audio.ts'
import { isAudible } from './turn-heard.ts'
import { onSilence, SilenceError, type SilenceSettings } from './turn-silence.ts'

export type SilenceParts = Readonly<{
  settings: SilenceSettings
  /** The sources of a prompt that asks to wait, in the caller's language. */
  filler(language: string, signal: AbortSignal): Promise<readonly string[]>
}>

/** Silence that is over sooner costs nothing: nobody listens yet. */
const LISTEN_AFTER_MS = 1_000
/** What is played where there are no words yet, or none can be made: two short, low tones. */
const TONES = 'tone_stream://%(150,150,330);loops=2'

/**
 * Keeps one customer from waiting in silence while work is done for them: a request, a prompt that is made, an answer that
 * is understood. Silence is summed over pieces of work one after the other, for as long as nothing was heard between them.
 * Whenever it has reached the limit, by the audio that was really sent, a prompt asks to wait.
 */
export class SilenceGuard {
  readonly #parts: SilenceParts
  readonly #call: Call
  /** Since the customer last heard something. Time in which nobody works for the customer is planned and does not count. */
  #silentMs = 0
  /** Since when time counts that nobody listens to yet. */
  #uncountedSinceMs: number | null = null
  #works = 0
  #questions = 0
  #isCounting = false
  #timer: NodeJS.Timeout | undefined
  #listening: Disposable | undefined
  #isHearing = false
  /** Work that the customer waits for; the last one knows what to do about silence. */
  readonly #waiting: Readonly<{ onSilent(): void; prepare(): void }>[] = []
  /** Sources of the prompts that ask to wait, by language. */
  readonly #fillers = new Map<string, readonly string[]>()

  constructor(parts: SilenceParts, call: Call) {
    this.#parts = parts
    this.#call = call
  }

  /** Something begins to play. Where the audio itself is listened to, that alone tells. */
  sounds(): void {
    if (!this.#isHearing) this.#startAnew()
  }

  /**
   * Does some work while the customer has nothing to hear; after too many prompts to wait it is aborted. `fillAfterMs`: the
   * first prompt to wait comes so soon, where it would come later.
   * @throws {SilenceError} when the work was given up; what `work` throws otherwise.
   */
  async during<T>(
    language: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    { fillAfterMs }: Readonly<{ fillAfterMs?: number }> = {}
  ): Promise<T> {
    const { settings } = this.#parts
    const { tap, customer } = this.#call
    if (tap === null || customer === null || settings.limitMs === 0) return await work(signal)
    const givingUp = new AbortController()
    let playing: Promise<void> = Promise.resolve()
    let times = 0
    const onSilent = () => {
      if (givingUp.signal.aborted) return
      times += 1
      if (onSilence(settings, times) === 'giveUp') {
        this.#call.record({ kind: 'silenceGivenUp', silences: times })
        givingUp.abort(new SilenceError())
        return
      }
      this.#call.record({ kind: 'silenceFilled', silences: times })
      // Words that are not there yet would come too late.
      playing = customer.play(this.#fillers.get(language) ?? [TONES]).finished.then(
        () => {},
        err => {
          // A lost leg is heard of by its own signal; the work goes on or is aborted by that.
          if (!(err instanceof MediaError) && !signal.aborted) throw err
        }
      )
      // Thrown where it is waited for, when the work is over.
      playing.catch(() => {})
    }
    const fillEarly = () => {
      if (times > 0 || !this.#isCounting) return
      this.#startAnew()
      onSilent()
    }
    const early = fillAfterMs === undefined ? undefined : setTimeout(fillEarly, fillAfterMs)
    const waiting = { onSilent, prepare: () => void this.#prepareFiller(language, signal) }
    this.#waiting.push(waiting)
    if (this.#listening !== undefined) waiting.prepare()
    this.#works += 1
    this.#change(tap)
    try {
      return await orGivenUp(work(AbortSignal.any([signal, givingUp.signal])), givingUp.signal)
    } finally {
      clearTimeout(early)
      this.#works -= 1
      this.#change(tap)
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      // Nobody is cut off in the middle of "one moment, please".
      await playing
    }
  }

  /** Lets the customer be asked something in the middle of some work: while they think, silence is theirs. */
  async whileAsking<T>(ask: () => Promise<T>): Promise<T> {
    const { tap } = this.#call
    this.#questions += 1
    this.#change(tap)
    try {
      return await ask()
    } finally {
      this.#questions -= 1
      this.#change(tap)
    }
  }

  /** An ear whose owner is waited for: the time between the end of the speech and what was understood is silent too. */
  whileThinking(voice: VoiceInput): VoiceInput {
    const { tap } = this.#call
    if (tap === null || this.#parts.settings.limitMs === 0) return voice
    return {
      listen: (onEvent, isPrompted) => {
        let isThinking = false
        const think = (thinks: boolean) => {
          if (thinks === isThinking) return
          isThinking = thinks
          this.#works += thinks ? 1 : -1
          this.#change(tap)
        }
        const listening = voice.listen(event => {
          think(event.kind === 'ended')
          onEvent(event)
        }, isPrompted)
        return {
          get heardMs() {
            return listening.heardMs
          },
          promptOver: () => listening.promptOver(),
          [Symbol.dispose]() {
            think(false)
            listening[Symbol.dispose]()
          }
        }
      }
    }
  }

  /** Begins or ends to count, when work or questions have. */
  #change(tap: CallTap | null): void {
    const isCounting = this.#works > 0 && this.#questions === 0
    if (tap === null || isCounting === this.#isCounting) return
    this.#isCounting = isCounting
    if (!isCounting) {
      clearTimeout(this.#timer)
      this.#count()
      return
    }
    if (this.#isHearing) return
    this.#uncountedSinceMs = performance.now()
    if (this.#listening !== undefined) return
    const listenAfterMs = Math.min(LISTEN_AFTER_MS, this.#parts.settings.limitMs)
    const attach = () => {
      this.#waiting.at(-1)?.prepare()
      this.#listening = tap.attach({ name: 'silence guard', onFrame: frame => this.#hear(frame) })
    }
    this.#timer = setTimeout(attach, Math.max(0, listenAfterMs - this.#silentMs))
  }

  #startAnew(): void {
    this.#silentMs = 0
    if (this.#uncountedSinceMs !== null) this.#uncountedSinceMs = performance.now()
  }

  /** The time until somebody listens was silent too. */
  #count(): void {
    if (this.#uncountedSinceMs === null) return
    this.#silentMs += performance.now() - this.#uncountedSinceMs
    this.#uncountedSinceMs = null
  }

  #hear(frame: TapFrame): void {
    this.#isHearing = true
    this.#count()
    if (isAudible(frame)) {
      this.#silentMs = 0
      if (this.#works === 0) this.#hearNoMore()
      return
    }
    if (frame.isFilled || frame.isHidden || !this.#isCounting) return
    this.#silentMs += FRAME_MS
    const waiting = this.#waiting.at(-1)
    if (this.#silentMs < this.#parts.settings.limitMs || waiting === undefined) return
    // Counted anew: should the prompt not be heard, the next silence is noticed as well.
    this.#silentMs = 0
    waiting.onSilent()
  }

  async #prepareFiller(language: string, signal: AbortSignal): Promise<void> {
    if (this.#fillers.has(language)) return
    try {
      this.#fillers.set(language, await this.#parts.filler(language, signal))
    } catch (err) {
      // Tones have to do. What is thrown at the end of a call is no news.
      if (!signal.aborted) this.#call.log.warn({ err }, 'the words that ask to wait cannot be made')
    }
  }

  #hearNoMore(): void {
    this.#listening?.[Symbol.dispose]()
    this.#listening = undefined
    this.#isHearing = false
  }
}

/** The guards of calls that are under way. */
export class SilenceGuards {
  readonly #parts: SilenceParts
  readonly #guards = new WeakMap<Call, SilenceGuard>()

  constructor(parts: SilenceParts) {
    this.#parts = parts
  }

  of(call: Call): SilenceGuard {
    const known = this.#guards.get(call) ?? new SilenceGuard(this.#parts, call)
    this.#guards.set(call, known)
    return known
  }
}

/** Also work that does not look at its signal is given up. */
async function orGivenUp<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([running, promise])
  } catch (err) {
    if (!signal.aborted) throw err
    // What the work says to its being aborted is no news.
    running.catch(() => {})
    throw signal.reason
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
