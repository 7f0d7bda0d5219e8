import type { BotOptions, Prompt } from '../../ivr-flows/host.ts'
import { StreamedSpeech } from '../../media/prompts/streamed-speech.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import type { FallOver } from '../../media/speech/recognizer.ts'
import type { Call } from '../calls/call.ts'
import type { CollectOutcome, LegAudio, VoiceInput } from '../calls/leg-audio.ts'
import { promptSources } from '../calls/prompt-sources.ts'
import { wishIn, yesOrNo } from './caller-words.ts'
import type { BotCall, BotParts } from './converse.ts'
import type { DialogueEvent } from './dialogue.ts'
import { type Disclosed, playDisclosure } from './disclosure.ts'
import type { BotUtterance } from './hand-over.ts'
import { heardPrompts, type PlayedPrompt, playedMs, playedWords } from './heard-prompts.ts'
import { type LineName, lineFor } from './lines.ts'
import type { SilenceGuard } from './silence-guard.ts'
import { SilenceError } from './turn-silence.ts'

type Expectation = 'open' | 'yesNo'

/**
 * `heard`: the words that the caller heard; `instead`: what the caller did instead of listening to the end. `isBroken`: every
 * voice broke off.
 */
export type Said = Readonly<{ heard: string; instead: DialogueEvent | null; isBroken: boolean }>

/** One key answers: 0 for a person, 1 and 2 for yes and no. */
const PERSON_KEY = '0'
const KEYS = { minDigits: 1, maxDigits: 1, terminators: '', interDigitMs: 1_000 }
/** Silence after which somebody is asked again. */
const LISTEN_MS = 6_000
/** A caller who hears nothing for so long after a question is asked to wait. */
const FIRST_FILLER_MS = 1_800
/** Between two clauses nobody waits for an answer. */
const NO_WAIT_MS = 1
/** How often the caller is asked before a change that they neither allow nor forbid. */
const MAX_CONFIRMATIONS = 2

/** A bot's mouth and ear in one call. It keeps what was said and heard, for the person who may take over. */
export class BotVoice implements AsyncDisposable {
  readonly #parts: BotParts
  readonly #call: Call
  readonly #audio: LegAudio
  readonly #language: string
  readonly #silence: SilenceGuard
  readonly #bot: BotOptions
  readonly #startedAt: Date
  readonly #utterances: BotUtterance[] = []
  /** What is or was played while it was made; some of it speaks of this caller. */
  readonly #streamed: StreamedSpeech[] = []
  #isOver = false
  #wish: DialogueEvent | null = null
  #waiting: Prompt[] = []
  /** One thing at a time is said or asked, whoever wants to. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(
    parts: BotParts,
    { call, audio, language, silence }: Pick<BotCall, 'call' | 'audio' | 'language' | 'silence'>,
    bot: BotOptions,
    startedAt: Date
  ) {
    this.#parts = parts
    this.#call = call
    this.#audio = audio
    this.#language = language
    this.#silence = silence
    this.#bot = bot
    this.#startedAt = startedAt
  }

  get utterances(): readonly BotUtterance[] {
    return this.#utterances
  }

  async canListen(signal: AbortSignal): Promise<boolean> {
    return (await this.#ear('open', signal)) !== null
  }

  /** Says that this is no human. Sound that cannot be made or played is not heard. */
  async disclose(signal: AbortSignal): Promise<Disclosed> {
    const line = lineFor('disclosure', this.#language, this.#bot.register)
    const text = line?.text ?? this.#bot.disclosure
    if (text === null) return { heardMs: 0, lengthMs: 0 }
    try {
      // Made whole: what was sent of it is measured by all of it.
      const prompt = { kind: 'speech', text, language: this.#language } as const
      const made = await this.#during(signal, stop => promptSources(this.#parts.prompts, [prompt], stop))
      for (const change of made.changes) this.#noteChange(change)
      this.#silence.sounds()
      const { sources } = made
      const disclosed = await playDisclosure(this.#call, this.#audio, this.#parts.promptFolders, sources, signal)
      if (disclosed.heardMs > 0) this.#note('bot', text)
      return disclosed
    } catch (err) {
      if (!(err instanceof PromptError)) throw err
      this.#call.record({ kind: 'promptFailed', code: err.code, reason: err.message })
      return { heardMs: 0, lengthMs: 0 }
    }
  }

  /** To be said before the next listening, or at the end. */
  queue(prompts: readonly Prompt[]): void {
    if (prompts.length === 0) this.queueLine('greeting')
    this.#waiting.push(...prompts)
  }

  queueLine(name: LineName): void {
    const line = lineFor(name, this.#language, this.#bot.register)
    if (line !== null) this.#waiting.push({ kind: 'speech', ...line })
  }

  /** Says what is queued and hears what the caller makes of it. */
  async listen(expects: Expectation, signal: AbortSignal): Promise<DialogueEvent> {
    const ear = await this.#ear(expects, signal)
    if (ear === null) return { kind: 'deaf' }
    const prompts = await this.#takeQueued(signal)
    const { outcome } = await this.#collect(prompts, LISTEN_MS, ear, signal)
    return this.#toEvent(outcome)
  }

  /** Says what is queued; keys and words do not stop it. */
  async flush(signal: AbortSignal): Promise<void> {
    const prompts = await this.#takeQueued(signal)
    if (prompts.length === 0) return
    this.#silence.sounds()
    const startedAt = new Date()
    await this.#audio.play(
      prompts.map(one => one.source),
      false,
      signal
    )
    this.#noteBroken(prompts)
    for (const text of await playedWords(prompts, this.#language)) if (text !== '') this.#note('bot', text, startedAt)
  }

  /**
   * Makes a clause ready to be played, which it is when it begins to sound; one that may speak of this caller is not kept.
   * Rejects with PromptError.
   */
  async prepare(text: string, isPersonal: boolean, signal: AbortSignal): Promise<readonly PlayedPrompt[]> {
    if (!isPersonal) return await this.#prompts([{ kind: 'speech', text, language: this.#language }], signal)
    const speech = await this.#during(signal, stop =>
      this.#parts.passing.make(text, this.#language, stop, change => this.#noteChange(change))
    )
    await this.#keep(speech)
    return [{ text, source: speech }]
  }

  /** Says one clause of an answer, made ready before. */
  async say(clause: readonly PlayedPrompt[], ear: VoiceInput, signal: AbortSignal): Promise<Said> {
    return await this.#alone(async () => {
      const { outcome, heard, isBroken } = await this.#collect(clause, NO_WAIT_MS, ear, signal)
      // A cough stops the prompt and says nothing: the answer goes on.
      const goesOn = outcome.kind === 'noInput' || outcome.kind === 'notUnderstood'
      return { heard, instead: goesOn ? null : this.#toEvent(outcome), isBroken }
    })
  }

  /** An ear for the time of an answer; null when nobody can listen any more. */
  async openEar(signal: AbortSignal): Promise<VoiceInput | null> {
    return await this.#ear('open', signal)
  }

  /**
   * Waits for what somebody thinks of; a caller who would hear nothing meanwhile is asked to wait.
   * Rejects with SilenceError when that took too long.
   */
  async waitingFor<T>(next: Promise<T>, signal: AbortSignal): Promise<T> {
    return await this.#silence.during(this.#language, signal, () => next, { fillAfterMs: FIRST_FILLER_MS })
  }

  /** How the caller asked for a person instead of agreeing to something or not. */
  get wish(): DialogueEvent | null {
    return this.#wish
  }

  /** Asks for agreement. Only a clear yes, or the key 1, is one. Whoever asks for a person agrees to nothing: see {@link wish}. */
  async confirm(text: string, signal: AbortSignal): Promise<boolean> {
    return await this.#alone(async () => {
      if (this.#wish !== null) return false
      for (let times = 1; times <= MAX_CONFIRMATIONS; times += 1) {
        const ear = await this.#ear('yesNo', signal)
        const line = lineFor('yesOrNo', this.#language, this.#bot.register)
        const prompts = [...(await this.prepare(text, true, signal))]
        if (line !== null) prompts.push(...(await this.#prompts([{ kind: 'speech', ...line }], signal)))
        // Keys that were pressed before the question agree to nothing that is in it.
        if (times === 1) this.#audio.forgetKeys(PERSON_KEY)
        const { outcome } = await this.#silence.whileAsking(() => this.#collect(prompts, LISTEN_MS, ear, signal))
        if (this.#wantsPerson(outcome)) {
          this.#wish = this.#toEvent(outcome)
          return false
        }
        const answer = this.#agreement(outcome)
        if (answer !== null) return answer
      }
      return false
    })
  }

  /** Throws away what speaks of this caller. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    for (const speech of this.#streamed) await speech[Symbol.asyncDispose]()
  }

  #wantsPerson(outcome: CollectOutcome): boolean {
    if (outcome.kind === 'digits') return outcome.digits === PERSON_KEY
    return outcome.kind === 'spoken' && wishIn(outcome.phrase, this.#language) === 'person'
  }

  #agreement(outcome: CollectOutcome): boolean | null {
    switch (outcome.kind) {
      case 'digits':
        return outcome.digits === '1' ? true : outcome.digits === '2' ? false : null
      case 'spoken':
        this.#note('customer', outcome.phrase)
        return yesOrNo(outcome.phrase, this.#language)
      case 'noInput':
      case 'notUnderstood':
        return null
      default:
        return outcome satisfies never
    }
  }

  /** Plays prompts and hears what the caller makes of them. Only words that were heard are kept, and given as `heard`. */
  async #collect(
    prompts: readonly PlayedPrompt[],
    timeoutMs: number,
    ear: VoiceInput | null,
    signal: AbortSignal
  ): Promise<Readonly<{ outcome: CollectOutcome; heard: string; isBroken: boolean }>> {
    if (prompts.length > 0) this.#silence.sounds()
    const voice = ear === null ? null : this.#silence.whileThinking(ear)
    const sources = prompts.map(one => one.source)
    const startedAt = new Date()
    const startedAtMs = performance.now()
    const outcome = await this.#audio.collect(sources, { ...KEYS, timeoutMs }, true, signal, voice)
    const isBroken = this.#noteBroken(prompts)
    const texts = (await this.#heard(prompts, outcome, performance.now() - startedAtMs)).filter(text => text !== '')
    for (const text of texts) this.#note('bot', text, startedAt)
    return { outcome, heard: texts.join(' '), isBroken }
  }

  /** What of each prompt was heard; the story says how much of one that was interrupted. */
  async #heard(
    prompts: readonly PlayedPrompt[],
    { kind, heardMs }: CollectOutcome,
    tookMs: number
  ): Promise<readonly string[]> {
    const { promptFolders } = this.#parts
    if (prompts.length === 0) return []
    if (heardMs !== undefined) {
      const { prompt, promptHeardMs, texts } = await heardPrompts(promptFolders, prompts, heardMs, this.#language)
      this.#call.record({ kind: 'bargedIn', by: kind === 'digits' ? 'key' : 'voice', heardMs, prompt, promptHeardMs })
      return texts
    }
    // A key that was pressed ahead is an answer before anything plays.
    if (kind === 'digits' && tookMs < (await playedMs(promptFolders, prompts, this.#language))) return []
    return await playedWords(prompts, this.#language)
  }

  #toEvent(outcome: CollectOutcome): DialogueEvent {
    switch (outcome.kind) {
      case 'digits':
        return { kind: 'key', digit: outcome.digits }
      case 'noInput':
        return { kind: 'silence' }
      case 'notUnderstood':
        return { kind: 'notUnderstood' }
      case 'spoken': {
        const { phrase: text, confidence, isRaised = false } = outcome
        this.#note('customer', text)
        this.#call.record({ kind: 'speechHeard', confidence })
        return { kind: 'heard', text, confidence, isRaised }
      }
      default:
        return outcome satisfies never
    }
  }

  async #ear(expects: Expectation, signal: AbortSignal): Promise<VoiceInput | null> {
    const hints = this.#bot.glossary
    try {
      return await this.#silence.during(this.#language, signal, stop =>
        this.#parts.speech.listenOpen(this.#call, this.#language, { expects, hints }, stop)
      )
    } catch (err) {
      if (err instanceof SilenceError) return null
      throw err
    }
  }

  /** What is queued, ready to be played. Words that cannot be made are left out; the story says so. */
  async #takeQueued(signal: AbortSignal): Promise<readonly PlayedPrompt[]> {
    const prompts = this.#waiting
    this.#waiting = []
    try {
      return await this.#prompts(prompts, signal)
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof PromptError)) throw err
      this.#call.record({ kind: 'promptFailed', code: err.code, reason: err.message })
      return []
    }
  }

  async #prompts(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly PlayedPrompt[]> {
    return await this.#during(signal, stop => Promise.all(prompts.map(prompt => this.#prompt(prompt, stop))))
  }

  async #prompt(prompt: Prompt, signal: AbortSignal): Promise<PlayedPrompt> {
    const { prompts } = this.#parts
    if (prompt.kind !== 'speech') {
      const { sources } = await promptSources(prompts, [prompt], signal)
      return { text: null, source: sources[0] ?? '' }
    }
    const made = await prompts.stream(prompt, signal, change => this.#noteChange(change))
    if (made.source instanceof StreamedSpeech) await this.#keep(made.source)
    for (const change of made.changes ?? []) this.#noteChange(change)
    return { text: prompt.text, source: made.source }
  }

  /** Until the call is over, which it may be already. */
  async #keep(speech: StreamedSpeech): Promise<void> {
    this.#streamed.push(speech)
    if (this.#isOver) await speech[Symbol.asyncDispose]()
  }

  /** Another voice had to speak. The call may be over when that happens to what is made for the next one. */
  #noteChange(change: FallOver): void {
    if (!this.#isOver) this.#call.record({ kind: 'voiceFellOver', ...change })
  }

  /** Whether a voice broke off and none was left to begin again; the story says so. */
  #noteBroken(prompts: readonly PlayedPrompt[]): boolean {
    const failures = prompts.flatMap(({ source }) => (source instanceof StreamedSpeech ? (source.failure ?? []) : []))
    for (const { code, message } of failures) this.#call.record({ kind: 'promptFailed', code, reason: message })
    return failures.length > 0
  }

  /** Makes words; a voice that leaves the caller in silence for too long has failed. */
  async #during<T>(signal: AbortSignal, make: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.#silence.during(this.#language, signal, make)
    } catch (err) {
      if (!(err instanceof SilenceError)) throw err
      throw new PromptError('SYNTHESIS_TIMEOUT', 'the voice takes too long', { cause: err })
    }
  }

  #note(speaker: BotUtterance['speaker'], text: string, at = new Date()): void {
    this.#utterances.push({ speaker, text, atMs: at.getTime() - this.#startedAt.getTime() })
  }

  async #alone<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(act, act)
    this.#busy = turn.catch(() => {})
    return await turn
  }
}
