import { sequenceDistance } from './rtp.ts'

/*
 * RFC 3550 §6.4
 * |V=2|P|   RC    |  PT=200 or 201 |             length            |
 * |                         SSRC of sender                         |
 * | SR only: NTP timestamp (64) | RTP timestamp | packets | octets  |
 * | report block: SSRC | lost fraction (8) cumulative (24) | highest sequence | jitter | LSR | DLSR |
 */

const SENDER_REPORT = 200
const RECEIVER_REPORT = 201
const SOURCE_DESCRIPTION = 202
const BYE = 203
const NTP_EPOCH_OFFSET_S = 2_208_988_800

/** One report block (RFC 3550 §6.4.1). `jitter` and the cumulative loss are in packets' own units. */
export type ReportBlock = Readonly<{
  ssrc: number
  fractionLost: number
  cumulativeLost: number
  highestSequence: number
  jitter: number
  lastSenderReport: number
  delaySinceLastSenderReport: number
}>

/** What a sender says of itself in a sender report. */
export type SenderInfo = Readonly<{ ntpMs: number; rtpTimestamp: number; packets: number; octets: number }>

/** A parsed element of a compound packet. */
export type RtcpItem =
  | Readonly<{
      kind: 'sender-report'
      ssrc: number
      ntpMiddle: number
      sender: SenderInfo
      blocks: readonly ReportBlock[]
    }>
  | Readonly<{ kind: 'receiver-report'; ssrc: number; blocks: readonly ReportBlock[] }>
  | Readonly<{ kind: 'bye'; ssrcs: readonly number[] }>
  | Readonly<{ kind: 'other'; packetType: number }>

/** Builds a compound packet: a sender report (or a receiver report without `sender`), then an SDES item with the CNAME. */
export function buildRtcpReport(
  report: Readonly<{ ssrc: number; cname: string; sender?: SenderInfo; block?: ReportBlock; isBye?: boolean }>
): Buffer {
  const blockCount = report.block === undefined ? 0 : 1
  const reportWords = 1 + (report.sender === undefined ? 0 : 5) + 6 * blockCount
  const head = Buffer.alloc(4 + reportWords * 4)
  writeCommonHeader(head, blockCount, report.sender === undefined ? RECEIVER_REPORT : SENDER_REPORT, reportWords)
  head.writeUInt32BE(report.ssrc >>> 0, 4)
  let position = 8
  if (report.sender !== undefined) {
    const seconds = Math.floor(report.sender.ntpMs / 1000)
    head.writeUInt32BE((seconds + NTP_EPOCH_OFFSET_S) >>> 0, 8)
    head.writeUInt32BE(Math.floor(((report.sender.ntpMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 12)
    head.writeUInt32BE(report.sender.rtpTimestamp >>> 0, 16)
    head.writeUInt32BE(report.sender.packets >>> 0, 20)
    head.writeUInt32BE(report.sender.octets >>> 0, 24)
    position = 28
  }
  if (report.block !== undefined) writeBlock(head, position, report.block)
  const parts = [head, buildSdes(report.ssrc, report.cname)]
  if (report.isBye === true) parts.push(buildBye(report.ssrc))
  return Buffer.concat(parts)
}

function writeCommonHeader(out: Buffer, count: number, packetType: number, words: number): void {
  out[0] = 0x80 | count
  out[1] = packetType
  out.writeUInt16BE(words, 2)
}

function writeBlock(out: Buffer, position: number, block: ReportBlock): void {
  out.writeUInt32BE(block.ssrc >>> 0, position)
  out.writeUInt32BE((((block.fractionLost & 0xff) << 24) | (block.cumulativeLost & 0xff_ffff)) >>> 0, position + 4)
  out.writeUInt32BE(block.highestSequence >>> 0, position + 8)
  out.writeUInt32BE(block.jitter >>> 0, position + 12)
  out.writeUInt32BE(block.lastSenderReport >>> 0, position + 16)
  out.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, position + 20)
}

function buildSdes(ssrc: number, cname: string): Buffer {
  const text = Buffer.from(cname, 'utf8').subarray(0, 255)
  // The chunk ends with at least one zero octet, up to a 32-bit boundary (RFC 3550 §6.5).
  const chunkBytes = Math.ceil((4 + 2 + text.length + 1) / 4) * 4
  const out = Buffer.alloc(4 + chunkBytes)
  writeCommonHeader(out, 1, SOURCE_DESCRIPTION, chunkBytes / 4)
  out.writeUInt32BE(ssrc >>> 0, 4)
  out[8] = 1
  out[9] = text.length
  out.set(text, 10)
  return out
}

function buildBye(ssrc: number): Buffer {
  const out = Buffer.alloc(8)
  writeCommonHeader(out, 1, BYE, 1)
  out.writeUInt32BE(ssrc >>> 0, 4)
  return out
}

/** Parses a compound packet; undefined if the bytes are not RTCP. */
export function parseRtcp(bytes: Uint8Array): readonly RtcpItem[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const items: RtcpItem[] = []
  let position = 0
  while (position < bytes.length) {
    if (position + 4 > bytes.length || (view.getUint8(position) & 0xc0) !== 0x80) return undefined
    const count = view.getUint8(position) & 0x1f
    const packetType = view.getUint8(position + 1)
    const end = position + 4 + view.getUint16(position + 2) * 4
    if (end > bytes.length) return undefined
    items.push(parseItem(view, position, end, packetType, count))
    position = end
  }
  return items.length === 0 ? undefined : items
}

function parseItem(view: DataView, position: number, end: number, packetType: number, count: number): RtcpItem {
  const size = end - position
  if (packetType === SENDER_REPORT && size >= 28) {
    const seconds = view.getUint32(position + 8)
    const fraction = view.getUint32(position + 12)
    return {
      kind: 'sender-report',
      ssrc: view.getUint32(position + 4),
      ntpMiddle: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
      sender: {
        ntpMs: (seconds - NTP_EPOCH_OFFSET_S) * 1000 + (fraction / 2 ** 32) * 1000,
        rtpTimestamp: view.getUint32(position + 16),
        packets: view.getUint32(position + 20),
        octets: view.getUint32(position + 24)
      },
      blocks: parseBlocks(view, position + 28, end, count)
    }
  }
  if (packetType === RECEIVER_REPORT && size >= 8) {
    return {
      kind: 'receiver-report',
      ssrc: view.getUint32(position + 4),
      blocks: parseBlocks(view, position + 8, end, count)
    }
  }
  if (packetType === BYE) {
    const ssrcs: number[] = []
    for (let index = 0; index < count && position + 8 + index * 4 <= end; index++) {
      ssrcs.push(view.getUint32(position + 4 + index * 4))
    }
    return { kind: 'bye', ssrcs }
  }
  return { kind: 'other', packetType }
}

function parseBlocks(view: DataView, start: number, end: number, count: number): readonly ReportBlock[] {
  const blocks: ReportBlock[] = []
  for (let index = 0; index < count && start + (index + 1) * 24 <= end; index++) {
    const at = start + index * 24
    const lost = view.getUint32(at + 4)
    blocks.push({
      ssrc: view.getUint32(at),
      fractionLost: lost >>> 24,
      // 24 bits, signed: duplicates can make it negative.
      cumulativeLost: ((lost & 0xff_ffff) << 8) >> 8,
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lastSenderReport: view.getUint32(at + 16),
      delaySinceLastSenderReport: view.getUint32(at + 20)
    })
  }
  return blocks
}

/** Counts what a receiver must report about one source (RFC 3550 §6.4.1, A.1, A.3 and A.8). */
export class ReceptionStats {
  ssrc = 0
  packets = 0
  octets = 0
  #base = -1
  #highest = 0
  #cycles = 0
  #transit = 0
  #jitter = 0
  #expectedBefore = 0
  #receivedBefore = 0
  #senderReportMiddle = 0
  #senderReportAtMs = 0

  /** `arrivalUnits`: when the packet arrived, in the payload's timestamp units. */
  onPacket(ssrc: number, sequenceNumber: number, timestamp: number, arrivalUnits: number, octets: number): void {
    if (this.#base < 0 || ssrc !== this.ssrc) this.#restart(ssrc, sequenceNumber)
    else {
      const ahead = sequenceDistance(this.#highest, sequenceNumber)
      if (ahead > 0) {
        if (sequenceNumber < this.#highest) this.#cycles += 0x10000
        this.#highest = sequenceNumber
      }
    }
    this.packets++
    this.octets += octets
    const transit = (arrivalUnits - timestamp) | 0
    if (this.packets > 1) this.#jitter += (Math.abs((transit - this.#transit) | 0) - this.#jitter) / 16
    this.#transit = transit
  }

  onSenderReport(ntpMiddle: number, nowMs: number): void {
    this.#senderReportMiddle = ntpMiddle
    this.#senderReportAtMs = nowMs
  }

  get lost(): number {
    return this.#base < 0 ? 0 : Math.max(0, this.#expected() - this.packets)
  }

  get jitterUnits(): number {
    return this.#jitter
  }

  /** The block for the next report; undefined before any packet. Starts a new interval for the lost fraction. */
  report(nowMs: number): ReportBlock | undefined {
    if (this.#base < 0) return undefined
    const expected = this.#expected()
    const expectedNow = expected - this.#expectedBefore
    const lostNow = expectedNow - (this.packets - this.#receivedBefore)
    this.#expectedBefore = expected
    this.#receivedBefore = this.packets
    return {
      ssrc: this.ssrc,
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: Math.max(-0x80_0000, Math.min(0x7f_ffff, expected - this.packets)),
      highestSequence: this.#cycles + this.#highest,
      jitter: Math.round(this.#jitter),
      lastSenderReport: this.#senderReportMiddle,
      delaySinceLastSenderReport:
        this.#senderReportMiddle === 0 ? 0 : Math.round(((nowMs - this.#senderReportAtMs) / 1000) * 65_536)
    }
  }

  #expected(): number {
    return this.#cycles + this.#highest - this.#base + 1
  }

  #restart(ssrc: number, sequenceNumber: number): void {
    this.ssrc = ssrc
    this.packets = 0
    this.octets = 0
    this.#base = sequenceNumber
    this.#highest = sequenceNumber
    this.#cycles = 0
    this.#jitter = 0
    this.#expectedBefore = 0
    this.#receivedBefore = 0
  }
}
