import { randomInt, randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type { EngineHandle } from '../in-worker.ts'
import { afterBridge, unbridge } from './bridge.ts'
import type { Channel } from './channel.ts'
import type { Conference } from './conference/conference.ts'
import type { Engine } from './engine.ts'
import { EventBus } from './event-bus.ts'
import { EventSocketListener } from './event-socket/listener.ts'
import { startHeartbeat } from './heartbeat.ts'
import { RtpPortPool } from './rtp/port-pool.ts'
import { SlotClock } from './rtp/slot-clock.ts'
import { SipProfile } from './sip/profile.ts'
import { SoundLibrary } from './sound/sound-library.ts'
import { VERSION } from './version.ts'

/** Calls at once unless the options say otherwise. */
const DEFAULT_MAX_CHANNELS = 1_000
/** Vanilla profiles give up on a silent caller after five minutes. */
const DEFAULT_RTP_TIMEOUT_MS = 300_000
const SETTLE_LIMIT_MS = 1_000

/** How the stand-in for FreeSWITCH is started. Port 0 takes any free port. */
export type EmbeddedFreeswitchOptions = Readonly<{
  eventSocket: Readonly<{ host: string; port: number; secret: string }>
  /** The SIP profile `drachtio_mrf`, UDP. `host` is also what the server calls itself, so it is an IPv4 address. */
  sip: Readonly<{ host: string; port: number }>
  /** Even ports carry RTP, the odd port after each carries RTCP. */
  rtp: Readonly<{ host: string; portRange: readonly [number, number] }>
  /** INVITEs beyond this many channels get 503. Default 1000. */
  maxChannels?: number
  /** Relative file names are looked up here; without it they are not found. */
  soundsDir?: string
  /** No RTP for so long ends a call with MEDIA_TIMEOUT; 0 never. Default 300,000 ms, as in the vanilla profiles. */
  rtpTimeoutMs?: number
  /** A pino level. Default `warn`. */
  logLevel?: string
}>

/** Where it listens. */
export type EmbeddedFreeswitchReady = Readonly<{ eventSocketPort: number; sipPort: number; version: string }>

/** Its counters since the start. */
export type EmbeddedFreeswitchStats = Readonly<{
  channels: number
  bridges: number
  conferences: number
  forks: number
  /** Frames that slow listeners of forks have lost. */
  forkFramesDropped: number
  rtpPortsInUse: number
  eventSocketConnections: number
  packetsSent: number
  packetsReceived: number
  sendErrors: number
  sipTransactions: number
  sipMalformed: number
  slots: number
  lateSlots: number
  lateSlotsMaxMs: number
  skippedSlots: number
  /** How often a channel's turn came, and how often it was over more than 5 ms after it was due. */
  turns: number
  lateTurns: number
  promptsCached: number
  promptCacheBytes: number
}>

/** Starts the stand-in and resolves when it listens. Disposing it hangs up every call with SYSTEM_SHUTDOWN. */
export async function startEmbeddedFreeswitch(
  options: EmbeddedFreeswitchOptions
): Promise<EngineHandle<EmbeddedFreeswitchReady, EmbeddedFreeswitchStats>> {
  const traffic = { packetsSent: 0, packetsReceived: 0, sendErrors: 0 }
  const ports = new RtpPortPool(options.rtp.host, options.rtp.portRange)
  const ending = new Set<Promise<void>>()
  let sessions = 0
  let sipAddress = ''
  const engine: Engine = {
    log: pino({ name: 'freeswitch-stand-in', level: options.logLevel ?? 'warn' }),
    bus: new EventBus(randomUUID(), options.sip.host),
    clock: new SlotClock(),
    sounds: new SoundLibrary(options.soundsDir),
    channels: new Map<string, Channel>(),
    conferences: new Map<string, Conference>(),
    globals: new Map(),
    version: VERSION,
    startedAtMs: Date.now(),
    maxChannels: options.maxChannels ?? DEFAULT_MAX_CHANNELS,
    forks: 0,
    forkFramesDropped: 0,
    get sessionsSinceStart() {
      return sessions
    },
    get sipAddress() {
      return sipAddress
    },
    onHangup: channel => {
      const end = endChannel(channel).catch(err => engine.log.error({ err, uuid: channel.uuid }, 'channel ended badly'))
      ending.add(end)
      return end.finally(() => ending.delete(end))
    }
  }
  const eventSocket = await EventSocketListener.listen(engine, options.eventSocket)

  /** Releases what a channel holds as soon as it has hung up, then fires its last events. */
  async function endChannel(channel: Channel): Promise<void> {
    engine.channels.delete(channel.uuid)
    engine.clock.remove(channel.media)
    // At once, because the sockets go back to the pool in the next turn.
    channel.media.close()
    const left = unbridge(channel)
    await Promise.race([
      channel.executor.settled(),
      new Promise(resolve => setTimeout(resolve, SETTLE_LIMIT_MS).unref())
    ])
    channel.fireEnd()
    if (left !== undefined) afterBridge(left)
    eventSocket.onChannelEnd(channel)
  }

  const profile = await SipProfile.start(engine, options.sip, {
    async newMedia(events) {
      const pair = await ports.acquire()
      return {
        pair,
        host: options.rtp.host,
        traffic,
        timeoutMs: options.rtpTimeoutMs ?? DEFAULT_RTP_TIMEOUT_MS,
        events
      }
    },
    release: pair => ports.release(pair),
    sdpSessionId: () => randomInt(1, 0x7fff_ffff),
    onAnswered(channel, backAddress) {
      sessions++
      void eventSocket.connectBack(channel, backAddress).catch(err => {
        engine.log.warn({ err, uuid: channel.uuid }, 'nobody takes the call on the event socket')
        channel.hangup('NORMAL_CLEARING')
      })
    }
  })
  sipAddress = profile.address
  const heartbeat = startHeartbeat(engine)

  return {
    ready: { eventSocketPort: eventSocket.port, sipPort: profile.port, version: engine.version },
    stats: () => ({
      channels: engine.channels.size,
      bridges: [...engine.channels.values()].filter(channel => channel.bridgedTo !== undefined).length / 2,
      conferences: engine.conferences.size,
      forks: engine.forks,
      forkFramesDropped: engine.forkFramesDropped,
      rtpPortsInUse: ports.inUse,
      eventSocketConnections: eventSocket.connections,
      ...traffic,
      sipTransactions: profile.transactions,
      sipMalformed: profile.malformed,
      slots: engine.clock.figures.slots,
      lateSlots: engine.clock.figures.lateSlots,
      lateSlotsMaxMs: engine.clock.figures.lateMaxMs,
      skippedSlots: engine.clock.figures.skippedSlots,
      turns: engine.clock.figures.turns,
      lateTurns: engine.clock.figures.lateTurns,
      promptsCached: engine.sounds.cached,
      promptCacheBytes: engine.sounds.cachedBytes
    }),
    async [Symbol.asyncDispose]() {
      heartbeat[Symbol.dispose]()
      profile.stopTakingCalls()
      for (const channel of [...engine.channels.values()]) channel.hangup('SYSTEM_SHUTDOWN')
      await Promise.allSettled([...ending])
      await profile[Symbol.asyncDispose]()
      await eventSocket[Symbol.asyncDispose]()
      engine.clock[Symbol.dispose]()
    }
  }
}
