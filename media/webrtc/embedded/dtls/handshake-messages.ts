import { randomBytes } from 'node:crypto'

/*
 * RFC 6347 §4.2.2
 * | type (8) | length (24) | message sequence (16) | fragment offset (24) | fragment length (24) | fragment ... |
 */

export const HANDSHAKE_HEADER_BYTES = 12
export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20
} as const

/** A message that the peer cannot mean seriously: the handshake fails with this TLS alert. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError'
  readonly code = 'DTLS_REFUSED'
  readonly alert: number

  constructor(alert: number, message: string) {
    super(message)
    this.alert = alert
  }
}

export const ALERT = {
  closeNotify: 0,
  handshakeFailure: 40,
  badCertificate: 42,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51
} as const

/** `raw` is the message as it counts in the transcript: with its header, in one fragment. */
export type HandshakeMessage = Readonly<{ type: number; sequence: number; body: Buffer; raw: Buffer }>

/** RFC 5246 §7.3.2: signature schemes of TLS 1.2 that are made and taken here. */
export const ECDSA_SHA256 = 0x0403
export const RSA_SHA256 = 0x0401
export const SECP256R1 = 23
export const X25519 = 29
const ECDHE_ECDSA_AES128_GCM_SHA256 = 0xc02b
/** Stands among the cipher suites and means the extension (RFC 5746 §3.3). */
const RENEGOTIATION_SIGNAL = 0x00ff
const EXTENSION = { supportedGroups: 10, useSrtp: 14, extendedMasterSecret: 23, renegotiationInfo: 0xff01 } as const

/** Reads vectors and numbers of a message's body; reading past the end is a decode error. */
class Reader {
  readonly #bytes: Buffer
  #position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length
  }

  take(length: number): Buffer {
    const end = this.#position + length
    if (end > this.#bytes.length) throw new HandshakeError(ALERT.decodeError, 'a message is shorter than it says')
    const taken = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return taken
  }

  number(bytes: 1 | 2 | 3): number {
    return this.take(bytes).readUIntBE(0, bytes)
  }

  /** A vector whose length stands before it in `lengthBytes` bytes. */
  vector(lengthBytes: 1 | 2 | 3): Buffer {
    return this.take(this.number(lengthBytes))
  }
}

export type ClientHello = Readonly<{
  random: Buffer
  group: number
  srtpProfiles: readonly number[]
  knowsRenegotiation: boolean
}>

/** Throws {@link HandshakeError} unless the client offers what is asked of every browser. */
export function parseClientHello(body: Buffer): ClientHello {
  const reader = new Reader(body)
  // DTLS versions count down: 1.2 is fe fd, 1.0 is fe ff.
  if (reader.number(2) > 0xfefd) throw new HandshakeError(ALERT.illegalParameter, 'the client has no DTLS 1.2')
  const random = Buffer.from(reader.take(32))
  reader.vector(1)
  reader.vector(1)
  const suites = numbers(reader.vector(2))
  reader.vector(1)
  const extensions = parseExtensions(reader.isAtEnd ? Buffer.alloc(0) : reader.vector(2))
  if (!suites.includes(ECDHE_ECDSA_AES128_GCM_SHA256)) {
    throw new HandshakeError(ALERT.handshakeFailure, 'no cipher suite is shared')
  }
  // Without it two connections could be made to share their keys (RFC 7627); every browser has it.
  if (!extensions.has(EXTENSION.extendedMasterSecret)) {
    throw new HandshakeError(ALERT.handshakeFailure, 'the client has no extended master secret')
  }
  const groups = numbers(vectorOf(extensions.get(EXTENSION.supportedGroups)))
  const group = [X25519, SECP256R1].find(wanted => groups.includes(wanted))
  if (group === undefined) throw new HandshakeError(ALERT.handshakeFailure, 'no key exchange group is shared')
  const knowsRenegotiation = suites.includes(RENEGOTIATION_SIGNAL) || extensions.has(EXTENSION.renegotiationInfo)
  return { random, group, srtpProfiles: numbers(vectorOf(extensions.get(EXTENSION.useSrtp))), knowsRenegotiation }
}

function parseExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const reader = new Reader(bytes)
  const extensions = new Map<number, Buffer>()
  while (!reader.isAtEnd) extensions.set(reader.number(2), reader.vector(2))
  return extensions
}

function vectorOf(extension: Buffer | undefined): Buffer {
  return extension === undefined ? Buffer.alloc(0) : new Reader(extension).vector(2)
}

function numbers(bytes: Buffer): readonly number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readUInt16BE(index * 2))
}

/** The client's own certificate (DER), the first of its list. */
export function parseCertificate(body: Buffer): Buffer {
  const list = new Reader(new Reader(body).vector(3))
  if (list.isAtEnd) throw new HandshakeError(ALERT.badCertificate, 'the client shows no certificate')
  return Buffer.from(list.vector(3))
}

export function parseClientKeyExchange(body: Buffer): Buffer {
  return new Reader(body).vector(1)
}

export function parseCertificateVerify(body: Buffer): Readonly<{ scheme: number; signature: Buffer }> {
  const reader = new Reader(body)
  return { scheme: reader.number(2), signature: reader.vector(2) }
}

export function buildMessage(type: number, sequence: number, body: Buffer): HandshakeMessage {
  const raw = Buffer.allocUnsafe(HANDSHAKE_HEADER_BYTES + body.length)
  raw[0] = type
  raw.writeUIntBE(body.length, 1, 3)
  raw.writeUInt16BE(sequence, 4)
  raw.writeUIntBE(0, 6, 3)
  raw.writeUIntBE(body.length, 9, 3)
  body.copy(raw, HANDSHAKE_HEADER_BYTES)
  return { type, sequence, body, raw }
}

function vector(lengthBytes: 1 | 2 | 3, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(body.length, 0, lengthBytes)
  return Buffer.concat([length, body])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

export function newRandom(): Buffer {
  return randomBytes(32)
}

/** ServerHello with the one suite, no session to resume, and the chosen SRTP profile (RFC 5764 §4.1.1). */
export function serverHelloBody(random: Buffer, srtpProfile: number, withRenegotiationInfo: boolean): Buffer {
  const renegotiation = [uint16(EXTENSION.renegotiationInfo), vector(2, vector(1))]
  return Buffer.concat([
    uint16(0xfefd),
    random,
    vector(1),
    uint16(ECDHE_ECDSA_AES128_GCM_SHA256),
    Buffer.from([0]),
    vector(
      2,
      uint16(EXTENSION.extendedMasterSecret),
      vector(2),
      // An extension may answer the client's only (RFC 5246 §7.4.1.4).
      ...(withRenegotiationInfo ? renegotiation : []),
      uint16(EXTENSION.useSrtp),
      vector(2, vector(2, uint16(srtpProfile)), vector(1))
    )
  ])
}

export function certificateBody(der: Buffer): Buffer {
  return vector(3, vector(3, der))
}

/** ECDH parameters (RFC 8422 §5.4): named curve, public key. */
export function keyExchangeParameters(group: number, publicKey: Buffer): Buffer {
  return Buffer.concat([Buffer.from([3]), uint16(group), vector(1, publicKey)])
}

export function serverKeyExchangeBody(parameters: Buffer, signature: Buffer): Buffer {
  return Buffer.concat([parameters, uint16(ECDSA_SHA256), vector(2, signature)])
}

/** Asks for an ECDSA or RSA certificate of any authority: it is known by its fingerprint. */
export function certificateRequestBody(): Buffer {
  return Buffer.concat([
    vector(1, Buffer.from([64, 1])),
    vector(2, uint16(ECDSA_SHA256), uint16(RSA_SHA256)),
    vector(2)
  ])
}
