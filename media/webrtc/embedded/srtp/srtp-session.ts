import { CounterModeSrtpCipher } from './counter-mode-cipher.ts'
import { GcmSrtpCipher } from './gcm-cipher.ts'
import { deriveSessionKeys } from './key-derivation.ts'
import { PacketIndex } from './packet-index.ts'
import type { SrtpProfile } from './profiles.ts'
import type { SrtpCipher } from './srtp-cipher.ts'

/** Streams of one direction whose counters are kept; more than any softphone has. */
const MAX_STREAMS = 256
const MAX_RTCP_INDEX = 0x7fff_ffff

function createCipher(profile: SrtpProfile, masterKey: Buffer, masterSalt: Buffer): SrtpCipher {
  const rtp = deriveSessionKeys(masterKey, masterSalt, 'rtp')
  const rtcp = deriveSessionKeys(masterKey, masterSalt, 'rtcp')
  switch (profile.name) {
    case 'AEAD_AES_128_GCM':
      return new GcmSrtpCipher(rtp, rtcp)
    case 'AES_CM_128_HMAC_SHA1_80':
      return new CounterModeSrtpCipher(rtp, rtcp)
    default:
      return profile.name satisfies never
  }
}

/** The counters of each stream, by SSRC. */
class Streams {
  readonly #indexes = new Map<number, PacketIndex>()

  get(ssrc: number): PacketIndex | undefined {
    const known = this.#indexes.get(ssrc)
    if (known !== undefined) return known
    if (this.#indexes.size >= MAX_STREAMS) return undefined
    const fresh = new PacketIndex()
    // Kept at once: a counter that starts anew would make a nonce repeat, so streams are never forgotten.
    this.#indexes.set(ssrc, fresh)
    return fresh
  }
}

/** Seals what is sent with one key. */
export class SrtpSender {
  readonly #cipher: SrtpCipher
  readonly #streams = new Streams()
  #rtcpIndex = 0

  constructor(profile: SrtpProfile, masterKey: Buffer, masterSalt: Buffer) {
    this.#cipher = createCipher(profile, masterKey, masterSalt)
  }

  /** The sealed packet; undefined if it would repeat one that was sent already, which would give the key stream away. */
  protectRtp(packet: Buffer, headerBytes: number): Buffer | undefined {
    const stream = this.#streams.get(packet.readUInt32BE(8))
    if (stream === undefined) return undefined
    const index = stream.guess(packet.readUInt16BE(2))
    if (!stream.isFresh(index)) return undefined
    stream.accept(index)
    return this.#cipher.sealRtp(packet, headerBytes, index)
  }

  /** The sealed compound packet; undefined after 2^31 of them, when the key is used up (RFC 3711 §9.2). */
  protectRtcp(packet: Buffer): Buffer | undefined {
    if (this.#rtcpIndex > MAX_RTCP_INDEX) return undefined
    return this.#cipher.sealRtcp(packet, this.#rtcpIndex++)
  }
}

/** Opens what was sealed with one key, each packet once. */
export class SrtpReceiver {
  readonly #cipher: SrtpCipher
  readonly #streams = new Streams()
  readonly #rtcpStreams = new Map<number, RtcpWindow>()

  constructor(profile: SrtpProfile, masterKey: Buffer, masterSalt: Buffer) {
    this.#cipher = createCipher(profile, masterKey, masterSalt)
  }

  /** The payload; undefined if the packet is forged, repeated or too old. */
  unprotectRtp(packet: Buffer, headerBytes: number): Buffer | undefined {
    const stream = this.#streams.get(packet.readUInt32BE(8))
    if (stream === undefined) return undefined
    const index = stream.guess(packet.readUInt16BE(2))
    if (!stream.isFresh(index)) return undefined
    const payload = this.#cipher.openRtp(packet, headerBytes, index)
    if (payload !== undefined) stream.accept(index)
    return payload
  }

  /** The compound packet; undefined if it is forged, repeated or too old. */
  unprotectRtcp(packet: Buffer): Buffer | undefined {
    if (packet.length < 8) return undefined
    const opened = this.#cipher.openRtcp(packet)
    if (opened === undefined) return undefined
    const ssrc = packet.readUInt32BE(4)
    let window = this.#rtcpStreams.get(ssrc)
    if (window === undefined) {
      if (this.#rtcpStreams.size >= MAX_STREAMS) return undefined
      window = new RtcpWindow()
      this.#rtcpStreams.set(ssrc, window)
    }
    return window.take(opened.index) ? opened.packet : undefined
  }
}

/** SRTCP carries its index whole, so nothing is guessed; the window against repeats is the same. */
class RtcpWindow {
  readonly #packets = new PacketIndex()

  take(index: number): boolean {
    if (!this.#packets.isFresh(index)) return false
    this.#packets.accept(index)
    return true
  }
}
