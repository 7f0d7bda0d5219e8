import type { Prompt } from '../../ivr-flows/host.ts'
import type { Endpoint, Playback, PlaySource } from '../../media/endpoint.ts'
import type { PromptMaker, PromptRequest } from '../../media/prompts/prompt-library.ts'
import type { BotParts } from '../bots/converse.ts'
import { GrowingPrompt } from '../calls/growing-prompts.ts'
import type { Question } from '../calls/leg-audio.ts'

/** A playback, on the clock of `performance.now()`; `toMs` null while it goes on. */
export type Played = {
  readonly prompts: readonly Prompt[]
  readonly fromMs: number
  toMs: number | null
  wasStopped: boolean
}

/** A question that waits for the caller, or did. */
export type Asked = { readonly id: number; readonly waitsMs: number; readonly askedAtMs: number; isOpen: boolean }

/** What goes on at the flow's end of a simulated call, by what it really plays and asks. */
export class WatchedLeg {
  readonly played: Played[] = []
  readonly asked: Asked[] = []
  readonly #texts = new Map<PlaySource, Prompt>()
  readonly #onPlayed: (prompts: readonly Prompt[]) => void
  readonly #onEnded: () => void

  /** Told when a playback begins, and when one has ended. */
  constructor(onPlayed: (prompts: readonly Prompt[]) => void, onEnded: () => void) {
    this.#onPlayed = onPlayed
    this.#onEnded = onEnded
  }

  get isPlaying(): boolean {
    return this.played.some(one => one.toMs === null)
  }

  /** The question that waits for the caller now; null when none does, or only between two sentences of a bot. */
  openQuestion(leastWaitMs: number): Asked | null {
    const last = this.asked.at(-1)
    return last?.isOpen === true && last.waitsMs >= leastWaitMs ? last : null
  }

  readonly onAsked = ({ waitsMs, answered }: Question): void => {
    const asked: Asked = { id: this.asked.length + 1, waitsMs, askedAtMs: performance.now(), isOpen: true }
    this.asked.push(asked)
    void answered.then(() => {
      asked.isOpen = false
    })
  }

  /** The same prompts, of which this leg knows the words. */
  prompts(library: PromptMaker): PromptMaker {
    return {
      find: async request => {
        const ready = await library.find(request)
        if (ready !== null) this.#texts.set(ready.source, request)
        return ready
      },
      prepare: async (request: PromptRequest, signal) => {
        const ready = await library.prepare(request, signal)
        this.#texts.set(ready.source, request)
        return ready
      },
      stream: async (request, signal, onFallOver) => {
        const ready = await library.stream(request, signal, onFallOver)
        this.#texts.set(ready.source, request)
        return ready
      }
    }
  }

  /** The same for what a bot says to one caller alone. */
  passing(maker: BotParts['passing']): BotParts['passing'] {
    return {
      make: async (text, language, signal, onFallOver) => {
        const made = await maker.make(text, language, signal, onFallOver)
        this.#texts.set(made, { kind: 'speech', text, language })
        return made
      }
    }
  }

  /** The same endpoint, of which this leg knows what it plays. */
  endpoint(inner: Endpoint): Endpoint {
    return {
      id: inner.id,
      localSdp: inner.localSdp,
      get codec() {
        return inner.codec
      },
      lost: inner.lost,
      onDigit: listener => inner.onDigit(listener),
      pushDigit: digit => inner.pushDigit(digit),
      play: sources => this.#watch(sources, inner.play(sources)),
      loop: source => this.#watch([source], inner.loop(source)),
      hush: () => inner.hush(),
      sendDigits: digits => inner.sendDigits(digits),
      refuseKeys: () => inner.refuseKeys(),
      voiceSsrc: () => inner.voiceSsrc(),
      modify: sdp => inner.modify(sdp),
      bridge: other => inner.bridge(other),
      unbridge: () => inner.unbridge(),
      joinConference: name => inner.joinConference(name),
      leaveConference: () => inner.leaveConference(),
      startFork: options => inner.startFork(options),
      stopFork: name => inner.stopFork(name),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]()
    }
  }

  #watch(sources: readonly PlaySource[], playback: Playback): Playback {
    const prompts = sources.map(source =>
      source instanceof GrowingPrompt ? source.prompt : (this.#texts.get(source) ?? promptOf(source))
    )
    const played: Played = { prompts, fromMs: performance.now(), toMs: null, wasStopped: false }
    this.played.push(played)
    this.#onPlayed(prompts)
    const end = (how: 'finished' | 'stopped') => {
      played.toMs = performance.now()
      played.wasStopped = how === 'stopped'
      this.#onEnded()
    }
    // Whoever plays hears of a failure; here it is only over.
    playback.finished.then(end, () => end('stopped'))
    return playback
  }
}

/** What a media server's source is to the ear. */
function promptOf(source: PlaySource): Prompt {
  if (typeof source !== 'string') return { kind: 'file', name: 'speech', language: '' }
  const [, scheme, rest = ''] = /^(tone_stream|silence_stream|https?):\/\/(.*)$/.exec(source) ?? []
  switch (scheme) {
    case 'tone_stream':
      return { kind: 'tone', spec: rest }
    case 'silence_stream':
      return { kind: 'silence', durationMs: Number(rest) }
    case 'http':
    case 'https':
      return { kind: 'url', url: source }
    default:
      return { kind: 'file', name: source.split('/').at(-1) ?? source, language: '' }
  }
}
