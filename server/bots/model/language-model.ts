/** What a model wants done: the name of a tool and its arguments, JSON text that nobody has checked yet. */
export type ModelToolCall = Readonly<{ id: string; name: string; arguments: string }>

export type ModelMessage =
  | Readonly<{ role: 'system' | 'user'; content: string }>
  | Readonly<{ role: 'assistant'; content: string; toolCalls?: readonly ModelToolCall[] }>
  | Readonly<{ role: 'tool'; toolCallId: string; content: string }>

/** A tool as a model is told of it. `parameters` is a JSON schema. */
export type ModelTool = Readonly<{ name: string; description: string; parameters: Readonly<Record<string, unknown>> }>

export type ModelRequest = Readonly<{
  messages: readonly ModelMessage[]
  tools: readonly ModelTool[]
  /** Longest reply, in tokens. */
  maxTokens: number
}>

export type ModelUsage = Readonly<{ inputTokens: number; outputTokens: number }>

/** What comes of a reply, in order; `end` is always the last. `usage` is estimated when the server does not tell it. */
export type ModelEvent =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'end'; toolCalls: readonly ModelToolCall[]; isCutShort: boolean; usage: ModelUsage }>

/** Messages in, words out, as they come. */
export interface LanguageModel {
  /** For stories and figures. */
  readonly name: string
  readonly host: string
  /** Where it processes what callers say, such as `eu`; null: on this machine. */
  readonly region: string | null
  /** What so many tokens cost, in euro cents. */
  costCents(usage: ModelUsage): number
  /** Rejects with {@link ModelError}, or with the signal's reason. */
  reply(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

/** The model that may read what this caller says: none outside where the law of the call or the caller forbids it. Pure. */
export function permittedModel(
  model: LanguageModel | null,
  mayAskOutside: (host: string) => boolean
): LanguageModel | null {
  return model === null || model.region === null || mayAskOutside(model.host) ? model : null
}

export type ModelErrorCode =
  /** Nobody answers at its address. */
  | 'MODEL_UNREACHABLE'
  /** Nothing came for as long as the limit. */
  | 'MODEL_TIMEOUT'
  /** It refuses our key (401, 403). */
  | 'MODEL_KEY_REFUSED'
  /** It has too much to do, or our quota is used up (429). */
  | 'MODEL_BUSY'
  /** It answered with an error. */
  | 'MODEL_FAILED'
  /** The connection ended in the middle of a reply. */
  | 'MODEL_CUT_OFF'
  /** What came is not what the protocol says. */
  | 'MODEL_NONSENSE'
  /** It said nothing. */
  | 'MODEL_EMPTY'
  /** The call has used up its tokens or its money. */
  | 'MODEL_BUDGET'

/** A model did not give a reply that can be used. The caller still gets a next step. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
