import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import {
  type LanguageModel,
  ModelError,
  type ModelErrorCode,
  type ModelEvent,
  type ModelMessage,
  type ModelRequest,
  type ModelToolCall
} from './language-model.ts'
import { ThinkingFilter } from './thinking-filter.ts'

export type OpenAiModelOptions = Readonly<{
  /** Base address of the API, such as `https://llm.example.com/v1`. */
  url: string
  key: string | undefined
  model: string
  region: string | null
  /** So long the next piece of a reply may take. */
  timeoutMs: number
  /** Prices of a million tokens, in euro cents. */
  centsPerMillion: Readonly<{ input: number; output: number }>
}>

/** A server that writes without end is cut off here. */
const MAX_REPLY_CHARACTERS = 40_000
const MAX_TOOL_CALLS = 8
/** A token of most languages is about so many characters; used when the server does not count. */
const CHARACTERS_OF_A_TOKEN = 3

/** The parts of a chunk of `POST /chat/completions` with `stream` that we read (OpenAI API, chat.completion.chunk). */
const Chunk = Type.Object({
  choices: Type.Array(
    Type.Object({
      delta: Type.Optional(
        Type.Object({
          content: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          // Thoughts of a reasoning model: DeepSeek and vLLM, Ollama. Never said, but paid for.
          reasoning_content: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          reasoning: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          tool_calls: Type.Optional(
            Type.Array(
              Type.Object({
                index: Type.Optional(Type.Integer({ minimum: 0 })),
                id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
                function: Type.Optional(
                  Type.Object({
                    name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
                    arguments: Type.Optional(Type.Union([Type.String(), Type.Null()]))
                  })
                )
              })
            )
          )
        })
      ),
      finish_reason: Type.Optional(Type.Union([Type.String(), Type.Null()]))
    })
  ),
  usage: Type.Optional(
    Type.Union([Type.Object({ prompt_tokens: Type.Number(), completion_tokens: Type.Number() }), Type.Null()])
  )
})
type Chunk = Static<typeof Chunk>
type CallPart = NonNullable<NonNullable<Chunk['choices'][number]['delta']>['tool_calls']>[number]

/** A model behind the OpenAI-compatible API that most servers speak, in the cloud or on one's own machine. */
export function createOpenAiModel(options: OpenAiModelOptions): LanguageModel {
  const { model, region, centsPerMillion } = options
  return {
    name: model,
    host: new URL(options.url).hostname,
    region,
    costCents: ({ inputTokens, outputTokens }) =>
      (inputTokens * centsPerMillion.input + outputTokens * centsPerMillion.output) / 1_000_000,
    reply: (request, signal) => streamReply(options, request, signal)
  }
}

async function* streamReply(
  { url, key, model, timeoutMs }: OpenAiModelOptions,
  request: ModelRequest,
  signal: AbortSignal
): AsyncGenerator<ModelEvent> {
  // Each piece that arrives starts the limit anew: a slow but living stream is not cut off.
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(), timeoutMs)
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(), timeoutMs)
  }
  const body = JSON.stringify({
    model,
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
    max_tokens: request.maxTokens,
    messages: request.messages.map(toMessage),
    ...(request.tools.length > 0 && {
      tools: request.tools.map(({ name, description, parameters }) => ({
        type: 'function',
        function: { name, description, parameters }
      }))
    })
  })
  let hasAnswered = false
  try {
    const response = await fetch(`${url.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(key !== undefined && { authorization: `Bearer ${key}` })
      },
      body,
      // A redirect would carry what callers say, and the key, to a host that nobody has permitted.
      redirect: 'error',
      signal: AbortSignal.any([signal, stalled.signal])
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new ModelError(codeOfStatus(response.status), `The model answered with status ${response.status}.`)
    }
    hasAnswered = true
    alive()
    const reply = new Reply(body.length)
    for await (const bytes of response.body ?? []) {
      alive()
      for (const text of reply.take(bytes)) yield { kind: 'text', text }
      if (reply.isDone) break
    }
    yield* reply.end()
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof ModelError) throw err
    if (stalled.signal.aborted)
      throw new ModelError('MODEL_TIMEOUT', `Nothing came from the model for ${timeoutMs} ms.`, { cause: err })
    if (hasAnswered) throw new ModelError('MODEL_CUT_OFF', 'The connection ended within a reply.', { cause: err })
    throw new ModelError('MODEL_UNREACHABLE', 'The model cannot be reached.', { cause: err })
  } finally {
    clearTimeout(timer)
  }
}

/** Puts a streamed reply together. */
class Reply {
  readonly #decoder = new TextDecoder()
  readonly #parser = createParser({ onEvent: event => this.#event(event) })
  readonly #thinking = new ThinkingFilter()
  readonly #calls: { id: string; name: string; arguments: string }[] = []
  readonly #sentCharacters: number
  #texts: string[] = []
  #characters = 0
  #finish: string | null = null
  #usage: Chunk['usage']
  isDone = false

  constructor(sentCharacters: number) {
    this.#sentCharacters = sentCharacters
  }

  take(bytes: Uint8Array): readonly string[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }))
    const texts = this.#texts
    this.#texts = []
    return texts
  }

  end(): readonly ModelEvent[] {
    // A stream that neither gave a reason nor [DONE] was broken off, whatever it said until then.
    if (!this.isDone && this.#finish === null) throw new ModelError('MODEL_CUT_OFF', 'The stream ended within a reply.')
    // A server that gives no ids is answered with ours.
    const toolCalls = this.#calls
      .map((call, index): ModelToolCall => ({ ...call, id: call.id === '' ? `call_${index}` : call.id }))
      .filter(call => call.name !== '')
    const rest = this.#thinking.end()
    const end: ModelEvent = {
      kind: 'end',
      toolCalls,
      isCutShort: this.#finish === 'length' || this.#finish === 'content_filter',
      usage: {
        inputTokens: this.#usage?.prompt_tokens ?? Math.ceil(this.#sentCharacters / CHARACTERS_OF_A_TOKEN),
        outputTokens: this.#usage?.completion_tokens ?? Math.ceil(this.#characters / CHARACTERS_OF_A_TOKEN)
      }
    }
    return rest === '' ? [end] : [{ kind: 'text', text: rest }, end]
  }

  #event({ data }: EventSourceMessage): void {
    if (data === '[DONE]') {
      this.isDone = true
      return
    }
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch (cause) {
      throw new ModelError('MODEL_NONSENSE', 'A piece of the reply is not JSON.', { cause })
    }
    if (typeof chunk === 'object' && chunk !== null && 'error' in chunk)
      throw new ModelError('MODEL_FAILED', 'The model reported an error within its reply.')
    if (!Value.Check(Chunk, chunk)) throw new ModelError('MODEL_NONSENSE', 'A piece of the reply has another form.')
    if (chunk.usage !== undefined && chunk.usage !== null) this.#usage = chunk.usage
    const [choice] = chunk.choices
    if (choice === undefined) return
    if (choice.finish_reason !== undefined && choice.finish_reason !== null) this.#finish = choice.finish_reason
    const { content, reasoning_content, reasoning } = choice.delta ?? {}
    this.#count(`${content ?? ''}${reasoning_content ?? ''}${reasoning ?? ''}`)
    const text = this.#thinking.push(content ?? '')
    if (text !== '') this.#texts.push(text)
    for (const part of choice.delta?.tool_calls ?? []) this.#addCall(part)
  }

  #addCall(part: CallPart): void {
    const index = this.#placeOf(part)
    if (index >= MAX_TOOL_CALLS) throw new ModelError('MODEL_NONSENSE', 'The model wants too many tools at once.')
    const call = (this.#calls[index] ??= { id: '', name: '', arguments: '' })
    if (part.id) call.id = part.id
    if (part.function?.name) call.name += part.function.name
    if (part.function?.arguments) call.arguments += part.function.arguments
    this.#count(part.function?.arguments ?? '')
  }

  /**
   * Servers that send each call whole leave its number out or call all of them 0 (Ollama): a second name is a second call,
   * unless it has the first one's id.
   */
  #placeOf({ index, id, function: named }: CallPart): number {
    const last = this.#calls.length - 1
    if (index === undefined) return named?.name ? last + 1 : Math.max(last, 0)
    const known = this.#calls[index]
    const isOther = known !== undefined && known.name !== '' && Boolean(named?.name) && Boolean(id) && known.id !== id
    return isOther ? last + 1 : index
  }

  #count(text: string): void {
    this.#characters += text.length
    if (this.#characters > MAX_REPLY_CHARACTERS) throw new ModelError('MODEL_NONSENSE', 'The model writes without end.')
  }
}

function toMessage(message: ModelMessage) {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content }
    case 'assistant':
      return {
        role: 'assistant',
        content: message.content,
        ...(message.toolCalls !== undefined && {
          tool_calls: message.toolCalls.map(({ id, name, arguments: given }) => ({
            id,
            type: 'function',
            function: { name, arguments: given }
          }))
        })
      }
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content }
    default:
      return message satisfies never
  }
}

function codeOfStatus(status: number): ModelErrorCode {
  if (status === 401 || status === 403) return 'MODEL_KEY_REFUSED'
  return status === 429 ? 'MODEL_BUSY' : 'MODEL_FAILED'
}
