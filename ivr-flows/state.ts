import type { FlowEnd } from './host.ts'
import type { Json, JsonObject } from './json.ts'

/** Facts of the call that expressions may read. `startedAt` is ISO 8601. */
export type CallFacts = Readonly<{
  id: string
  callerNumber: string
  calledNumber: string
  direction: 'inbound' | 'outbound'
  startedAt: string
}>

/** One flow that is being run: the call's own, or a subflow. `node` is where it stands. */
export type Frame = Readonly<{ flowId: string; node: string; vars: JsonObject }>

/** Where a call stands in its flow: plain JSON, so that it can be stored and carried on elsewhere. */
export type FlowState = Readonly<{
  /** From the call's own flow to the innermost subflow. */
  frames: readonly Frame[]
  call: CallFacts
  language: string
  /** What the caller chose in an earlier call; null when nothing is known, or when it was used already. */
  preferredLanguage: string | null
  /** What the last node found out: a key, digits, a response. */
  result: Json
  /** What the node that waits for an answer remembers, such as the number of attempts. */
  memory: Json
  /** A key pressed during a prompt that is not used up yet. */
  pendingDigit: string | null
  /** How many nodes were entered. */
  steps: number
  /** How many failures were taken over by onFailure. */
  failures: number
  /** When the flow ends at the latest, in milliseconds since 1970; waiting in queues and talking do not count. */
  deadlineMs: number
  /** When the last question was asked, in milliseconds since 1970. */
  askedAtMs: number
  end: FlowEnd | null
}>
