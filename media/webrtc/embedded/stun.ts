import { createHmac, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { crc32 } from 'node:zlib'

/*
 * RFC 8489 §5
 * |0 0| message type (14) | message length (16) |
 * |               magic cookie (32)             |
 * |             transaction ID (96)             |
 * then attributes: | type (16) | length (16) | value, filled up to 32 bits |
 */

const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112_a442
const FINGERPRINT_XOR = 0x5354_554e
const INTEGRITY_BYTES = 20

export const STUN_TYPE = { bindingRequest: 0x0001, bindingSuccess: 0x0101, bindingError: 0x0111 } as const
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a
} as const

/** What ICE needs of a message. */
export type StunMessage = Readonly<{
  type: number
  transactionId: Buffer
  username: string | undefined
  isNomination: boolean
  /** The peer believes that it is the controlled side (RFC 8445 §7.1.2). */
  saysControlled: boolean
  /** RFC 8489 §14.5: whether the message was made by somebody who knows this password. */
  isSignedWith(password: string): boolean
}>

/** Parses a message; undefined if the bytes are none, or if their FINGERPRINT is missing or wrong (ICE demands it). */
export function parseStun(bytes: Buffer): StunMessage | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(4) !== MAGIC_COOKIE) return undefined
  if (bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES || (bytes.length & 3) !== 0) return undefined
  let username: string | undefined
  let isNomination = false
  let saysControlled = false
  let integrityAt = -1
  let hasFingerprint = false
  for (let position = HEADER_BYTES; position + 4 <= bytes.length; ) {
    const type = bytes.readUInt16BE(position)
    const length = bytes.readUInt16BE(position + 2)
    const value = bytes.subarray(position + 4, position + 4 + length)
    if (value.length < length) return undefined
    if (type === ATTRIBUTE.fingerprint) {
      if (position + 8 !== bytes.length || length !== 4) return undefined
      hasFingerprint = value.readUInt32BE(0) === fingerprintOf(bytes.subarray(0, position))
    } else if (integrityAt >= 0) {
      // After MESSAGE-INTEGRITY only the fingerprint counts (RFC 8489 §14.5).
    } else if (type === ATTRIBUTE.messageIntegrity) {
      if (length !== INTEGRITY_BYTES) return undefined
      integrityAt = position
    } else if (type === ATTRIBUTE.username) username = value.toString('utf8')
    else if (type === ATTRIBUTE.useCandidate) isNomination = true
    else if (type === ATTRIBUTE.iceControlled) saysControlled = true
    position += 4 + Math.ceil(length / 4) * 4
  }
  if (!hasFingerprint) return undefined
  return {
    type: bytes.readUInt16BE(0),
    transactionId: bytes.subarray(8, HEADER_BYTES),
    username,
    isNomination,
    saysControlled,
    isSignedWith(password) {
      if (integrityAt < 0) return false
      const given = bytes.subarray(integrityAt + 4, integrityAt + 4 + INTEGRITY_BYTES)
      return timingSafeEqual(given, integrityOf(bytes.subarray(0, integrityAt), password))
    }
  }
}

/** The HMAC over what stands before the attribute, with the length as if the message ended after it. */
function integrityOf(before: Buffer, password: string): Buffer {
  const signed = Buffer.from(before)
  signed.writeUInt16BE(before.length - HEADER_BYTES + 4 + INTEGRITY_BYTES, 2)
  return createHmac('sha1', password).update(signed).digest()
}

function fingerprintOf(before: Buffer): number {
  return (crc32(before) ^ FINGERPRINT_XOR) >>> 0
}

/** Answers a Binding request: where it came from, signed with our password (RFC 8445 §7.3). */
export function buildBindingSuccess(request: StunMessage, password: string, address: string, port: number): Buffer {
  const mapped = attribute(ATTRIBUTE.xorMappedAddress, xorAddress(address, port, request.transactionId))
  return build(STUN_TYPE.bindingSuccess, request.transactionId, [mapped], password)
}

/** Refuses a Binding request; without a password where the peer has not shown that it knows ours. */
export function buildBindingError(request: StunMessage, code: number, reason: string, password?: string): Buffer {
  const head = Buffer.from([0, 0, Math.floor(code / 100), code % 100])
  const error = attribute(ATTRIBUTE.errorCode, Buffer.concat([head, Buffer.from(reason)]))
  return build(STUN_TYPE.bindingError, request.transactionId, [error], password)
}

/** Makes a check as a browser sends it. `username` is `theirs:ours`; `priority` is that of RFC 8445 §7.1.1. */
export function buildBindingRequest(
  request: Readonly<{ transactionId: Buffer; username: string; password: string; isNomination: boolean }>
): Buffer {
  const attributes = [attribute(ATTRIBUTE.username, Buffer.from(request.username))]
  attributes.push(attribute(ATTRIBUTE.priority, Buffer.from([0x6e, 0xff, 0xff, 0xff])))
  attributes.push(attribute(ATTRIBUTE.iceControlling, Buffer.alloc(8, 1)))
  if (request.isNomination) attributes.push(attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0)))
  return build(STUN_TYPE.bindingRequest, request.transactionId, attributes, request.password)
}

function attribute(type: number, value: Buffer): Buffer {
  const out = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  out.writeUInt16BE(type, 0)
  out.writeUInt16BE(value.length, 2)
  value.copy(out, 4)
  return out
}

function build(type: number, transactionId: Buffer, attributes: readonly Buffer[], password?: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(type, 0)
  header.writeUInt32BE(MAGIC_COOKIE, 4)
  transactionId.copy(header, 8)
  let message = Buffer.concat([header, ...attributes])
  if (password !== undefined) {
    message = Buffer.concat([message, attribute(ATTRIBUTE.messageIntegrity, integrityOf(message, password))])
  }
  // The fingerprint is counted into the length that it covers (RFC 8489 §14.7).
  message.writeUInt16BE(message.length - HEADER_BYTES + 8, 2)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(fingerprintOf(message), 0)
  return Buffer.concat([message, attribute(ATTRIBUTE.fingerprint, crc)])
}

/** RFC 8489 §14.2. */
function xorAddress(address: string, port: number, transactionId: Buffer): Buffer {
  const bytes = isIPv4(address) ? ipv4Bytes(address) : ipv6Bytes(address)
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(MAGIC_COOKIE, 0)
  transactionId.copy(mask, 4)
  const out = Buffer.alloc(4 + bytes.length)
  out[1] = bytes.length === 4 ? 1 : 2
  out.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2)
  for (const [index, byte] of bytes.entries()) out[4 + index] = byte ^ (mask[index] as number)
  return out
}

function ipv4Bytes(address: string): readonly number[] {
  return address.split('.').map(Number)
}

function ipv6Bytes(address: string): readonly number[] {
  const [withoutZone = ''] = address.split('%')
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(withoutZone)
  const tail = dotted === null ? [] : ipv4Bytes(dotted[2] ?? '')
  const [left = '', right] = (dotted === null ? withoutZone : (dotted[1] ?? '').replace(/([^:]):$/, '$1')).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').flatMap(group => uint16Bytes(group)))
  const before = groups(left)
  const after = [...groups(right ?? ''), ...tail]
  return [...before, ...new Array<number>(Math.max(0, 16 - before.length - after.length)).fill(0), ...after]
}

function uint16Bytes(group: string): readonly number[] {
  const value = Number.parseInt(group, 16)
  return [value >> 8, value & 0xff]
}
