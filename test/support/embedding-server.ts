import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Words that mean the same; each group is a direction of its own. */
const MEANINGS: readonly RegExp[] = [
  /return|send .*back|bring .*back|zurück/iu,
  /parcel|postage|shipping|porto/iu,
  /tiger|animal/iu,
  /opening|hours|open on|closed/iu,
  /invoice|bill|receipt/iu
]

export type EmbeddingTrouble = Readonly<{ kind: 'status'; status: number }> | Readonly<{ kind: 'slow' | 'garbage' }>

/** The OpenAI-compatible API for embeddings on a port of this machine: it knows a few meanings, in any words. */
export class EmbeddingServer implements AsyncDisposable {
  trouble: EmbeddingTrouble | null = null
  /** A request with such a text is refused as a whole, as one that is too long for the model. */
  refuses: RegExp | null = null
  /** Texts of each request, in order. */
  readonly asked: { model: string; input: string[]; authorization: string | undefined }[] = []
  readonly #http: Server

  private constructor() {
    this.#http = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<EmbeddingServer> {
    const server = new EmbeddingServer()
    await new Promise<void>(resolve => server.#http.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { model, input } = JSON.parse(Buffer.concat(parts).toString()) as { model: string; input: string[] }
    this.asked.push({ model, input, authorization: request.headers.authorization })
    const { trouble } = this
    if (trouble?.kind === 'slow') return
    if (trouble?.kind === 'status') return void response.writeHead(trouble.status).end('{}')
    if (input.some(text => this.refuses?.test(text))) return void response.writeHead(400).end('{}')
    if (trouble?.kind === 'garbage') return void response.end('<html>')
    response.setHeader('content-type', 'application/json')
    // The other way round: clients must go by the index.
    const data = input.map((text, index) => ({ object: 'embedding', index, embedding: meaningOf(text) })).reverse()
    response.end(JSON.stringify({ object: 'list', model, data }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }
}

/** One number for each meaning, and one that says “something else”. */
function meaningOf(text: string): readonly number[] {
  const known = MEANINGS.map(words => (words.test(text) ? 1 : 0))
  return [...known, known.every(one => one === 0) ? 1 : 0.1]
}
