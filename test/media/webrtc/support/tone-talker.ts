import { randomInt } from 'node:crypto'
import { decodeG711, encodeG711 } from '../../../../media/audio/g711.ts'
import { ToneDetector } from '../../../../media/audio/goertzel.ts'
import type { RtpPacket } from '../../../../media/audio/rtp.ts'
import { generateTone } from '../../../../media/audio/tone.ts'

const FRAME = 160

/** Makes PCMU packets of a tone, 20 ms each, in one RTP stream. */
export class ToneSource {
  readonly ssrc: number
  readonly payloadType: number
  sequenceNumber: number
  timestamp = randomInt(0xffff_ffff)
  readonly #tone: Uint8Array
  #position = 0

  constructor(hz: number, ssrc = randomInt(1, 0xffff_ffff), firstSequence = randomInt(0x1_0000), payloadType = 0) {
    this.ssrc = ssrc
    this.payloadType = payloadType
    this.sequenceNumber = firstSequence
    const pcm = generateTone({ frequenciesHz: [hz], durationMs: 1_000 })
    this.#tone = new Uint8Array(pcm.length)
    encodeG711('PCMU', pcm, this.#tone)
  }

  next(): RtpPacket {
    const payload = this.#tone.subarray(this.#position, this.#position + FRAME)
    this.#position = (this.#position + FRAME) % this.#tone.length
    const packet = {
      payloadType: this.payloadType,
      marker: false,
      sequenceNumber: this.sequenceNumber,
      timestamp: this.timestamp,
      ssrc: this.ssrc,
      payload
    }
    this.sequenceNumber = (this.sequenceNumber + 1) & 0xffff
    this.timestamp = (this.timestamp + FRAME) >>> 0
    return packet
  }
}

/** Sends a packet of the source every 20 ms until it is stopped. */
export function talk(source: ToneSource, send: (packet: RtpPacket) => void): () => void {
  const timer = setInterval(() => send(source.next()), 20)
  return () => clearInterval(timer)
}

/** Hears a tone in PCMU packets. */
export class ToneListener {
  readonly packets: RtpPacket[] = []
  readonly #detector: ToneDetector
  readonly #waiting = new Set<() => void>()

  constructor(hz: number) {
    this.#detector = new ToneDetector([hz], { share: 0.8 })
  }

  get heardMs(): number {
    return this.#detector.heardMs
  }

  readonly push = (packet: RtpPacket): void => {
    this.packets.push(packet)
    const pcm = new Int16Array(packet.payload.length)
    decodeG711('PCMU', packet.payload, 0, packet.payload.length, pcm)
    this.#detector.push(pcm)
    for (const waiting of this.#waiting) waiting()
  }

  /** Resolves when the condition holds after some packet. The test's own time limit ends it otherwise. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return
    await new Promise<void>(resolve => {
      const check = () => {
        if (!condition()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  async heard(ms = 200): Promise<void> {
    await this.until(() => this.heardMs >= ms)
  }

  /** The tone has gone: packets come, and none of the last holds it. */
  async silent(): Promise<void> {
    const before = this.packets.length
    await this.until(() => this.packets.length >= before + 10 && this.heardMs === 0)
  }
}
