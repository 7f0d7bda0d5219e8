import { fewRandomBytes } from './random.ts'

let lastMs = 0
let counter = 0

/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 12 bits that count within one (§6.2, method 1), then random
 * bits, so that ids of one process sort by time of making.
 */
export function newId(nowMs: number = Date.now()): string {
  const bytes = fewRandomBytes(16)
  // Begins in the lower half, so that there is room to count.
  counter = nowMs === lastMs ? (counter + 1) & 0xfff : bytes.readUInt16BE(6) & 0x7ff
  lastMs = nowMs
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes.writeUInt16BE(0x7000 | counter, 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
