import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server is to do with the next request. */
export type LlmStep =
  /** Writes the pieces one by one. `betweenMs` lies before each. */
  | Readonly<{ kind: 'say'; pieces: readonly string[]; betweenMs?: number; finish?: string; usage?: boolean }>
  | Readonly<{ kind: 'call'; calls: readonly Readonly<{ name: string; arguments: string }>[]; text?: string }>
  /** Says nothing until the other side gives up, or for `ms`. */
  | Readonly<{ kind: 'hang'; ms?: number }>
  | Readonly<{ kind: 'status'; status: number }>
  /** Writes the pieces and then cuts the connection. */
  | Readonly<{ kind: 'cutOff'; pieces: readonly string[] }>
  /** Writes lines as they are. `betweenMs` lies before each. */
  | Readonly<{ kind: 'raw'; lines: readonly string[]; betweenMs?: number }>

export type LlmRequest = Readonly<{
  authorization: string | undefined
  messages: readonly Readonly<{ role: string; content: string; tool_call_id?: string }>[]
  tools: readonly Readonly<{ function: { name: string; parameters: Record<string, unknown> } }>[]
}>

/**
 * A server of the OpenAI-compatible chat API that says what a test tells it to: the steps in order, or what `answer` makes
 * of each request. It streams as the real ones do.
 */
export class LlmServer implements AsyncDisposable {
  readonly requests: LlmRequest[] = []
  steps: LlmStep[] = []
  /** Asked when no step is left. */
  answer: (request: LlmRequest) => LlmStep = () => ({ kind: 'status', status: 500 })
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      void this.#serve(request, response).catch(err => response.destroy(err as Error))
    })
  }

  static async start(): Promise<LlmServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LlmServer(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (request.url !== '/v1/chat/completions' || body.stream !== true) return void response.writeHead(404).end()
    const asked: LlmRequest = {
      authorization: request.headers.authorization,
      messages: body.messages,
      tools: body.tools ?? []
    }
    this.requests.push(asked)
    await this.#do(this.steps.shift() ?? this.answer(asked), response)
  }

  async #do(step: LlmStep, response: ServerResponse): Promise<void> {
    const begin = () => response.writeHead(200, { 'content-type': 'text/event-stream' })
    const write = (delta: object, finish: string | null = null) =>
      response.write(
        `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
      )
    switch (step.kind) {
      case 'status':
        response.writeHead(step.status, { 'content-type': 'application/json' }).end('{"error":{"message":"scripted"}}')
        break
      case 'hang':
        await Promise.race([once(response, 'close'), later(step.ms ?? 60_000)])
        response.destroy()
        break
      case 'say':
        begin()
        for (const piece of step.pieces) {
          if (step.betweenMs !== undefined) await later(step.betweenMs)
          write({ content: piece })
        }
        write({}, step.finish ?? 'stop')
        if (step.usage !== false)
          response.write(`data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20}}\n\n`)
        response.end('data: [DONE]\n\n')
        break
      case 'call':
        begin()
        if (step.text !== undefined) write({ content: step.text })
        for (const [index, { name, arguments: given }] of step.calls.entries()) {
          write({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }] })
          // Arguments come in pieces, as they do from real servers.
          for (let at = 0; at < given.length; at += 7)
            write({ tool_calls: [{ index, function: { arguments: given.slice(at, at + 7) } }] })
        }
        write({}, 'tool_calls')
        response.end('data: [DONE]\n\n')
        break
      case 'cutOff':
        begin()
        for (const piece of step.pieces) write({ content: piece })
        // What was written leaves before the connection goes.
        await new Promise(resolve => response.write(': last words\n\n', resolve))
        await later(20)
        response.destroy()
        break
      case 'raw':
        begin()
        for (const line of step.lines) {
          if (step.betweenMs !== undefined) await later(step.betweenMs)
          response.write(`${line}\n\n`)
        }
        response.end()
        break
      default:
        step satisfies never
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

function later(ms: number): Promise<void> {
  // A test that is over is not kept waiting.
  return new Promise(resolve => setTimeout(resolve, ms).unref())
}
