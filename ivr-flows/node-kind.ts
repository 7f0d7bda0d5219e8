import type { Scope } from './expression.ts'
import type { Flow } from './flow.ts'
import type {
  BotOptions,
  BotOutcome,
  CallbackOptions,
  CallbackOutcome,
  ConsentOptions,
  ConsentOutcome,
  FlowEnd,
  GatherOptions,
  GatherOutcome,
  PlayOptions,
  PlayOutcome,
  Prompt,
  QueueOptions,
  QueueOutcome,
  RequestOptions,
  RequestOutcome,
  TransferOptions,
  TransferOutcome,
  VoicemailOptions,
  VoicemailOutcome
} from './host.ts'
import type { Json, JsonObject } from './json.ts'
import type { Prompts } from './parts.ts'

/** What a node asks of the host; the flow waits for the answer. `loadFlow` asks for a subflow's document. */
export type Ask =
  | Readonly<{ kind: 'play'; prompts: readonly Prompt[]; options: PlayOptions }>
  | Readonly<{ kind: 'gather'; options: GatherOptions }>
  | Readonly<{ kind: 'request'; options: RequestOptions }>
  | Readonly<{ kind: 'transfer'; options: TransferOptions }>
  | Readonly<{ kind: 'queue'; options: QueueOptions }>
  | Readonly<{ kind: 'voicemail'; options: VoicemailOptions }>
  | Readonly<{ kind: 'callback'; options: CallbackOptions }>
  | Readonly<{ kind: 'consent'; options: ConsentOptions }>
  | Readonly<{ kind: 'bot'; options: BotOptions }>
  | Readonly<{ kind: 'loadFlow'; flowId: string }>

/** The host's answer to an ask of the same kind. */
export type Answer =
  | Readonly<{ kind: 'play'; outcome: PlayOutcome }>
  | Readonly<{ kind: 'gather'; outcome: GatherOutcome }>
  | Readonly<{ kind: 'request'; outcome: RequestOutcome }>
  | Readonly<{ kind: 'transfer'; outcome: TransferOutcome }>
  | Readonly<{ kind: 'queue'; outcome: QueueOutcome }>
  | Readonly<{ kind: 'voicemail'; outcome: VoicemailOutcome }>
  | Readonly<{ kind: 'callback'; outcome: CallbackOutcome }>
  | Readonly<{ kind: 'consent'; outcome: ConsentOutcome }>
  | Readonly<{ kind: 'bot'; outcome: BotOutcome }>
  | Readonly<{ kind: 'loadFlow'; outcome: Readonly<{ kind: 'loaded' }> | Readonly<{ kind: 'unknown' }> }>

/** What a node tells the host in passing. */
export type Tell =
  | Readonly<{ kind: 'survey'; question: string; answer: string }>
  | Readonly<{ kind: 'tag'; tags: readonly string[] }>
  | Readonly<{ kind: 'preferLanguage'; language: string }>

/** What changes in the call's state when a node moves on. */
export type Changes = Readonly<{
  vars?: JsonObject
  language?: string
  /** The language that an earlier call chose is used up: whoever comes again wants another one. */
  preferredLanguage?: null
  result?: Json
  pendingDigit?: string | null
}>

/** What a node does next. `detail` goes into the call's story and must not hold personal data. */
export type Move =
  | Readonly<{ kind: 'ask'; ask: Ask; memory?: Json; changes?: Changes; tells?: readonly Tell[] }>
  | Readonly<{ kind: 'go'; exit: string; detail?: JsonObject; changes?: Changes; tells?: readonly Tell[] }>
  | Readonly<{ kind: 'fail'; exit?: string; code: string; reason: string; detail?: JsonObject; changes?: Changes }>
  | Readonly<{ kind: 'enterFlow'; flowId: string; vars: JsonObject }>
  | Readonly<{ kind: 'leaveFlow'; outcome: string | null }>
  | Readonly<{ kind: 'end'; end: FlowEnd; exit: string; detail?: JsonObject }>

/** What a node sees of the call. */
export type NodeContext = Readonly<{
  flow: Flow
  nodeName: string
  now: Date
  language: string
  /** What the caller chose in an earlier call; null when nothing is known. */
  preferredLanguage: string | null
  vars: JsonObject
  pendingDigit: string | null
  scope: Scope
  /** Prompts in the caller's language with templates filled in. */
  prompts(prompts: Prompts): readonly Prompt[]
}>

/**
 * A way out of a node. `isInput`: taken only after the caller pressed keys. `isFailure`: needs a way on. `otherwise` is
 * where to go without a target: another exit of the node, the flow's onFailure, or the end of the call.
 */
export type Exit = Readonly<{
  name: string
  target: string | undefined
  path: readonly (string | number)[]
  isInput: boolean
  isFailure: boolean
  otherwise: Readonly<{ kind: 'exit'; name: string }> | Readonly<{ kind: 'onFailure' }> | Readonly<{ kind: 'end' }>
}>

/** What a kind of node does: a pure function each. */
export type NodeBehaviour<N> = Readonly<{
  exits(node: N): readonly Exit[]
  /** @throws {ExpressionError} when a template or condition cannot be evaluated; the node then fails. */
  enter(context: NodeContext, node: N): Move
  /** Called with the answer to what the node asked, and what it chose to remember. */
  resume?(context: NodeContext, node: N, answer: Answer, memory: Json): Move
}>

/** An answer that does not belong to the question: a fault of the program that drives the flow. */
export class FlowStepError extends Error {
  readonly code = 'FLOW_STEP'

  constructor(message: string) {
    super(message)
    this.name = 'FlowStepError'
  }
}

export function unexpectedAnswer(answer: Answer): FlowStepError {
  return new FlowStepError(`the node does not wait for an answer to ${answer.kind}`)
}

/** The exit that is taken when all goes well; required by the schema, so it always has a target. */
export function nextExit(target: string | undefined): Exit {
  return { name: 'next', target, path: ['next'], isInput: false, isFailure: false, otherwise: { kind: 'end' } }
}

/** The exit that is taken when the node fails. */
export function failedExit(target: string | undefined): Exit {
  return { name: 'failed', target, path: ['failed'], isInput: false, isFailure: true, otherwise: { kind: 'onFailure' } }
}

/** An exit for an outcome that a caller expects, which goes the way of another exit unless it is given. */
export function branchExit(name: string, target: string | undefined, otherwise: string, isFailure = true): Exit {
  return { name, target, path: [name], isInput: false, isFailure, otherwise: { kind: 'exit', name: otherwise } }
}

/** The exits of nodes that ask for keys. */
export function askingExits(node: {
  noInput?: string | undefined
  noMatch?: string | undefined
  failed?: string | undefined
}): readonly Exit[] {
  return [
    branchExit('noInput', node.noInput, 'failed'),
    branchExit('noMatch', node.noMatch, 'failed'),
    failedExit(node.failed)
  ]
}
