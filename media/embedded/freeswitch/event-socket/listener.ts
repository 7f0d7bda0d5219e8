import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import { EventSocketConnection } from './connection.ts'

const CONNECT_LIMIT_MS = 5_000
const MAX_CONNECTIONS = 5_000

/** Takes inbound event-socket connections and opens outbound ones. */
export class EventSocketListener implements AsyncDisposable {
  readonly #engine: Engine
  readonly #secret: string
  readonly #server: Server
  readonly #connections = new Set<EventSocketConnection>()
  readonly #byChannel = new Map<string, Set<EventSocketConnection>>()

  private constructor(engine: Engine, secret: string) {
    this.#engine = engine
    this.#secret = secret
    this.#server = createServer(socket => {
      if (this.#connections.size >= MAX_CONNECTIONS) {
        socket.destroy()
        return
      }
      const connection = new EventSocketConnection(engine, socket, {
        secret: this.#secret,
        onClosed: () => this.#connections.delete(connection)
      })
      this.#connections.add(connection)
    })
  }

  static async listen(
    engine: Engine,
    options: Readonly<{ host: string; port: number; secret: string }>
  ): Promise<EventSocketListener> {
    const listener = new EventSocketListener(engine, options.secret)
    listener.#server.listen(options.port, options.host)
    await once(listener.#server, 'listening')
    return listener
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Connects to `address` (`host:port`) and hands the channel over. Rejects when nobody listens there. */
  async connectBack(channel: Channel, address: string): Promise<void> {
    const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(address.trim())
    const port = Number(match?.[2] ?? 0)
    if (match === null || port < 1 || port > 65_535) throw new Error(`no address: ${address}`)
    const socket = connect({ host: match[1] as string, port })
    try {
      await once(socket, 'connect', {
        signal: AbortSignal.any([AbortSignal.timeout(CONNECT_LIMIT_MS), channel.signal])
      })
    } catch (err) {
      socket.destroy()
      throw err
    }
    const connection = new EventSocketConnection(this.#engine, socket, {
      secret: this.#secret,
      channel,
      onClosed: () => {
        this.#connections.delete(connection)
        this.#byChannel.get(channel.uuid)?.delete(connection)
        this.#onControlLost(channel)
      }
    })
    this.#connections.add(connection)
    const own = this.#byChannel.get(channel.uuid) ?? new Set()
    this.#byChannel.set(channel.uuid, own.add(connection))
  }

  /** Says goodbye to whoever controls a channel that has ended. */
  onChannelEnd(channel: Channel): void {
    for (const connection of this.#byChannel.get(channel.uuid) ?? []) connection.onChannelEnd()
    this.#byChannel.delete(channel.uuid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of [...this.#connections]) connection.shutdown()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  /** The `socket` application ends with its connection; nothing follows it in the dial plan, so the call ends. */
  #onControlLost(channel: Channel): void {
    if (channel.isUp && (channel.state === 'CS_EXECUTE' || channel.state === 'CS_NEW'))
      channel.hangup('NORMAL_CLEARING')
  }
}
