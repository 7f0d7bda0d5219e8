import t, { type Test } from 'tap'
import { openSoftphoneMedia, type SoftphoneMediaOptions } from '../../../../media/webrtc/open-softphone-media.ts'
import type {
  AudioSource,
  OrtcDocument,
  SoftphoneConnection,
  SoftphoneMedia
} from '../../../../media/webrtc/softphone-media.ts'
import { HeadlessTransport, type HeadlessOptions } from './headless-transport.ts'
import { talk, ToneListener, ToneSource } from './tone-talker.ts'

type Engine = 'embedded' | 'mediasoup'

export const PCMU: OrtcDocument = { mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000, channels: 1 }
export const OPUS: OrtcDocument = { mimeType: 'audio/opus', payloadType: 109, clockRate: 48_000, channels: 2 }

const quiet = () => {}
export const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }

const defaults = {
  listenAddress: '127.0.0.1',
  udpPort: 0,
  plainListenAddress: '127.0.0.1',
  plainPorts: [40_000, 44_999],
  log
} as const

export function open(engine: Engine | 'auto', options: Partial<SoftphoneMediaOptions> = {}): Promise<SoftphoneMedia> {
  return openSoftphoneMedia({ ...defaults, engine, ...options })
}

/** Which engines can run here. The stand-in always; mediasoup where its worker starts. */
async function availableEngines(): Promise<readonly Engine[]> {
  try {
    await using _media = await open('mediasoup')
    return ['embedded', 'mediasoup']
  } catch (err) {
    // Whoever names a worker wants it tested.
    if (process.env['MEDIASOUP_WORKER_BIN'] !== undefined) throw err
    return ['embedded']
  }
}

export const engines = await availableEngines()

/** Says which engines this run is about, so that nobody takes a run of one for a run of both. */
export function reportEngines(): void {
  t.test(`engines run here: ${engines.join(' and ')}`, async t => {
    t.ok(engines.includes('embedded'))
    if (process.env['MEDIASOUP_WORKER_BIN'] !== undefined) t.ok(engines.includes('mediasoup'))
  })
}

/** One promise of the SFU, checked on each engine with a fresh SFU. */
export function contract(
  says: string,
  check: (t: Test, media: SoftphoneMedia) => Promise<void>,
  options: Partial<SoftphoneMediaOptions> & Readonly<{ timeout?: number }> = {}
): void {
  const { timeout = 20_000, ...mediaOptions } = options
  for (const engine of engines) {
    t.test(`${engine}: ${says}`, { timeout }, async t => {
      const media = await open(engine, mediaOptions)
      t.teardown(() => media[Symbol.asyncDispose]())
      await check(t, media)
    })
  }
}

export type Softphone = Readonly<{
  connection: SoftphoneConnection
  send: HeadlessTransport
  receive: HeadlessTransport
}>

/** A browser in all but name: both ways connected. */
export async function connectSoftphone(
  t: Test,
  media: SoftphoneMedia,
  options: HeadlessOptions = {}
): Promise<Softphone> {
  const connection = await media.createConnection()
  const [send, receive] = await Promise.all([
    HeadlessTransport.open(connection.offers.send, options),
    HeadlessTransport.open(connection.offers.receive, options)
  ])
  t.teardown(() => {
    send.close()
    receive.close()
  })
  await Promise.all([
    connection.connect('send', send.dtlsParameters),
    connection.connect('receive', receive.dtlsParameters)
  ])
  await Promise.all([send.connect(), receive.connect()])
  await reached(connection, 'connected')
  return { connection, send, receive }
}

export async function reached(connection: SoftphoneConnection, state: SoftphoneConnection['state']): Promise<void> {
  if (connection.state === state) return
  await new Promise<void>(resolve => {
    const stop = connection.onState(next => {
      if (next !== state) return
      stop()
      resolve()
    })
  })
}

export function pcmuParameters(ssrc: number): OrtcDocument {
  return { codecs: [PCMU], encodings: [{ ssrc }], rtcp: { cname: 'a-browser' } }
}

/** Lets the softphone say a tone until the test ends. */
export async function speakTone(
  t: Test,
  { connection, send }: Softphone,
  hz: number,
  source = new ToneSource(hz),
  codec = PCMU
): Promise<Readonly<{ microphone: AudioSource; source: ToneSource; stop: () => void }>> {
  const microphone = await connection.speak({ ...pcmuParameters(source.ssrc), codecs: [codec] })
  const stop = talk(source, packet => send.sendRaw(send.protect(packet)))
  t.teardown(stop)
  return { microphone, source, stop }
}

/** Lets the softphone hear a source, and a tone in it. */
export async function hearTone(
  media: SoftphoneMedia,
  { connection, receive }: Softphone,
  source: AudioSource,
  hz: number
): Promise<ToneListener> {
  const ear = new ToneListener(hz)
  const hearing = await connection.hear(source, media.rtpCapabilities)
  const [encoding] = hearing.offer.rtpParameters['encodings'] as readonly Readonly<{ ssrc: number }>[]
  receive.on('rtp', packet => {
    if (packet?.ssrc === encoding?.ssrc) ear.push(packet)
  })
  await hearing.resume()
  return ear
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
