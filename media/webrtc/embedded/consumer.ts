import { randomInt } from 'node:crypto'
import { RTP_HEADER_BYTES, sequenceDistance, writeRtpHeader } from '../../audio/rtp.ts'
import type { ReportBlock, SenderInfo } from '../../audio/rtcp.ts'
import type { ConsumerFigures } from '../router-api.ts'
import type { Producer } from './producer.ts'

/** How many packets late a packet may be to be passed on. */
const MAX_LATE = 100

export type ConsumerOptions = Readonly<{
  id: string
  producer: Producer
  payloadType: number
  ssrc: number
  cname: string
  /** Sends one clear RTP packet to the hearing side; false if it could not go out. */
  send(packet: Buffer): boolean
}>

/** One producer as one transport hears it: a stream of its own whose sequence numbers and timestamps have no gaps. */
export class Consumer {
  readonly id: string
  readonly producer: Producer
  readonly ssrc: number
  readonly cname: string
  readonly #payloadType: number
  readonly #send: (packet: Buffer) => boolean
  isPaused = true
  #mustSync = true
  #isContinued = false
  #sequenceOffset = randomInt(0x1_0000)
  #timestampOffset = 0
  // Older packets than this one are not passed on.
  #floor = 0
  #lastSequence = randomInt(0x1_0000)
  #lastTimestamp = 0
  #lastSentAtMs = 0
  #packetsSent = 0
  #octetsSent = 0
  #roundTripMs: number | null = null

  constructor(options: ConsumerOptions) {
    this.id = options.id
    this.producer = options.producer
    this.ssrc = options.ssrc
    this.cname = options.cname
    this.#payloadType = options.payloadType
    this.#send = options.send
  }

  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused
    if (!isPaused) this.restart()
  }

  /** The next packet follows the last one that was sent, whatever its own numbers are. */
  restart(): void {
    this.#mustSync = true
  }

  forward(sequence: number, timestamp: number, marker: boolean, payload: Buffer, nowMs: number): void {
    if (this.isPaused) return
    const begins = this.#mustSync
    if (begins) this.#sync(sequence, timestamp, nowMs)
    // What was sent before the stream began for this listener would take numbers that were given out already.
    else if (sequenceDistance(this.#floor, sequence) < 0) return
    else if (sequenceDistance(this.#floor, sequence) > MAX_LATE) this.#floor = (sequence - MAX_LATE) & 0xffff
    const outSequence = (sequence + this.#sequenceOffset) & 0xffff
    const outTimestamp = (timestamp + this.#timestampOffset) >>> 0
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + payload.length)
    writeRtpHeader(packet, this.#payloadType, marker || begins, outSequence, outTimestamp, this.ssrc)
    payload.copy(packet, RTP_HEADER_BYTES)
    if (!this.#send(packet)) return
    if (begins || sequenceDistance(this.#lastSequence, outSequence) > 0) {
      this.#lastSequence = outSequence
      this.#lastTimestamp = outTimestamp
      this.#lastSentAtMs = nowMs
    }
    this.#packetsSent++
    this.#octetsSent += payload.length
  }

  /** For a sender report; undefined before anything was sent. */
  senderInfo(nowMs: number, wallClockMs: number): SenderInfo | undefined {
    if (this.#packetsSent === 0) return undefined
    return {
      ntpMs: wallClockMs,
      rtpTimestamp: (this.#lastTimestamp + this.#elapsedUnits(nowMs)) >>> 0,
      packets: this.#packetsSent,
      octets: this.#octetsSent
    }
  }

  /** RFC 3550 §6.4.1: the round trip is what passed since our report, without the time that the peer held it. */
  onReceiverReport(block: ReportBlock, wallClockMs: number): void {
    if (block.lastSenderReport === 0) return
    const nowUnits = ntpMiddle(wallClockMs)
    const roundTrip = (nowUnits - block.lastSenderReport - block.delaySinceLastSenderReport) | 0
    // Clocks that run apart by a little make tiny round trips negative.
    this.#roundTripMs = Math.max(0, (roundTrip * 1000) / 0x1_0000)
  }

  figures(): ConsumerFigures {
    return { packetsSent: this.#packetsSent, roundTripMs: this.#roundTripMs }
  }

  #sync(sequence: number, timestamp: number, nowMs: number): void {
    this.#sequenceOffset = (this.#lastSequence + 1 - sequence) & 0xffff
    // Time goes on while nothing is sent, so that the receiver's jitter buffer does not see late packets.
    const next = this.#isContinued ? this.#lastTimestamp + this.#elapsedUnits(nowMs) : randomInt(0x1_0000_0000)
    this.#timestampOffset = (next - timestamp) | 0
    this.#floor = sequence
    this.#mustSync = false
    this.#isContinued = true
  }

  #elapsedUnits(nowMs: number): number {
    return Math.round(((nowMs - this.#lastSentAtMs) * this.producer.production.codec.clockRate) / 1000)
  }
}

/** The middle 32 bits of an NTP time stamp, in units of 1/65,536 s (RFC 3550 §4). */
function ntpMiddle(wallClockMs: number): number {
  const seconds = Math.floor(wallClockMs / 1000)
  const fraction = Math.floor(((wallClockMs - seconds * 1000) / 1000) * 0x1_0000)
  // The NTP epoch's distance (2,208,988,800 s) modulo 2^16.
  return ((((seconds + 2_208_988_800) & 0xffff) << 16) | fraction) >>> 0
}
