import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const LIMIT_MS = 5_000

/** A small inbound event-socket client: one `api` command at a time. */
export class EventSocketClient implements AsyncDisposable {
  readonly #socket: Socket
  #text = ''
  #onData: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      this.#text += chunk
      this.#onData()
    })
  }

  static async connect(port: number, secret: string): Promise<EventSocketClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect', { signal: AbortSignal.timeout(LIMIT_MS) })
    const client = new EventSocketClient(socket)
    socket.write(`auth ${secret}\n\n`)
    await client.#until(/Reply-Text: \+OK accepted\n\n/)
    return client
  }

  /** Runs a command and resolves with its answer. */
  async api(command: string): Promise<string> {
    this.#socket.write(`api ${command}\n\n`)
    const [, size] = await this.#until(/Content-Type: api\/response\nContent-Length: (\d+)\n\n/)
    await this.#until({ test: text => text.length >= Number(size) })
    const answer = this.#text.slice(0, Number(size))
    this.#text = this.#text.slice(Number(size))
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
  }

  /** Waits for text that matches; what a pattern matched is taken away with all before it. */
  async #until(pattern: RegExp | { test(text: string): boolean }): Promise<readonly string[]> {
    const matches = () => pattern.test(this.#text)
    if (!matches()) {
      await new Promise<void>((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error('the event socket did not answer')), LIMIT_MS)
        this.#onData = () => {
          if (!matches()) return
          clearTimeout(limit)
          resolve()
        }
      })
    }
    if (!(pattern instanceof RegExp)) return []
    const match = pattern.exec(this.#text)
    this.#text = this.#text.slice((match?.index ?? 0) + (match?.[0].length ?? 0))
    return match ?? []
  }
}
