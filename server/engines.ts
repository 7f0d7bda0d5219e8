import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type {
  EmbeddedDrachtioOptions,
  EmbeddedDrachtioReady,
  EmbeddedDrachtioStats
} from '../media/embedded/drachtio/server.ts'
import type {
  EmbeddedFreeswitchOptions,
  EmbeddedFreeswitchReady,
  EmbeddedFreeswitchStats
} from '../media/embedded/freeswitch/server.ts'
import { type EngineWorker, startInWorker } from '../media/embedded/in-worker.ts'
import type { EngineAddresses } from './context.ts'

export type RunningEngines = AsyncDisposable &
  Readonly<{
    addresses: EngineAddresses
    /** Where callers reach the embedded SIP server; null with a real one, which knows its own addresses. */
    sip: Readonly<{ host: string; udpPort: number; tcpPort: number }> | null
    drachtio: EngineWorker<EmbeddedDrachtioReady, EmbeddedDrachtioStats> | null
    freeswitch: EngineWorker<EmbeddedFreeswitchReady, EmbeddedFreeswitchStats> | null
  }>

/** Channels beyond one for each call: transfers and consultations. */
const CHANNELS_PER_CALL = 2

/**
 * Starts the stand-ins for the engines that are not configured, each in a thread of its own, and says where every
 * engine is. `onEnded` hears of a stand-in that ended by itself.
 */
export async function startEngines(
  config: Config,
  onEnded: (engine: 'drachtio' | 'freeswitch', err: Error | undefined) => void
): Promise<RunningEngines> {
  await using stack = new AsyncDisposableStack()
  let isStopping = false
  const host = '127.0.0.1'

  const freeswitchSecret = randomBytes(16).toString('hex')
  const freeswitch =
    config.freeswitch === null
      ? await startInWorker<EmbeddedFreeswitchOptions, EmbeddedFreeswitchReady, EmbeddedFreeswitchStats>(
          new URL('../media/embedded/freeswitch/worker.ts', import.meta.url),
          {
            eventSocket: { host, port: 0, secret: freeswitchSecret },
            sip: { host, port: 0 },
            rtp: { host: config.sip.host, portRange: config.rtpPorts },
            maxChannels: config.sip.maxCalls * CHANNELS_PER_CALL,
            logLevel: engineLogLevel(config)
          }
        )
      : null
  if (freeswitch !== null) {
    stack.use(freeswitch)
    stack.defer(() => {
      isStopping = true
    })
    void freeswitch.ended.then(err => {
      if (!isStopping) onEnded('freeswitch', err)
    })
  }

  const drachtioSecret = randomBytes(16).toString('hex')
  const drachtio =
    config.drachtio === null
      ? await startInWorker<EmbeddedDrachtioOptions, EmbeddedDrachtioReady, EmbeddedDrachtioStats>(
          new URL('../media/embedded/drachtio/worker.ts', import.meta.url),
          {
            admin: { host, port: 0, secret: drachtioSecret },
            sip: { host: config.sip.host, udpPort: config.sip.port, tcpPort: config.sip.port },
            // Each call is one dialog with the caller and one with the media server; transfers add two more.
            maxCalls: config.sip.maxCalls * 2 * CHANNELS_PER_CALL,
            logLevel: engineLogLevel(config)
          }
        )
      : null
  if (drachtio !== null) {
    stack.use(drachtio)
    stack.defer(() => {
      isStopping = true
    })
    void drachtio.ended.then(err => {
      if (!isStopping) onEnded('drachtio', err)
    })
  }

  const owned = stack.move()
  return {
    addresses: {
      drachtio:
        drachtio === null && config.drachtio !== null
          ? { ...config.drachtio, isEmbedded: false }
          : { host, port: drachtio?.ready.adminPort ?? 0, secret: drachtioSecret, isEmbedded: true },
      freeswitch:
        freeswitch === null && config.freeswitch !== null
          ? { ...config.freeswitch, isEmbedded: false }
          : { host, port: freeswitch?.ready.eventSocketPort ?? 0, secret: freeswitchSecret, isEmbedded: true }
    },
    sip:
      drachtio === null
        ? null
        : { host: config.sip.host, udpPort: drachtio.ready.udpPort, tcpPort: drachtio.ready.tcpPort },
    drachtio,
    freeswitch,
    async [Symbol.asyncDispose]() {
      isStopping = true
      await owned.disposeAsync()
    }
  }
}

function engineLogLevel(config: Config): string {
  return config.logLevel === 'info' ? 'warn' : config.logLevel
}
