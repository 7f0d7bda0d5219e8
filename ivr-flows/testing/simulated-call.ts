import type {
  BotOptions,
  BotOutcome,
  CallbackOutcome,
  ConsentOptions,
  ConsentOutcome,
  FlowHost,
  GatherOptions,
  GatherOutcome,
  NodeDeparture,
  NodeVisit,
  PlayOutcome,
  Prompt,
  QueueOutcome,
  RequestFailureCode,
  RequestOptions,
  RequestOutcome,
  TransferOptions,
  TransferOutcome,
  VoicemailOptions,
  VoicemailOutcome
} from '../host.ts'
import { samePhrase } from '../phrases.ts'
import type { TestStep } from './test-file.ts'

/** The caller hung up: how a simulated call ends when its test says so. */
export class CallerHungUp extends Error {
  readonly code = 'CALLER_HUNG_UP'
}

/** What a test says does not happen: the flow asks for something else than the next step tells. */
export class ScriptMismatch extends Error {
  readonly code = 'SCRIPT_MISMATCH'
  readonly stepIndex: number | null

  constructor(message: string, stepIndex: number | null) {
    super(message)
    this.stepIndex = stepIndex
  }
}

const KEY_MS = 400
/** How long a character takes to say. */
const SPEECH_MS = 65
const DEFAULT_TALK_MS = 60_000
const MESSAGE_MS = 10_000

/**
 * A caller and a world of whom a test tells what they do. Time passes by the prompts' estimated length and by time-outs,
 * without any waiting.
 */
export class SimulatedCall implements FlowHost {
  readonly heard: Prompt[] = []
  readonly visits: NodeVisit[] = []
  readonly departures: NodeDeparture[] = []
  readonly tags: string[] = []
  readonly answers: Record<string, string> = {}
  readonly requests: RequestOptions[] = []
  spoken: string | null = null
  keptLanguage: string | null = null
  destination: string | null = null
  mailbox: string | null = null
  callbackNumber: string | null = null

  readonly #steps: readonly TestStep[]
  readonly #promptFails: readonly string[]
  readonly #hangUp: AbortController
  #nextStep = 0
  #keys = ''
  #nowMs: number

  constructor(options: {
    start: Date
    steps: readonly TestStep[]
    promptFails: readonly string[]
    hangUp: AbortController
  }) {
    this.#nowMs = options.start.getTime()
    this.#steps = options.steps
    this.#promptFails = options.promptFails
    this.#hangUp = options.hangUp
  }

  /** Steps that the call never came to. */
  get unusedSteps(): number {
    return this.#steps.length - this.#nextStep
  }

  get nextStepIndex(): number {
    return this.#nextStep
  }

  now(): Date {
    return new Date(this.#nowMs)
  }

  async play(prompts: readonly Prompt[], { bargeIn }: { bargeIn: boolean }): Promise<PlayOutcome> {
    this.#hangUpHere()
    if (this.#failsHere()) return { kind: 'failed', code: 'PROMPT_FAILED', reason: 'the test lets it fail' }
    this.#hear(prompts)
    const digit = bargeIn ? this.#peek()?.interrupt : undefined
    if (digit === undefined) return { kind: 'finished' }
    this.#take()
    return { kind: 'interrupted', digit }
  }

  async gather(options: GatherOptions): Promise<GatherOutcome> {
    this.#hangUpHere()
    if (this.#failsHere()) return { kind: 'failed', code: 'PROMPT_FAILED', reason: 'the test lets it fail' }
    let digits = options.firstDigit ?? ''
    const isTypedAhead = options.bargeIn && this.#keys !== ''
    if (digits === '' && !isTypedAhead) {
      this.#keys = ''
      this.#hear(options.prompts)
    }
    const { say: said, confidence = 1 } = (digits === '' && this.#keys === '' && this.#peek()) || {}
    if (said !== undefined) {
      this.#take()
      this.#nowMs += 300 + said.length * SPEECH_MS
      const phrase = understood(said, options)
      return phrase === undefined ? { kind: 'notUnderstood' } : { kind: 'spoken', phrase, confidence }
    }
    if (digits === '' && this.#keys === '') {
      if (!this.#answer()) {
        this.#nowMs += options.timeoutMs
        return { kind: 'noInput' }
      }
    } else if (this.#keys === '' && digits.length < options.maxDigits && this.#peek()?.press !== undefined)
      this.#answer()
    for (;;) {
      if (digits.length >= options.maxDigits) return { kind: 'digits', digits, terminator: null }
      const key = this.#keys[0]
      if (key === undefined) {
        this.#nowMs += options.interDigitMs
        return { kind: 'digits', digits, terminator: null }
      }
      this.#keys = this.#keys.slice(1)
      this.#nowMs += KEY_MS
      if (options.terminators.includes(key)) return { kind: 'digits', digits, terminator: key }
      digits += key
    }
  }

  async request(options: RequestOptions): Promise<RequestOutcome> {
    this.requests.push(options)
    const { request, afterMs = 100 } = this.#expect('request', 'a request')
    const code = (request?.failed ?? null) as RequestFailureCode | null
    this.#nowMs += code === 'TIMEOUT' ? options.timeoutMs : Math.min(afterMs, options.timeoutMs)
    // A service that is slower than the flow waits for is a time-out, whatever it would have said.
    if (code === null && afterMs > options.timeoutMs) return { kind: 'failed', code: 'TIMEOUT', reason: 'too slow' }
    if (code !== null) return { kind: 'failed', code, reason: 'the test lets it fail' }
    return { kind: 'response', status: request?.status ?? 200, body: request?.body ?? null }
  }

  async transfer({ destination, whilePlaying, timeoutMs }: TransferOptions): Promise<TransferOutcome> {
    this.destination = destination.value
    if (whilePlaying !== undefined) this.#hear(whilePlaying, false)
    const { transfer = 'failed', afterMs } = this.#expect('transfer', 'a transfer')
    this.#nowMs += afterMs ?? (transfer === 'completed' ? DEFAULT_TALK_MS : transfer === 'noAnswer' ? timeoutMs : 1_000)
    return transfer === 'failed'
      ? { kind: 'failed', code: 'TRANSFER_FAILED', reason: 'the test lets it fail' }
      : { kind: transfer }
  }

  async queue({ maxWaitMs }: { maxWaitMs?: number }): Promise<QueueOutcome> {
    const { queue = 'unavailable', afterMs } = this.#expect('queue', 'a queue')
    this.#nowMs +=
      afterMs ?? (queue === 'served' ? DEFAULT_TALK_MS : queue === 'maxWait' ? (maxWaitMs ?? DEFAULT_TALK_MS) : 0)
    if (queue === 'served') return { kind: 'served' }
    return queue === 'unavailable'
      ? { kind: 'unavailable', reason: 'the test lets it fail' }
      : { kind: 'overflow', reason: queue }
  }

  async voicemail({ mailbox, silenceMs }: VoicemailOptions): Promise<VoicemailOutcome> {
    this.mailbox = mailbox
    const { voicemail = 'failed', afterMs } = this.#expect('voicemail', 'a message')
    const durationMs = afterMs ?? (voicemail === 'recorded' ? MESSAGE_MS : silenceMs)
    this.#nowMs += durationMs
    if (voicemail === 'recorded') return { kind: 'recorded', durationMs }
    return voicemail === 'empty'
      ? { kind: 'empty' }
      : { kind: 'failed', code: 'VOICEMAIL_FAILED', reason: 'the test lets it fail' }
  }

  async callback({ number }: { number: string }): Promise<CallbackOutcome> {
    this.callbackNumber = number
    const { callback = 'failed' } = this.#expect('callback', 'a callback')
    return callback === 'booked'
      ? { kind: 'booked', id: 'simulated' }
      : { kind: 'failed', code: 'CALLBACK_FAILED', reason: 'the test lets it fail' }
  }

  async consent({ texts }: ConsentOptions): Promise<ConsentOutcome> {
    this.#hangUpHere()
    const { consent = 'granted' } = this.#peek()?.consent === undefined ? {} : this.#expect('consent', 'a consent')
    const facts = { policy: 'opt_in', method: 'key' }
    switch (consent) {
      case 'granted':
        this.#hear(texts.question ?? texts.notice ?? [])
        return { kind: 'granted', ...facts }
      case 'refused':
      case 'mustRecord':
        this.#hear([...(texts.question ?? []), ...(texts.refusal ?? [])])
        return { kind: 'refused', ...facts, mustRecord: consent === 'mustRecord' }
      case 'never':
        return { kind: 'never', reason: 'the test says so' }
      case 'failed':
        return { kind: 'failed', code: 'PROMPT_FAILED', reason: 'the test lets it fail' }
      default:
        return consent satisfies never
    }
  }

  /** What is said and understood in the conversation is no matter of the flow. */
  async bot({ greeting }: BotOptions): Promise<BotOutcome> {
    const { bot = 'failed', afterMs = DEFAULT_TALK_MS } = this.#expect('bot', 'a bot')
    if (bot !== 'failed') this.#hear(greeting)
    this.#nowMs += bot === 'failed' ? 0 : afterMs
    switch (bot) {
      case 'handover':
        return { kind: 'handover', reason: 'asked', summary: 'simulated' }
      case 'done':
        return { kind: 'done', isSolved: true }
      case 'noAnswer':
        return { kind: 'noAnswer' }
      case 'failed':
        return { kind: 'failed', code: 'BOT_FAILED', reason: 'the test lets it fail' }
      default:
        return bot satisfies never
    }
  }

  async survey({ question, answer }: { question: string; answer: string }): Promise<void> {
    this.answers[question] = answer
  }

  async preferLanguage(language: string): Promise<void> {
    this.keptLanguage = language
  }

  tag(tags: readonly string[]): void {
    this.tags.push(...tags)
  }

  language(language: string): void {
    this.spoken = language
  }

  entered(visit: NodeVisit): void {
    this.visits.push(visit)
  }

  left(departure: NodeDeparture): void {
    this.departures.push(departure)
  }

  #peek(): TestStep | undefined {
    return this.#steps[this.#nextStep]
  }

  #take(): void {
    const step = this.#peek()
    this.#nextStep += 1
    this.#nowMs += step?.afterMs ?? 0
  }

  /** Takes the caller's next keys; false when the caller stays silent. */
  #answer(): boolean {
    const step = this.#peek()
    // A test that tells nothing more leaves a caller who does nothing more.
    if (step === undefined) return false
    if (step.press !== undefined) {
      this.#take()
      this.#keys = step.press
      return true
    }
    if (step.silence !== undefined) {
      this.#take()
      return false
    }
    throw new ScriptMismatch(
      `the flow waits for keys at “${this.#nodeName()}”, but the next step is ${wordOf(step)}`,
      this.#nextStep
    )
  }

  #expect(
    key: 'request' | 'transfer' | 'queue' | 'voicemail' | 'callback' | 'consent' | 'bot',
    what: string
  ): TestStep {
    this.#hangUpHere()
    const step = this.#peek()
    if (step?.[key] !== undefined) {
      this.#nextStep += 1
      return step
    }
    const instead = step === undefined ? 'no step tells how it ends' : `the next step is ${wordOf(step)}`
    throw new ScriptMismatch(
      `the flow comes to ${what} at “${this.#nodeName()}”, but ${instead}`,
      step === undefined ? null : this.#nextStep
    )
  }

  #hangUpHere(): void {
    const hangUp = this.#peek()?.hangUp
    const isQuestion = hangUp === true && !this.#isPrompt()
    if (!isQuestion && hangUp !== this.#nodeName()) return
    this.#take()
    this.#hangUp.abort(new CallerHungUp('the caller hung up'))
    throw this.#hangUp.signal.reason
  }

  #isPrompt(): boolean {
    return ['say', 'play', 'greeting', 'hangup'].includes(this.visits.at(-1)?.kind ?? '')
  }

  #failsHere(): boolean {
    return this.#promptFails.includes(this.#nodeName())
  }

  #nodeName(): string {
    return this.visits.at(-1)?.node ?? ''
  }

  #hear(prompts: readonly Prompt[], takesTime = true): void {
    this.heard.push(...prompts)
    if (takesTime) for (const prompt of prompts) this.#nowMs += lengthOf(prompt)
  }
}

/** What a recogniser would make of what is said: nothing where nobody listens, or where only phrases can be said. */
function understood(said: string, { phrases = [], speech, languages = [] }: GatherOptions): string | undefined {
  const closed = [...(speech?.kind === 'phrases' ? speech.phrases : phrases), ...languages.flatMap(one => one.phrases)]
  return (
    closed.find(one => samePhrase(one, said)) ?? (speech === undefined || speech.kind === 'phrases' ? undefined : said)
  )
}

/** About how long a prompt lasts. Scripts without spaces between words say more with each character. */
function lengthOf(prompt: Prompt): number {
  switch (prompt.kind) {
    case 'speech':
      return 300 + prompt.text.length * (/^(zh|ja|yue|cmn)/.test(prompt.language) ? 220 : 65)
    case 'silence':
      return prompt.durationMs
    case 'file':
    case 'url':
      return 5_000
    case 'tone':
      return 500
    default:
      return prompt satisfies never
  }
}

function wordOf(step: TestStep): string {
  const key = Object.keys(step).find(one => one !== 'afterMs' && one !== 'confidence') ?? 'empty'
  return `“${key}: ${JSON.stringify(step[key as keyof TestStep])}”`
}
