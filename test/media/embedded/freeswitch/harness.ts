import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Test } from 'tap'
import { startEmbeddedDrachtio } from '../../../../media/embedded/drachtio/server.ts'
import {
  type EmbeddedFreeswitchOptions,
  type EmbeddedFreeswitchStats,
  startEmbeddedFreeswitch
} from '../../../../media/embedded/freeswitch/server.ts'
import { type RtpPeer, startRtpPeer } from '../../../support/rtp-peer.ts'
import { type OutgoingCall, type SipPhone, startSipPhone } from '../../../support/sip-phone.ts'

const require = createRequire(import.meta.url)
const HOST = '127.0.0.1'
const SECRET = 'open sesame'
let nextRange = 0

/** What the tests use of fsmrf; promises only. */
export type Endpoint = {
  uuid: string
  conn: NodeJS.EventEmitter & { on(name: string, listener: (event: EslEvent) => void): void }
  local: { sdp: string }
  remote: { sdp: string; mediaPort: string }
  conf: { memberId: number; name: string; uuid: string }
  play(file: string | string[] | { file: string; timeoutSecs?: number; seekOffset?: number }): Promise<PlayResult>
  playCollect(options: object): Promise<Record<string, string | null>>
  bridge(other: Endpoint | string): Promise<void>
  unbridge(): Promise<void>
  mute(): Promise<unknown>
  unmute(): Promise<unknown>
  join(conference: unknown, options?: object): Promise<{ memberId: number; confUuid: string }>
  unjoin(): Promise<unknown>
  confMute(): Promise<unknown>
  confUnmute(): Promise<unknown>
  confDeaf(): Promise<unknown>
  confUndeaf(): Promise<unknown>
  confKick(): Promise<unknown>
  confPlay(file: string): Promise<unknown>
  api(command: string, args?: string | string[]): Promise<{ body: string }>
  execute(app: string, args?: string): Promise<EslEvent>
  set(name: string | object, value?: string): Promise<void>
  getChannelVariables(includeMedia?: boolean): Promise<Record<string, string | number>>
  forkAudioStart(options: object): Promise<void>
  forkAudioStop(...args: unknown[]): Promise<void>
  forkAudioSendText(...args: unknown[]): Promise<void>
  forkAudioPause(...args: unknown[]): Promise<void>
  forkAudioResume(...args: unknown[]): Promise<void>
  startVadDetection(options?: object): Promise<void>
  stopVadDetection(options?: object): Promise<void>
  addCustomEventListener(name: string, handler: (args: unknown, event: EslEvent) => void): void
  modify(sdp: string): Promise<unknown>
  record(file: string, options?: object): Promise<Record<string, string>>
  recordSession(file: string): Promise<unknown>
  destroy(): Promise<void>
  on(name: string, listener: (value: never) => void): Endpoint
  once(name: string, listener: (value: never) => void): Endpoint
  dialog: Dialog
}
export type PlayResult = { playbackSeconds: string; playbackMilliseconds: string; playbackLastOffsetPos: string }
export type EslEvent = { getHeader(name: string): string | null; getBody(): string }
export type Dialog = NodeJS.EventEmitter & {
  destroy(): Promise<unknown>
  modify(sdp: string): Promise<string>
  remote: { sdp: string }
}
export type Conference = {
  name: string
  uuid: string
  endpoint: Endpoint
  getSize(): Promise<number>
  play(file: string | string[]): Promise<{ seconds: number; milliseconds: number; samples: number }>
  mute(args: string): Promise<string>
  unmute(args: string): Promise<string>
  lock(): Promise<string>
  unlock(): Promise<string>
  list(args?: string): Promise<{ body: string }>
  on(name: string, listener: (event: EslEvent) => void): void
  destroy(): Promise<void>
}
export type MediaServer = {
  createEndpoint(options?: object): Promise<Endpoint>
  connectCaller(req: unknown, res: unknown, options?: object): Promise<{ endpoint: Endpoint; dialog: Dialog }>
  createConference(name?: string | object, options?: object): Promise<Conference>
  api(command: string): Promise<string>
  disconnect(): void
  conn: NodeJS.EventEmitter
}

/** A caller on the line: phone, ears and what the application holds. */
export type Caller = { phone: SipPhone; peer: RtpPeer; call: OutgoingCall; endpoint: Endpoint; dialog: Dialog }

export type Rig = AsyncDisposable & {
  readonly ms: MediaServer
  readonly fs: { ready: { eventSocketPort: number; sipPort: number }; stats(): EmbeddedFreeswitchStats }
  /** A phone calls, the application answers it with an endpoint, audio flows. */
  caller(options?: Parameters<RtpPeer['sdp']>[0]): Promise<Caller>
}

/** Starts only the media server. */
export async function startServer(options: Partial<EmbeddedFreeswitchOptions> = {}) {
  // Each server gets ports of its own, so that tests can run beside each other.
  const low = 20_000 + ((process.pid * 7 + nextRange++ * 40) % 400) * 40
  return await startEmbeddedFreeswitch({
    eventSocket: { host: HOST, port: 0, secret: SECRET },
    sip: { host: HOST, port: 0 },
    rtp: { host: HOST, portRange: [low, low + 3_000] },
    logLevel: 'error',
    ...options
  })
}

/** Starts both stand-ins with an application on drachtio-srf and drachtio-fsmrf between them. */
export async function startRig(t: Test, options: Partial<EmbeddedFreeswitchOptions> = {}): Promise<Rig> {
  const Srf = require('drachtio-srf')
  const Mrf = require('drachtio-fsmrf')
  const drachtio = await startEmbeddedDrachtio({
    admin: { host: HOST, port: 0, secret: SECRET },
    sip: { host: HOST, udpPort: 0, tcpPort: 0 }
  })
  const fs = await startServer(options)
  const srf = new Srf()
  srf.on('error', () => {})
  srf.connect({ host: HOST, port: drachtio.ready.adminPort, secret: SECRET })
  await once(srf, 'connect')
  const ms: MediaServer = await new Mrf(srf).connect({
    address: HOST,
    port: fs.ready.eventSocketPort,
    secret: SECRET,
    listenAddress: HOST
  })
  const open: AsyncDisposable[] = []
  let takeCall: (pair: Promise<{ endpoint: Endpoint; dialog: Dialog }>) => void = () => {}
  srf.invite((req: unknown, res: unknown) => takeCall(ms.connectCaller(req, res)))
  const rig: Rig = {
    ms,
    fs,
    async caller(sdpOptions) {
      const phone = await startSipPhone({ transport: 'udp' })
      const peer = await startRtpPeer()
      open.push(phone, peer)
      const connected = new Promise<{ endpoint: Endpoint; dialog: Dialog }>(resolve => {
        takeCall = resolve
      })
      const call = phone.call(`sip:2025550100@${HOST}:${drachtio.ready.udpPort}`, { sdp: peer.sdp(sdpOptions) })
      const [answer, { endpoint, dialog }] = await Promise.all([call.answered(), connected])
      if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
      call.ack()
      peer.connect(answer.sdp)
      return { phone, peer, call, endpoint, dialog }
    },
    async [Symbol.asyncDispose]() {
      for (const resource of open) await resource[Symbol.asyncDispose]()
      ms.disconnect()
      srf.disconnect()
      await until(() => drachtio.stats().applications === 0, 'the application has gone')
      await fs[Symbol.asyncDispose]()
      await drachtio[Symbol.asyncDispose]()
    }
  }
  t.teardown(() => rig[Symbol.asyncDispose]())
  return rig
}

/** Resolves when `isTrue` holds, checked again and again; fails after `limitMs`. */
export async function until(isTrue: () => boolean, what: string, limitMs = 3_000): Promise<void> {
  const startedAt = performance.now()
  while (!isTrue()) {
    if (performance.now() - startedAt > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
