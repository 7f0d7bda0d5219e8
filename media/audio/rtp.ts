/*
 * RFC 3550 §5.1
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |                             SSRC                              |
 * |                  CC contributing sources                      |
 * |   [X] profile defined (16)    |     length in words (16)      |
 */

/** The fixed header's size in bytes. */
export const RTP_HEADER_BYTES = 12

/** One parsed packet; `payload` is a view into the given bytes. */
export type RtpPacket = Readonly<{
  payloadType: number
  marker: boolean
  sequenceNumber: number
  timestamp: number
  ssrc: number
  payload: Uint8Array
}>

/**
 * Where the payload of an RTP packet lies: `start << 16 | end`, or -1 if the bytes are no RTP packet.
 * One number instead of an object, because this runs for every packet that arrives.
 */
export function rtpPayloadRange(bytes: Uint8Array): number {
  const length = bytes.length
  if (length < RTP_HEADER_BYTES || length > 0xffff || ((bytes[0] as number) & 0xc0) !== 0x80) return -1
  const first = bytes[0] as number
  let start = RTP_HEADER_BYTES + (first & 0x0f) * 4
  if (first & 0x10) {
    if (start + 4 > length) return -1
    start += 4 + (((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number)) * 4
  }
  let end = length
  if (first & 0x20) {
    const padding = bytes[length - 1] as number
    if (padding === 0) return -1
    end -= padding
  }
  return start > end ? -1 : start * 0x10000 + end
}

/** Parses a packet (RFC 3550 §5.1); undefined if the bytes are none. */
export function parseRtp(bytes: Uint8Array): RtpPacket | undefined {
  const range = rtpPayloadRange(bytes)
  if (range < 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    payloadType: view.getUint8(1) & 0x7f,
    marker: (view.getUint8(1) & 0x80) !== 0,
    sequenceNumber: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(Math.floor(range / 0x10000), range % 0x10000)
  }
}

/** Writes the fixed header at the start of `out`. Sequence number and timestamp wrap. */
export function writeRtpHeader(
  out: Buffer,
  payloadType: number,
  marker: boolean,
  sequenceNumber: number,
  timestamp: number,
  ssrc: number
): void {
  out[0] = 0x80
  out[1] = marker ? payloadType | 0x80 : payloadType
  out[2] = (sequenceNumber >> 8) & 0xff
  out[3] = sequenceNumber & 0xff
  out.writeUInt32BE(timestamp >>> 0, 4)
  out.writeUInt32BE(ssrc >>> 0, 8)
}

/** Builds a packet. */
export function buildRtp(packet: RtpPacket): Buffer {
  const out = Buffer.allocUnsafe(RTP_HEADER_BYTES + packet.payload.length)
  writeRtpHeader(out, packet.payloadType, packet.marker, packet.sequenceNumber, packet.timestamp, packet.ssrc)
  out.set(packet.payload, RTP_HEADER_BYTES)
  return out
}

/** Signed distance from `a` to `b` in 16-bit sequence space: positive when `b` is newer (RFC 1982). */
export function sequenceDistance(a: number, b: number): number {
  return ((b - a) << 16) >> 16
}
