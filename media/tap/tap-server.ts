import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'

/** Subprotocol of mod_audio_fork. */
const SUBPROTOCOL = 'audio.drachtio.org'
/** A media server with this header takes `{"type":"gather","frames":5}`. mod_audio_fork knows no such message. */
const ABLE_TO_GATHER = { header: 'x-audio-fork', value: 'gather' }
/** How long an announced fork may take to connect. */
const CONNECT_LIMIT_MS = 5_000
/** One frame is 20 ms: 320 bytes mono, 640 stereo. Anything much larger is not the media server. */
const MAX_FRAME_BYTES = 64 * 1024

/** A fork that is expected: its one-time address, and what arrives on it. */
export interface Tap extends Disposable {
  readonly url: string
  /** Resolves when the media server has connected; rejects after 5 s. */
  readonly connected: Promise<void>
  /** Resolves when the media server closed the fork or it was disposed. */
  readonly ended: Promise<void>
  /**
   * Asks for so many frames in one message, from now on; one at first. Only of a media server that says it can: another goes
   * on as it does, and is not asked.
   */
  gather(frames: number): void
}

/**
 * Where the media server sends the audio of legs (`uuid_audio_fork`). Each fork has an address with 128 random bits
 * that works once, because the audio server trusts nothing but the address.
 */
export class TapServer implements AsyncDisposable {
  readonly #http: Server
  readonly #sockets: WebSocketServer
  readonly #expected = new Map<string, (socket: WebSocket, request: IncomingMessage) => void>()
  readonly #host: string
  readonly #log: Logger

  private constructor(http: Server, host: string, log: Logger) {
    this.#http = http
    this.#host = host
    this.#log = log
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      handleProtocols: offered => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false)
    })
    http.on('upgrade', (request, socket, head) => {
      // Node gives the socket away without a listener, and an error that nobody hears would end the program.
      socket.on('error', err => this.#log.warn({ err }, 'the connection of an audio fork broke off'))
      const accept = this.#expected.get(request.url ?? '')
      if (accept === undefined) {
        this.#log.warn('an audio fork with an unknown address was refused')
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
        return
      }
      this.#expected.delete(request.url ?? '')
      this.#sockets.handleUpgrade(request, socket, head, accept)
    })
  }

  /** Listens on a free port of the address at which the media server reaches this program. */
  static async start(host: string, log: Logger): Promise<TapServer> {
    const http = createServer((_request, response) => response.writeHead(404).end())
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(0, host.startsWith('127.') ? host : '0.0.0.0', resolve)
    })
    return new TapServer(http, host, log)
  }

  /** Announces one fork. `onFrame` gets 16-bit little-endian PCM as it arrives and must return at once. */
  expect(onFrame: (pcm: Buffer) => void): Tap {
    const path = `/tap/${randomBytes(16).toString('hex')}`
    let socket: WebSocket | undefined
    let isAbleToGather = false
    let gathered = 1
    let markEnded: () => void = () => {}
    const ended = new Promise<void>(resolve => {
      markEnded = resolve
    })
    const connected = new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#expected.delete(path)
        reject(new Error(`the media server did not connect its fork within ${CONNECT_LIMIT_MS} ms`))
        markEnded()
      }, CONNECT_LIMIT_MS)
      void ended.then(() => clearTimeout(limit))
      this.#expected.set(path, (accepted, request) => {
        clearTimeout(limit)
        socket = accepted
        isAbleToGather = request.headers[ABLE_TO_GATHER.header] === ABLE_TO_GATHER.value
        accepted.binaryType = 'nodebuffer'
        accepted.on('message', (data, isBinary) => {
          if (isBinary) onFrame(data as Buffer)
        })
        accepted.on('error', err => this.#log.warn({ err }, 'an audio fork failed'))
        accepted.on('close', markEnded)
        resolve()
      })
    })
    // Whoever only waits for the end is not told of the connection.
    connected.catch(() => {})
    return {
      url: `ws://${this.#host}:${(this.#http.address() as AddressInfo).port}${path}`,
      connected,
      ended,
      gather(frames) {
        if (!isAbleToGather || frames === gathered) return
        gathered = frames
        socket?.send(JSON.stringify({ type: 'gather', frames }))
      },
      [Symbol.dispose]: () => {
        this.#expected.delete(path)
        if (socket === undefined) markEnded()
        else socket.close()
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#sockets.close()
    this.#http.closeAllConnections()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }
}
