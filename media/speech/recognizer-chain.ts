import { ProviderHealth } from './provider-health.ts'
import {
  type FallOver,
  type Recognition,
  type RecognitionRequest,
  type RecognitionStream,
  type Recognizer,
  SpeechError
} from './recognizer.ts'
import { isPermitted, primaryOf } from './speech-provider.ts'
import { within } from './within.ts'

export type ChainLimits = Readonly<{
  /** Whoever is not ready so soon is left for the next, if there is one. */
  readyMs: number
  /** Whoever has not answered so long after the end of the speech is left for the next. */
  slowMs: number
  /** So much of what is being said is kept for the next. */
  keptMs: number
}>

export type ChainedRecognizer = Readonly<{ recognizer: Recognizer; health: ProviderHealth }>

const LIMITS: ChainLimits = { readyMs: 2_000, slowMs: 2_500, keptMs: 15_000 }
const SAMPLES_PER_MS = 8

/**
 * Recognisers of open speech in the order of preference, as one. When one fails or is too slow, the next hears what has
 * been said so far and goes on. None outside the permitted regions is ever asked.
 */
export class RecognizerChain implements Recognizer {
  readonly name = 'chain'
  readonly isOpen = true
  readonly asksForEachHost = true
  readonly links: readonly ChainedRecognizer[]
  readonly #limits: ChainLimits

  constructor(
    recognizers: readonly Recognizer[],
    permittedRegions: readonly string[],
    options: Readonly<{ limits?: Partial<ChainLimits>; health?: () => ProviderHealth }> = {}
  ) {
    this.#limits = { ...LIMITS, ...options.limits }
    this.links = recognizers
      .filter(one => one.isOpen && isPermitted(one, permittedRegions))
      .map(recognizer => ({ recognizer, health: options.health?.() ?? new ProviderHealth() }))
  }

  get languages(): readonly string[] {
    return [...new Set(this.links.flatMap(({ recognizer }) => recognizer.languages))]
  }

  /** The first host outside that may hear the audio; null when all work here. */
  get host(): string | null {
    return this.#outside?.host ?? null
  }

  get region(): string | null {
    return this.#outside?.region ?? null
  }

  get centsPerMinute(): number {
    return this.links[0]?.recognizer.centsPerMinute ?? 0
  }

  get #outside(): Recognizer | undefined {
    return this.links.find(({ recognizer }) => recognizer.host !== null)?.recognizer
  }

  /** Those who know the language and may hear the customer, in order. */
  linksFor(language: string, mayHear: (host: string) => boolean = () => true): readonly ChainedRecognizer[] {
    const primary = primaryOf(language)
    return this.links.filter(
      ({ recognizer: { languages, host } }) => languages.includes(primary) && (host === null || mayHear(host))
    )
  }

  async prepare(request: RecognitionRequest, signal: AbortSignal): Promise<void> {
    let last: unknown = nobody(request.language)
    const working = this.linksFor(request.language, request.mayHear).filter(({ health }) => health.mayAsk)
    for (const [index, { recognizer, health }] of working.entries()) {
      const next = working[index + 1]
      try {
        const ready = recognizer.prepare(request, signal)
        await (next === undefined ? ready : within(ready, this.#limits.readyMs, recognizer.name))
        this.#warm(next, request, signal)
        return
      } catch (err) {
        signal.throwIfAborted()
        health.failed(codeOf(err))
        last = err
      }
    }
    throw last
  }

  /** Lets the substitute load what it needs, so that a change costs no time; nobody waits for it. */
  #warm(link: ChainedRecognizer | undefined, request: RecognitionRequest, signal: AbortSignal): void {
    link?.recognizer.prepare(request, signal).catch(err => {
      if (!signal.aborted) link.health.failed(codeOf(err))
    })
  }

  open(
    request: RecognitionRequest,
    onPartial: (text: string) => void = () => {},
    onFallOver: (change: FallOver) => void = () => {}
  ): RecognitionStream {
    return new ChainStretch(
      this.linksFor(request.language, request.mayHear),
      request,
      this.#limits,
      onPartial,
      onFallOver
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { recognizer } of this.links) await recognizer[Symbol.asyncDispose]()
  }
}

class ChainStretch implements RecognitionStream {
  readonly failure: Promise<SpeechError>
  readonly #left: ChainedRecognizer[]
  readonly #request: RecognitionRequest
  readonly #limits: ChainLimits
  readonly #onPartial: (text: string) => void
  readonly #onFallOver: (change: FallOver) => void
  readonly #tellFailure: (err: SpeechError) => void
  readonly #kept: Int16Array[] = []
  #keptSamples = 0
  #current: Readonly<{ link: ChainedRecognizer; stream: RecognitionStream }> | null = null
  #lastError: SpeechError
  #isFinishing = false

  constructor(
    links: readonly ChainedRecognizer[],
    request: RecognitionRequest,
    limits: ChainLimits,
    onPartial: (text: string) => void,
    onFallOver: (change: FallOver) => void
  ) {
    this.#left = [...links]
    this.#request = request
    this.#limits = limits
    this.#onPartial = onPartial
    this.#onFallOver = onFallOver
    this.#lastError = nobody(request.language)
    const { promise, resolve } = Promise.withResolvers<SpeechError>()
    this.failure = promise
    this.#tellFailure = resolve
    if (!this.#next()) this.#tellFailure(this.#lastError)
  }

  get centsPerMinute(): number {
    return this.#current?.link.recognizer.centsPerMinute ?? 0
  }

  write(samples: Int16Array): void {
    this.#kept.push(samples)
    this.#keptSamples += samples.length
    while (this.#keptSamples > this.#limits.keptMs * SAMPLES_PER_MS)
      this.#keptSamples -= this.#kept.shift()?.length ?? 0
    this.#current?.stream.write(samples)
  }

  async finish(): Promise<Recognition | null> {
    this.#isFinishing = true
    while (this.#current !== null) {
      const { link, stream } = this.#current
      try {
        const understood = await within(stream.finish(), this.#limits.slowMs, link.recognizer.name)
        link.health.succeeded()
        return understood
      } catch (err) {
        this.#leave(err)
      }
    }
    throw this.#lastError
  }

  [Symbol.dispose](): void {
    this.#isFinishing = true
    this.#current?.stream[Symbol.dispose]()
    this.#current = null
  }

  /** The one who has it fails: the next gets what was said so far. */
  #leave(err: unknown): void {
    const left = this.#current
    if (left === null) return
    const code = codeOf(err)
    this.#lastError =
      err instanceof SpeechError ? err : new SpeechError('SPEECH_FAILED', 'the recogniser failed', { cause: err })
    left.link.health.failed(code)
    left.stream[Symbol.dispose]()
    if (this.#next()) this.#onFallOver({ from: left.link.recognizer.name, to: this.#nameOfCurrent, code })
    else this.#tellFailure(this.#lastError)
  }

  get #nameOfCurrent(): string {
    return this.#current?.link.recognizer.name ?? ''
  }

  /** False when there is nobody left. */
  #next(): boolean {
    this.#current = null
    for (let link = this.#left.shift(); link !== undefined; link = this.#left.shift()) {
      if (!link.health.mayAsk) continue
      link.health.asked()
      const stream = link.recognizer.open(this.#request, text => {
        if (this.#current?.stream === stream) this.#onPartial(text)
      })
      this.#current = { link, stream }
      for (const samples of this.#kept) stream.write(samples)
      // While somebody waits for the end, the end itself tells.
      void stream.failure?.then(err => {
        if (this.#current?.stream === stream && !this.#isFinishing) this.#leave(err)
      })
      return true
    }
    return false
  }
}

function nobody(language: string): SpeechError {
  return new SpeechError('SPEECH_MISSING', `nobody who works understands ${language}`)
}

function codeOf(err: unknown): string {
  return err instanceof SpeechError ? err.code : 'SPEECH_FAILED'
}
