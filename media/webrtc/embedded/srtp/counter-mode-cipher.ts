import {
  type Cipheriv,
  createCipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual
} from 'node:crypto'
import type { SessionKeys } from './key-derivation.ts'
import { ENCRYPTED, RTCP_HEADER_BYTES, type SrtpCipher } from './srtp-cipher.ts'

const TAG_BYTES = 10
const BLOCK_BYTES = 16
/** Longer payloads than any datagram's are never sealed or opened. */
const MAX_BLOCKS = 4_096

/** AES_CM_128_HMAC_SHA1_80 (RFC 3711). Sealed RTCP: `| header (8) | payload | E and index (4) | tag (10) |`. */
export class CounterModeSrtpCipher implements SrtpCipher {
  readonly #rtp: CounterModeAndHmac
  readonly #rtcp: CounterModeAndHmac
  readonly #rollOver = Buffer.alloc(4)

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = new CounterModeAndHmac(rtp)
    this.#rtcp = new CounterModeAndHmac(rtcp)
  }

  sealRtp(packet: Buffer, headerBytes: number, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + TAG_BYTES)
    packet.copy(out, 0, 0, headerBytes)
    this.#rtp.apply(out, headerBytes, packet.subarray(headerBytes), packet.readUInt32BE(8), index)
    this.#rtp.tag(out.subarray(0, packet.length), this.#rollOverOf(index)).copy(out, packet.length)
    return out
  }

  openRtp(packet: Buffer, headerBytes: number, index: number): Buffer | undefined {
    const end = packet.length - TAG_BYTES
    if (end < headerBytes) return undefined
    const tag = this.#rtp.tag(packet.subarray(0, end), this.#rollOverOf(index))
    if (!timingSafeEqual(tag, packet.subarray(end))) return undefined
    const plain = Buffer.allocUnsafe(end - headerBytes)
    this.#rtp.apply(plain, 0, packet.subarray(headerBytes, end), packet.readUInt32BE(8), index)
    return plain
  }

  sealRtcp(packet: Buffer, index: number): Buffer {
    const out = Buffer.allocUnsafe(packet.length + 4 + TAG_BYTES)
    packet.copy(out, 0, 0, RTCP_HEADER_BYTES)
    const payload = packet.subarray(RTCP_HEADER_BYTES)
    this.#rtcp.apply(out, RTCP_HEADER_BYTES, payload, packet.readUInt32BE(4), index)
    out.writeUInt32BE((ENCRYPTED | index) >>> 0, packet.length)
    this.#rtcp.tag(out.subarray(0, packet.length + 4)).copy(out, packet.length + 4)
    return out
  }

  openRtcp(packet: Buffer): Readonly<{ packet: Buffer; index: number }> | undefined {
    const end = packet.length - TAG_BYTES - 4
    if (end < RTCP_HEADER_BYTES) return undefined
    if (!timingSafeEqual(this.#rtcp.tag(packet.subarray(0, end + 4)), packet.subarray(end + 4))) return undefined
    const word = packet.readUInt32BE(end)
    if (word < ENCRYPTED) return { packet: packet.subarray(0, end), index: word }
    const plain = Buffer.allocUnsafe(end)
    packet.copy(plain, 0, 0, RTCP_HEADER_BYTES)
    const index = word - ENCRYPTED
    this.#rtcp.apply(plain, RTCP_HEADER_BYTES, packet.subarray(RTCP_HEADER_BYTES, end), packet.readUInt32BE(4), index)
    return { packet: plain, index }
  }

  /** What is authenticated after an RTP packet, though it is not sent (RFC 3711 §4.2). */
  #rollOverOf(index: number): Buffer {
    this.#rollOver.writeUInt32BE(Math.floor(index / 0x1_0000), 0)
    return this.#rollOver
  }
}

class CounterModeAndHmac {
  readonly #aes: Cipheriv
  readonly #salt: Buffer
  readonly #authKey: KeyObject
  readonly #first = Buffer.alloc(BLOCK_BYTES)

  constructor(keys: SessionKeys) {
    // Encrypting the counters with one cipher that lives on spares a new cipher object for each packet.
    this.#aes = createCipheriv('aes-128-ecb', createSecretKey(keys.key), null).setAutoPadding(false)
    this.#salt = keys.salt
    this.#authKey = createSecretKey(keys.auth)
  }

  /**
   * XORs `data` with the packet's key stream into `out` at `offset` (RFC 3711 §4.1.1: counter blocks are
   * `| salt (112) | counter (16) |` XOR `| 0 (32) | SSRC (32) | index (48) | 0 (16) |`).
   */
  apply(out: Buffer, offset: number, data: Buffer, ssrc: number, index: number): void {
    const blocks = Math.ceil(data.length / BLOCK_BYTES)
    if (blocks > MAX_BLOCKS) throw new RangeError('a packet is longer than any datagram')
    const first = this.#first
    this.#salt.copy(first)
    first.writeUInt32BE((first.readUInt32BE(4) ^ ssrc) >>> 0, 4)
    first.writeUInt16BE(first.readUInt16BE(8) ^ Math.floor(index / 0x1_0000_0000), 8)
    first.writeUInt32BE((first.readUInt32BE(10) ^ (index % 0x1_0000_0000)) >>> 0, 10)
    const counters = Buffer.allocUnsafe(blocks * BLOCK_BYTES)
    for (let block = 0; block < blocks; block++) {
      first.copy(counters, block * BLOCK_BYTES, 0, BLOCK_BYTES - 2)
      counters.writeUInt16BE(block, block * BLOCK_BYTES + 14)
    }
    const stream = this.#aes.update(counters)
    for (let place = 0; place < data.length; place++) {
      out[offset + place] = (data[place] as number) ^ (stream[place] as number)
    }
  }

  /** HMAC-SHA1 cut to 80 bits (RFC 3711 §4.2.1). */
  tag(...parts: readonly Buffer[]): Buffer {
    const hmac = createHmac('sha1', this.#authKey)
    for (const part of parts) hmac.update(part)
    return hmac.digest().subarray(0, TAG_BYTES)
  }
}
