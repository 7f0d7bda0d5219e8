import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { Compile } from 'typebox/compile'
import { type WebSocket, WebSocketServer } from 'ws'
import { isPermitted, PERMISSIONS } from '../../../server/http/permissions.ts'
import {
  type DeskState,
  RequestSchema,
  type SoftphonePush,
  type SoftphoneRequest,
  type SoftphoneRequestKind
} from '../../../server/softphone/protocol.ts'
import { builtDesk } from './built-desk.ts'
import { idleState } from './desk-states.ts'

const request = Compile(RequestSchema)

/** The server's own policy for pages, so that what it would refuse is refused here too. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "connect-src 'self'"
].join(';')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml'
}

export type RequestOf<K extends SoftphoneRequestKind> = Extract<SoftphoneRequest, { kind: K }>
type Answer = Readonly<Record<string, unknown>> | undefined | Promise<Readonly<Record<string, unknown>> | undefined>

/** A refusal that a scripted answer throws. */
export class Refusal extends Error {
  readonly code: string
  constructor(code: string, detail: string) {
    super(detail)
    this.code = code
  }
}

/**
 * Parley's web side as a browser sees it: the built desk, the session, and the softphone's WebSocket, word for word
 * after server/softphone/protocol.ts. What the agent's state becomes is scripted by the test.
 */
export class DeskServer implements AsyncDisposable {
  readonly #http: Server
  readonly #sockets = new Set<WebSocket>()
  readonly #answers = new Map<string, (request: never) => Answer>()
  /** Every request of every page, in order. */
  readonly requests: SoftphoneRequest[] = []
  /** Paths of the API that were asked for. */
  readonly paths: string[] = []
  /** Bytes that left for pages, as they were sent. */
  bytesSent = 0
  isSignedIn = true
  /** As a machine that is switched off: nothing is answered. */
  isDown = false
  /** A person's role decides what the shell shows. */
  role: 'agent' | 'supervisor' = 'agent'
  language = 'en'
  readonly json = new Map<string, unknown>()
  #state: DeskState = idleState()
  #version = 1
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #hello: Partial<Extract<SoftphonePush, { kind: 'hello' }>> = {}

  private constructor(http: Server) {
    this.#http = http
  }

  static async start(): Promise<DeskServer> {
    const dist = await builtDesk()
    const http = createServer()
    const server = new DeskServer(http)
    const webSockets = new WebSocketServer({ noServer: true })
    http.on('request', (incoming, response) => {
      if (server.isDown) {
        incoming.socket.destroy()
        return
      }
      server
        .#serve(dist, incoming, response)
        .catch(err => response.writeHead(500, { 'content-type': 'text/plain' }).end(String(err)))
    })
    http.on('upgrade', (incoming, socket, head) => {
      if (server.isDown) {
        socket.destroy()
        return
      }
      if (!server.isSignedIn) {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
        return
      }
      webSockets.handleUpgrade(incoming, socket, head, opened => server.#open(opened))
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  get state(): DeskState {
    return this.#state
  }

  get pages(): number {
    return this.#sockets.size
  }

  /** What pages are greeted with instead of the usual. */
  greetWith(hello: Partial<Extract<SoftphonePush, { kind: 'hello' }>>): void {
    this.#hello = hello
  }

  /** Decides what a kind of request is answered with; throw {@link Refusal} to refuse it. */
  on<K extends SoftphoneRequestKind>(kind: K, answer: (request: RequestOf<K>) => Answer): void {
    this.#answers.set(kind, answer as (request: never) => Answer)
  }

  /** Shows the pages a new state. */
  become(change: Partial<DeskState>): void {
    this.#version += 1
    this.#state = { ...this.#state, ...change, version: this.#version }
    for (const socket of this.#sockets) this.#showTo(socket)
    this.#beat()
  }

  push(message: SoftphonePush): void {
    for (const socket of this.#sockets) this.#send(socket, message)
  }

  /** Cuts every page off, as a server does that dies; `code` as one that says why. */
  cut(code?: number): void {
    for (const socket of this.#sockets) {
      if (code === undefined) socket.terminate()
      else socket.close(code)
    }
  }

  /** No more signs that the offer lasts, although the state still shows it. */
  stopHeartbeat(): void {
    clearInterval(this.#heartbeat)
  }

  /** Resolves with the next request of a kind that has not been looked at yet. */
  async next<K extends SoftphoneRequestKind>(kind: K, limitMs = 15_000): Promise<RequestOf<K>> {
    const until = Date.now() + limitMs
    for (;;) {
      const index = this.requests.findIndex(one => one.kind === kind)
      const [found] = index === -1 ? [] : this.requests.splice(index, 1)
      if (found !== undefined) return found as RequestOf<K>
      if (Date.now() > until) throw new Error(`no request ${kind} came within ${limitMs} ms`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat)
    this.cut()
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
  }

  #open(socket: WebSocket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('message', data => void this.#take(socket, String(data)))
    this.#send(socket, {
      kind: 'hello',
      protocol: 1,
      agent: { id: 'ana', username: 'ana', displayName: 'Ana Example', role: this.role, language: this.language },
      routerRtpCapabilities: {
        codecs: [
          {
            kind: 'audio',
            mimeType: 'audio/PCMU',
            preferredPayloadType: 0,
            clockRate: 8000,
            channels: 1,
            rtcpFeedback: []
          }
        ],
        headerExtensions: []
      },
      iceServers: [],
      sfu: 'embedded',
      proofEveryMs: 20_000,
      statusReasons: ['lunch', 'pause', 'meeting', 'training'],
      dispositions: [
        { code: 'solved', label: 'Solved', queueIds: [] },
        { code: 'follow-up', label: 'Follow up', queueIds: [] },
        { code: 'refund', label: 'Refund promised', queueIds: [] },
        { code: 'sales-only', label: 'Sold', queueIds: ['other-queue'] }
      ],
      ...this.#hello
    })
    this.#showTo(socket)
    this.#beat()
  }

  async #take(socket: WebSocket, text: string): Promise<void> {
    const message: unknown = JSON.parse(text)
    if (!request.Check(message)) {
      socket.close(4400, 'not in the protocol')
      throw new Error(`the page sent what the protocol does not have: ${text}`)
    }
    this.requests.push(message)
    try {
      const answer = this.#answers.get(message.kind)
      const data = answer === undefined ? this.#usual(message) : await answer(message as never)
      this.#send(socket, { kind: 'reply', id: message.id, ok: true, data: data ?? {} })
    } catch (err) {
      if (!(err instanceof Refusal)) throw err
      this.#send(socket, {
        kind: 'reply',
        id: message.id,
        ok: false,
        problem: { code: err.code, detail: err.message }
      })
    }
  }

  /** What the server does when the test says nothing else. */
  #usual(message: SoftphoneRequest): Answer {
    switch (message.kind) {
      case 'media.open':
        return { send: unreachableTransport('send'), receive: unreachableTransport('receive') }
      case 'media.speak':
        return { microphoneId: 'microphone' }
      case 'proof':
        return { isRoutable: true, reasons: [] }
      case 'status':
        this.become({ status: message.status, statusReason: message.reason ?? null })
        return {}
      case 'claim':
        this.become({ isActiveTab: true })
        return {}
      case 'back':
        this.become({ missed: null })
        return {}
      case 'mute':
        if (this.#state.call !== null) this.become({ call: { ...this.#state.call, isMuted: message.isMuted } })
        return {}
      case 'hold':
        if (this.#state.call !== null)
          this.become({ call: { ...this.#state.call, mode: message.isOnHold ? 'onHold' : 'talking' } })
        return {}
      case 'ringMe':
      case 'dial':
        return { callId: 'call-1' }
      default:
        return {}
    }
  }

  #beat(): void {
    clearInterval(this.#heartbeat)
    const { offer } = this.#state
    if (offer === null) return
    this.#heartbeat = setInterval(() => this.push({ kind: 'ring', offerId: offer.id }), 1_000)
  }

  #showTo(socket: WebSocket): void {
    this.#send(socket, { kind: 'state', state: { ...this.#state, serverTime: new Date().toISOString() } })
  }

  #send(socket: WebSocket, message: unknown): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }

  async #serve(dist: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(incoming.url ?? '/', this.url)
    if (pathname.startsWith('/api/') || pathname === '/healthz') {
      this.paths.push(`${incoming.method} ${pathname}`)
      await this.#serveApi(pathname, incoming, response)
      return
    }
    const name = extname(pathname) === '' ? '/index.html' : pathname
    const compressed = await readFile(join(dist, `${name}.br`)).catch(() => null)
    const body = compressed ?? (await readFile(join(dist, name)).catch(() => null))
    if (body === null) {
      response.writeHead(404).end()
      return
    }
    this.bytesSent += body.length
    response.writeHead(200, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
      'cache-control': name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ...(compressed !== null && { 'content-encoding': 'br' })
    })
    response.end(body)
  }

  async #serveApi(pathname: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, body: unknown) =>
      response
        .writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' })
        .end(JSON.stringify(body))
    const me = {
      id: 'ana',
      username: 'ana',
      displayName: 'Ana Example',
      role: this.role,
      language: this.language,
      permissions: PERMISSIONS.filter(permission => isPermitted(this.role, permission))
    }
    if (pathname === '/api/v1/session') {
      if (incoming.method === 'POST') {
        const { username, password } = JSON.parse(await bodyOf(incoming)) as { username: string; password: string }
        if (password !== 'right')
          return void json(401, { code: 'LOGIN_FAILED', title: 'Name or password is wrong', status: 401 })
        this.isSignedIn = true
        return void json(200, { token: 'ps_test', expiresAt: new Date().toISOString(), user: { ...me, username } })
      }
      if (incoming.method === 'DELETE') {
        this.isSignedIn = false
        return void response.writeHead(204).end()
      }
      return this.isSignedIn
        ? void json(200, me)
        : void json(401, { code: 'NOT_SIGNED_IN', title: 'Sign in first', status: 401 })
    }
    if (pathname === '/healthz')
      return void json(200, { status: 'ok', engines: [{ name: 'freeswitch', isEmbedded: true, isUp: true }] })
    if (pathname === '/api/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write(': connected\n\n')
      return
    }
    if (!this.isSignedIn) return void json(401, { code: 'NOT_SIGNED_IN', title: 'Sign in first', status: 401 })
    const body = this.json.get(pathname)
    if (body === undefined) return void json(404, { code: 'NOT_FOUND', title: 'There is no such thing', status: 404 })
    json(200, body)
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Transports of an SFU that is not there: everything of the signalling, no voice. */
function unreachableTransport(id: string) {
  return {
    id,
    iceParameters: { usernameFragment: 'scripted', password: 'scriptedscriptedscripted', iceLite: true },
    iceCandidates: [
      {
        foundation: 'udpcandidate',
        priority: 1_076_302_079,
        address: '127.0.0.1',
        ip: '127.0.0.1',
        protocol: 'udp',
        port: 9,
        type: 'host'
      }
    ],
    dtlsParameters: {
      role: 'auto',
      fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }]
    }
  }
}
