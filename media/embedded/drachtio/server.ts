import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Logger, pino } from 'pino'
import type { EngineHandle } from '../in-worker.ts'
import { Application, MethodRoutes } from './applications.ts'
import { runCommand } from './commands.ts'
import type { Core } from './core/core.ts'
import { dropApplication } from './core/drop-application.ts'
import { receiveMalformed, receiveMessage } from './core/receive.ts'
import { Dialogs } from './dialog/dialogs.ts'
import { TransactionLayer } from './transaction/layer.ts'
import { DEFAULT_TIMERS, Timers } from './transaction/timers.ts'
import { Transports } from './transport/transports.ts'
import { parseClientMessage } from './wire/client-message.ts'
import { FrameDecoder, FrameError } from './wire/frames.ts'

/** Settings of {@link startEmbeddedDrachtio}. */
export type EmbeddedDrachtioOptions = Readonly<{
  /** Where applications connect, and the secret that they must know. Port 0 takes any free one. */
  admin: Readonly<{ host: string; port: number; secret: string }>
  /** Where SIP is served. `host` is also what goes into Via and Contact. Ports 0 take any free ones. */
  sip: Readonly<{ host: string; udpPort: number; tcpPort: number }>
  /** INVITEs beyond this many live INVITE dialogs (early ones included, both directions) get 503 with Retry-After. */
  maxCalls?: number
  /** Base values of the transaction timers in milliseconds; RFC 3261's (500, 4000, 5000) by default. */
  timers?: Readonly<{ t1Ms?: number; t2Ms?: number; t4Ms?: number }>
  /** A pino level; `warn` by default. */
  logLevel?: string
}>

/** Where the server listens. `version` is the one that `authenticate` answers. */
export type EmbeddedDrachtioReady = Readonly<{ adminPort: number; udpPort: number; tcpPort: number; version: string }>

/** Counters. The first five are what exists now, the others what has been since the start. */
export type EmbeddedDrachtioStats = Readonly<{
  transactions: number
  dialogs: number
  timers: number
  applications: number
  tcpConnections: number
  callsRefused: number
  messagesIn: number
  messagesOut: number
  malformed: number
}>

/**
 * The version that clients are told. It names the drachtio-server whose protocol is spoken (0.9), high enough for
 * drachtio-srf to ping, and says that this is a stand-in.
 */
export const VERSION = 'v0.9.10-parley-embedded'

/**
 * Starts the stand-in for drachtio-server: SIP over UDP and TCP on one side (RFC 3261 and its extensions), drachtio's
 * TCP protocol on the other. Rejects with the system's error when a port is taken; nothing is left open then.
 */
export async function startEmbeddedDrachtio(
  options: EmbeddedDrachtioOptions
): Promise<EngineHandle<EmbeddedDrachtioReady, EmbeddedDrachtioStats>> {
  const log = pino({ name: 'embedded-drachtio', level: options.logLevel ?? 'warn' })
  const timers = new Timers({ ...DEFAULT_TIMERS, ...options.timers })
  let core: Core | undefined
  const transports = await Transports.open(options.sip.host, options.sip.udpPort, options.sip.tcpPort, {
    onMessage: (message, source) => guarded(log, () => core && receiveMessage(core, message, source)),
    onMalformed: (failure, source) => guarded(log, () => core && receiveMalformed(core, failure, source)),
    onConnectionClosed: connection => {
      if (core === undefined) return
      for (const [contact, flow] of core.flows) if (flow.connection === connection) core.flows.delete(contact)
    },
    onError: err => log.error({ err }, 'UDP socket')
  })
  core = {
    transports,
    transactions: new TransactionLayer(timers, {
      send: (bytes, destination, onError) => transports.send(bytes, destination, onError),
      reply: (bytes, path, onError) => transports.reply(bytes, path, onError)
    }),
    timers,
    dialogs: new Dialogs(),
    routes: new MethodRoutes(),
    log,
    maxCalls: options.maxCalls ?? Number.POSITIVE_INFINITY,
    incoming: new Map(),
    outgoing: new Map(),
    flows: new Map(),
    secret: randomBytes(32),
    callsRefused: 0,
    malformed: 0
  }
  const admin = await openAdmin(core, options).catch(async err => {
    await transports[Symbol.asyncDispose]()
    throw err
  })
  return handleOf(core, admin)
}

type Admin = Readonly<{ server: Server; port: number; sockets: Map<Socket, Application> }>

async function openAdmin(core: Core, options: EmbeddedDrachtioOptions): Promise<Admin> {
  const sockets = new Map<Socket, Application>()
  const server = createServer(socket => serveApplication(core, options, socket, sockets))
  server.listen(options.admin.port, options.admin.host)
  await once(server, 'listening')
  const address = server.address()
  return { server, sockets, port: typeof address === 'object' && address !== null ? address.port : options.admin.port }
}

function serveApplication(
  core: Core,
  options: EmbeddedDrachtioOptions,
  socket: Socket,
  sockets: Map<Socket, Application>
): void {
  const application = new Application(socket)
  sockets.set(socket, application)
  socket.setNoDelay(true)
  const { host, udp, tcp } = core.transports
  const context = {
    core,
    application,
    secret: options.admin.secret,
    hostports: `tcp/${host}:${tcp.port},udp/${host}:${udp.port}`,
    version: VERSION
  }
  const decoder = new FrameDecoder()
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const payload of decoder.push(chunk)) {
        if (runCommand(context, parseClientMessage(payload))) continue
        application.end()
        return
      }
    } catch (err) {
      // drachtio-server drops a client that sends no frames; anything else is our own fault and logged as such.
      core.log[err instanceof FrameError ? 'warn' : 'error']({ err }, 'application connection dropped')
      socket.destroy()
    }
  })
  socket.on('error', err => core.log.info({ err }, 'application connection'))
  socket.on('close', () => {
    sockets.delete(socket)
    guarded(core.log, () => dropApplication(core, application))
  })
}

/** A fault while handling one message must not end the calls of everyone else. */
function guarded(log: Logger, run: () => void): void {
  try {
    run()
  } catch (err) {
    log.error({ err }, 'a message could not be handled')
  }
}

function handleOf(core: Core, admin: Admin): EngineHandle<EmbeddedDrachtioReady, EmbeddedDrachtioStats> {
  const { transports, timers } = core
  return {
    ready: { adminPort: admin.port, udpPort: transports.udp.port, tcpPort: transports.tcp.port, version: VERSION },
    stats: () => ({
      transactions: core.transactions.count,
      dialogs: core.dialogs.count,
      timers: timers.count,
      applications: [...admin.sockets.values()].filter(a => a.authenticated).length,
      tcpConnections: transports.tcp.count,
      callsRefused: core.callsRefused,
      messagesIn: transports.messagesIn,
      messagesOut: transports.messagesOut,
      malformed: core.malformed
    }),
    async [Symbol.asyncDispose]() {
      timers.stopAll()
      const closed = new Promise<void>(resolve => admin.server.close(() => resolve()))
      for (const socket of admin.sockets.keys()) socket.destroy()
      await closed
      await transports[Symbol.asyncDispose]()
      timers.stopAll()
    }
  }
}
