import { type EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import {
  type EmbeddedDrachtioOptions,
  type EmbeddedDrachtioStats,
  startEmbeddedDrachtio
} from '../../../../media/embedded/drachtio/server.ts'

/** The part of drachtio-srf that the tests use; the package has no types of its own. */
export interface SrfMessage {
  get(name: string): string
  has(name: string): boolean
  readonly body: string
}
export interface SrfRequest extends EventEmitter, SrfMessage {
  readonly method: string
  readonly uri: string
  readonly source_address: string
  readonly source_port: number
  readonly protocol: string
  readonly stackTxnId: string
  readonly stackDialogId: string
  readonly stackTime: string
  readonly receivedOn: string
  cancel(callback?: (err: Error | null) => void): void
}
export interface SrfResponse extends SrfMessage {
  readonly status: number
  send(status: number, ...rest: readonly unknown[]): void
}
export interface SrfDialog extends EventEmitter {
  readonly id: string
  readonly sip: Readonly<{ callId: string; localTag: string; remoteTag: string }>
  readonly local: Readonly<{ sdp: string; uri: string }>
  readonly remote: Readonly<{ sdp: string; uri: string }>
  destroy(options?: object): Promise<unknown>
  modify(sdp: string): Promise<string>
  request(options: Readonly<{ method: string; headers?: object; body?: string }>): Promise<SrfResponse>
}
export interface SrfError extends Error {
  readonly status: number
  readonly res: SrfResponse
}
type Handler = (req: SrfRequest, res: SrfResponse) => unknown
export interface SrfApplication extends EventEmitter {
  connect(options: Readonly<{ host: string; port: number; secret: string; enablePing?: boolean }>): void
  disconnect(): void
  use(handler: (req: SrfRequest, res: SrfResponse, next: () => void) => void): void
  invite(handler: Handler): void
  options(handler: Handler): void
  register(handler: Handler): void
  message(handler: Handler): void
  publish(handler: Handler): void
  subscribe(handler: Handler): void
  refer(handler: Handler): void
  info(handler: Handler): void
  createUAS(req: SrfRequest, res: SrfResponse, options: object): Promise<SrfDialog>
  createUAC(uri: string, options: object, callbacks?: object): Promise<SrfDialog>
  createB2BUA(
    req: SrfRequest,
    res: SrfResponse,
    uri: string,
    options: object
  ): Promise<{ uas: SrfDialog; uac: SrfDialog }>
  proxyRequest(req: SrfRequest, targets: string | readonly string[], options?: object): Promise<SrfProxyResult>
  request(uri: string, options: object): Promise<EventEmitter>
}
export type SrfProxyResult = Readonly<{
  connected: boolean
  finalStatus: number
  responses: readonly Readonly<{ msgs: readonly Readonly<{ status: number }>[] }>[]
}>

const Srf = createRequire(import.meta.url)('drachtio-srf') as new () => SrfApplication

export const SECRET = 'sesame'
/** 64·T1 is 1.28 s, so that every timer of a call ends while a test looks. */
export const FAST = { t1Ms: 20, t2Ms: 80, t4Ms: 100 } as const
/** Wide enough for a loaded machine, where a lost packet must not look like a dead peer. */
export const STEADY = { t1Ms: 50, t2Ms: 400, t4Ms: 500 } as const

export type Bench = Readonly<{
  adminPort: number
  udpPort: number
  tcpPort: number
  /** `sip:<user>@` the server over UDP or TCP. */
  uri: (user: string, transport?: 'udp' | 'tcp') => string
  stats: () => EmbeddedDrachtioStats
  /** A connected application; `prepare` adds its handlers before it connects. */
  application: (prepare?: (srf: SrfApplication) => void) => Promise<SrfApplication>
  /** Waits until no transaction, dialog or timer is left. */
  idle: (limitMs?: number) => Promise<EmbeddedDrachtioStats>
}> &
  AsyncDisposable

/** A server of its own for one test. */
export async function startBench(options: Partial<EmbeddedDrachtioOptions> = {}): Promise<Bench> {
  const server = await startEmbeddedDrachtio({
    admin: { host: '127.0.0.1', port: 0, secret: SECRET },
    sip: { host: '127.0.0.1', udpPort: 0, tcpPort: 0 },
    timers: FAST,
    logLevel: 'silent',
    ...options
  })
  const { adminPort, udpPort, tcpPort } = server.ready
  const applications: SrfApplication[] = []
  return {
    adminPort,
    udpPort,
    tcpPort,
    uri: (user, transport = 'udp') =>
      transport === 'udp' ? `sip:${user}@127.0.0.1:${udpPort}` : `sip:${user}@127.0.0.1:${tcpPort};transport=tcp`,
    stats: () => server.stats(),
    async application(prepare) {
      const srf = new Srf()
      prepare?.(srf)
      srf.connect({ host: '127.0.0.1', port: adminPort, secret: SECRET })
      const [err] = await once(srf, 'connect', { signal: AbortSignal.timeout(3_000) })
      if (err) throw err
      // The routes are on their way when `connect` is told; an answered request shows that they have arrived.
      await settleRoutes()
      applications.push(srf)
      return srf
    },
    async idle(limitMs = 6_000) {
      const end = Date.now() + limitMs
      for (;;) {
        const stats = server.stats()
        if (stats.transactions === 0 && stats.dialogs === 0 && stats.timers === 0) return stats
        if (Date.now() > end) throw new Error(`not idle within ${limitMs} ms: ${JSON.stringify(stats)}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
    async [Symbol.asyncDispose]() {
      for (const srf of applications) {
        try {
          srf.disconnect()
        } catch {
          // Already disconnected by the test.
        }
      }
      await server[Symbol.asyncDispose]()
    }
  }
}

/** Lets the frames that are already written be read: one turn through the server's sockets. */
async function settleRoutes(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 20))
}

/** A small SDP offer or answer. */
export function sdp(port: number, direction = 'sendrecv'): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    `a=${direction}`,
    ''
  ].join('\r\n')
}
