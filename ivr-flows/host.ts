import type { SpokenKind } from './understand/answer.ts'
import type { JsonObject } from './json.ts'

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
  /** One of the phrases, or something else that may fit, was said. `confidence` from 0 to 1. */
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
  | Readonly<{ kind: 'failed'; code: string; reason: string; mustRecord?: boolean }>

/** Why a person has to take over. */
export type HandOverReason =
  /** The caller asked for a person, in words or with the key 0. */
  | 'asked'
  | 'unknownAnswer'
  | 'notUnderstood'
  | 'frustrated'
  /** The caller asked for the same again and again, or the bot said the same. */
  | 'loop'
  | 'limit'
  /** A model, a recogniser or a tool failed. */
  | 'fault'
  /** The model, or an article, says that this is for a person. */
  | 'needsPerson'
  /** The caller says nothing any more: the way `noAnswer` leads to a person. */
  | 'silent'

/** `summary` is for the agent: one line, in the language of the call. */
export type BotOutcome =
  | Readonly<{ kind: 'handover'; reason: HandOverReason; summary: string }>
  /** `isSolved`: what the caller said to that; null when nobody asked or nobody understood. */
  | Readonly<{ kind: 'done'; isSolved: boolean | null }>
  | Readonly<{ kind: 'noAnswer' }>
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
  /** What may be said instead of keys where it is more than a choice of phrases. */
  speech?: SpokenRequest
  /** What may be said in each of several languages, when the caller's is not known yet. */
  languages?: readonly Readonly<{ language: string; phrases: readonly string[] }>[]
  /** A card number or the like: nobody may hear, record or write down what is given. */
  isCard?: boolean
}>

/**
 * `phrases`: one of them. Otherwise something of this kind, in the caller's words; `grammar` is JSGF that holds all of it,
 * for recognisers that understand nothing open, or null where there is none. `pauseMs` of quiet end the answer; by default
 * it depends on the kind.
 */
export type SpokenRequest = Readonly<{ pauseMs?: number }> &
  (
    | Readonly<{ kind: 'phrases'; phrases: readonly string[] }>
    | Readonly<{ kind: Exclude<SpokenKind, 'phrases'>; grammar: string | null }>
  )

export type RequestOptions = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body?: string
  timeoutMs: number
  maxBytes: number
}>

/** `isOwnPlace`: the flow's author wrote it down as it is; it does not come from what callers say or from data. */
export type TransferDestination = Readonly<{
  kind: 'number' | 'extension' | 'sip' | 'agent'
  value: string
  isOwnPlace: boolean
}>

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
  /** What the caller has been told already; where it is nothing, the host says that a message is recorded after the tone. */
  told: readonly Prompt[]
  mailbox: string
  maxMs: number
  silenceMs: number
  finishKeys: string
  beep: boolean
}>

/** The flow's own words; where there are none, the host has words of its own for each policy and language. */
export type ConsentOptions = Readonly<{
  /** The flow has a way of its own for a call that must be recorded and is not; otherwise the host ends the call. */
  hasMustRecordWay: boolean
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

/**
 * An HTTP call that a bot may make. `parameters` is a JSON schema of what a model may give; `facts` are values of the call,
 * which no model gives or sees; `proven` parameters must be values of a kind that an answer before has proved; `proves` are
 * paths in the answer by kind. `{name}` in `url` and `confirm` stands for a parameter or a fact.
 */
export type BotTool = Readonly<{
  name: string
  description: string
  parameters: JsonObject
  facts: Readonly<Record<string, string>>
  proven: Readonly<Record<string, string>>
  proves: Readonly<Record<string, string>>
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  changes: boolean
  confirm: string | null
}>

export type BotLimits = Readonly<{
  turns: number
  ms: number
  tokens: number
  cents: number
  thinkMs: number
  silences: number
  misunderstandings: number
  unknowns: number
}>

/** How a bot speaks to callers: as one speaks to customers, or as one speaks among people who know each other. */
export type SpeechRegister = 'formal' | 'informal'

/** `disclosure`: how it says that it is not a human, where the host has no words of its own for the language. */
export type BotOptions = Readonly<{
  goal: string
  greeting: readonly Prompt[]
  disclosure: string | null
  knowledge: Readonly<{ product: string | null; region: string | null }>
  tools: readonly BotTool[]
  glossary: readonly string[]
  taboo: readonly string[]
  register: SpeechRegister
  limits: BotLimits
  asksIfSolved: boolean
}>

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
  /** Talks with the caller. It says first that it is not a human, which cannot be skipped. */
  bot(options: BotOptions, signal: AbortSignal): Promise<BotOutcome>
  survey(answer: Readonly<{ question: string; answer: string }>): Promise<void>
  tag(tags: readonly string[]): void
  language(language: string): void
  /** The caller chose this language: the next call from the same number may begin in it. */
  preferLanguage(language: string): Promise<void>
  entered(node: NodeVisit): void
  left(node: NodeDeparture): void
}

/** How a flow ended. A caller's hang-up is not here: it aborts the signal, and `runFlow` then throws its reason. */
export type FlowEnd =
  | Readonly<{ kind: 'hangup'; node: string; cause?: 'normal' | 'busy' | 'rejected' }>
  | Readonly<{ kind: 'transferred'; node: string }>
  | Readonly<{ kind: 'served'; node: string }>
  | Readonly<{ kind: 'failed'; code: string; node: string; reason: string }>
