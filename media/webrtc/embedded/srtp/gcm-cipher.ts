import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { SessionKeys } from './key-derivation.ts'
import { ENCRYPTED, RTCP_HEADER_BYTES, type SrtpCipher } from './srtp-cipher.ts'

const TAG_BYTES = 16
const NONCE_BYTES = 12

/** AEAD_AES_128_GCM (RFC 7714). Sealed RTCP: `| header (8) | payload | tag (16) | E and index (4) |`. */
export class GcmSrtpCipher implements SrtpCipher {
  readonly #rtp: Gcm
  readonly #rtcp: Gcm

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = new Gcm(rtp)
    this.#rtcp = new Gcm(rtcp)
  }

  sealRtp(packet: Buffer, headerBytes: number, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + TAG_BYTES)
    packet.copy(out, 0, 0, headerBytes)
    const gcm = this.#rtp
    gcm.setNonce(packet.readUInt32BE(8), Math.floor(index / 0x1_0000_0000), index % 0x1_0000_0000)
    gcm.seal(out, headerBytes, packet.subarray(0, headerBytes), packet.subarray(headerBytes))
    return out
  }

  openRtp(packet: Buffer, headerBytes: number, index: number): Buffer | undefined {
    this.#rtp.setNonce(packet.readUInt32BE(8), Math.floor(index / 0x1_0000_0000), index % 0x1_0000_0000)
    return this.#rtp.open(packet.subarray(0, headerBytes), packet.subarray(headerBytes))
  }

  sealRtcp(packet: Buffer, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + TAG_BYTES + 4)
    packet.copy(out, 0, 0, RTCP_HEADER_BYTES)
    out.writeUInt32BE((ENCRYPTED | index) >>> 0, out.length - 4)
    this.#rtcp.setNonce(packet.readUInt32BE(4), 0, index)
    this.#rtcp.seal(out, RTCP_HEADER_BYTES, associatedRtcp(out), packet.subarray(RTCP_HEADER_BYTES))
    return out
  }

  openRtcp(packet: Buffer): Readonly<{ packet: Buffer; index: number }> | undefined {
    if (packet.length < RTCP_HEADER_BYTES + TAG_BYTES + 4) return undefined
    const word = packet.readUInt32BE(packet.length - 4)
    // Clear SRTCP is allowed by RFC 7714 §9.3; nobody who negotiated this profile sends it.
    if (word < ENCRYPTED) return undefined
    const index = word - ENCRYPTED
    this.#rtcp.setNonce(packet.readUInt32BE(4), 0, index)
    const plain = this.#rtcp.open(associatedRtcp(packet), packet.subarray(RTCP_HEADER_BYTES, packet.length - 4))
    if (plain === undefined) return undefined
    return { packet: Buffer.concat([packet.subarray(0, RTCP_HEADER_BYTES), plain]), index }
  }
}

/** RFC 7714 §9.2: the first eight bytes, then E and index. */
function associatedRtcp(sealed: Buffer): Buffer {
  return Buffer.concat([sealed.subarray(0, RTCP_HEADER_BYTES), sealed.subarray(sealed.length - 4)])
}

/** AES-128-GCM with the nonce of SRTP. The key is a KeyObject: a raw one costs five times as much for each packet. */
class Gcm {
  readonly #key: KeyObject
  readonly #salt: readonly [number, number, number]
  readonly #nonce = Buffer.alloc(NONCE_BYTES)

  constructor(keys: SessionKeys) {
    this.#key = createSecretKey(keys.key)
    this.#salt = [keys.salt.readUInt32BE(0), keys.salt.readUInt32BE(4), keys.salt.readUInt32BE(8)]
  }

  /** `| 0 (16) | SSRC (32) | index (48) |` XOR salt (RFC 7714 §8.1; RTCP's index fills up with zeros, §9.1). */
  setNonce(ssrc: number, indexHigh: number, indexLow: number): void {
    const nonce = this.#nonce
    const [first, second, third] = this.#salt
    nonce.writeUInt32BE((first ^ (ssrc >>> 16)) >>> 0, 0)
    nonce.writeUInt32BE((second ^ ((ssrc << 16) | indexHigh)) >>> 0, 4)
    nonce.writeUInt32BE((third ^ indexLow) >>> 0, 8)
  }

  seal(out: Buffer, offset: number, associated: Buffer, payload: Buffer): void {
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce)
    cipher.setAAD(associated)
    cipher.update(payload).copy(out, offset)
    cipher.final()
    cipher.getAuthTag().copy(out, offset + payload.length)
  }

  open(associated: Buffer, sealed: Buffer): Buffer | undefined {
    const end = sealed.length - TAG_BYTES
    if (end < 0) return undefined
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce)
    decipher.setAAD(associated)
    decipher.setAuthTag(sealed.subarray(end))
    const plain = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
      return plain
    } catch {
      // Node tells a wrong tag by throwing; such packets are dropped without a word (RFC 3711 §3.3).
      return undefined
    }
  }
}
