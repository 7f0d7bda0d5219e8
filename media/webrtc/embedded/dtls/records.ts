import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'

/*
 * RFC 6347 §4.1
 * |  type (8)  | version (16): fe fd | epoch (16) | sequence number (48) | length (16) | fragment ... |
 */

export const RECORD_HEADER_BYTES = 13
export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const
/** DTLS 1.2 on the wire. A ClientHello's record may say 1.0 (fe ff). */
export const DTLS_1_2 = 0xfefd
const DTLS_MAJOR = 0xfe
const EXPLICIT_NONCE_BYTES = 8
const TAG_BYTES = 16
/** RFC 5246 §6.2.1: a record's plain text has at most 2^14 bytes. */
const MAX_FRAGMENT_BYTES = 16_384 + EXPLICIT_NONCE_BYTES + TAG_BYTES

export type DtlsRecord = Readonly<{ type: number; epoch: number; sequence: number; fragment: Buffer }>

/**
 * The records in a datagram, as far as they are whole: a record that does not fit ends the search, unknown types are left
 * out. Never throws; both are what RFC 6347 §4.1.2.7 asks for ("silently discarded").
 */
export function parseRecords(datagram: Buffer): readonly DtlsRecord[] {
  const records: DtlsRecord[] = []
  let position = 0
  while (position + RECORD_HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt16BE(position + 11)
    const end = position + RECORD_HEADER_BYTES + length
    if (end > datagram.length || length > MAX_FRAGMENT_BYTES || datagram[position + 1] !== DTLS_MAJOR) break
    const type = datagram[position] as number
    if (type >= CONTENT.changeCipherSpec && type <= CONTENT.applicationData) {
      records.push({
        type,
        epoch: datagram.readUInt16BE(position + 3),
        sequence: datagram.readUIntBE(position + 5, 6),
        fragment: datagram.subarray(position + RECORD_HEADER_BYTES, end)
      })
    }
    position = end
  }
  return records
}

export function buildRecord(record: DtlsRecord): Buffer {
  const out = Buffer.allocUnsafe(RECORD_HEADER_BYTES + record.fragment.length)
  writeHeader(out, record, record.fragment.length)
  record.fragment.copy(out, RECORD_HEADER_BYTES)
  return out
}

function writeHeader(out: Buffer, record: DtlsRecord, length: number): void {
  out[0] = record.type
  out.writeUInt16BE(DTLS_1_2, 1)
  out.writeUInt16BE(record.epoch, 3)
  out.writeUIntBE(record.sequence, 5, 6)
  out.writeUInt16BE(length, 11)
}

/** AES-128-GCM of one direction (RFC 5288 §3, RFC 6347 §4.1.2.1). */
export class RecordCipher {
  readonly #key: KeyObject
  readonly #salt: Buffer

  /** `key`: 16 bytes, `salt`: the 4 bytes of the implicit nonce. */
  constructor(key: Buffer, salt: Buffer) {
    this.#key = createSecretKey(key)
    this.#salt = Buffer.from(salt)
  }

  /** Builds the whole encrypted record. */
  seal(record: DtlsRecord): Buffer {
    const out = Buffer.allocUnsafe(RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES + record.fragment.length + TAG_BYTES)
    writeHeader(out, record, out.length - RECORD_HEADER_BYTES)
    // Epoch and sequence number are never repeated with one key, so they serve as the explicit nonce.
    out.copy(out, RECORD_HEADER_BYTES, 3, 11)
    const nonce = Buffer.concat([this.#salt, out.subarray(3, 11)])
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce)
    cipher.setAAD(additionalData(record, record.fragment.length))
    cipher.update(record.fragment).copy(out, RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES)
    cipher.final()
    cipher.getAuthTag().copy(out, out.length - TAG_BYTES)
    return out
  }

  /** The plain text; undefined when the record was not made with this key. */
  open(record: DtlsRecord): Buffer | undefined {
    const length = record.fragment.length - EXPLICIT_NONCE_BYTES - TAG_BYTES
    if (length < 0) return undefined
    const nonce = Buffer.concat([this.#salt, record.fragment.subarray(0, EXPLICIT_NONCE_BYTES)])
    const decipher = createDecipheriv('aes-128-gcm', this.#key, nonce)
    decipher.setAAD(additionalData(record, length))
    decipher.setAuthTag(record.fragment.subarray(record.fragment.length - TAG_BYTES))
    const plain = decipher.update(record.fragment.subarray(EXPLICIT_NONCE_BYTES, EXPLICIT_NONCE_BYTES + length))
    try {
      decipher.final()
      return plain
    } catch {
      // Node tells a wrong tag by throwing; whoever sends such records is to be ignored (RFC 6347 §4.1.2.7).
      return undefined
    }
  }
}

/** epoch, sequence, type, version, length of the plain text (RFC 5246 §6.2.3.3). */
function additionalData(record: DtlsRecord, length: number): Buffer {
  const out = Buffer.allocUnsafe(RECORD_HEADER_BYTES)
  out.writeUInt16BE(record.epoch, 0)
  out.writeUIntBE(record.sequence, 2, 6)
  out[8] = record.type
  out.writeUInt16BE(DTLS_1_2, 9)
  out.writeUInt16BE(length, 11)
  return out
}
