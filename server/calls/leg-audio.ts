import { type Endpoint, MediaError, type Playback, type PlaySource } from '../../media/endpoint.ts'
import type { VoiceEvent } from '../../media/speech/voice-listener.ts'
import { COLLECT_START, type CollectEvent, type CollectRules, collect } from './digit-collector.ts'

/** Keys pressed before anybody asked for them are kept; more than this is noise. */
const MAX_TYPED_AHEAD = 32
/** So many coughs and clicks are passed over while somebody waits for an answer. */
const MAX_NOISES = 3

/** `heardMs`: how much of the prompt the customer had heard when they interrupted it; only then, and where somebody listened. */
export type CollectOutcome =
  | Readonly<{ kind: 'digits'; digits: string; terminator: string | null; heardMs?: number }>
  | Readonly<{ kind: 'noInput'; heardMs?: number }>
  | Readonly<{ kind: 'spoken'; phrase: string; confidence: number; isRaised?: boolean; heardMs?: number }>
  | Readonly<{ kind: 'notUnderstood'; heardMs?: number }>

/** Somebody waits for an answer: `waitsMs` after the prompts, until the outcome is there. */
export type Question = Readonly<{ waitsMs: number; answered: Promise<CollectOutcome | null> }>

/** A customer's voice, for as long as somebody listens. */
export interface VoiceInput {
  /** `isPrompted`: a prompt begins to play now, which a voice may interrupt. */
  listen(onEvent: (event: VoiceEvent) => void, isPrompted: boolean): Listening
}

export interface Listening extends Disposable {
  /** How much of what plays the customer has heard so far, in milliseconds, by the audio that was sent. */
  readonly heardMs: number
  /** The prompt has played to its end. */
  promptOver(): void
}

/**
 * Playing to one leg and collecting keys from it. Keys that a caller presses ahead of the question are used for it
 * when barge-in is allowed, so that people who know the menu can type on.
 */
export class LegAudio implements Disposable {
  readonly #endpoint: Endpoint
  readonly #forget: () => void
  readonly #onAsked: ((question: Question) => void) | undefined
  #typedAhead: string[] = []
  #onDigit: ((digit: string) => void) | undefined

  /** `onAsked` is told of each question as it begins, for a caller who is simulated; its answer is null when it was given up. */
  constructor(endpoint: Endpoint, onAsked?: (question: Question) => void) {
    this.#endpoint = endpoint
    this.#onAsked = onAsked
    this.#forget = endpoint.onDigit(digit => {
      if (this.#onDigit !== undefined) this.#onDigit(digit)
      else if (this.#typedAhead.length < MAX_TYPED_AHEAD) this.#typedAhead.push(digit)
    })
  }

  /** Plays sources to their end, or until a key when `bargeIn`; the key stays for the next question. */
  async play(
    sources: readonly PlaySource[],
    bargeIn: boolean,
    signal: AbortSignal
  ): Promise<Readonly<{ kind: 'finished' }> | Readonly<{ kind: 'interrupted'; digit: string }>> {
    signal.throwIfAborted()
    const waiting = this.#typedAhead[0]
    if (bargeIn && waiting !== undefined) return { kind: 'interrupted', digit: waiting }
    const playback = this.#endpoint.play(sources)
    let interruptedBy: string | undefined
    if (bargeIn)
      this.#onDigit = digit => {
        this.#typedAhead.push(digit)
        if (interruptedBy !== undefined) return
        interruptedBy = digit
        stopQuietly(playback)
      }
    try {
      await this.#untilDone(playback, signal)
      return interruptedBy === undefined ? { kind: 'finished' } : { kind: 'interrupted', digit: interruptedBy }
    } finally {
      this.#onDigit = undefined
    }
  }

  /**
   * Asks: plays `sources` and collects keys by the rules, or hears one of the phrases that `voice` listens for. A key or a
   * voice stops the prompt when `bargeIn`. Whoever has begun to press keys is not listened to.
   */
  async collect(
    sources: readonly PlaySource[],
    rules: CollectRules,
    bargeIn: boolean,
    signal: AbortSignal,
    voice: VoiceInput | null = null
  ): Promise<CollectOutcome> {
    const outcome = this.#collect(sources, rules, bargeIn, signal, voice)
    this.#onAsked?.({ waitsMs: rules.timeoutMs, answered: outcome.catch(() => null) })
    return await outcome
  }

  async #collect(
    sources: readonly PlaySource[],
    rules: CollectRules,
    bargeIn: boolean,
    signal: AbortSignal,
    voice: VoiceInput | null
  ): Promise<CollectOutcome> {
    signal.throwIfAborted()
    if (!bargeIn) {
      // Keys pressed into a prompt that must be heard are not an answer to it.
      if (sources.length > 0) await this.play(sources, false, signal)
      this.#typedAhead = []
    }
    return await new Promise<CollectOutcome>((resolve, reject) => {
      let state = COLLECT_START
      let timer: NodeJS.Timeout | undefined
      let playback: Playback | undefined
      let stopping: Promise<void> = Promise.resolve()
      let isDone = false
      let wasCut = false
      let noises = 0
      let listening: Listening | undefined
      const finish = (settle: () => void) => {
        if (isDone) return
        isDone = true
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#endpoint.lost.removeEventListener('abort', onLost)
        this.#onDigit = undefined
        settle()
      }
      const onAbort = () => {
        stopQuietly(playback)
        fail(signal.reason)
      }
      const fail = (reason: unknown) =>
        finish(() => {
          listening?.[Symbol.dispose]()
          reject(reason)
        })
      const onLost = () => fail(this.#endpoint.lost.reason)
      // What was heard is counted when the prompt is silent.
      const answer = (outcome: CollectOutcome) =>
        finish(
          () =>
            void stopping
              .then(() => resolve({ ...outcome, ...(wasCut && listening && { heardMs: listening.heardMs }) }), reject)
              .finally(() => listening?.[Symbol.dispose]())
        )
      const take = (event: CollectEvent) => {
        const step = collect(rules, state, event)
        switch (step.kind) {
          case 'wait':
            state = step.state
            clearTimeout(timer)
            if (step.timerMs !== null) timer = setTimeout(() => take({ kind: 'timeout' }), step.timerMs)
            break
          case 'digits':
          case 'noInput':
            answer(step)
            break
          default:
            step satisfies never
        }
      }
      if (signal.aborted) return onAbort()
      if (this.#endpoint.lost.aborted) return onLost()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#endpoint.lost.addEventListener('abort', onLost, { once: true })
      const stopPrompt = () => {
        if (playback === undefined) return
        wasCut = true
        stopping = silence(playback)
        playback = undefined
      }
      const hear = (event: VoiceEvent) => {
        if (isDone || state.digits !== '') return
        switch (event.kind) {
          case 'speaking':
            stopPrompt()
            // Somebody who speaks is not silent; what they say has its own limit.
            clearTimeout(timer)
            break
          case 'partial':
          case 'paused':
          case 'resumed':
          case 'ended':
            break
          case 'spoken': {
            const { text: phrase, confidence, isRaised } = event
            answer({ kind: 'spoken', phrase, confidence, ...(isRaised === true && { isRaised }) })
            break
          }
          case 'notUnderstood':
            noises += event.why === 'noise' ? 1 : 0
            // A cough that stopped no prompt is no answer, and the caller has the time again; a noisy line is asked anew.
            if (event.why === 'noise' && !wasCut && noises <= MAX_NOISES) take({ kind: 'promptOver' })
            else answer({ kind: 'notUnderstood' })
            break
          case 'failed':
            // The caller has spoken: asking again is better than silence until the caller gives up.
            answer({ kind: 'notUnderstood' })
            break
          default:
            event satisfies never
        }
      }
      this.#onDigit = digit => {
        stopPrompt()
        take({ kind: 'digit', digit })
      }
      const ahead = this.#typedAhead.splice(0)
      while (ahead.length > 0 && this.#onDigit !== undefined) take({ kind: 'digit', digit: ahead.shift() ?? '' })
      // What was typed beyond this question belongs to the next one.
      this.#typedAhead.push(...ahead)
      if (this.#onDigit === undefined) return
      const isPrompted = bargeIn && sources.length > 0
      if (state.digits === '') listening = voice?.listen(hear, isPrompted)
      if (!bargeIn || sources.length === 0 || state.digits !== '') return take({ kind: 'promptOver' })
      const started = this.#endpoint.play(sources)
      playback = started
      started.finished.then(() => {
        if (isDone || playback !== started) return
        playback = undefined
        listening?.promptOver()
        take({ kind: 'promptOver' })
      }, fail)
    })
  }

  /** Lets go of keys that were pressed ahead, all but those in `kept`: none of them may answer the next question. */
  forgetKeys(kept = ''): void {
    this.#typedAhead = this.#typedAhead.filter(key => kept.includes(key))
  }

  /** Hands keys to `listener` instead of keeping them for the next question, until the returned function is called. */
  takeDigits(listener: (digit: string) => void): () => void {
    this.#onDigit = listener
    return () => {
      this.#onDigit = undefined
    }
  }

  /** Plays `source` over and over until the returned function is called, which resolves when it is silent. */
  loop(source: string): () => Promise<void> {
    const playback = this.#endpoint.loop(source)
    return () => silence(playback)
  }

  [Symbol.dispose](): void {
    this.#forget()
    this.#onDigit = undefined
  }

  async #untilDone(playback: Playback, signal: AbortSignal): Promise<void> {
    const onAbort = () => stopQuietly(playback)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await playback.finished
    } catch (err) {
      signal.throwIfAborted()
      throw err
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    signal.throwIfAborted()
  }
}

/** A media server that does not say that a playback has ended is not waited for longer than this. */
const SILENCE_LIMIT_MS = 2_000

/**
 * Stops a playback and waits until the media server has let go of it: a stop ends whatever plays when it arrives, and
 * that must not be the next prompt.
 */
async function silence(playback: Playback): Promise<void> {
  let limit: NodeJS.Timeout | undefined
  try {
    await playback.stop()
    await Promise.race([
      playback.finished,
      new Promise<void>(resolve => {
        limit = setTimeout(resolve, SILENCE_LIMIT_MS)
      })
    ])
  } catch (err) {
    // A prompt that could not be played is silent too; a lost leg is heard of by its own signal.
    if (!(err instanceof MediaError)) throw err
  } finally {
    clearTimeout(limit)
  }
}

/** A leg that is lost while its prompt is being stopped is heard of by its own signal. */
function stopQuietly(playback: Playback | undefined): void {
  playback?.stop().catch(err => {
    if (!(err instanceof MediaError)) throw err
  })
}
