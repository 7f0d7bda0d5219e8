import { ProviderHealth } from '../speech/provider-health.ts'
import type { FallOver } from '../speech/recognizer.ts'
import { isPermitted, primaryOf } from '../speech/speech-provider.ts'
import { gatherSpeech, isAudible, longestSpeechMs } from './gather-speech.ts'
import { plainOf, type SpokenText } from './spoken-text.ts'
import { PromptError, type Synthesizer } from './synthesizer.ts'

export type ChainedSynthesizer = Readonly<{ synthesizer: Synthesizer; health: ProviderHealth }>

export type VoiceLimits = Readonly<{
  /** Sound that can be heard must come so soon, while there is another voice to ask. */
  firstSoundMs: number
  /** How long the last voice gets. */
  lastResortMs: number
  /** After it, no piece may be longer in coming. */
  gapMs: number
}>

/** `id` names the voice. `isAnew`: the voice before broke off, and this one begins at the first word. */
export type SpeechPiece = Readonly<{ id: string; samples: Int16Array; isAnew: boolean }>

export type WholeSpeech = Readonly<{ id: string; samples: Int16Array }>

/** What a voice that works has said. */
type Asked<T> = Readonly<{ link: ChainedSynthesizer; spoken: T }>
type Begun = Readonly<{ pieces: AsyncGenerator<Int16Array>; first: Int16Array }>

/** A voice that could not speak, and why. */
type Failure = Readonly<{ from: string; err: PromptError }>

const LIMITS: VoiceLimits = { firstSoundMs: 4_000, lastResortMs: 15_000, gapMs: 4_000 }

/**
 * Voices in the order of preference, as one. When one fails, brings no sound in time or does not stop, the next speaks.
 * None outside the permitted regions is ever asked.
 */
export class SynthesizerChain implements AsyncDisposable {
  readonly links: readonly ChainedSynthesizer[]
  readonly #limits: VoiceLimits

  constructor(
    synthesizers: readonly Synthesizer[],
    permittedRegions: readonly string[],
    options: Readonly<{ limits?: Partial<VoiceLimits>; health?: () => ProviderHealth }> = {}
  ) {
    this.#limits = { ...LIMITS, ...options.limits }
    this.links = synthesizers
      .filter(one => isPermitted(one, permittedRegions))
      .map(synthesizer => ({ synthesizer, health: options.health?.() ?? new ProviderHealth() }))
  }

  /** Those who speak the language, in order; of voices with one kind of it, those with this kind come first. */
  linksFor(language: string): readonly ChainedSynthesizer[] {
    const primary = primaryOf(language)
    const wanted = language.toLowerCase()
    const links = this.links.filter(({ synthesizer }) => synthesizer.languages.includes(primary))
    const isOther = ({ synthesizer }: ChainedSynthesizer) => Number(synthesizer.locale?.toLowerCase() !== wanted)
    const located = links
      .filter(({ synthesizer }) => synthesizer.locale !== undefined)
      .toSorted((one, other) => isOther(one) - isOther(other))
    return links.map(link => (link.synthesizer.locale === undefined ? link : (located.shift() ?? link)))
  }

  /**
   * The ids of the voices whose prompts will do now: the preferred ones, up to the first that works. So what a substitute
   * spoke during an outage is used while it lasts, and not after it.
   */
  idsFor(language: string): readonly string[] {
    const links = this.linksFor(language)
    const working = links.findIndex(({ health }) => health.mayAsk)
    return links.slice(0, working === -1 ? links.length : working + 1).map(({ synthesizer }) => synthesizer.id)
  }

  /** The whole speech, and the id of the voice that spoke it. Rejects with the last voice's {@link PromptError}. */
  async speak(
    text: SpokenText,
    language: string,
    signal: AbortSignal,
    onFallOver: (change: FallOver) => void = () => {}
  ): Promise<WholeSpeech> {
    const { link, spoken } = await this.#firstThatWorks(
      this.#askedFor(language),
      null,
      language,
      signal,
      onFallOver,
      async (synthesizer, limitMs) => await gatherSpeech(this.#guarded(synthesizer, limitMs, text, language, signal))
    )
    link.health.succeeded()
    return { id: link.synthesizer.id, samples: spoken }
  }

  /**
   * The speech as it is made: begins when there is sound to hear, so that a voice that fails before that is replaced unheard.
   * After one that breaks off, the next speaks the whole text again (`isAnew`): a listener understands a sentence that begins
   * again, and nobody can say at which word another voice would have to go on.
   */
  async *stream(
    text: SpokenText,
    language: string,
    signal: AbortSignal,
    onFallOver: (change: FallOver) => void = () => {}
  ): AsyncGenerator<SpeechPiece> {
    let asked = this.#askedFor(language)
    let failed: Failure | null = null
    const begin = async (synthesizer: Synthesizer, limitMs: number): Promise<Begun> => {
      const pieces = this.#guarded(synthesizer, limitMs, text, language, signal)
      const { value, done } = await pieces.next()
      if (done) throw new PromptError('SYNTHESIS_EMPTY', `${synthesizer.name} returned silence`)
      return { pieces, first: value }
    }
    for (;;) {
      const begun: Asked<Begun> = await this.#firstThatWorks(asked, failed, language, signal, onFallOver, begin)
      const { link, spoken } = begun
      const { name, id } = link.synthesizer
      let hasFailed = false
      try {
        yield { id, samples: spoken.first, isAnew: failed !== null }
        for await (const samples of spoken.pieces) yield { id, samples, isAnew: false }
        return
      } catch (err) {
        hasFailed = true
        signal.throwIfAborted()
        if (!(err instanceof PromptError)) throw err
        link.health.failed(err.code)
        asked = asked.slice(asked.indexOf(link) + 1)
        if (asked.length === 0) throw err
        failed = { from: name, err }
      } finally {
        // Whoever stops listening early has heard it work.
        if (!hasFailed) link.health.succeeded()
        await spoken.pieces.return(undefined)
      }
    }
  }

  /** The voices to ask, in order. When none is thought to work, all are asked: nothing is worse than silence. */
  #askedFor(language: string): readonly ChainedSynthesizer[] {
    const links = this.linksFor(language)
    const working = links.filter(({ health }) => health.mayAsk)
    return working.length === 0 ? links : working
  }

  /** `failed`: who was asked before the first of these, in vain. */
  async #firstThatWorks<T>(
    asked: readonly ChainedSynthesizer[],
    failed: Failure | null,
    language: string,
    signal: AbortSignal,
    onFallOver: (change: FallOver) => void,
    speak: (synthesizer: Synthesizer, limitMs: number) => Promise<T>
  ): Promise<Asked<T>> {
    let last = failed
    for (const link of asked) {
      const { synthesizer, health } = link
      signal.throwIfAborted()
      health.asked()
      if (last !== null) onFallOver({ from: last.from, to: synthesizer.name, code: last.err.code })
      try {
        const limitMs = link === asked.at(-1) ? this.#limits.lastResortMs : this.#limits.firstSoundMs
        return { link, spoken: await speak(synthesizer, limitMs) }
      } catch (err) {
        signal.throwIfAborted()
        if (!(err instanceof PromptError)) throw err
        health.failed(err.code)
        last = { from: synthesizer.name, err }
      }
    }
    if (last !== null) throw last.err
    throw new PromptError('LANGUAGE_UNKNOWN', `there is no voice for ${language}`)
  }

  /** The pieces from the first that can be heard on (with the silence before it), each in time, and not too many. */
  async *#guarded(
    synthesizer: Synthesizer,
    firstSoundMs: number,
    text: SpokenText,
    language: string,
    signal: AbortSignal
  ): AsyncGenerator<Int16Array> {
    const late = new AbortController()
    const { name } = synthesizer
    const giveUp = () => late.abort(new PromptError('SYNTHESIS_TIMEOUT', `${name} brings no sound in time`))
    let limit = setTimeout(giveUp, firstSoundMs)
    const lead: Int16Array[] = []
    let isHeard = false
    let leftMs = longestSpeechMs(plainOf(text).length)
    try {
      for await (const piece of synthesizer.stream(text, language, AbortSignal.any([signal, late.signal]))) {
        leftMs -= piece.length / 8
        if (leftMs < 0) throw new PromptError('SYNTHESIS_FAILED', `${name} does not stop`)
        if (!isHeard && !isAudible(piece)) {
          lead.push(piece)
          continue
        }
        isHeard = true
        clearTimeout(limit)
        yield* lead.splice(0)
        yield piece
        limit = setTimeout(giveUp, this.#limits.gapMs)
      }
      if (!isHeard) throw new PromptError('SYNTHESIS_EMPTY', `${name} returned silence`)
    } finally {
      clearTimeout(limit)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { synthesizer } of this.links) await synthesizer[Symbol.asyncDispose]()
  }
}
