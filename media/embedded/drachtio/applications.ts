import type { Socket } from 'node:net'
import { encodeFrame } from './wire/frames.ts'
import type { Payload } from './wire/server-message.ts'

/** One connection from an application (an `Srf` instance). */
export class Application {
  readonly #socket: Socket
  authenticated = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get connected(): boolean {
    return !this.#socket.destroyed && this.#socket.writable
  }

  /** Sends one frame; silently nothing when the connection has gone. */
  send(payload: Payload): void {
    if (!this.connected) return
    // The frames of one turn of the event loop go out in one write: at load that spares most of the system calls.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      setImmediate(() => this.#socket.uncork())
    }
    this.#socket.write(encodeFrame(payload.text, payload.body))
  }

  /** Closes the connection after what was sent. */
  end(): void {
    this.#socket.end()
  }
}

/** Which application gets which kind of request: each method goes round robin to those that asked for it. */
export class MethodRoutes {
  readonly #routes = new Map<string, Application[]>()
  readonly #offsets = new Map<string, number>()

  add(method: string, application: Application): void {
    const key = method.toLowerCase()
    const list = this.#routes.get(key) ?? []
    if (!list.includes(application)) list.push(application)
    this.#routes.set(key, list)
  }

  remove(method: string, application: Application): void {
    const key = method.toLowerCase()
    const list = (this.#routes.get(key) ?? []).filter(a => a !== application)
    if (list.length === 0) this.#routes.delete(key)
    else this.#routes.set(key, list)
  }

  removeAll(application: Application): void {
    for (const method of [...this.#routes.keys()]) this.remove(method, application)
  }

  /** The application whose turn it is for `method`, or undefined when nobody asked for it. */
  next(method: string): Application | undefined {
    const key = method.toLowerCase()
    const list = this.#routes.get(key)
    if (list === undefined || list.length === 0) return undefined
    const offset = this.#offsets.get(key) ?? 0
    this.#offsets.set(key, (offset + 1) % list.length)
    return list[offset % list.length]
  }
}
