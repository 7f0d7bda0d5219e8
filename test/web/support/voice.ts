import { openSoftphoneMedia } from '../../../media/webrtc/open-softphone-media.ts'
import type { SoftphoneConnection } from '../../../media/webrtc/softphone-media.ts'
import type { DeskServer } from './desk-server.ts'

const PLAIN_PORTS = [43_000, 43_099] as const
/** One packet of 20 ms PCMU every 20 ms, RTP header and SRTP tag included, is about 9 kB/s; STUN checks are far below. */
const SPEECH_BYTES_PER_S = 4_000
const LOOK_MS = 300

/** Gives a scripted server a real SFU, so that a page's voice can be measured where it arrives. */
export class VoiceMeter implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack
  #connection: SoftphoneConnection | null = null
  #rtpCapabilities: Readonly<Record<string, unknown>> = {}
  /** How often a page opened its audio. */
  opened = 0

  private constructor(stack: AsyncDisposableStack) {
    this.#stack = stack
  }

  static async attach(server: DeskServer): Promise<VoiceMeter> {
    await using stack = new AsyncDisposableStack()
    const silent = () => undefined
    const media = stack.use(
      await openSoftphoneMedia({
        engine: 'embedded',
        listenAddress: '127.0.0.1',
        udpPort: 0,
        plainListenAddress: '127.0.0.1',
        plainPorts: PLAIN_PORTS,
        log: { debug: silent, info: silent, warn: silent, error: silent }
      })
    )
    const meter = new VoiceMeter(stack.move())
    server.greetWith({ routerRtpCapabilities: media.rtpCapabilities })
    server.on('media.open', async ({ rtpCapabilities }) => {
      meter.#rtpCapabilities = rtpCapabilities
      await meter.#connection?.[Symbol.asyncDispose]()
      meter.#connection = await media.createConnection()
      meter.opened += 1
      return { ...meter.#connection.offers }
    })
    server.on('media.connect', async ({ way, dtlsParameters }) => {
      await meter.#current().connect(way, dtlsParameters)
      return {}
    })
    server.on('media.speak', async ({ rtpParameters }) => ({
      microphoneId: (await meter.#current().speak(rtpParameters)).id
    }))
    server.on('media.restartIce', async ({ way }) => ({ iceParameters: await meter.#current().restartIce(way) }))
    return meter
  }

  /** Offers the page its own microphone to hear, several times at once, as after a reload in a conference. */
  async offerVoices(server: DeskServer, count: number): Promise<void> {
    const { microphone } = this.#current()
    if (microphone === null) throw new Error('the page does not speak')
    const hearings = await Promise.all(
      Array.from({ length: count }, () => this.#current().hear(microphone, this.#rtpCapabilities))
    )
    for (const { offer } of hearings) server.push({ kind: 'media.hear', role: 'call', hearing: offer })
  }

  /** Whether a voice arrives now, looked at for 300 ms. */
  async isHeard(): Promise<boolean> {
    const before = await this.#current().figures()
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    const after = await this.#current().figures()
    return ((after.bytesReceived - before.bytesReceived) * 1000) / LOOK_MS > SPEECH_BYTES_PER_S
  }

  /** Waits until a voice arrives, or none any more; resolves with how long that took, in milliseconds. */
  async becomes(isHeard: boolean, limitMs = 15_000): Promise<number> {
    const startedAt = performance.now()
    let last = (await this.#current().figures()).bytesReceived
    while (performance.now() - startedAt < limitMs) {
      await new Promise(resolve => setTimeout(resolve, 40))
      const now = (await this.#current().figures()).bytesReceived
      // Two packets of speech are due in 40 ms; a STUN check alone is smaller.
      if (isHeard ? now - last > 160 : now - last <= 160 && !(await this.isHeard()))
        return performance.now() - startedAt
      last = now
    }
    throw new Error(`the voice did not ${isHeard ? 'come' : 'stop'} within ${limitMs} ms`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]()
    await this.#stack[Symbol.asyncDispose]()
  }

  #current(): SoftphoneConnection {
    if (this.#connection === null) throw new Error('no page has opened its audio')
    return this.#connection
  }
}
