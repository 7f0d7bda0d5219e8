import { buildRtcpReport, parseRtcp } from '../../audio/rtcp.ts'
import { RTP_HEADER_BYTES } from '../../audio/rtp.ts'
import { RouterError } from '../router-api.ts'
import type { Consumer } from './consumer.ts'
import type { Producer } from './producer.ts'

/** Far more than a softphone ever has; each costs a few kilobytes. */
const MAX_PRODUCERS = 16
const MAX_CONSUMERS = 64
/** The SSRC of reports from a side that sends nothing (RFC 4961 leaves it free; libwebrtc takes 1). */
const REPORTER_SSRC = 1

/** The producers and consumers of one transport, and the RTCP that goes with them. */
export class Streams {
  readonly #producers = new Set<Producer>()
  readonly #bySsrc = new Map<number, Producer>()
  readonly #consumers = new Map<number, Consumer>()
  // Takes any SSRC; only plain transports have one.
  #anySsrc: Producer | undefined

  get producers(): ReadonlySet<Producer> {
    return this.#producers
  }

  get consumers(): Iterable<Consumer> {
    return this.#consumers.values()
  }

  /** Rejects an SSRC that is taken, as mediasoup does. */
  addProducer(producer: Producer): void {
    const { ssrc } = producer.production
    if (this.#producers.size >= MAX_PRODUCERS) throw new RouterError('SFU_REFUSED', 'too many producers')
    if (ssrc === undefined ? this.#anySsrc !== undefined : this.#bySsrc.has(ssrc)) {
      throw new RouterError('SFU_REFUSED', 'this transport has a producer with the same SSRC')
    }
    this.#producers.add(producer)
    if (ssrc === undefined) this.#anySsrc = producer
    else this.#bySsrc.set(ssrc, producer)
  }

  removeProducer(producer: Producer): void {
    this.#producers.delete(producer)
    if (this.#anySsrc === producer) this.#anySsrc = undefined
    const { ssrc } = producer.production
    if (ssrc !== undefined && this.#bySsrc.get(ssrc) === producer) this.#bySsrc.delete(ssrc)
  }

  addConsumer(consumer: Consumer): void {
    if (this.#consumers.size >= MAX_CONSUMERS) throw new RouterError('SFU_REFUSED', 'too many consumers')
    this.#consumers.set(consumer.ssrc, consumer)
  }

  removeConsumer(consumer: Consumer): void {
    this.#consumers.delete(consumer.ssrc)
  }

  producerOf(ssrc: number): Producer | undefined {
    return this.#bySsrc.get(ssrc) ?? this.#anySsrc
  }

  /** Takes one packet whose payload is clear. Packets with another payload type than the agreed one are dropped. */
  onRtp(packet: Buffer, payload: Buffer, nowMs: number): void {
    const ssrc = packet.readUInt32BE(8)
    const typeAndMarker = packet[1] as number
    const producer = this.producerOf(ssrc)
    if (producer === undefined || producer.production.codec.payloadType !== (typeAndMarker & 0x7f)) return
    const hasMarker = (typeAndMarker & 0x80) !== 0
    producer.onPacket(ssrc, packet.readUInt16BE(2), packet.readUInt32BE(4), hasMarker, payload, nowMs)
  }

  /** Takes a clear compound packet. */
  onRtcp(packet: Buffer, nowMs: number): void {
    for (const item of parseRtcp(packet) ?? []) {
      if (item.kind === 'sender-report') this.producerOf(item.ssrc)?.reception.onSenderReport(item.ntpMiddle, nowMs)
      if (item.kind !== 'sender-report' && item.kind !== 'receiver-report') continue
      for (const block of item.blocks) this.#consumers.get(block.ssrc)?.onReceiverReport(block, Date.now())
    }
  }

  /** Everything that is to be reported now, as one compound packet; undefined if that is nothing. */
  report(nowMs: number): Buffer | undefined {
    const parts: Buffer[] = []
    for (const consumer of this.#consumers.values()) {
      const sender = consumer.senderInfo(nowMs, Date.now())
      if (sender !== undefined) parts.push(buildRtcpReport({ ssrc: consumer.ssrc, cname: consumer.cname, sender }))
    }
    for (const producer of this.#producers) {
      const block = producer.reception.report(nowMs)
      if (block !== undefined) parts.push(buildRtcpReport({ ssrc: REPORTER_SSRC, cname: 'sfu', block }))
    }
    return parts.length === 0 ? undefined : Buffer.concat(parts)
  }
}

/** Length of a packet's header with contributing sources and extension, which are never encrypted; -1 for no RTP. */
export function rtpHeaderBytes(packet: Buffer): number {
  if (packet.length < RTP_HEADER_BYTES || ((packet[0] as number) & 0xc0) !== 0x80) return -1
  const first = packet[0] as number
  let length = RTP_HEADER_BYTES + (first & 0x0f) * 4
  if (first & 0x10) {
    if (length + 4 > packet.length) return -1
    length += 4 + packet.readUInt16BE(length + 2) * 4
  }
  return length > packet.length ? -1 : length
}

/** A clear payload without its padding (RFC 3550 §5.1); undefined if the padding is longer than it. */
export function withoutPadding(packet: Buffer, payload: Buffer): Buffer | undefined {
  if (((packet[0] as number) & 0x20) === 0) return payload
  const padding = payload[payload.length - 1] ?? 0
  return padding === 0 || padding > payload.length ? undefined : payload.subarray(0, payload.length - padding)
}

/** RFC 5761 §4: RTCP packet types 192–223 stand where RTP has marker and payload type. */
export function isRtcp(packet: Buffer): boolean {
  const second = packet[1] ?? 0
  return second >= 192 && second <= 223
}
