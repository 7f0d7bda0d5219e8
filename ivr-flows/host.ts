/**
 * What a flow asks of the outside world. Implemented by the server for real calls and by the flow tester for simulated
 * ones. All times are milliseconds. Every method that takes a signal rejects with the signal's reason once it aborts;
 * apart from that, what can go wrong comes back as an outcome and is never thrown.
 */

/** One piece of what the caller hears. `recorded` names a recorded prompt that wins over synthesised speech. */
export type Prompt =
  | Readonly<{ kind: 'speech'; text: string; language: string; recorded?: string }>
  | Readonly<{ kind: 'file'; name: string; language: string }>
  | Readonly<{ kind: 'url'; url: string }>
  | Readonly<{ kind: 'silence'; durationMs: number }>
  | Readonly<{ kind: 'tone'; spec: string }>

export type PlayOutcome =
  | Readonly<{ kind: 'finished' }>
  | Readonly<{ kind: 'interrupted'; digit: string }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type GatherOutcome =
  | Readonly<{ kind: 'digits'; digits: string; terminator: string | null }>
  | Readonly<{ kind: 'noInput' }>
  /** One of the phrases was said. `confidence` from 0 to 1. */
  | Readonly<{ kind: 'spoken'; phrase: string; confidence: number }>
  /** Something was said that is none of the phrases. */
  | Readonly<{ kind: 'notUnderstood' }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type RequestFailureCode = 'TIMEOUT' | 'UNREACHABLE' | 'TOO_LARGE' | 'NOT_JSON' | 'FORBIDDEN_HOST'

export type RequestOutcome =
  | Readonly<{ kind: 'response'; status: number; body: unknown }>
  | Readonly<{ kind: 'failed'; code: RequestFailureCode; reason: string }>

export type TransferOutcome =
  | Readonly<{ kind: 'completed' }>
  | Readonly<{ kind: 'busy' }>
  | Readonly<{ kind: 'noAnswer' }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type OverflowReason = 'closed' | 'full' | 'maxWait' | 'noAgents'

export type QueueOutcome =
  | Readonly<{ kind: 'served' }>
  | Readonly<{ kind: 'overflow'; reason: OverflowReason }>
  | Readonly<{ kind: 'unavailable'; reason: string }>

export type VoicemailOutcome =
  | Readonly<{ kind: 'recorded'; durationMs: number }>
  | Readonly<{ kind: 'empty' }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type CallbackOutcome =
  | Readonly<{ kind: 'booked'; id: string }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

/**
 * Whether the call may be recorded now. `never`: this call is not recorded, whoever is asked. `mustRecord`: the law wants
 * it recorded, so what it is about may not be done.
 */
export type ConsentOutcome =
  | Readonly<{ kind: 'granted'; policy: string; method: string }>
  | Readonly<{ kind: 'refused'; policy: string; method: string; mustRecord: boolean }>
  | Readonly<{ kind: 'never'; reason: string }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

export type PlayOptions = Readonly<{ bargeIn: boolean }>

/**
 * Collects keys. `timeoutMs` runs from the end of the prompts to the first key, `interDigitMs` between keys. Collecting
 * ends at `maxDigits`, at a terminator (which is not part of `digits`) or at a time-out. No key at all, or fewer keys
 * than `minDigits` without a terminator, is `noInput` and `digits` respectively: the flow judges what came.
 * `firstDigit` is a key that the caller pressed during an earlier prompt: the prompts are then not played.
 */
export type GatherOptions = Readonly<{
  prompts: readonly Prompt[]
  bargeIn: boolean
  minDigits: number
  maxDigits: number
  terminators: string
  timeoutMs: number
  interDigitMs: number
  firstDigit?: string
  /** What the caller may say instead of pressing keys, in the caller's language; keys always work. */
  phrases?: readonly string[]
  /** A card number or the like: nobody may hear, record or write down what is given. */
  isCard?: boolean
}>

export type RequestOptions = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body?: string
  timeoutMs: number
  maxBytes: number
}>

export type TransferDestination = Readonly<{ kind: 'number' | 'extension' | 'sip' | 'agent'; value: string }>

export type TransferOptions = Readonly<{
  destination: TransferDestination
  timeoutMs: number
  callerNumber?: string
  whilePlaying?: readonly Prompt[]
}>

/** `announce` is played to the waiting caller every `everyMs`, over the music. */
export type QueueOptions = Readonly<{
  queue: string
  priority: number
  skills: readonly string[]
  maxWaitMs?: number
  music?: Prompt
  announce?: Readonly<{ prompts: readonly Prompt[]; everyMs: number }>
  /** Why the customer calls, in one line for the agent. */
  reason?: string
  /** What the flow has found out, for the agent's screen. */
  answers?: readonly Readonly<{ label: string; value: string; source: string }>[]
}>

export type VoicemailOptions = Readonly<{
  mailbox: string
  maxMs: number
  silenceMs: number
  finishKeys: string
  beep: boolean
}>

/** The flow's own words; where there are none, the host has words of its own for each policy and language. */
export type ConsentOptions = Readonly<{
  texts: Readonly<{
    notice?: readonly Prompt[]
    objection?: readonly Prompt[]
    question?: readonly Prompt[]
    refusal?: readonly Prompt[]
  }>
  yesKey: string
  noKey: string
  stopKeys: string
  timeoutMs: number
  attempts: number
}>

export type CallbackOptions = Readonly<{ number: string; queue?: string }>

/** A node as the call's story names it. */
export type NodeVisit = Readonly<{ flowId: string; node: string; kind: string }>

/** How a node was left. Never holds gathered digits unless the node is marked `public`; menu choices are there. */
export type NodeDeparture = Readonly<{
  flowId: string
  node: string
  outcome: string
  detail?: Readonly<Record<string, unknown>>
}>

export interface FlowHost {
  now(): Date
  play(prompts: readonly Prompt[], options: PlayOptions, signal: AbortSignal): Promise<PlayOutcome>
  gather(options: GatherOptions, signal: AbortSignal): Promise<GatherOutcome>
  request(options: RequestOptions, signal: AbortSignal): Promise<RequestOutcome>
  transfer(options: TransferOptions, signal: AbortSignal): Promise<TransferOutcome>
  queue(options: QueueOptions, signal: AbortSignal): Promise<QueueOutcome>
  voicemail(options: VoicemailOptions, signal: AbortSignal): Promise<VoicemailOutcome>
  callback(options: CallbackOptions, signal: AbortSignal): Promise<CallbackOutcome>
  consent(options: ConsentOptions, signal: AbortSignal): Promise<ConsentOutcome>
  survey(answer: Readonly<{ question: string; answer: string }>): Promise<void>
  tag(tags: readonly string[]): void
  language(language: string): void
  entered(node: NodeVisit): void
  left(node: NodeDeparture): void
}

/** How a flow ended. A caller's hang-up is not here: it aborts the signal, and `runFlow` then throws its reason. */
export type FlowEnd =
  | Readonly<{ kind: 'hangup'; node: string; cause?: 'normal' | 'busy' | 'rejected' }>
  | Readonly<{ kind: 'transferred'; node: string }>
  | Readonly<{ kind: 'served'; node: string }>
  | Readonly<{ kind: 'failed'; code: string; node: string; reason: string }>
